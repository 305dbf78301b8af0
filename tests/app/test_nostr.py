"""Two gateways that know nothing of each other, and a relay in a process of its own between them."""

import asyncio
import contextlib
import json
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import aiohttp
import pytest
import tomlkit

from gateway.mesh.identity import Identity
from gateway.runtime.keyfile import load_identity
from gateway.testing.bridging import Author as Signer
from gateway.testing.bridging import carrier
from gateway.wire.carrier import Direction
from gateway.wire.types import MessageType
from tests.app.processes import meshgate, until, write_site
from tests.app.test_why import story, verbs
from tests.bridge.sites import Author

ROOT = Path(__file__).parent.parent.parent
CELL = "u4pruy"
pytestmark = pytest.mark.timeout(90)


@contextlib.asynccontextmanager
async def relay() -> AsyncIterator[str]:
    """Start a relay; its address."""
    program = ROOT / "tests" / "transports" / "nostr" / "relays.py"
    process = await asyncio.create_subprocess_exec(sys.executable, program, stdout=PIPE, env={"PYTHONPATH": str(ROOT)})
    assert process.stdout is not None
    try:
        yield (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
    finally:
        process.terminate()
        await process.wait()


def site(directory: Path, url: str) -> Path:
    path = write_site(directory, mode="consent")
    document = tomlkit.parse(path.read_text()).unwrap()
    document["bridge"]["cell"] = CELL
    document["transports"]["nostr"] = {"enabled": True, "relays": [url]}
    path.write_text(tomlkit.dumps(document))
    return path


async def kept(url: str) -> list[dict]:
    """What the relay was sent."""
    async with aiohttp.ClientSession() as session, session.get(url.replace("ws", "http", 1) + "/seen") as answer:
        return await answer.json()


async def test_what_is_deposited_with_one_is_put_on_the_radio_of_the_other(tmp_path: Path) -> None:
    now_ms = int(time.time() * 1000)
    rng = Random(4)
    ada = Author(Identity.generate(rng.randbytes), now_ms)
    event = Signer(rng.randbytes(32), "Ada").message(CELL, ada.identity.peer_id, now_ms, "over the internet", rng.randbytes(32))
    async with relay() as url:
        north, south = site(tmp_path / "north", url), site(tmp_path / "south", url)
        gateway = load_identity(tmp_path / "north" / "state" / "identity.key").peer_id
        deposit = ada.signed(MessageType.NOSTR_CARRIER, carrier(Direction.TO_BRIDGE, CELL, event), gateway)
        feed = tmp_path / "in.hex"
        feed.write_text(f"{ada.announce('Ada').hex()}\n{deposit.hex()}\n")
        async with meshgate("run", "--simulate", 1, "--config", south):
            await until(south, lambda seen: seen["bridge"]["consent"]["relays"] == 1)
            async with meshgate("run", "--simulate", 0, "--feed", feed, "--config", north):
                there = await until(north, lambda seen: seen["bridge"]["consent"]["counters"].get("published"))
                here = await until(south, lambda seen: seen["bridge"]["consent"]["counters"].get("put_down"))
                up, down = await story(north, event.event_id[:32]), await story(south, event.event_id[:32])
        published = await kept(url)
    assert [one["id"] for one in published] == [event.event_id]
    assert there["bridge"]["consent"]["counters"].get("put_down", 0) == 0
    assert here["bridge"]["consent"]["counters"] == {"relayed": 1, "put_down": 1}
    assert here["transports"]["nostr"]["sentence"].startswith("1 of 1 relay linked. Each learns this gateway's IP address")
    assert {"deposited", "sent", "acknowledged"} <= set(verbs(up))
    assert {"arrived", "waiting", "put_down"} <= set(verbs(down))
    assert "Ada" not in json.dumps([up, down])
    sentences = [step["sentence"] for step in up["steps"]]
    assert f"Sent to the relay {url[5:]}, because its author signed it for the bridge." in sentences
