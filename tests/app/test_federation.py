"""A federation of real gateways: invited and joined by command, linked without a change of configuration, revoked for good."""

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
import tomlkit

from gateway.admin.client import UnreachableError, get_federation
from gateway.mesh.identity import Identity
from tests.app.processes import free_port, meshgate, until, write_site
from tests.bridge.sites import Author
from transports.libp2p.identity import load_peer_id

pytestmark = pytest.mark.timeout(300)
TEXT = "meet me at the old mill"
PATIENCE_S = 90.0  # libp2p is imported, and a gateway that was away is called again after a while


def write(directory: Path, *, websocket: bool = False, libp2p: bool = True, **changes: Any) -> Path:
    """A gateway nobody knows: no members, no peers."""
    path = write_site(directory, listen=(f"/ip4/127.0.0.1/tcp/{free_port()}",), **changes)
    document = tomlkit.parse(path.read_text())
    transports: Any = document["transports"]
    transports["libp2p"]["enabled"] = libp2p
    transports["websocket"] = {"enabled": websocket, "listen": [f"127.0.0.1:{free_port()}"]}
    path.write_text(tomlkit.dumps(document))
    return path


async def federation(config: Path, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
    """Run one command to its end; a ticket goes in on standard input."""
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).parent / "meshgate", "federation", *arguments, "--config", str(config), stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    out, err = await process.communicate(stdin.encode())
    return process.returncode or 0, out.decode(), err.decode()


async def ask(config: Path, *arguments: str, stdin: str = "") -> dict[str, Any]:
    """The same, which has to succeed, as a program reads it."""
    code, out, err = await federation(config, *arguments, "--json", stdin=stdin)
    assert code == 0, (out, err)
    return json.loads(out)


async def listed(config: Path, condition: Any) -> dict[str, Any]:
    """Ask who is a member until the answer is as wanted."""
    seen: dict[str, Any] = {}
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not seen or not condition(seen):
                try:
                    seen = msgspec.to_builtins(await get_federation(config.parent / "control.sock"))
                except UnreachableError:
                    await asyncio.sleep(0)
    except TimeoutError:
        raise AssertionError(f"not so within {PATIENCE_S:.0f} s; last seen: {seen}") from None
    return seen


def linked(*names: str) -> Any:
    return lambda seen: {one["peer_id"] for one in seen["members"] if one["linked"]} >= set(names)


def peer_of(config: Path) -> str:
    return load_peer_id(config.parent / "libp2p.key")


async def test_a_ticket_links_two_gateways_a_message_crosses_and_a_restart_changes_nothing(tmp_path: Path) -> None:
    hall, hut = write(tmp_path / "hall"), write(tmp_path / "hut")
    author = Author(Identity.generate(Random(5).randbytes), int(time.time() * 1000))
    feed = tmp_path / "in.hex"
    feed.write_text("".join(f"{frame.hex()}\n" for frame in (author.announce(), author.say(TEXT))))
    before = {config: config.read_text() for config in (hall, hut)}
    async with meshgate("run", "--simulate", 1, "--config", hut), meshgate("run", "--simulate", 0, "--feed", feed, "--config", hall):
        await until(hut, lambda seen: bool(_addresses(seen)))
        await until(hall, lambda seen: seen["mesh"]["counters"]["history"] == 2 and bool(_addresses(seen)))
        made = await ask(hall, "invite", "--for", peer_of(hut))
        assert (await ask(hut, "join", "-", stdin=made["ticket"]))["state"] == "joined"
        await listed(hall, linked(peer_of(hut)))
        await until(hut, lambda seen: seen["mesh"]["counters"]["history"] == 2)  # with its own notice that the bridge is open
        told = await ask(hut, "list", "--ask")
    assert told["members"][0]["status"]["sites"] == 1
    async with meshgate("run", "--simulate", 0, "--config", hall), meshgate("run", "--simulate", 0, "--config", hut):
        await listed(hut, linked(peer_of(hall)))
    assert {config: config.read_text() for config in (hall, hut)} == before


async def test_whoever_is_revoked_is_out_everywhere_and_a_third_member_learns_it(tmp_path: Path) -> None:
    hall, mill = write(tmp_path / "hall", websocket=True), write(tmp_path / "mill", websocket=True)
    hut = write(tmp_path / "hut", websocket=True)
    out = peer_of(hut)
    async with (
        meshgate("run", "--simulate", 0, "--config", hall) as host,
        meshgate("run", "--simulate", 0, "--config", hut) as guest,
        meshgate("run", "--simulate", 0, "--config", mill),
    ):
        for config in (hall, hut, mill):
            await until(config, lambda seen: len(_addresses(seen)) == 2)
        made = await ask(hall, "invite")
        assert (await ask(hut, "join", "-", stdin=made["ticket"]))["state"] == "joined"
        replayed = await federation(mill, "join", "-", "--json", stdin=made["ticket"])
        assert (replayed[0], json.loads(replayed[1])["error"]["code"]) == (4, "replayed")
        second = await ask(hall, "invite", "--scope", "link,status")
        assert (await ask(mill, "join", "-", stdin=second["ticket"]))["state"] == "joined"
        await listed(mill, lambda seen: out in {one["peer_id"] for one in seen["members"]})
        await listed(hall, linked(out, peer_of(mill)))

        done = await ask(hall, "revoke", out)
        assert done["peer_id"] == out
        seen = await listed(mill, lambda seen: out in {one["peer_id"] for one in seen["shut_out"]})
        assert out not in {one["peer_id"] for one in seen["members"]}
        await listed(hall, lambda seen: not linked(out)(seen))
        await listed(hut, lambda seen: not seen["members"])
        third = await ask(hall, "invite")
        refused = await federation(hut, "join", "-", "--json", stdin=third["ticket"])
        assert (refused[0], json.loads(refused[1])["error"]["code"]) == (4, "revoked")
        counters = (await until(hall, lambda _seen: True))["transports"]
        assert counters["websocket"]["counters"].get("refused_not_member", 0) + counters["libp2p"]["counters"]["guests_refused"] >= 1

        for process in (host, guest):
            process.terminate()
        logs = b"".join([*(await host.communicate()), *(await guest.communicate())]).decode()
    for secret in (made, second, third):
        assert secret["ticket"] not in logs
        assert secret["code"] not in logs


@pytest.mark.parametrize("way", ["libp2p", "websocket"])
async def test_the_revoked_is_refused_by_each_transport_although_it_lists_the_other_in_its_configuration(tmp_path: Path, way: str) -> None:
    hall, hut = write(tmp_path / "hall", websocket=True), write(tmp_path / "hut", libp2p=way == "libp2p", websocket=way == "websocket")
    async with meshgate("run", "--simulate", 0, "--config", hall):
        seen = await until(hall, lambda seen: len(_addresses(seen)) == 2)
        address = next(one for one in _addresses(seen) if one.startswith("wss:" if way == "websocket" else "/ip4"))
        document = tomlkit.parse(hut.read_text())
        transports: Any = document["transports"]
        transports[way] |= {"members": [peer_of(hall)], "peers": [address]}
        hut.write_text(tomlkit.dumps(document))
        async with meshgate("run", "--simulate", 0, "--config", hut):
            await until(hut, lambda seen: bool(_addresses(seen)))
            made = await ask(hall, "invite")
            assert (await ask(hut, "join", "-", stdin=made["ticket"]))["state"] == "joined"
            await listed(hall, linked(peer_of(hut)))
            name = "refused_peers" if way == "libp2p" else "refused_not_member"
            before = (await until(hall, lambda _: True))["transports"][way]["counters"].get(name, 0)
            await ask(hall, "revoke", peer_of(hut)[8:16])
            await until(hall, lambda seen: seen["transports"][way]["counters"].get(name, 0) > before)
            assert not (await listed(hall, lambda _: True))["members"]


async def test_what_is_no_ticket_is_refused_with_its_reason_and_changes_nothing(tmp_path: Path) -> None:
    hall, hut = write(tmp_path / "hall", libp2p=False, websocket=True), write(tmp_path / "hut", libp2p=False, websocket=True)
    async with meshgate("run", "--simulate", 0, "--config", hall), meshgate("run", "--simulate", 0, "--config", hut):
        await until(hall, lambda seen: bool(_addresses(seen)))
        await until(hut, lambda _: True)
        made = await ask(hall, "invite")
        ticket = made["ticket"]
        misread = ticket[:40] + ("A" if ticket[40] != "A" else "B") + ticket[41:]
        for text, code, status in (
            (ticket[:-20], "truncated", 4),
            (misread, "misread", 4),
            ("MESHGATE:", "truncated", 4),
            ("hello", "misread", 4),
            (made["code"], "unknown_issuer", 2),
            (" ", "usage", 2),
        ):
            found = await federation(hut, "join", "-", "--json", stdin=text)
            assert (found[0], json.loads(found[1])["error"]["code"]) == (status, code), text
        own = await federation(hall, "join", "-", "--json", stdin=ticket)
        assert (own[0], json.loads(own[1])["error"]["code"]) == (4, "own")
        foreign = await ask(hall, "invite", "--for", peer_of(hall))
        found = await federation(hut, "join", "-", "--json", stdin=foreign["ticket"])
        assert (found[0], json.loads(found[1])["error"]["code"]) == (4, "foreign_audience")
        assert not (await listed(hut, lambda _: True))["members"]
        assert not (hut.parent / "state" / "federation.book").exists()
        joined = await ask(hut, "join", "-", "--at", f"{made['addresses'][0]}#{peer_of(hall)}", stdin=made["code"])
        assert joined["state"] == "joined"
        left = await ask(hut, "leave")
        assert left["left"] == [peer_of(hall)]
        await listed(hall, lambda seen: not seen["members"])


async def test_a_book_that_is_damaged_stops_the_start(tmp_path: Path) -> None:
    hall = write(tmp_path / "hall")
    (tmp_path / "hall" / "state").mkdir()
    (tmp_path / "hall" / "state" / "federation.book").write_bytes(b"\x93")
    async with meshgate("run", "--simulate", 0, "--config", hall) as process:
        _, err = await process.communicate()
    assert process.returncode == 1
    assert "is damaged" in err.decode()


async def test_without_a_way_to_others_there_is_no_federation(tmp_path: Path) -> None:
    alone = write_site(tmp_path / "alone")
    async with meshgate("run", "--simulate", 0, "--config", alone):
        await until(alone, lambda _: True)
        code, out, _ = await federation(alone, "list", "--json")
    assert (code, json.loads(out)["error"]["code"]) == (3, "no_federation")


def _addresses(seen: dict[str, Any]) -> list[str]:
    return [address for one in seen["transports"].values() for address in one["addresses"]]
