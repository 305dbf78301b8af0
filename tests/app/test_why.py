"""``meshgate why`` at two real gateways: the story of a message that crossed, and of one that was refused."""

import asyncio
import json
import time
from pathlib import Path
from random import Random

import pytest

from gateway.mesh.identity import Identity
from gateway.wire.nostr import stable_message_id
from gateway.wire.packet import packet_id, peek
from tests.app.processes import meshgate, until, write_site, write_two_sites
from tests.bridge.sites import Author

pytestmark = pytest.mark.timeout(90)
TEXT = "meet me at the old mill"


async def why(config: Path, *arguments: object) -> tuple[int, str, str]:
    async with meshgate("why", *arguments, "--config", config) as process:
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def story(config: Path, subject: str) -> dict:
    """What a gateway knows of an ID, as a program reads it."""
    code, out, err = await why(config, subject, "--json")
    assert code == 0, (out, err)
    return json.loads(out)


def verbs(told: dict) -> list[str]:
    return [step["verb"] for step in told["steps"]]


def id_of(frame: bytes) -> str:
    return packet_id(frame, peek(frame)).hex()


async def test_both_gateways_tell_what_became_of_a_message_and_of_one_that_was_refused(tmp_path: Path) -> None:
    north, south = write_two_sites(tmp_path)
    ada = Author(Identity.generate(Random(3).randbytes), int(time.time() * 1000))
    announce, said, meant = ada.announce(nickname="Ada Lovelace"), ada.say(TEXT), ada.say("not by me")
    forged = meant[:-1] + bytes((meant[-1] ^ 1,))
    feed = tmp_path / "in.hex"
    feed.write_text("".join(f"{frame.hex()}\n" for frame in (announce, said, forged)))
    async with meshgate("run", "--simulate", 1, "--config", south):
        await until(south, lambda seen: bool(seen["mesh"]["peers"]))
        async with meshgate("run", "--simulate", 0, "--feed", feed, "--config", north):
            await until(south, lambda seen: seen["mesh"]["counters"]["history"] == 2)  # with its own notice
            there = await until_acknowledged(north, id_of(said))
            here = await story(south, id_of(said)[:6])
            refused = await story(north, id_of(forged))
            by_message_id = await story(north, stable_message_id(ada.identity.peer_id, peek(said).timestamp_ms, TEXT))
            code, words, _ = await why(north, id_of(said))
            unknown = await why(north, "ffffffff")
            short = await why(north, "fff")
            latest = await why(south, "--last", 5)
            documents = "".join((await why(north, "--last", 50, "--json"))[1:] + (await why(south, "--last", 50, "--json"))[1:])
            not_there = await why(south, id_of(forged))
    assert verbs(there) == ["heard", "sent", "acknowledged"]
    assert verbs(here) == ["arrived", "on_air"]
    assert here["id"] == there["id"] == id_of(said)
    assert here["kept_until_ms"] > time.time() * 1000
    assert verbs(refused) == ["refused"]
    assert refused["steps"][0]["reason"] == "signature"
    assert refused["steps"][0]["sentence"].startswith("Not taken from the radio: its signature is missing or wrong.")
    assert not_there[0] == 3
    assert verbs(by_message_id) == verbs(there)
    assert code == 0
    assert "Heard on the radio: a public message" in words
    assert "Acknowledged by" in words
    assert (unknown[0], short[0]) == (3, 2)
    assert "knows nothing of ffffffff" in unknown[2]
    assert id_of(said)[:12] in latest[1] or stable_message_id(ada.identity.peer_id, peek(said).timestamp_ms, TEXT)[:12] in latest[1]
    for private in (TEXT, "Lovelace", ada.identity.peer_id.hex()):
        assert private not in documents + words


async def until_acknowledged(config: Path, subject: str) -> dict:
    for _ in range(50):
        told = await story(config, subject)
        if "acknowledged" in verbs(told):
            return told
        await asyncio.sleep(0)
    raise AssertionError(told)


async def test_without_a_gateway_the_exit_code_is_5_and_without_a_question_2(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut")
    assert (await why(config, "abcdef"))[0] == 5
    assert (await why(config))[0] == 2
    assert (await why(config, "abcdef", "--last", 3))[0] == 2
