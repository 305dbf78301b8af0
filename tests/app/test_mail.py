"""A phone leaves a letter, the gateway is killed and started again, the recipient appears: exactly one copy."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.main import main
from gateway.mesh.letters import letter_of
from gateway.runtime.keyfile import load_identity
from gateway.wire.courier import CourierEnvelope, encode_courier
from gateway.wire.packet import payload_of, peek
from gateway.wire.types import MessageType
from tests.app.processes import meshgate, until, write_site, write_two_sites
from tests.mesh.mail import opened, sealed
from tests.mesh.nodes import EPOCH, Node

pytestmark = pytest.mark.timeout(90)
REPEATS = 6  # announces of the recipient, one a second


class Now:
    """The seconds of the tests' clock that stand for the real time of day, and a little more for every look."""

    def __init__(self) -> None:
        self._looks = 0

    @property
    def now(self) -> float:
        self._looks += 1
        return time.time() - EPOCH + self._looks / 1000


def feed(path: Path, *frames: bytes) -> Path:
    path.write_text("".join(f"{frame.hex()}\n" for frame in frames))
    return path


def read(path: Path, recipient: Node) -> list[str]:
    """What the recipient reads in the letters a gateway put on the air."""
    frames = [bytes.fromhex(line) for line in path.read_text().split("\n")[:-1]] if path.exists() else []
    mine = [frame for frame in frames if frame[1] == MessageType.COURIER and peek(frame).recipient_id == recipient.peer_id]
    return [opened(recipient, payload_of(frame, peek(frame))) for frame in mine]


def waits(count: int) -> Callable[[dict[str, Any]], bool]:
    return lambda seen: seen["mail"]["waiting"] == count


def deposit(config: Path, directory: Path, clock: Now, ada: Node, ben: Node) -> tuple[Path, CourierEnvelope]:
    """What Ada's phone sends to a gateway to leave a letter for Ben there."""
    envelope = replace(sealed(ada, ben, "the camp moved north", clock.now), copies=1)
    own_id = load_identity(config.parent / "state" / "identity.key").peer_id
    path = feed(directory / "deposit.hex", ada.announce(), ada.packet(MessageType.COURIER, encode_courier(envelope), to=own_id))
    return path, envelope


async def test_a_letter_outlives_kill_9_and_is_delivered_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clock = Now()
    ada, ben = Node("ada", clock), Node("ben", clock)
    config = write_site(tmp_path / "hut", mode="off")
    letters, envelope = deposit(config, tmp_path, clock, ada, ben)
    async with meshgate("run", "--simulate", 0, "--feed", letters, "--config", config) as gateway:
        await until(config, waits(1))
        gateway.kill()
        await gateway.communicate()
    out = tmp_path / "out.hex"
    # Hops away, so that one copy is sent at once; the later announces must bring no other.
    comes = feed(tmp_path / "comes.hex", *(ben.announce(ttl=5) for _ in range(REPEATS)))
    arguments = ("--simulate", 0, "--feed", comes, "--feed-rate", 2, "--capture", out)
    async with meshgate("run", *arguments, "--config", config):
        await until(config, lambda seen: seen["mesh"]["counters"]["received"] == REPEATS)
        status = await until(config, waits(1))
        assert await asyncio.to_thread(main, ["why", letter_of(envelope).name.hex(), "--config", str(config)]) == 0
    assert read(out, ben) == ["the camp moved north"]
    assert status["mail"]["counters"] == {"sent_towards": 1}
    told = capsys.readouterr().out
    assert "A copy was sent towards the phone it is for" in told
    assert "It is on its way: queued" in told


async def test_a_letter_left_at_one_site_which_is_killed_is_delivered_at_another(tmp_path: Path) -> None:
    clock = Now()
    ada, ben = Node("ada", clock), Node("ben", clock)
    north, south = write_two_sites(tmp_path)
    letters, _ = deposit(north, tmp_path, clock, ada, ben)
    async with meshgate("run", "--simulate", 0, "--feed", letters, "--config", north) as gateway:
        await until(north, waits(1))
        gateway.kill()
        await gateway.communicate()
    out = tmp_path / "out.hex"
    comes = feed(tmp_path / "comes.hex", *(ben.announce(ttl=5) for _ in range(60)))
    arguments = ("--simulate", 0, "--feed", comes, "--feed-rate", 1, "--capture", out)
    async with meshgate("run", "--simulate", 0, "--config", north), meshgate("run", *arguments, "--config", south):
        await until(north, lambda seen: seen["mail"]["counters"].get("given_to_sites") == 1)
        seen = await until(south, lambda seen: seen["mail"]["counters"].get("sent_towards") == 1)
        heard = seen["mesh"]["counters"]["received"]
        await until(south, lambda seen: seen["mesh"]["counters"]["received"] > heard + 1)
    assert read(out, ben) == ["the camp moved north"]
