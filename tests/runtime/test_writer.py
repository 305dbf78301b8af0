"""The writer: batches, promises, trouble, bounded memory, and an end that loses nothing."""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gateway.errors import Reason, StoreError, StoreFault
from gateway.limits import MAX_STORE_ASKING, MAX_STORE_WAITING, MAX_STORE_WAITING_BYTES
from gateway.runtime.writer import BATCH, BATCH_S, RECOVERED, RETRY_S, UPKEEP_S, StoreWriter
from gateway.store.database import open_database
from gateway.store.faults import store_error
from gateway.store.message import Accepted, State
from gateway.store.store import Store, open_store
from tests.store.stores import NOW, message
from tests.testing.virtual_loop import run

SMALL = 1024 * 1024


class AtOnce(Executor):
    """Does what it is given right away, in virtual time and in this thread; the thread itself has a test of its own."""

    def submit(self, work, /, *arguments):
        future: Future[Any] = Future()
        try:
            future.set_result(work(*arguments))
        except Exception as error:  # noqa: BLE001 -- whoever waits gets it
            future.set_exception(error)
        return future


class Scene:
    """A writer at work, and what it says."""

    def __init__(self, path: Path, open_store: Callable[[bool], Store] | None = None, wall_ms: int | None = NOW) -> None:
        self.path = path
        self.openings: list[bool] = []
        self.stores: list[Store] = []
        self.reports: list[str] = []
        self._open_store = open_store or (lambda distrust: Store(open_database(path, distrust=distrust), Random(1)))
        self.writer = StoreWriter(self._open, lambda: wall_ms, self.reports.append, AtOnce())
        self.task: asyncio.Task[None] | None = None

    def _open(self, distrust: bool) -> Store:
        self.openings.append(distrust)
        self.stores.append(self._open_store(distrust))
        return self.stores[-1]

    async def start(self) -> None:
        self.task = asyncio.create_task(self.writer.run())
        await asyncio.sleep(0.001)

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def play(path: Path, story: Callable[[Scene], Coroutine[Any, Any, None]], **how: Any) -> Scene:
    """Let a story happen in virtual time."""

    async def main() -> Scene:
        scene = Scene(path / "store.db", **how)
        await scene.start()
        try:
            await story(scene)
        finally:
            await scene.stop()
        return scene

    return run(main())


def keep(name: str) -> Callable[[Store], object]:
    return lambda store: store.spool.accept(message(name, origin=b"", recipient=b""), NOW, promised=False)


def small(path: Path) -> Callable[[bool], Store]:
    return lambda _distrust: Store(open_database(path / "store.db", max_bytes=SMALL), Random(1))


async def fill(scene: Scene) -> int:
    """Accept until there is no room; returns how many were promised."""
    for number in range(SMALL):
        answer = await scene.writer.accept(message(f"{number}", body=bytes(4_000), origin=b"", recipient=b""), NOW)
        if answer is Reason.STORE:
            return number
        assert isinstance(answer, Accepted)
    raise AssertionError("1 MiB holds as much")


def waiting(scene: Scene) -> int:
    return scene.stores[-1].spool.tally().waiting


def test_notes_wait_a_quarter_of_a_second_for_each_other(tmp_path):
    async def story(scene: Scene) -> None:
        for number in range(BATCH - 1):
            scene.writer.note(keep(str(number)))
        await asyncio.sleep(BATCH_S - 0.01)
        assert (waiting(scene), scene.writer.waiting) == (0, BATCH - 1)
        await asyncio.sleep(0.02)
        assert (waiting(scene), scene.writer.waiting) == (BATCH - 1, 0)

    play(tmp_path, story)


def test_twenty_notes_wait_no_longer(tmp_path):
    async def story(scene: Scene) -> None:
        for number in range(BATCH):
            scene.writer.note(keep(str(number)))
        await asyncio.sleep(0.001)
        assert waiting(scene) == BATCH

    play(tmp_path, story)


def test_what_is_asked_is_done_at_once_and_after_what_was_noted(tmp_path):
    async def story(scene: Scene) -> None:
        scene.writer.note(keep("noted"))
        assert await scene.writer.ask(lambda store: store.spool.get(b"noted").state) is State.QUEUED

    play(tmp_path, story)


def test_a_promise_is_answered_after_a_durable_commit_that_several_share(tmp_path):
    async def story(scene: Scene) -> None:
        commits: list[str] = []
        trace = scene.stores[-1].database._connection.set_trace_callback
        trace(lambda sql: commits.append(sql) if "COMMIT" in sql or "FULL" in sql else None)
        answers = await asyncio.gather(*(scene.writer.accept(message(str(n)), NOW) for n in range(5)))
        assert answers == [Accepted(State.QUEUED, fresh=True)] * 5
        assert commits == ["PRAGMA synchronous = FULL", "COMMIT"]

    play(tmp_path, story)


def test_who_asks_gets_the_error_of_his_own_question_and_the_others_their_answers(tmp_path):
    async def story(scene: Scene) -> None:
        wrong = scene.writer.ask(lambda _store: 1 // 0)
        right = scene.writer.accept(message(), NOW)
        answers = await asyncio.gather(wrong, right, return_exceptions=True)
        assert isinstance(answers[0], ZeroDivisionError)
        assert answers[1] == Accepted(State.QUEUED, fresh=True)
        assert scene.writer.trouble is None

    play(tmp_path, story)


def test_a_note_that_raises_is_a_mistake_and_ends_the_gateway_after_writing_the_rest(tmp_path):
    async def story(scene: Scene) -> None:
        scene.writer.note(lambda _store: 1 // 0)
        scene.writer.note(keep("behind it"))
        with pytest.raises(ZeroDivisionError):
            await scene.task

    play(tmp_path, story)
    store = open_store(tmp_path / "store.db", Random(1))
    assert store.spool.get(b"behind it") is not None
    store.close()


def test_whoever_stops_waiting_disturbs_nobody(tmp_path):
    async def story(scene: Scene) -> None:
        asking = asyncio.create_task(scene.writer.accept(message("gone"), NOW))
        await asyncio.sleep(0)
        asking.cancel()
        assert await scene.writer.accept(message("here"), NOW) == Accepted(State.QUEUED, fresh=True)
        assert scene.writer._asked == 0

    play(tmp_path, story)


def test_the_end_writes_what_waits_and_closes_the_file(tmp_path):
    async def story(scene: Scene) -> None:
        scene.writer.note(keep("last words"))

    scene = play(tmp_path, story)
    assert not scene.path.with_name("store.db-wal").exists()
    assert not scene.writer.note(keep("too late"))
    store = open_store(scene.path, Random(1))
    assert store.spool.get(b"last words") is not None
    store.close()


def test_after_the_end_whoever_asks_is_told_so(tmp_path):
    async def story(scene: Scene) -> None:
        await scene.stop()
        assert await scene.writer.accept(message(), NOW) is Reason.STORE

    play(tmp_path, story)


def test_a_full_disk_is_reported_once_nothing_is_promised_and_reading_goes_on(tmp_path):
    async def story(scene: Scene) -> None:
        promised = await fill(scene)
        sentence, remedy = scene.writer.trouble
        assert ("no room left" in sentence, "Free some space" in remedy) == (True, True)
        for _ in range(3):
            assert await scene.writer.accept(message("more", body=bytes(4_000)), NOW) is Reason.STORE
            await asyncio.sleep(RETRY_S)
        assert await scene.writer.ask(lambda store: store.spool.tally().waiting) == promised
        assert scene.reports == [f"{sentence} {remedy}"]

    play(tmp_path, story, open_store=small(tmp_path))


def test_when_there_is_room_again_it_is_noticed_and_what_was_noted_meanwhile_is_written(tmp_path):
    async def story(scene: Scene) -> None:
        promised = await fill(scene)
        scene.writer.note(keep("first"))
        scene.writer.note(keep("second"))
        await asyncio.sleep(2 * RETRY_S)
        assert scene.writer.waiting == 2
        with pytest.raises(StoreError):
            await scene.writer.flush()
        for number in range(promised):
            assert await scene.writer.ask(lambda store, n=number: store.spool.delivered(str(n).encode(), NOW))
        await asyncio.sleep(RETRY_S + 0.1)
        assert scene.writer.trouble is None
        assert scene.reports[1:] == [RECOVERED]
        await scene.writer.flush()
        assert [one.id for one in await scene.writer.ask(lambda store: store.spool.ready(NOW))] == [b"first", b"second"]

    play(tmp_path, story, open_store=small(tmp_path))


def test_one_that_finds_no_room_does_not_take_those_beside_it_along(tmp_path):
    async def story(scene: Scene) -> None:
        await scene.writer.accept(message("there"), NOW)
        reading = scene.writer.ask(lambda store: store.spool.get(b"there").state)
        large = scene.writer.accept(message("large", body=bytes(SMALL)), NOW)
        ending = scene.writer.ask(lambda store: store.spool.delivered(b"there", NOW))
        assert await asyncio.gather(reading, large, ending) == [State.QUEUED, Reason.STORE, True]

    play(tmp_path, story, open_store=small(tmp_path))


def test_a_database_that_is_locked_at_the_start_is_waited_for(tmp_path):
    held = [True]

    def opening(distrust: bool) -> Store:
        if held:
            raise store_error(StoreFault.LOCKED, tmp_path / "store.db")
        return open_store(tmp_path / "store.db", Random(1), distrust=distrust)

    async def story(scene: Scene) -> None:
        scene.writer.note(keep("noted"))
        assert await scene.writer.accept(message(), NOW) is Reason.STORE
        assert "Another process" in scene.writer.trouble[0]
        await asyncio.sleep(3 * RETRY_S)
        held.clear()
        await asyncio.sleep(RETRY_S + 0.1)
        assert await scene.writer.accept(message(), NOW) == Accepted(State.QUEUED, fresh=True)
        assert waiting(scene) == 2
        assert scene.reports[-1] == RECOVERED
        assert len(scene.reports) == 2

    play(tmp_path, story, open_store=opening)


def test_damage_found_in_use_moves_the_database_aside_and_the_gateway_goes_on(tmp_path):
    def damaged(store: Store) -> None:
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        with store.database.step():
            raise error

    async def story(scene: Scene) -> None:
        await scene.writer.accept(message(), NOW)
        scene.writer.note(keep("noted"))
        with pytest.raises(StoreError, match="is damaged"):
            await scene.writer.ask(damaged)
        await asyncio.sleep(RETRY_S + 0.1)
        assert scene.openings == [False, True]
        discovery, aside, recovery = scene.reports
        assert "is damaged" in discovery
        assert "was damaged. It was moved to" in aside
        assert recovery == RECOVERED
        assert await scene.writer.ask(lambda store: (store.spool.get(b"m"), store.spool.get(b"noted").state)) == (None, State.QUEUED)

    scene = play(tmp_path, story)
    assert scene.path.with_name("store.db.damaged-1").exists()


def test_a_foreign_database_is_reported_when_it_is_moved_aside(tmp_path):
    (tmp_path / "store.db").write_bytes(b"somebody's notes" * 64)

    async def story(scene: Scene) -> None:
        assert [report for report in scene.reports if "store.db.foreign-1" in report]
        assert await scene.writer.accept(message(), NOW) == Accepted(State.QUEUED, fresh=True)

    play(tmp_path, story)


def locked(_distrust: bool) -> Store:
    raise store_error(StoreFault.LOCKED, Path("store.db"))


def test_notes_beyond_the_memory_for_them_are_dropped_and_counted(tmp_path):
    async def story(scene: Scene) -> None:
        taken = [scene.writer.note(keep("x")) for _ in range(MAX_STORE_WAITING + 3)]
        assert (taken.count(False), scene.writer.dropped, scene.writer.waiting) == (3, 3, MAX_STORE_WAITING)

    play(tmp_path, story, open_store=locked)


def test_notes_beyond_the_bytes_for_them_are_dropped_and_counted(tmp_path):
    async def story(scene: Scene) -> None:
        assert scene.writer.note(keep("x"), MAX_STORE_WAITING_BYTES)
        assert not scene.writer.note(keep("x"), 1)
        assert scene.writer.dropped == 1

    play(tmp_path, story, open_store=locked)


def test_the_notes_that_can_not_be_written_at_the_end_are_counted(tmp_path):
    async def story(scene: Scene) -> None:
        scene.writer.note(keep("x"))

    assert play(tmp_path, story, open_store=locked).writer.dropped == 1


def test_more_who_ask_than_there_is_memory_for_are_refused_and_nobody_else(tmp_path):
    async def story(scene: Scene) -> None:
        asking = [asyncio.create_task(scene.writer.ask(lambda _store: True)) for _ in range(MAX_STORE_ASKING + 2)]
        answers = await asyncio.gather(*asking, return_exceptions=True)
        refused = [answer for answer in answers if answer is not True]
        assert [answer.fault for answer in refused] == [StoreFault.BUSY] * 2
        assert await scene.writer.ask(lambda _store: True)

    play(tmp_path, story)


def test_who_asks_has_a_bound_in_bytes_too(tmp_path):
    async def story(scene: Scene) -> None:
        large = scene.writer.ask(lambda _store: True, size=MAX_STORE_WAITING_BYTES)
        small = scene.writer.ask(lambda _store: True, size=1)
        first, second = await asyncio.gather(large, small, return_exceptions=True)
        assert (first, second.fault) == (True, StoreFault.BUSY)

    play(tmp_path, story)


@pytest.mark.parametrize(("wall_ms", "left"), [(NOW + 100_000_000, 0), (None, 1)])
def test_what_is_over_is_forgotten_every_minute_if_the_time_of_day_is_known(tmp_path, wall_ms, left):
    async def story(scene: Scene) -> None:
        await scene.writer.accept(message(), NOW)
        await scene.writer.ask(lambda store: store.spool.delivered(b"m", NOW))
        await asyncio.sleep(UPKEEP_S + 1)
        assert scene.stores[-1].database.rows("SELECT count(*) FROM spool") == [(left,)]
        assert scene.path.with_name("store.db-wal").stat().st_size == 0

    play(tmp_path, story, wall_ms=wall_ms)


async def test_a_real_thread_does_the_writing(tmp_path):
    writer = StoreWriter(lambda distrust: open_store(tmp_path / "store.db", Random(1), distrust=distrust), lambda: NOW, print)
    running = asyncio.create_task(writer.run())
    answers = await asyncio.gather(*(writer.accept(message(str(number)), NOW) for number in range(50)))
    assert answers == [Accepted(State.QUEUED, fresh=True)] * 50
    writer.note(keep("noted"))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    store = open_store(tmp_path / "store.db", Random(1))
    assert store.spool.tally().waiting == 51
    store.close()


def test_damage_found_while_opening_is_moved_aside_even_if_something_else_comes_in_between(tmp_path):
    troubles = [StoreFault.UNREADABLE, StoreFault.LOCKED]

    def opening(distrust: bool) -> Store:
        if troubles:
            raise store_error(troubles.pop(0), tmp_path / "store.db")
        return open_store(tmp_path / "store.db", Random(1), distrust=distrust)

    async def story(scene: Scene) -> None:
        await asyncio.sleep(3 * RETRY_S)
        assert scene.openings == [False, True, True]
        assert scene.writer.trouble is None

    play(tmp_path, story, open_store=opening)


def test_a_database_that_cannot_be_written_is_opened_anew_until_it_can(tmp_path):
    async def story(scene: Scene) -> None:
        scene.stores[-1].database.rows("PRAGMA query_only = ON")
        assert await scene.writer.accept(message(), NOW) is Reason.STORE
        assert "probably worn out" in scene.writer.trouble[1]
        await asyncio.sleep(RETRY_S + 0.1)
        assert len(scene.stores) == 2
        assert await scene.writer.accept(message(), NOW) == Accepted(State.QUEUED, fresh=True)

    play(tmp_path, story)
