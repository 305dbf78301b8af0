"""A gateway and its store: whatever becomes of the one, the other goes on."""

import asyncio
import sqlite3
from pathlib import Path

from gateway.mesh.events import Say
from gateway.runtime.writer import RECOVERED
from gateway.status import GatewayStatus
from tests.runtime.gateways import Site, play


def looked_at(site: Site, *times: float) -> list[GatewayStatus]:
    """The gateway's status at those seconds from now, once they have come."""
    seen: list[GatewayStatus] = []
    loop = asyncio.get_running_loop()
    for at in times:
        loop.call_later(at, lambda: seen.append(site.gateway.status()))
    return seen


def say(site: Site, at: float, phone: str = "Ada", text: str = "hello") -> None:
    asyncio.get_running_loop().call_later(at, site.radio.command, phone, Say(text))


def test_a_gateway_begins_a_store_and_closes_it_when_it_stops(tmp_path: Path) -> None:
    async def scene() -> None:
        site = Site(tmp_path)
        seen = looked_at(site, 5.0)
        await site.run_for(10)
        assert seen[0].problems == ()
        assert (tmp_path / "store.db").stat().st_mode & 0o777 == 0o600
        assert not (tmp_path / "store.db-wal").exists()  # moved into the file

    play(scene)


def test_a_store_that_somebody_else_has_stops_nothing_is_a_problem_and_is_used_once_free(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")

    async def scene() -> None:
        site = Site(tmp_path)
        say(site, 2.0)
        seen = looked_at(site, 4.0, 12.0)
        asyncio.get_running_loop().call_later(4.5, other.close)
        await site.run_for(14)
        assert "Another process" in seen[0].problems[0].sentence
        assert seen[0].problems[0].remedy
        assert seen[0].mesh.counters["received"] > 0
        assert seen[1].problems == ()
        assert RECOVERED in site.reports

    play(scene)


def test_a_store_that_is_no_database_is_moved_aside_and_the_gateway_says_so(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_text("my diary")

    async def scene() -> None:
        site = Site(tmp_path)
        seen = looked_at(site, 4.0)
        await site.run_for(5)
        assert seen[0].problems == ()
        assert (tmp_path / "store.db.foreign-1").read_text() == "my diary"
        assert "store.db.foreign-1" in " ".join(site.reports)

    play(scene)


def test_a_place_where_nothing_can_be_written_stops_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        site = Site(tmp_path)
        (tmp_path / "store.db").mkdir()
        say(site, 2.0)
        seen = looked_at(site, 6.0)
        await site.run_for(8)
        assert seen[0].problems
        assert seen[0].mesh.counters["received"] > 0

    play(scene)
