"""Joins the engine to the store: what is to outlive a restart is noted, and after one it is given back."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from gateway.errors import StoreError
from gateway.limits import HISTORY_WRITE_BURST, HISTORY_WRITE_RATE, PIN_WRITE_BURST, PIN_WRITE_RATE
from gateway.mesh.effects import Effect
from gateway.mesh.events import LetterStored, Remember
from gateway.mesh.records import (
    EventCarried,
    EventMemory,
    EventNoted,
    HistoryKept,
    KeyPinned,
    LetterEnded,
    LetterGiven,
    LetterKept,
    PacketWithdrawn,
)
from gateway.runtime.auditor import Auditor
from gateway.runtime.desk import OpenStore
from gateway.runtime.postbox import Postbox, ended_in, letters_in
from gateway.runtime.recorder import Recorder
from gateway.runtime.writer import RETRY_S, StoreWriter
from gateway.session.rate import TokenBucket
from gateway.status import StoreSummary
from gateway.store.carried import Carried
from gateway.store.events import Noted
from gateway.store.history import Kept
from gateway.store.pins import Pinned
from gateway.store.store import Store
from gateway.wire.types import MessageType

PATIENCE_S: Final = 30.0  # seconds a large database on a slow card may take to be opened before sites are linked all the same
_MEMORIES: Final = frozenset(EventMemory)


class Keeping:
    """The store of one gateway, which goes on whatever becomes of it.

    Args:
        open_store: see `gateway.runtime.desk.OpenStore`.
        wall_ms: Unix milliseconds, None while the time of day is not known.
        report: told one sentence per change of state.
        names: what people call the hops, as far as somebody has said.

    `unwritten` counts the packets of the public history that were too many to be written down.

    """

    def __init__(
        self,
        open_store: OpenStore,
        wall_ms: Callable[[], int | None],
        report: Callable[[str], None],
        names: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self._wall_ms = wall_ms
        self._clock_is_set = asyncio.Event()
        self._settled = asyncio.Event()
        self._budget = TokenBucket(HISTORY_WRITE_RATE, HISTORY_WRITE_BURST)
        self.unwritten = 0
        self.writer = StoreWriter(open_store, wall_ms, report)
        self.recorder = Recorder(self.writer, wall_ms, names)
        self.auditor = Auditor(self.writer, wall_ms, report)
        self._postbox = Postbox(self.writer, wall_ms)
        self._pins = TokenBucket(PIN_WRITE_RATE, PIN_WRITE_BURST)

    async def run(self, give: Callable[[Remember | LetterStored], None]) -> None:
        """Give back what was kept once the time of day is known, write until cancelled, then what is left; a mistake of ours is raised.

        Args:
            give: hands the engine what was kept.

        """
        tasks = (
            asyncio.create_task(self.writer.run(), name="store"),
            asyncio.create_task(self._give_back(give), name="remember"),
            asyncio.create_task(self._postbox.run(give), name="mail"),
            asyncio.create_task(self.auditor.run(), name="audit"),
        )
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            self.recorder.flush()
            self.auditor.flush()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            if not task.cancelled():
                task.result()

    def clock_set(self) -> None:
        """The time of day is known: what was kept can be judged."""
        self._clock_is_set.set()

    async def settle(self) -> None:
        """Wait until what was kept has been given back or cannot be read now, so that no site brings it anew; not for long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S if self._clock_is_set.is_set() else 0):
                await self._settled.wait()

    def take(self, effect: Effect, now: float) -> None:
        """Note an effect, if it is to be kept."""
        match effect:
            case HistoryKept():
                self._keep(effect, now)
            case PacketWithdrawn(packet_id):
                self.writer.note(lambda store: store.history.remove(packet_id))
            case EventNoted(memory, identifier, until_ms):
                noted = Noted(memory, identifier, until_ms)
                self.writer.note(lambda store: store.events.note(noted), at_once=memory is EventMemory.PUT_DOWN)
            case EventCarried():
                self._carry(effect, now)
            case KeyPinned():
                self._pin(effect, now)
            case LetterKept() | LetterGiven() | LetterEnded():
                self._postbox.take(effect)
            case _:
                self.recorder.take(effect, now)

    @property
    def troubles(self) -> list[tuple[str, str]]:
        """What is wrong and what to do about it, nothing while all is well."""
        return [] if self.writer.trouble is None else [self.writer.trouble]

    def summary(self) -> StoreSummary:
        """Return the figures for the status."""
        return StoreSummary(self.writer.waiting, self.writer.dropped + self.unwritten, self.recorder.unrecorded)

    def _keep(self, packet: HistoryKept, now: float) -> None:
        """Write a packet down; not a fragment, which nobody has signed and which is over in a quarter of an hour."""
        now_ms = self._wall_ms()
        if now_ms is None or packet.kind == MessageType.FRAGMENT:
            return
        if not self._budget.take(now, len(packet.frame)):
            self.unwritten += 1
            return
        kept = Kept(packet.kind, packet.packet_id, packet.frame, packet.until_ms)
        self.writer.note(lambda store: store.history.add(kept, now_ms), len(packet.frame))

    def _carry(self, event: EventCarried, now: float) -> None:
        """Write an event down that waits for sites, or that it does so no more."""
        if not event.until_ms:
            self.writer.note(lambda store: store.carried.let_go(event.identifier, unsent=event.unsent))
        elif self._budget.take(now, len(event.body)):
            kept = Carried(event.identifier, event.unsent, event.owner, event.created_ms, event.until_ms, event.body)
            self.writer.note(lambda store: store.carried.keep(kept), len(event.body))
        else:
            self.unwritten += 1

    def _pin(self, pinned: KeyPinned, now: float) -> None:
        """Write a key down; of many at once not each, because people can be invented."""
        if self._pins.take(now):
            note = Pinned(pinned.peer_id, pinned.signing_key, pinned.since_ms, pinned.seen_ms)
            self.writer.note(lambda store: store.pins.note(note))
        else:
            self.unwritten += 1

    async def _give_back(self, give: Callable[[Remember | LetterStored], None]) -> None:
        await self._clock_is_set.wait()
        while (found := await self._load()) is None:
            self._settled.set()
            await asyncio.sleep(RETRY_S)
        give(found)
        self._settled.set()

    async def _load(self) -> Remember | None:
        """Read what was kept; None if it cannot be read now."""
        now_ms = self._wall_ms() or 0

        def load(store: Store) -> Remember:
            packets = (HistoryKept(one.kind, one.packet_id, one.frame, one.until_ms) for one in store.history.load(now_ms))
            events = (
                EventNoted(EventMemory(one.memory), one.identifier, one.until_ms)
                for one in store.events.load(now_ms)
                if one.memory in _MEMORIES
            )
            return Remember(
                packets=tuple(packets),
                events=tuple(events),
                carried=tuple(
                    EventCarried(one.identifier, one.unsent, one.owner, one.created_ms, one.until_ms, one.body)
                    for one in store.carried.load(now_ms)
                ),
                pins=tuple(KeyPinned(one.peer_id, one.signing_key, one.since_ms, one.seen_ms) for one in store.pins.load(now_ms)),
                letters=letters_in(store),
                ended=ended_in(store),
            )

        try:
            return await self.writer.ask(load)
        except StoreError:
            return None
