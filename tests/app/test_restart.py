"""A gateway that is killed and started again remembers what was said."""

import time
from pathlib import Path
from random import Random

import pytest

from gateway.mesh.identity import Identity
from gateway.wire.gcs import GcsFilter
from gateway.wire.packet import Packet, packet_id, peek
from gateway.wire.signing import sign
from gateway.wire.sync import RequestSync, encode_request_sync
from gateway.wire.types import MessageType
from tests.app.processes import meshgate, until, write_site
from tests.bridge.sites import Author

pytestmark = pytest.mark.timeout(60)
MESSAGES = 25  # more than one batch


def feed(path: Path, *frames: bytes) -> Path:
    path.write_text("".join(f"{frame.hex()}\n" for frame in frames))
    return path


def answers_in(path: Path) -> list[bytes]:
    """What a gateway gave its neighbour in answer to a REQUEST_SYNC."""
    frames = [bytes.fromhex(line) for line in path.read_text().split("\n")[:-1]]
    return [frame for frame in frames if peek(frame).is_rsr]


async def test_after_a_kill_a_request_sync_is_answered_with_what_was_said_before(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut")
    ada = Author(Identity.generate(Random(1).randbytes), int(time.time() * 1000))
    said = [ada.say(f"message {number}") for number in range(MESSAGES)]
    first = feed(tmp_path / "first.hex", ada.announce(), *said)
    async with meshgate("run", "--simulate", 0, "--feed", first, "--feed-rate", 200, "--config", config) as gateway:
        await until(config, lambda seen: seen["mesh"]["counters"]["history"] == MESSAGES + 1 and not seen["store"]["waiting"])
        gateway.kill()
        await gateway.communicate()
    ada.now_ms = int(time.time() * 1000)
    payload = encode_request_sync(RequestSync(GcsFilter(7, 1, b"")))
    request = sign(Packet(MessageType.REQUEST_SYNC, 0, ada.now_ms, ada.identity.peer_id, payload), ada.identity.signing_key)
    second = feed(tmp_path / "second.hex", ada.announce(), request)
    out = tmp_path / "out.hex"
    arguments = ("--simulate", 0, "--feed", second, "--feed-rate", 2, "--capture", out)
    async with meshgate("run", *arguments, "--config", config):
        seen = await until(config, lambda _: len(answers_in(out)) > MESSAGES)  # and the notice of the open bridge
        assert seen["mesh"]["counters"]["history"] == MESSAGES + 1
    answered = {packet_id(frame, peek(frame)) for frame in answers_in(out)}
    assert {packet_id(frame, peek(frame)) for frame in said} <= answered


async def test_a_bundle_that_the_gateway_before_was_sent_is_gone_after_a_start(tmp_path: Path) -> None:
    config, left = write_site(tmp_path / "hut"), tmp_path / "hut/state/.bundles/sent.meshgate"
    left.parent.mkdir(parents=True, mode=0o700)
    left.write_bytes(b"x")
    async with meshgate("run", "--simulate", 0, "--config", config):
        await until(config, lambda _: not left.exists())
