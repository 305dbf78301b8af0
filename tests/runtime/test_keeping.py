"""A gateway and its store: whatever becomes of the one, the other goes on."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from gateway.errors import StoreError, StoreFault
from gateway.limits import HISTORY_WRITE_BURST, HISTORY_WRITE_RATE
from gateway.mesh.effects import PublicMessage
from gateway.mesh.events import Remember, Say
from gateway.mesh.records import EventMemory, EventNoted, HistoryKept
from gateway.runtime.keeping import PATIENCE_S, Keeping
from gateway.runtime.writer import RECOVERED, RETRY_S
from gateway.status import GatewayStatus
from gateway.store.database import open_database
from gateway.store.events import Noted
from gateway.store.history import Kept
from gateway.store.store import Store
from gateway.wire.types import MessageType
from tests.runtime.gateways import Site, play
from tests.store.stores import NOW, opened

SMALL = 1024 * 1024  # bytes of a database


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


def small(path: Path) -> Callable[[bool], Store]:
    return lambda distrust: Store(open_database(path, distrust=distrust, max_bytes=SMALL), Random(1))


def fill(path: Path) -> None:
    """Leave no room in a small database."""
    store = small(path)(False)
    with suppress(StoreError):
        while True:
            with store.database.transaction():
                store.database.change("INSERT INTO spool_body (body) VALUES (zeroblob(2000))")
    store.close()


def history_of(path: Path) -> list[Kept]:
    with opened(path) as store:
        return list(store.history.load(0))


def test_what_was_said_is_written_down_and_given_back_after_a_restart(tmp_path: Path) -> None:
    async def scene() -> None:
        first = Site(tmp_path)
        say(first, 2.0, text="before")
        await first.run_for(5)
        (kept,) = history_of(tmp_path / "store.db")
        second = Site(tmp_path)
        await second.run_for(5)
        assert [one.packet_id for one in second.gateway.engine.mesh.kept(asyncio.get_running_loop().time())] == [kept.packet_id]

    play(scene)


def test_a_full_store_stops_nothing_and_says_so(tmp_path: Path) -> None:
    fill(tmp_path / "store.db")

    async def scene() -> None:
        site = Site(tmp_path)
        site.gateway._keeping = Keeping(small(tmp_path / "store.db"), site.gateway._wall_ms, site.reports.append)
        for number in range(10):
            say(site, 2.0 + number / 4, text=f"{number} " + Random(number).randbytes(6_000).hex())
        say(site, 6.0, "Bela", "and on it goes")
        seen = looked_at(site, 9.0)
        await site.run_for(10)
        assert "full" in seen[0].problems[0].sentence
        assert seen[0].store.waiting > 0
        texts = [notice.effect.text for notice in site.island.notices if isinstance(notice.effect, PublicMessage)]
        assert "and on it goes" in texts

    play(scene)


def test_a_flood_is_not_written_down_beyond_what_the_card_bears(tmp_path: Path) -> None:
    async def scene() -> None:
        keeping = Keeping(small(tmp_path / "store.db"), lambda: NOW, print)
        size = int(HISTORY_WRITE_BURST) // 8
        for number in range(10):
            keeping.take(HistoryKept(MessageType.FILE, bytes([number]) * 16, bytes(size), NOW + 60_000), 0.0)
        assert (keeping.writer.waiting, keeping.unwritten, keeping.summary().dropped) == (8, 2, 2)
        keeping.take(HistoryKept(MessageType.FILE, b"later", bytes(size), NOW + 60_000), size / HISTORY_WRITE_RATE)
        assert keeping.unwritten == 2

    play(scene)


def test_fragments_are_not_written_down(tmp_path: Path) -> None:
    async def scene() -> None:
        keeping = Keeping(small(tmp_path / "store.db"), lambda: NOW, print)
        keeping.take(HistoryKept(MessageType.FRAGMENT, b"unsigned", b"piece", NOW + 60_000), 0.0)
        assert keeping.writer.waiting == 0

    play(scene)


def test_sites_are_linked_when_what_was_kept_is_back_or_cannot_be_read_but_never_later_than_patience_lasts(tmp_path: Path) -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
        for clock_set, broken, expected in ((True, False, 0.0), (True, True, 0.0), (False, False, 0.0)):
            path = tmp_path / f"{clock_set}{broken}"
            if broken:
                path.mkdir()
            keeping = Keeping(small(path), lambda: NOW, print)
            if clock_set:
                keeping.clock_set()
            running = asyncio.create_task(keeping.run(lambda _event: None))
            began = loop.time()
            await keeping.settle()
            assert loop.time() - began == expected
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        keeping.clock_set()
        keeping._settled.clear()
        began = loop.time()
        await keeping.settle()
        assert loop.time() - began == PATIENCE_S

    play(scene)


async def kept_alive(keeping: Keeping, given: list[Remember], seconds: float) -> None:
    """Run it so long, with the clock set."""
    keeping.clock_set()
    running = asyncio.create_task(keeping.run(given.append))
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.shield(running)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_what_was_told_of_an_event_comes_back_after_a_restart_and_what_was_taken_back_does_not(tmp_path: Path) -> None:
    put_down = EventNoted(EventMemory.PUT_DOWN, b"one", NOW + 60_000)
    taken_back = EventNoted(EventMemory.OURS, b"two", NOW + 60_000)

    async def scene() -> None:
        first = Keeping(small(tmp_path / "store.db"), lambda: NOW, print)
        for effect in (put_down, taken_back, EventNoted(EventMemory.OURS, b"two", 0)):
            first.take(effect, 0.0)
        given: list[Remember] = []
        await kept_alive(first, given, 1.0)
        first_given, given = given, []
        await kept_alive(Keeping(small(tmp_path / "store.db"), lambda: NOW, print), given, 1.0)
        assert given == [Remember((), (put_down,))]
        assert first_given == given  # what is noted before the first look is in it too

    play(scene)


def test_what_cannot_be_read_at_the_start_is_given_back_once_it_can(tmp_path: Path) -> None:
    faults = [StoreError(StoreFault.LOCKED, "Another process has it.", "Stop it.")] * 2
    sound = small(tmp_path / "store.db")

    def open_later(distrust: bool) -> Store:
        if faults:
            raise faults.pop()
        return sound(distrust)

    async def scene() -> None:
        given: list[Remember] = []
        await kept_alive(Keeping(open_later, lambda: NOW, print), given, RETRY_S)
        assert given == []
        faults[:] = [StoreError(StoreFault.LOCKED, "Another process has it.", "Stop it.")]
        await kept_alive(Keeping(open_later, lambda: NOW, print), given, 3 * RETRY_S)
        assert given == [Remember((), ())]

    play(scene)


def test_a_memory_of_another_version_is_left_out(tmp_path: Path) -> None:
    with opened(tmp_path / "store.db") as store, store.database.transaction():
        store.events.note(Noted(99, b"of tomorrow", NOW + 60_000))

    async def scene() -> None:
        given: list[Remember] = []
        await kept_alive(Keeping(small(tmp_path / "store.db"), lambda: NOW, print), given, 1.0)
        assert given == [Remember((), ())]

    play(scene)


def test_a_note_that_raises_is_a_mistake_of_ours_and_ends_the_gateway(tmp_path: Path) -> None:
    def mistaken(_store: Store) -> None:
        raise LookupError("nobody thought of that")

    async def scene() -> None:
        site = Site(tmp_path)
        asyncio.get_running_loop().call_later(1.0, lambda: site.gateway._keeping.writer.note(mistaken))
        with pytest.raises(LookupError, match="nobody thought"):
            await site.run_for(600)

    play(scene)
