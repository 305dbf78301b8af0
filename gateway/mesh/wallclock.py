"""Wall-clock time, once somebody has told it."""


class WallClock:
    """Turns the engine's monotonic seconds into milliseconds since the epoch."""

    __slots__ = ("_offset",)

    def __init__(self) -> None:
        self._offset: float | None = None

    def set(self, offset: float) -> None:
        """Learn that unix seconds are ``now + offset``."""
        self._offset = offset

    def ms(self, now: float) -> int | None:
        """Return milliseconds since the epoch, or None while the time is not known."""
        return None if self._offset is None else int((now + self._offset) * 1000)
