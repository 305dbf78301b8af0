"""Token buckets: how much of something may happen, on average and at once."""

from collections import OrderedDict


class TokenBucket:
    """A budget that refills at `rate` tokens a second up to `burst`, and starts full.

    Time is the caller's monotonic clock; a clock that goes back adds nothing and takes nothing.

    Raises:
        ValueError: a rate or burst that is not positive.
    """

    __slots__ = ("_at", "_level", "burst", "rate")

    def __init__(self, rate: float, burst: float) -> None:
        if rate <= 0 or burst <= 0:
            raise ValueError("a token bucket needs a positive rate and burst")
        self.rate = rate
        self.burst = burst
        self._level = burst
        self._at = 0.0

    def level(self, now: float) -> float:
        """Tokens there are at `now`, 0 to `burst`."""
        elapsed = now - self._at
        if elapsed > 0:
            self._level = min(self.burst, self._level + elapsed * self.rate)
            self._at = now
        return self._level

    def take(self, now: float, n: float = 1) -> bool:
        """Take `n` tokens, or none and return False when there are fewer."""
        level, elapsed = self._level, now - self._at
        if elapsed > 0:  # as in `level`: this is asked for every packet, more than once
            level = min(self.burst, level + elapsed * self.rate)
            self._at = now
        if level < n:
            self._level = level
            return False
        self._level = level - n
        return True


class KeyedBuckets:
    """One token bucket for each key; the key used longest ago is forgotten above `cap` keys.

    A forgotten key starts full again, so keys a stranger can invent need a bucket over all of them as well.
    """

    __slots__ = ("_buckets", "burst", "cap", "rate")

    def __init__(self, rate: float, burst: float, cap: int) -> None:
        self.rate = rate
        self.burst = burst
        self.cap = cap
        self._buckets: OrderedDict[bytes, TokenBucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: bytes, now: float, n: float = 1) -> bool:
        """Take `n` tokens of `key`, or none and return False when it has fewer."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(self.rate, self.burst)
            if len(self._buckets) > self.cap:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        return bucket.take(now, n)
