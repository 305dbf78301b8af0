"""What one link may bring for single recipients: one budget, in which every origin has a share that no other can use up.

While there is plenty, anybody may have any of it. The last of it goes only to who asks for no more than a share, so somebody
who whispers now and then is heard beside a flood that has eaten the rest. Origins cost nothing to invent, so their number is
bounded: whoever asked within the last minute keeps their share whatever comes, and newcomers without one have one together.
"""

from collections import OrderedDict

from gateway.limits import (
    DIRECTED_BURST,
    DIRECTED_RATE,
    DIRECTED_RESERVE,
    DIRECTED_SHARE_BURST,
    DIRECTED_SHARE_IDLE_S,
    DIRECTED_SHARE_RATE,
    MAX_DIRECTED_ORIGINS,
)
from gateway.session.rate import TokenBucket


class Shares:
    """The budget of one link, in bytes."""

    __slots__ = ("_all", "_asked", "_others", "_own")

    def __init__(self) -> None:
        self._all = TokenBucket(DIRECTED_RATE, DIRECTED_BURST + DIRECTED_RESERVE)
        self._own: OrderedDict[bytes, TokenBucket] = OrderedDict()  # asked for longest ago first
        self._asked: dict[bytes, float] = {}
        self._others = _share()

    def __len__(self) -> int:
        return len(self._own)

    def take(self, origin: bytes, now: float, size: int) -> bool:
        """Take the bytes of one packet of an origin, or none and return False."""
        level = self._all.level(now)
        if level - size < DIRECTED_RESERVE and (level < size or not self._of(origin, now).take(now, size)):
            return False
        return self._all.take(now, size)

    def _of(self, origin: bytes, now: float) -> TokenBucket:
        if origin not in self._own:
            if len(self._own) >= MAX_DIRECTED_ORIGINS:
                quietest = next(iter(self._own))
                if now - self._asked[quietest] < DIRECTED_SHARE_IDLE_S:
                    return self._others
                del self._own[quietest], self._asked[quietest]
            self._own[origin] = _share()
        self._own.move_to_end(origin)
        self._asked[origin] = now
        return self._own[origin]


def _share() -> TokenBucket:
    return TokenBucket(DIRECTED_SHARE_RATE, DIRECTED_SHARE_BURST)
