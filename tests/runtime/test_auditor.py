"""Who changed what is written down, as far as a card bears; and what a database that cannot be used does to it: nothing but an entry."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

from gateway.errors import StoreError, StoreFault
from gateway.limits import AUDIT_BURST, AUDIT_RATE, MAX_AUDIT_WAITING
from gateway.runtime.auditor import Auditor
from gateway.runtime.writer import RETRY_S, StoreWriter
from gateway.store.audit import Action, Actor, Change
from gateway.store.store import Store, open_store
from tests.store.stores import NOW, opened
from tests.testing.virtual_loop import run

HOUR_S = 3_600.0


class Bench:
    """An auditor on a store that can be out of order, and what it reports."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "store.db"
        self.is_broken = False
        self.reports: list[str] = []
        self.wall_ms: int | None = NOW
        self.start = asyncio.get_running_loop().time()
        self.writer = StoreWriter(self._open, self._now_ms, lambda _sentence: None)
        self.auditor = Auditor(self.writer, self._now_ms, self.reports.append)

    def _now_ms(self) -> int | None:
        return None if self.wall_ms is None else self.wall_ms + int((asyncio.get_running_loop().time() - self.start) * 1000)

    def _open(self, _distrust: bool) -> Store:
        if self.is_broken:
            raise StoreError(StoreFault.LOCKED, "Another process has it.", "Stop it.")
        return open_store(self.path, Random(1))


def play(directory: Path, scene: Callable[[Bench], Awaitable[None]], *, broken: bool = False) -> None:
    async def main() -> None:
        bench = Bench(directory)
        bench.is_broken = broken
        tasks = [asyncio.create_task(bench.writer.run()), asyncio.create_task(bench.auditor.run())]
        try:
            await scene(bench)
        finally:
            bench.auditor.flush()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    run(main())


def written(directory: Path) -> list[Change]:
    with opened(directory / "store.db") as store:
        return store.audit.page(9_999)


def test_a_change_is_found_at_once_with_its_time_and_a_sentence(tmp_path: Path) -> None:
    async def scene(bench: Bench) -> None:
        bench.auditor.note(Actor.MQTT, Action.BRIDGE_SWITCHED, "off")
        bench.auditor.note(Actor.CONTROL_SOCKET, Action.MEMBER_INVITED, uid=1000)
        told = await bench.auditor.page(9, None)
        assert [(one.at_ms, one.actor, one.action, one.detail, one.uid) for one in told.changes] == [
            (NOW, "control_socket", "member_invited", "", 1000),
            (NOW, "mqtt", "bridge_switched", "off", None),
        ]
        assert [one.sentence for one in told.changes] == ["A ticket was made on this machine.", "The bridge was switched over MQTT: off."]
        assert (told.cursor, told.left_out) == (None, 0)

    play(tmp_path, scene)
    assert len(written(tmp_path)) == 2


def test_pages_follow_each_other_without_a_gap(tmp_path: Path) -> None:
    async def scene(bench: Bench) -> None:
        for number in range(5):
            bench.auditor.note(Actor.SYSTEM, Action.POLICY_CHANGED, str(number))
        found: list[str] = []
        cursor = None
        for _ in range(3):
            page = await bench.auditor.page(2, cursor)
            found += [one.detail for one in page.changes]
            cursor = page.cursor
        assert found == ["4", "3", "2", "1", "0"]
        assert cursor is None

    play(tmp_path, scene)


def test_an_hour_of_flooding_is_counted_and_pushes_out_nothing(tmp_path: Path) -> None:
    async def scene(bench: Bench) -> None:
        hours = range(-7 * 24, 0)  # a week, with a change of the rules every hour
        week = [Change(NOW + hour * 3_600_000, Actor.CONFIGURATION, Action.POLICY_CHANGED) for hour in hours]
        await bench.writer.ask(lambda store: [store.audit.add(change) for change in week])
        for _ in range(7_200):
            bench.auditor.note(Actor.MQTT, Action.BRIDGE_SWITCHED)
            await asyncio.sleep(0.5)
        rows = (await bench.auditor.page(200, None)).changes
        switched = [one for one in rows if one.action == Action.BRIDGE_SWITCHED]
        assert AUDIT_BURST <= len(switched) <= AUDIT_BURST + HOUR_S * AUDIT_RATE + 1
        assert len([one for one in rows if one.action == Action.POLICY_CHANGED]) == 7 * 24
        assert len(switched) + bench.auditor.left_out == 7_200
        assert 0 < sum(one.left_out for one in switched) <= bench.auditor.left_out
        assert "more before it were not noted" in switched[0].sentence

    play(tmp_path, scene)


def test_what_happened_before_the_time_of_day_was_known_gets_its_time_if_it_becomes_known_soon(tmp_path: Path) -> None:
    async def scene(bench: Bench) -> None:
        bench.wall_ms = None
        bench.auditor.note(Actor.SYSTEM, Action.GATEWAY_STARTED)
        await bench.auditor.page(1, None)
        bench.is_broken = False
        bench.auditor.note(Actor.SYSTEM, Action.BRIDGE_OPENED)
        bench.wall_ms = NOW
        told = await bench.auditor.page(9, None)
        assert [one.at_ms for one in told.changes] == [NOW, None]

    play(tmp_path, scene)


def test_a_store_that_cannot_be_used_stops_nothing_and_each_change_is_an_entry_until_it_is_written(tmp_path: Path) -> None:
    async def scene(bench: Bench) -> None:
        bench.auditor.note(Actor.CONFIGURATION, Action.BRIDGE_OPENED)
        await asyncio.sleep(3 * RETRY_S)
        bench.auditor.note(Actor.MQTT, Action.RESTART_ASKED)
        await asyncio.sleep(3 * RETRY_S)
        assert [sentence.partition(". ")[0] for sentence in bench.reports] == [
            "The bridge is open, as the configuration says",
            "A restart was asked for over MQTT",
        ]
        bench.is_broken = False
        await asyncio.sleep(3 * RETRY_S)
        assert [one.at_ms - NOW for one in (await bench.auditor.page(9, None)).changes] == [int(3 * RETRY_S * 1000), 0]

    play(tmp_path, scene, broken=True)
    assert len(written(tmp_path)) == 2


def test_what_waits_for_a_store_is_bounded_and_counted(tmp_path: Path) -> None:
    async def scene(bench: Bench) -> None:
        for number in range(40 * MAX_AUDIT_WAITING):
            bench.auditor.note(Actor.MQTT, list(Action)[number % len(Action)])
        assert bench.auditor.left_out == 39 * MAX_AUDIT_WAITING

    play(tmp_path, scene, broken=True)


def test_what_is_noted_last_is_written_before_the_store_is_closed_and_only_once(tmp_path: Path) -> None:
    async def scene(bench: Bench) -> None:
        bench.auditor.note(Actor.SYSTEM, Action.GATEWAY_STARTED)
        await bench.auditor.page(9, None)
        bench.auditor.note(Actor.MQTT, Action.RESTART_ASKED)
        await asyncio.sleep(0)  # it has been handed over, and nobody has answered yet
        bench.auditor.note(Actor.BUTTON, Action.WIPE_ASKED)

    play(tmp_path, scene)
    assert [one.action for one in written(tmp_path)] == ["wipe_asked", "restart_asked", "gateway_started"]
