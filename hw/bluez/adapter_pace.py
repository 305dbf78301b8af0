"""How fast frames are handed to BlueZ, for all links of one adapter together.

They share one air, and bluetoothd takes whatever it is given, without a bound and without a word when it has
left. So no more is handed over than the air carries: by default what the slowest radio does, and more once answered
writes prove that there is more. Links that want more than there is take turns, a frame or a few each.

The time and the timers are arguments, so that a virtual clock does as well.
"""

import asyncio
from collections.abc import Callable
from math import inf
from typing import Protocol

from hw.bluez.bucket import TokenBucket
from hw.bluez.limits import (
    MAX_VALUE,
    PACE_AHEAD_S,
    PACE_DOWN,
    PACE_FORGET_S,
    PACE_LATE_S,
    PACE_LEAST,
    PACE_LINK_AHEAD_S,
    PACE_LOOK_S,
    PACE_MOST,
    PACE_QUICK_S,
    PACE_START,
    PACE_TICK_S,
    PACE_UP,
)


class Timer(Protocol):
    """What can be called off."""

    def cancel(self) -> object:
        """Call it off."""


class Allowance:
    """What one link may send: `level` bytes, taken from it by whoever sends, without a question.

    Args:
        pace: of the adapter.
        room: called when `ask` has said no and `level` holds the longest frame by now.
        listeners: how often what is sent goes over the air: 1, more where one frame is notified to several.

    """

    __slots__ = ("_pace", "level", "listeners", "room")

    def __init__(self, pace: "AdapterPace", room: Callable[[], None], listeners: int = 1) -> None:
        self._pace = pace
        self.room = room
        self.listeners = listeners
        self.level = 0.0

    def ask(self, size: int) -> bool:
        """Say whether so many bytes may go now; if not, `room` follows once, however often it is asked."""
        return size <= self.level or self._pace.grant(self, size)

    def close(self) -> None:
        """Want nothing more; `room` does not follow."""
        self._pace.leave(self)


class AdapterPace:
    """Shares the air of one adapter among its links.

    Args:
        now: monotonic seconds.
        call_later: calls something so many seconds later.
        rate: bytes a second to begin with, and again when nothing was learned for a while.
        is_learning: whether answered writes change the rate.

    """

    def __init__(
        self,
        now: Callable[[], float],
        call_later: Callable[[float, Callable[[], None]], Timer],
        rate: float = PACE_START,
        *,
        is_learning: bool = True,
    ) -> None:
        self.rate = rate
        self._now = now
        self._call_later = call_later
        self._start = rate
        self._is_learning = is_learning
        self._pool = TokenBucket(rate, max(MAX_VALUE, rate * PACE_AHEAD_S), now())
        self._waiting: dict[Allowance, None] = {}
        self._timer: Timer | None = None
        self._quickest = inf  # seconds, of the answers since the last look
        self._looked = self._heard = now()
        self._cut = -inf  # when the rate was cut

    def allowance(self, room: Callable[[], None], listeners: int = 1) -> Allowance:
        """One more link."""
        return Allowance(self, room, listeners)

    def grant(self, link: Allowance, size: int) -> bool:
        """Give a link what it lacks, if nobody waits and there is enough; it waits for its turn otherwise."""
        if link in self._waiting:
            return False
        now = self._now()
        missing = size - link.level
        if not self._waiting and not self._pool.wait(missing, now):
            granted = max(missing, min(self._pool.level, self.rate * PACE_LINK_AHEAD_S))
            self._pool.take(granted)
            link.level += granted
            return True
        self._waiting[link] = None
        if now - self._heard > PACE_FORGET_S and self.rate != self._start:
            self._set(self._start, now)
        self._arm(now)
        return False

    def leave(self, link: Allowance) -> None:
        """Forget a link."""
        self._waiting.pop(link, None)

    def answered(self, seconds: float) -> None:
        """Learn from a write that was answered after so long, on a link that had more to send than it might.

        Such a link has all it may have, so its frames wait if those of the others do. The quickest answer tells:
        a standing queue delays every one, a weak link only its own. What was written before the last cut tells nothing new.
        """
        if not self._is_learning:
            return
        now = self._heard = self._now()
        if now - seconds < self._cut:
            return
        self._quickest = min(self._quickest, seconds)
        if now - self._looked >= PACE_LOOK_S:
            is_late = self._quickest > PACE_LATE_S
            if is_late:
                self._set(max(self.rate * PACE_DOWN, PACE_LEAST), now)
                self._cut = now
            elif self._quickest < PACE_QUICK_S:
                self._set(min(self.rate * PACE_UP, PACE_MOST), now)
            self._looked, self._quickest = now, inf

    def _set(self, rate: float, now: float) -> None:
        self.rate = rate
        self._pool.change(rate, max(MAX_VALUE, rate * PACE_AHEAD_S), now)

    def _arm(self, now: float) -> None:
        if self._timer is None and self._waiting:
            wait = self._pool.wait(_turn(next(iter(self._waiting))), now)
            self._timer = self._call_later(max(wait, PACE_TICK_S), self._deal)

    def _deal(self) -> None:
        """Give as many of those who wait their turn as there is enough for."""
        self._timer, now = None, self._now()
        while self._waiting and not self._pool.wait(_turn(link := next(iter(self._waiting))), now):
            del self._waiting[link]
            self._pool.take(_turn(link))
            link.level += _turn(link)
            link.room()
        self._arm(now)


def _turn(link: Allowance) -> int:
    """Bytes of one turn: the longest frame, so that whatever a link wants to send next may go."""
    return MAX_VALUE * link.listeners


def loop_pace(rate: float = PACE_START, *, is_learning: bool = True) -> AdapterPace:
    """Make one that lives in the running event loop."""
    loop = asyncio.get_running_loop()
    return AdapterPace(loop.time, loop.call_later, rate, is_learning=is_learning)
