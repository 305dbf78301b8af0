"""Joins the post office to the disk: a letter is kept for good before the engine hears that it is."""

import asyncio
from collections.abc import Callable

from gateway.errors import Reason, StoreError
from gateway.limits import MAX_MAIL
from gateway.mesh.events import LetterStored
from gateway.mesh.records import LetterEnded, LetterGiven, LetterKept
from gateway.runtime.writer import StoreWriter
from gateway.store.mail import Letter
from gateway.store.store import Store


class Postbox:
    """Letters on their way to the disk.

    Args:
        writer: of the store.
        wall_ms: Unix milliseconds, None while the time of day is not known: then there is no mail.

    """

    def __init__(self, writer: StoreWriter, wall_ms: Callable[[], int | None]) -> None:
        self._writer = writer
        self._wall_ms = wall_ms
        self._coming: asyncio.Queue[LetterKept] = asyncio.Queue(MAX_MAIL)

    def take(self, effect: LetterKept | LetterGiven | LetterEnded) -> None:
        """Write down what happened to a letter; one that is new is answered to whoever `run` was given."""
        now_ms = self._wall_ms() or 0
        match effect:
            case LetterKept():
                if not self._coming.full():  # with a disk that does not answer; the post office gives up on it in time
                    self._coming.put_nowait(effect)
            case LetterGiven(name, copies, holders):
                self._writer.note(lambda store: store.mail.given(name, copies, holders), at_once=True)
            case LetterEnded(name, reason, holders):
                self._writer.note(lambda store: _end(store, name, reason, holders, now_ms), at_once=True)

    async def run(self, answer: Callable[[LetterStored], None]) -> None:
        """Have the letters that come kept, those that are waiting at the same moment with one sync of the disk; until cancelled."""
        while True:
            coming = [await self._coming.get()]
            while not self._coming.empty():
                coming.append(self._coming.get_nowait())
            answers = await asyncio.gather(*map(self._keep, coming))
            for kept, refused in zip(coming, answers, strict=True):
                answer(LetterStored(kept.name, refused))

    async def _keep(self, kept: LetterKept) -> Reason | None:
        now_ms = self._wall_ms()
        if now_ms is None:
            return Reason.CLOCK
        letter = Letter(
            kept.name,
            kept.payload,
            kept.expires_ms,
            kept.depositor,
            kept.tag,
            kept.via,
            kept.copies,
            kept.regular,
            kept.holders,
        )
        try:
            return await self._writer.ask(lambda store: store.mail.take(letter, now_ms), durable=True, size=len(kept.payload))
        except StoreError:
            return Reason.STORE


def letters_in(store: Store) -> tuple[LetterKept, ...]:
    """Return the letters a store has kept, as the post office takes them back."""
    return tuple(
        LetterKept(one.name, one.payload, one.tag, one.expires_ms, one.depositor, one.via, one.copies, one.regular, one.holders)
        for one in store.mail.load()
    )


def ended_in(store: Store) -> tuple[LetterEnded, ...]:
    """Return the letters that are known to have ended, the latest first."""
    return tuple(LetterEnded(one.name, one.reason, one.holders) for one in store.mail.ended())


def _end(store: Store, name: bytes, reason: Reason | None, holders: tuple[bytes, ...], now_ms: int) -> None:
    store.mail.given(name, 0, holders)
    store.mail.end(name, reason, now_ms)
