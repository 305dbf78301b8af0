"""Tasks around Bumble, which does not take kindly to being cancelled.

A command to the controller that is cancelled in the middle leaves its answer behind for the next
command; and before Python 3.12 `asyncio.wait_for` forgets a cancellation that comes together with the result.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")
INSIST_S = 0.05  # seconds until a task that has not ended is cancelled again


async def whole(operation: Coroutine[Any, Any, T]) -> T:
    """Await something to its end, and only then be cancelled."""
    task = asyncio.ensure_future(operation)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError
    return task.result()


async def end_all(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they have ended."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=INSIST_S)
