"""Joins the engine to the store: what is to outlive a restart is noted, and after one it is given back."""

from collections.abc import Callable

from gateway.runtime.desk import OpenStore
from gateway.runtime.writer import StoreWriter
from gateway.status import StoreSummary


class Keeping:
    """The store of one gateway, which goes on whatever becomes of it.

    Args:
        open_store: see `gateway.runtime.desk.OpenStore`.
        wall_ms: Unix milliseconds, None while the time of day is not known.
        report: told one sentence per change of state.

    """

    def __init__(self, open_store: OpenStore, wall_ms: Callable[[], int | None], report: Callable[[str], None]) -> None:
        self._wall_ms = wall_ms
        self.writer = StoreWriter(open_store, wall_ms, report)

    async def run(self) -> None:
        """Write until cancelled, then what is left; a mistake of ours is raised."""
        await self.writer.run()

    @property
    def troubles(self) -> list[tuple[str, str]]:
        """What is wrong and what to do about it, nothing while all is well."""
        return [] if self.writer.trouble is None else [self.writer.trouble]

    def summary(self) -> StoreSummary:
        """Return the figures for the status."""
        return StoreSummary(self.writer.waiting, self.writer.dropped)
