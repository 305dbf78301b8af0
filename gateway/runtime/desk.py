"""The writing thread's side of the store: jobs in, outcomes out. See `gateway.runtime.writer` for who hands them over."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.errors import StoreError, StoreFault
from gateway.store.store import Store

OpenStore = Callable[[bool], Store]
"""Opens the store; the argument says whether what is there is known to be damaged. Raises `StoreError`."""


@dataclass(slots=True, eq=False)
class Job:
    """Something to be done with the store; `answer` is None if nobody waits for it, `size` the bytes it holds."""

    call: Callable[[Store], Any]
    size: int
    durable: bool = False
    answer: asyncio.Future[Any] | None = None
    result: Any = None
    error: Exception | None = None


class Desk:
    """Owns the store, opens it, and gives it up when it fails.

    `trouble` is what is wrong, None while all is well. `asides` has a sentence for every database
    that was moved aside. Both may be read from another thread while this one has nothing to do.
    """

    def __init__(self, open_store: OpenStore) -> None:
        self._open_store = open_store
        self._store: Store | None = None
        self._distrust = False
        self.trouble: StoreError | None = None
        self.asides: list[str] = []

    def recover(self) -> None:
        """Open the store if it is not open, and see whether the trouble is over."""
        try:
            if self._store is None:
                self._store = self._open_store(self._distrust)
                self._distrust = False
                if self._store.database.aside:
                    self.asides.append(self._store.database.aside)
            if self.trouble is not None:
                self._store.database.probe()
                self.trouble = None
        except StoreError as error:
            self._fail(error)

    def upkeep(self, now_ms: int | None) -> None:
        """Forget what is over and give its room back; without a time of day, only the latter."""
        if self._store is None:
            return
        try:
            if now_ms is not None:
                self._store.prune(now_ms)
            self._store.database.compact()
        except StoreError as error:
            self._fail(error)

    def work(self, jobs: Sequence[Job]) -> None:
        """Do the jobs and commit; each has its result or its error then.

        All of them share a transaction. When it fails for want of room, each gets one of its own: reading and
        taking away are still possible.
        """
        if self.trouble is None:
            try:
                return self._do(jobs)
            except StoreError as error:
                self._fail(error)
        for job in jobs:
            job.result, job.error = None, self.trouble
            if self._store is None or (job.answer is None and self._is_full()):
                continue
            try:
                self._do([job])
            except StoreError as error:
                self._fail(error)
                job.error = error
        return None

    def close(self) -> None:
        """Move the log into the file and let go of it."""
        if self._store is not None:
            self.upkeep(None)
        if self._store is not None:
            self._store.close()
            self._store = None

    def _is_full(self) -> bool:
        return self.trouble is not None and self.trouble.fault is StoreFault.FULL

    def _do(self, jobs: Sequence[Job]) -> None:
        if self._store is None:
            raise RuntimeError("the store is not open")
        database = self._store.database
        with database.transaction(durable=any(job.durable for job in jobs)):
            for job in jobs:
                job.result, job.error = None, None
                try:
                    with database.step():
                        job.result = job.call(self._store)
                except StoreError:
                    raise
                except Exception as error:  # noqa: BLE001 - whoever asked for it gets it
                    job.error = error

    def _fail(self, error: StoreError) -> None:
        """Note what is wrong; whatever it is but want of room, the file has to be opened anew."""
        self.trouble = error
        if error.fault is StoreFault.FULL:
            return
        self._distrust = self._distrust or error.fault is StoreFault.UNREADABLE
        if self._store is not None:
            self._store.close()
            self._store = None
