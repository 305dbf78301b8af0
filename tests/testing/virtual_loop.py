"""An asyncio loop whose clock jumps to the next timer instead of waiting for it."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, jump: Callable[[float], None]) -> None:
        super().__init__()
        self._jump = jump

    def select(self, timeout=None):
        ready = super().select(0)
        if not ready and timeout:
            self._jump(timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._virtual = 1000.0
        super().__init__(_JumpingSelector(self._advance))

    def time(self) -> float:
        return self._virtual

    def run_in_executor(self, _executor, work, *arguments):
        """Do what is for a thread right away: while a real one works, the clock would run on by itself."""
        future = self.create_future()
        try:
            future.set_result(work(*arguments))
        except Exception as error:  # noqa: BLE001 -- whoever waits gets it
            future.set_exception(error)
        return future

    def _advance(self, seconds: float) -> None:
        self._virtual += seconds


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end without ever waiting."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
