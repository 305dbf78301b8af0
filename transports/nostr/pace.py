"""How often something may happen with one relay, on average and at once."""


class Pace:
    """A budget that refills at `rate` a second up to `burst`, and starts full.

    Args:
        rate: a second.
        burst: at once.

    """

    def __init__(self, rate: float, burst: float) -> None:
        if rate <= 0 or burst < 1:
            raise ValueError("A pace needs a positive rate and room for one.")
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._at = 0.0

    def wait(self, now: float) -> float:
        """Take one and return 0, or return the seconds until there is one."""
        self._level = min(self._burst, self._level + max(0.0, now - self._at) * self._rate)
        self._at = now
        if self._level >= 1:
            self._level -= 1
            return 0.0
        return (1 - self._level) / self._rate
