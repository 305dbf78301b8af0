"""A token bucket: how much may go now, and when the rest may."""


class TokenBucket:
    """Lets `rate` units a second through, and up to `burst` at once after a rest.

    Something larger than the burst passes when the bucket is full, and is paid for afterwards.
    """

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self.level = burst  # units that may go now, without a look at the clock
        self._at = now

    def wait(self, units: float, now: float) -> float:
        """Return the seconds until `units` may pass, 0.0 if they may now."""
        self._refill(now)
        return max(0.0, (min(units, self._burst) - self.level) / self._rate)

    def take(self, units: float) -> None:
        """Count what has passed."""
        self.level -= units

    def change(self, rate: float, burst: float, now: float) -> None:
        """Have another rate and burst from now on."""
        self._refill(now)
        self._rate = rate
        self._burst = burst

    def _refill(self, now: float) -> None:
        self.level = min(self._burst, self.level + (now - self._at) * self._rate)
        self._at = now
