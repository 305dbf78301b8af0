"""The demo's failover: libp2p goes, WebSocket takes over, libp2p comes back. When each happened, and how long it took."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

MOST_S = 10.0  # seconds the traffic may take to move
GONE_AT, BACK_AT = 0.25, 0.65  # of the talk
GONE_AFTER_S, BACK_AFTER_S = 10.0, 40.0  # of a talk without an end: longer than a link outlives its stream
FIRST, SECOND = "libp2p", "websocket"


@dataclass(slots=True)
class Failover:
    """What happened when; times are monotonic seconds."""

    gone_at: float | None = None  # when the libp2p process was killed
    moved_s: float | None = None  # seconds until both gateways used the other transport
    back_at: float | None = None  # when it was allowed to come back
    returned_s: float | None = None  # seconds until both used it again
    clock: Callable[[], float] = time.monotonic

    def kill(self) -> None:
        """The libp2p process is killed now."""
        self.gone_at = self.clock()

    def allow(self) -> None:
        """It may come back from now on."""
        self.back_at = self.clock()

    def look(self, used: Iterable[str | None]) -> None:
        """Note which transport each gateway uses."""
        ways, now = set(used), self.clock()
        if self.gone_at is not None and self.moved_s is None and ways == {SECOND}:
            self.moved_s = now - self.gone_at
        if self.back_at is not None and self.returned_s is None and ways == {FIRST}:
            self.returned_s = now - self.back_at

    @property
    def is_clean(self) -> bool:
        """Whether what was begun went well."""
        moved = self.gone_at is None or (self.moved_s is not None and self.moved_s <= MOST_S)
        return moved and (self.back_at is None or self.returned_s is not None)

    def result(self) -> dict[str, float | None]:
        """The figures, in seconds."""
        return {"moved_s": _rounded(self.moved_s), "returned_s": _rounded(self.returned_s)}


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
