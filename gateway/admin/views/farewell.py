"""What ends the gateway is answered while somebody can still be told: its page is gone before its work is done."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

MOMENT_S: Final = 0.1  # seconds in which a refusal comes; much less than the page is there after the end has begun
T = TypeVar("T")
_under_way: Final = set[asyncio.Task[Any]]()


async def begun(asking: Coroutine[Any, Any, T]) -> T | None:
    """Wait a moment for what was asked: returns its answer, None if it has begun; raises what speaks against it."""
    task = asyncio.ensure_future(asking)
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)
    await asyncio.wait({task}, timeout=MOMENT_S)
    return task.result() if task.done() else None
