"""The one thread that writes: it owns the database, and the event loop never waits for a disk.

Rules:

* What is noted is written in batches, 20 at a time or after a quarter of a second. What is asked is written at
  once together with everything noted before, and its caller is answered after the commit: several who ask for a
  promise at the same moment share one.
* While the database cannot be written, whoever asks is told so, and what was noted waits in bounded memory; what
  is more than that is dropped and counted. Only notes are ever dropped.
* Whatever is wrong is tried again every few seconds, and its end is reported as well.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Final, TypeVar

from gateway.errors import Reason, StoreError, StoreFault
from gateway.limits import MAX_STORE_ASKING, MAX_STORE_WAITING, MAX_STORE_WAITING_BYTES
from gateway.runtime.desk import Desk, Job, OpenStore
from gateway.store.message import Accepted, Message
from gateway.store.store import Store

T = TypeVar("T")

BATCH: Final = 20  # notes that are not left waiting for more
BATCH_S: Final = 0.25  # seconds a note waits for others
MOST_AT_ONCE: Final = 256  # jobs in one transaction
RETRY_S: Final = 5.0  # seconds between two looks whether the trouble is over
UPKEEP_S: Final = 60.0  # seconds between two prunings
RECOVERED: Final = "The database can be written again: messages are kept and promised as before."


class StoreWriter:
    """Writes to the store and reads from it, for callers in the event loop.

    Args:
        open_store: see `gateway.runtime.desk.OpenStore`; called in the writing thread, and again after trouble.
        wall_ms: Unix milliseconds, None while the time of day is not known: then nothing is too old.
        report: told one sentence per change of state.
        executor: runs one thing at a time; a thread of its own unless a test says otherwise.

    `dropped` counts the notes given up for want of memory, `turns` what the thread was given and has finished, well or not.

    """

    def __init__(
        self, open_store: OpenStore, wall_ms: Callable[[], int | None], report: Callable[[str], None], executor: Executor | None = None
    ) -> None:
        self._desk = Desk(open_store)
        self._wall_ms = wall_ms
        self._report = report
        self._executor = executor or ThreadPoolExecutor(1, thread_name_prefix="store")
        self._jobs: deque[Job] = deque()
        self._noted = self._noted_bytes = self._asked = self._asked_bytes = 0
        self._wake = asyncio.Event()
        self._ended = False
        self._trouble: StoreError | None = None
        self.dropped = 0
        self.turns = 0

    @property
    def trouble(self) -> tuple[str, str] | None:
        """What is wrong now and what to do about it, None while all is well."""
        return None if self._trouble is None else (self._trouble.sentence, self._trouble.remedy)

    @property
    def waiting(self) -> int:
        """Notes that are not written yet."""
        return self._noted

    def note(self, call: Callable[[Store], object], size: int = 0, *, at_once: bool = False) -> bool:
        """Have something written soon, without an answer.

        Args:
            call: does it; runs in the writing thread, inside a transaction, possibly more than once.
            size: bytes of memory it holds meanwhile.
            at_once: do not let it wait for others.

        Returns:
            False if it was dropped because too much is waiting; that is counted.

        """
        if self._ended or self._noted >= MAX_STORE_WAITING or self._noted_bytes + size > MAX_STORE_WAITING_BYTES:
            self.dropped += 1
            return False
        self._jobs.append(Job(call, size))
        self._noted += 1
        self._noted_bytes += size
        if at_once or self._noted >= BATCH:
            self._wake.set()
        elif self._noted == 1:
            asyncio.get_running_loop().call_later(BATCH_S, self._wake.set)
        return True

    async def ask(self, call: Callable[[Store], T], *, durable: bool = False, size: int = 0) -> T:
        """Have something done at once, after everything that was noted before; returns what `call` returns, once it is written.

        Args:
            call: does it; runs in the writing thread, inside a transaction, possibly more than once.
            durable: whether what it writes has to survive a power cut when this returns.
            size: bytes of memory it holds meanwhile.

        Raises:
            StoreError: nothing of it was written.

        """
        if self._ended or self._asked >= MAX_STORE_ASKING or self._asked_bytes + size > MAX_STORE_WAITING_BYTES:
            raise self._trouble or StoreError(StoreFault.BUSY, "More is waiting for the disk than there is memory for.", "Try again later.")
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.append(Job(call, size, durable, answer))
        self._asked += 1
        self._asked_bytes += size
        self._wake.set()
        return await answer

    async def accept(self, message: Message, now_ms: int) -> Accepted | Reason:
        """Take a message into the spool; only after an `Accepted` may anybody be told that we have it."""
        try:
            return await self.ask(lambda store: store.spool.accept(message, now_ms), durable=True, size=len(message.body))
        except StoreError:
            return Reason.STORE

    async def flush(self) -> None:
        """Return when everything noted so far is written; raises `StoreError` if it cannot be."""
        await self.ask(lambda _store: None)
        if self._trouble is not None:
            raise self._trouble

    async def run(self) -> None:
        """Write until cancelled, and then what is left; a note that raises is a mistake of ours and ends the gateway."""
        loop = asyncio.get_running_loop()
        upkeep_at = loop.time() + UPKEEP_S
        try:
            await self._in_thread(self._desk.recover)
            retry_at = loop.time() + RETRY_S
            while True:
                await self._write()
                await self._sleep(min(upkeep_at, retry_at) if self._trouble is not None else upkeep_at)
                if self._trouble is not None and loop.time() >= retry_at:
                    await self._in_thread(self._desk.recover)
                    retry_at = loop.time() + RETRY_S
                if loop.time() >= upkeep_at:
                    await self._in_thread(self._desk.upkeep, self._wall_ms())
                    upkeep_at = loop.time() + UPKEEP_S
        finally:
            await self._end()

    async def _end(self) -> None:
        self._ended = True
        try:
            await self._write()
        finally:
            await self._in_thread(self._desk.close)
            self._executor.shutdown(wait=False)

    async def _sleep(self, until: float) -> None:
        try:
            async with asyncio.timeout_at(until):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _write(self) -> None:
        """Write what waits; while there is trouble, do only what somebody asks for."""
        self._wake.clear()
        while jobs := self._take():
            try:
                await self._in_thread(self._desk.work, jobs)
            finally:
                self._settle(jobs)

    def _take(self) -> list[Job]:
        """Take out the next jobs, in order."""
        if self._trouble is None or self._ended:
            return [self._jobs.popleft() for _ in range(min(len(self._jobs), MOST_AT_ONCE))]
        jobs = [job for job in self._jobs if job.answer is not None]
        self._jobs = deque(job for job in self._jobs if job.answer is None)
        return jobs

    def _settle(self, jobs: Sequence[Job]) -> None:
        """Answer whoever waits, and put back the notes that could not be written, in their order."""
        back: list[Job] = []
        mistakes: list[Exception] = []
        for job in jobs:
            if job.answer is not None:
                self._asked -= 1
                self._asked_bytes -= job.size
                _tell(job.answer, job)
            elif isinstance(job.error, StoreError) and not self._ended:
                back.append(job)
            else:
                self._noted -= 1
                self._noted_bytes -= job.size
                self.dropped += job.error is not None
                if job.error is not None and not isinstance(job.error, StoreError):
                    mistakes.append(job.error)
        self._jobs.extendleft(reversed(back))
        if mistakes:
            raise mistakes[0]

    async def _in_thread(self, work: Callable[..., None], *arguments: object) -> None:
        """Do something in the writing thread to its end, even if cancelled meanwhile, and see how the database is then."""
        future = asyncio.get_running_loop().run_in_executor(self._executor, work, *arguments)
        try:
            await asyncio.shield(future)
        except asyncio.CancelledError:
            await future
            raise
        finally:
            self.turns += future.done()
            self._look()

    def _look(self) -> None:
        before, self._trouble = self._trouble, self._desk.trouble
        for sentence in self._desk.asides:
            self._report(sentence)
        self._desk.asides.clear()
        if self._trouble is not None and (before is None or before.fault is not self._trouble.fault):
            self._report(str(self._trouble))
        elif self._trouble is None and before is not None:
            self._report(RECOVERED)


def _tell(answer: asyncio.Future[object], job: Job) -> None:
    if answer.done():  # whoever asked is gone
        return
    if job.error is not None:
        answer.set_exception(job.error)
    else:
        answer.set_result(job.result)
