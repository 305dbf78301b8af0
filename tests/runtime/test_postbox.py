"""A letter is on the disk before the engine hears that it is; and what else outlives a restart since."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

from gateway.errors import Reason, StoreError, StoreFault
from gateway.limits import MAX_MAIL, PIN_WRITE_BURST
from gateway.mesh.events import LetterStored, Remember
from gateway.mesh.records import EventCarried, KeyPinned, LetterEnded, LetterGiven, LetterKept, PacketWithdrawn
from gateway.runtime.keeping import Keeping
from gateway.store.history import Kept
from gateway.store.store import Store, open_store
from gateway.wire.types import MessageType
from tests.runtime.gateways import play
from tests.store.stores import HOUR, NOW, opened


def letter(name: str, *, until_ms: int = NOW + HOUR) -> LetterKept:
    return LetterKept(name.encode().ljust(16), b"sealed " + name.encode(), b"t" * 16, until_ms, b"ada-----", copies=4, regular=True)


def opener(path: Path) -> Callable[[bool], Store]:
    return lambda distrust: open_store(path, Random(1), distrust=distrust)


async def alive(keeping: Keeping, seconds: float = 1.0) -> list[Remember | LetterStored]:
    """Run it so long, with the clock set; returns what the engine is given."""
    given: list[Remember | LetterStored] = []
    keeping.clock_set()
    running = asyncio.create_task(keeping.run(given.append))
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.shield(running)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return given


def test_letters_that_come_together_are_all_answered_and_come_back_after_a_restart(tmp_path: Path) -> None:
    async def scene() -> None:
        first = Keeping(opener(tmp_path / "store.db"), lambda: NOW, print)
        for effect in (letter("one"), letter("two"), letter("three")):
            first.take(effect, 0.0)
        answers = [one for one in await alive(first) if isinstance(one, LetterStored)]
        assert answers == [LetterStored(letter(name).name) for name in ("one", "two", "three")]
        second = Keeping(opener(tmp_path / "store.db"), lambda: NOW, print)
        second.take(LetterGiven(letter("two").name, 2, (b"courier1",)), 0.0)
        second.take(LetterEnded(letter("one").name, None, (b"somesite",)), 0.0)
        second.take(LetterEnded(letter("three").name, Reason.EXPIRED), 0.0)
        second.take(letter("one"), 0.0)
        given = await alive(second)
        assert LetterStored(letter("one").name, Reason.DUPLICATE) in given
        (remembered,) = [
            one for one in await alive(Keeping(opener(tmp_path / "store.db"), lambda: NOW, print)) if isinstance(one, Remember)
        ]
        (left,) = remembered.letters
        assert (left.name, left.copies, left.holders, left.regular) == (letter("two").name, 2, (b"courier1",), True)
        assert set(remembered.ended) == {
            LetterEnded(letter("one").name, None, (b"somesite",)),
            LetterEnded(letter("three").name, Reason.EXPIRED),
        }

    play(scene)


def test_a_disk_that_takes_nothing_is_told_as_the_reason(tmp_path: Path) -> None:
    def refuse(_distrust: bool) -> Store:
        raise StoreError(StoreFault.FULL, "The disk is full.", "Free some space.")

    async def scene() -> None:
        keeping = Keeping(refuse, lambda: NOW, print)
        keeping.take(letter("one"), 0.0)
        assert await alive(keeping) == [LetterStored(letter("one").name, Reason.STORE)]

    play(scene)


def test_without_the_time_of_day_nothing_is_promised(tmp_path: Path) -> None:
    async def scene() -> None:
        keeping = Keeping(opener(tmp_path / "store.db"), lambda: None, print)
        keeping.take(letter("one"), 0.0)
        assert LetterStored(letter("one").name, Reason.CLOCK) in await alive(keeping)

    play(scene)


def test_while_the_disk_does_not_answer_no_more_than_so_many_letters_wait_for_it(tmp_path: Path) -> None:
    async def scene() -> None:
        keeping = Keeping(opener(tmp_path / "store.db"), lambda: NOW, print)
        for number in range(MAX_MAIL + 5):
            keeping.take(letter(f"{number}"), 0.0)
        assert keeping._postbox._coming.qsize() == MAX_MAIL

    play(scene)


def test_pins_and_events_that_wait_come_back_and_what_was_withdrawn_does_not(tmp_path: Path) -> None:
    pinned = KeyPinned(b"ada-----", b"k" * 32, NOW - 5, NOW)
    waits = EventCarried(b"event one", True, b"ada-----", NOW - 1, NOW + 60_000, b"body")
    with opened(tmp_path / "store.db") as store, store.database.transaction():
        store.history.add(Kept(MessageType.BOARD, b"post", b"frame", NOW + HOUR), NOW)

    async def scene() -> None:
        first = Keeping(opener(tmp_path / "store.db"), lambda: NOW, print)
        other = EventCarried(b"event two", False, b"somesite", NOW - 1, NOW + 60_000, b"body")
        for effect in (pinned, waits, other, EventCarried(b"event two", unsent=False), PacketWithdrawn(b"post")):
            first.take(effect, 0.0)
        await alive(first)
        given = await alive(Keeping(opener(tmp_path / "store.db"), lambda: NOW, print))
        assert given == [Remember((), carried=(waits,), pins=(pinned,))]

    play(scene)


def test_of_a_crowd_only_so_many_keys_are_written_down_at_once(tmp_path: Path) -> None:
    async def scene() -> None:
        keeping = Keeping(opener(tmp_path / "store.db"), lambda: NOW, print)
        for number in range(int(PIN_WRITE_BURST) + 4):
            keeping.take(KeyPinned(number.to_bytes(8), b"k" * 32, NOW, NOW), 0.0)
        assert (keeping.writer.waiting, keeping.unwritten) == (PIN_WRITE_BURST, 4)

    play(scene)
