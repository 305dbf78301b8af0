"""Virtual time: it moves when told to, and only forward."""


class VirtualClock:
    """A monotonic clock in seconds that stands still until `advance_to` moves it.

    It fits wherever a `Callable[[], float]` is asked for.
    `offset` turns it into a wall clock: ``unix seconds = now + offset``.
    """

    __slots__ = ("now", "offset")

    def __init__(self, start: float = 0.0, *, offset: float = 1_700_000_000.0) -> None:
        self.now = start
        self.offset = offset

    def __call__(self) -> float:
        """Return `now`."""
        return self.now

    @property
    def unix(self) -> float:
        """Wall-clock time, in seconds since 1970."""
        return self.now + self.offset

    def advance_to(self, when: float) -> None:
        """Move to `when`; `ValueError` if that lies in the past."""
        if when < self.now:
            raise ValueError(f"time cannot go back from {self.now} to {when}")
        self.now = when
