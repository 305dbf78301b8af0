"""Token buckets: what somebody may do at once, and again after a while."""


class Bucket:
    """One bucket of `burst` tokens that gains `rate` a second; `now` is in seconds and may not matter where it begins."""

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._at = now

    def _refill(self, now: float) -> None:
        # A clock that was set back gives nothing and takes nothing.
        self._left = min(self._burst, self._left + self._rate * max(0.0, now - self._at))
        self._at = now

    def take(self, now: float, tokens: float = 1.0) -> bool:
        """Take tokens if there are as many; tell whether there were."""
        self._refill(now)
        if self._left < tokens:
            return False
        self._left -= tokens
        return True

    def full(self, now: float) -> bool:
        """True when the bucket has forgotten whatever was taken."""
        self._refill(now)
        return self._left >= self._burst
