"""The sliding window that accepts each message counter once (RFC 6479 in spirit, one Python integer in fact).

Both phone apps keep the same 1,024 counters but shift their bitmap the wrong way when it
advances, so they may refuse a late message or accept a recent replay. This is the right rule;
against them only sending in strictly increasing order helps.
"""

from gateway.limits import REPLAY_WINDOW

_MASK = (1 << REPLAY_WINDOW) - 1


class ReplayWindow:
    """Which of the last 1,024 counters have been accepted.

    `fresh` asks, `accept` records: the caller authenticates the message before it records, so that
    a forged counter can never move the window.
    """

    __slots__ = ("_seen", "highest")

    def __init__(self) -> None:
        self.highest = -1  # highest accepted counter, -1 before the first
        self._seen = 0  # bit i is set when counter (highest - i) was accepted

    def fresh(self, counter: int) -> bool:
        """True when `counter` is neither accepted yet nor older than the window."""
        age = self.highest - counter
        return age < 0 or (age < REPLAY_WINDOW and not self._seen >> age & 1)

    def accept(self, counter: int) -> None:
        """Record a counter that is fresh and whose message has been authenticated."""
        age = self.highest - counter
        if age >= 0:
            self._seen |= 1 << age
            return
        # A peer may jump by billions; shifting by that much would build a number of as many bits.
        self._seen = ((self._seen << -age) & _MASK if -age < REPLAY_WINDOW else 0) | 1
        self.highest = counter
