"""Writes down who has changed what, within what a card bears, and looks it up again.

Rules:

* Nobody waits for it, and no trouble of the database stops anything: what cannot be written goes into the log of the
  gateway as an entry, and is tried again.
* Of each action only so many are written down in an hour. What is more is counted, and the next one that is written says how many.
* The time is that of the deed, also if the time of day becomes known only afterwards.
"""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from gateway.admin.audit import AuditDocument, change_document, sentence_of
from gateway.errors import StoreError
from gateway.limits import AUDIT_BURST, AUDIT_RATE, MAX_AUDIT_WAITING
from gateway.runtime.writer import RETRY_S, StoreWriter
from gateway.session.rate import TokenBucket
from gateway.store.audit import Action, Actor, Change
from gateway.store.store import Store

NOT_WRITTEN: Final = "{} This is not in the log of changes yet, which cannot be written."


class Auditor:
    """The log of changes of one gateway.

    Args:
        writer: of the store.
        wall_ms: Unix milliseconds, None while the time of day is not known.
        report: told one sentence for each change that cannot be written down now.

    `left_out` counts the changes that were too many.

    """

    def __init__(self, writer: StoreWriter, wall_ms: Callable[[], int | None], report: Callable[[str], None]) -> None:
        self._writer = writer
        self._wall_ms = wall_ms
        self._report = report
        self._budgets: defaultdict[Action, TokenBucket] = defaultdict(lambda: TokenBucket(AUDIT_RATE, AUDIT_BURST))
        self._untold: Counter[Action] = Counter()
        self._waiting: deque[tuple[float, Change]] = deque()
        self._writing = asyncio.Lock()
        self._handed_over = 0  # of those that wait: the store is about to write them
        self._reported = 0  # of those that wait: the log of the gateway has them
        self._news = asyncio.Event()
        self.left_out = 0

    def note(self, actor: Actor, action: Action, detail: str = "", uid: int | None = None) -> None:
        """Note what somebody has done; see `gateway.admin.audit.Witness`."""
        now = asyncio.get_running_loop().time()
        if len(self._waiting) >= MAX_AUDIT_WAITING or not self._budgets[action].take(now):
            self._untold[action] += 1
            self.left_out += 1
            return
        self._waiting.append((now, Change(None, actor, action, detail, uid, self._untold.pop(action, 0))))
        self._news.set()

    async def run(self) -> None:
        """Write down what is noted, until cancelled."""
        while True:
            self._news.clear()
            if not await self._write():
                await asyncio.sleep(RETRY_S)
            elif not self._waiting:
                await self._news.wait()

    def flush(self) -> None:
        """Hand over what still waits: the last thing before the store is closed."""
        changes = self._timed()[self._handed_over :]
        if changes:
            self._writer.note(lambda store: _add(store, changes))
            self._handed_over += len(changes)

    async def page(self, limit: int, cursor: int | None) -> AuditDocument:
        """List what was changed, the latest first; `cursor` is that of the page before. Raises `StoreError`."""
        await self._write()
        rows = await self._writer.ask(lambda store: store.audit.page(limit + 1, cursor))
        more = len(rows) > limit
        return AuditDocument(tuple(map(change_document, rows[:limit])), rows[limit - 1].seq if more else None, self.left_out)

    async def _write(self) -> bool:
        """Write down what waits; False if that cannot be done now, which the log of the gateway says then of each change once."""
        async with self._writing:
            changes = self._timed()
            if not changes:
                return True
            self._handed_over = len(changes)
            try:
                await self._writer.ask(lambda store: _add(store, changes))
            except StoreError:
                self._handed_over = 0
                for change in changes[self._reported :]:
                    self._report(NOT_WRITTEN.format(sentence_of(change)))
                self._reported = len(changes)
                return False
            for _ in changes:
                self._waiting.popleft()
            self._handed_over = self._reported = 0
            return True

    def _timed(self) -> list[Change]:
        """Return what waits, with the time each thing was done."""
        wall_ms, now = self._wall_ms(), asyncio.get_running_loop().time()
        if wall_ms is None:
            return [change for _, change in self._waiting]
        return [replace(change, at_ms=wall_ms - int((now - at) * 1000)) for at, change in self._waiting]


def _add(store: Store, changes: list[Change]) -> None:
    for change in changes:
        store.audit.add(change)
