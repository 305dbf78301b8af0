"""The operator's rules at two real gateways: a file keeps a kind, is changed while they run, and is tried on the past."""

import asyncio
import json
import signal
import time
from asyncio.subprocess import Process
from pathlib import Path
from random import Random

import pytest

from gateway.mesh.identity import Identity
from gateway.wire.packet import packet_id, peek
from gateway.wire.types import MessageType
from tests.app.processes import meshgate, until, write_site, write_two_sites
from tests.bridge.sites import Author

pytestmark = pytest.mark.timeout(120)
NO_MESSAGES = """default = "allow"

[[rule]]
name = "no messages"
kind = "message"
direction = "out"
then = "deny"
"""
LOOSE = 'default = "allow"\n'


async def said_by(*arguments: object) -> tuple[int, str, str]:
    async with meshgate(*arguments) as process:
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def document_of(*arguments: object) -> dict:
    code, out, err = await said_by(*arguments, "--json")
    assert code == 0, (out, err)
    return json.loads(out)


async def lines_until(process: Process, text: str) -> str:
    """Read what a gateway tells the log until it says something."""
    assert process.stderr is not None
    async with asyncio.timeout(30):
        while text not in (line := (await process.stderr.readline()).decode()):
            assert line, f"it ended without saying {text!r}"
    return line


def id_of(frame: bytes) -> str:
    return packet_id(frame, peek(frame)).hex()


async def test_a_file_keeps_a_kind_here_and_is_read_again_and_tried_on_the_past(tmp_path: Path) -> None:
    north, south = write_two_sites(tmp_path)
    rules = north.parent / "rules.toml"
    rules.write_text(NO_MESSAGES)
    north.write_text(north.read_text() + '\n[policy]\nfile = "rules.toml"\n')
    ada = Author(Identity.generate(Random(3).randbytes), int(time.time() * 1000))
    said, posted = ada.say("stays here"), ada.signed(MessageType.GROUP, b"for the group")
    feed = tmp_path / "in.hex"
    feed.write_text("".join(f"{frame.hex()}\n" for frame in (ada.announce(), said, posted)))
    async with meshgate("run", "--simulate", 1, "--config", south):
        await until(south, lambda seen: bool(seen["mesh"]["peers"]))
        async with meshgate("run", "--simulate", 0, "--feed", feed, "--log-format", "text", "--config", north) as running:
            status = await until(north, lambda seen: seen["bridge"]["drops"].get("policy", 0) == 1)
            assert status["bridge"]["policy"] == {"source": str(rules), "rules": 1, "default": "allow"}
            arrived = await until(
                south, lambda seen: seen["mesh"]["counters"]["history"] == 2
            )  # the group's and its own notice, and not the message
            (account,) = [one for one in arrived["bridge"]["air"] if one["site"]]
            assert account["refused"] == 0 < account["spent_ms"]
            why = await document_of("why", id_of(said), "--config", north)
            shown = await document_of("policy", "show", "--config", north)
            tried = await document_of("policy", "dry-run", rules, "--config", north)
            loose = tmp_path / "loose.toml"
            loose.write_text(LOOSE)
            looser = await said_by("policy", "dry-run", loose, "--config", north)

            rules.write_text(NO_MESSAGES.replace("message", "massage"))
            told = await lines_until(running, "stay in force")
            assert 'Did you mean "message"?' in told
            wrong = await until(north, lambda seen: bool(seen["problems"]))
            still = await document_of("policy", "show", "--config", north)

            rules.write_text(LOOSE)
            running.send_signal(signal.SIGHUP)
            await lines_until(running, "are in force now")
            right = await until(north, lambda seen: not seen["problems"])
    stayed = [step for step in why["steps"] if step["verb"] == "stayed"]
    assert [(step["rule"], step["reason"]) for step in stayed] == [("no messages", "policy")]
    assert stayed[0]["sentence"].endswith('the rule "no messages" forbids it.')
    assert (shown["running"], shown["rules"][0]["words"]) == (True, "Public messages going out must stay.")
    assert tried["changes"] == []
    assert {"kind": "message", "before": 0, "after": 0} in tried["kinds"]
    assert {"rule": "no messages", "crosses": 0, "stays": 1} in tried["rules"]
    assert "1 of kind message: no rule would have fitted, and by default would have let across what stayed." in looser[1]
    assert wrong["problems"][0]["sentence"].endswith("so the rules read before stay in force.")
    assert (still["rules"][0]["name"], "massage" in still["trouble"]) == ("no messages", True)
    assert right["bridge"]["policy"]["rules"] == 0

    afterwards = await document_of("policy", "dry-run", loose, "--config", north)
    assert (afterwards["kinds"], afterwards["newly_crosses"]["packets"]) == (
        [{"kind": "group", "before": 1, "after": 1}, {"kind": "message", "before": 0, "after": 1}],
        1,
    )
    assert (await document_of("policy", "show", "--config", north))["running"] is False


@pytest.mark.parametrize(
    ("text", "line"), [(None, "cannot be read"), ('default = "alow"\n', 'rules.toml:1: default: this cannot be the text "alow"')]
)
async def test_a_gateway_does_not_start_with_rules_that_cannot_be_used(tmp_path: Path, text: str | None, line: str) -> None:
    config = write_site(tmp_path / "hut")
    config.write_text(config.read_text() + '\n[policy]\nfile = "rules.toml"\n')
    if text is not None:
        (config.parent / "rules.toml").write_text(text)
    code, _, err = await said_by("run", "--simulate", 0, "--config", config)
    assert code == 1
    assert "The policy cannot be used" in err
    assert line in err
