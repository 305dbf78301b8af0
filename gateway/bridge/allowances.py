"""What the limits of the policy have left: token buckets, bounded in number.

A bucket holds what a limit gives in a minute, starts full, and refills evenly. Whoever a limit is counted for
has a bucket of their own while there is room. A bucket is given up only once it is full again, when
forgetting it changes nothing; where none is, newcomers to a rule share one bucket. So nobody gets
a fresh allowance by inventing senders, and nobody loses theirs to invented ones.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

from gateway.bridge.policy import Action, Facts, Limit, Per, Verdict
from gateway.limits import MAX_POLICY_BUCKETS
from gateway.session.rate import TokenBucket

_MINUTE = 60.0  # seconds


@dataclass(slots=True)
class _Allowance:
    packets: TokenBucket | None
    size: TokenBucket | None

    def holds(self, size: int, now: float) -> bool:
        """Tell whether there is one packet left, and its bytes."""
        if self.packets is not None and self.packets.level(now) < 1:
            return False
        return self.size is None or self.size.level(now) >= size

    def take(self, size: int, now: float) -> bool:
        """Take one packet and its bytes, or neither."""
        if not self.holds(size, now):
            return False
        for bucket, amount in ((self.packets, 1), (self.size, size)):
            if bucket is not None:
                bucket.take(now, amount)
        return True

    def is_full(self, now: float) -> bool:
        return all(bucket is None or bucket.level(now) >= bucket.burst for bucket in (self.packets, self.size))


class Left(NamedTuple):
    """What a limit has left for whoever has used most of it."""

    packets: float | None  # None: it does not count them
    size: float | None  # bytes
    counted: int  # who have an allowance of their own


class Allowances:
    """The state of every limit of one policy; a changed policy begins with a new one."""

    def __init__(self) -> None:
        self._own: OrderedDict[tuple[str, bytes], _Allowance] = OrderedDict()
        self._shared: dict[str, _Allowance] = {}  # one a rule

    def __len__(self) -> int:
        return len(self._own) + len(self._shared)

    def would_admit(self, verdict: Verdict, facts: Facts, sender: bytes, now: float) -> bool:
        """Tell whether `admit` would let a packet cross, and use nothing up."""
        if verdict.limit is None:
            return verdict.action is Action.ALLOW
        return self._of(verdict.rule, verdict.limit, _key(verdict.limit.per, facts, sender), now).holds(facts.size, now)

    def admit(self, verdict: Verdict, facts: Facts, sender: bytes, now: float) -> bool:
        """Tell whether a packet crosses, and count it if it does.

        Args:
            verdict: what the policy said about it.
            facts: what it said that about.
            sender: whoever sent the packet; an 8-byte peer ID, or what stands for it in a record of the past.
            now: seconds, monotonic.

        """
        if verdict.limit is None:
            return verdict.action is Action.ALLOW
        return self._of(verdict.rule, verdict.limit, _key(verdict.limit.per, facts, sender), now).take(facts.size, now)

    def left(self, now: float) -> dict[str, Left]:
        """Return what the limits that were used have left, by rule, for whoever has least of it; `now` in seconds, monotonic."""
        found: dict[str, Left] = {}
        for rule, one in [*((rule, one) for (rule, _), one in self._own.items()), *self._shared.items()]:
            known = found.get(rule, Left(None, None, 0))
            found[rule] = Left(_least(known.packets, one.packets, now), _least(known.size, one.size, now), known.counted + 1)
        return found

    def _of(self, rule: str, limit: Limit, key: bytes, now: float) -> _Allowance:
        known = self._own.get((rule, key))
        if known is not None:
            self._own.move_to_end((rule, key))
            return known
        if len(self._own) >= MAX_POLICY_BUCKETS:
            oldest = next(iter(self._own))
            if not self._own[oldest].is_full(now):
                return self._shared.setdefault(rule, _fresh(limit))
            del self._own[oldest]
        return self._own.setdefault((rule, key), _fresh(limit))


def _least(known: float | None, bucket: TokenBucket | None, now: float) -> float | None:
    if bucket is None:
        return known
    return bucket.level(now) if known is None else min(known, bucket.level(now))


def _key(per: Per, facts: Facts, sender: bytes) -> bytes:
    match per:
        case Per.ORIGIN:
            return sender
        case Per.SITE:
            return facts.far_site or b""
        case Per.ALL:
            return b""


def _fresh(limit: Limit) -> _Allowance:
    return _Allowance(*(None if one is None else TokenBucket(one / _MINUTE, one) for one in (limit.packets, limit.size)))
