"""Which broker to try next, when, and in which version of MQTT."""

from collections.abc import Sequence

from gateway.config.mqtt import Broker
from gateway.telemetry.mqtt.values import Dial, Trouble, Version
from transports.backoff import Backoff

_OF_THE_VERSION = frozenset({Trouble.VERSION, Trouble.LOST, Trouble.GARBAGE})
"""How a broker that has never heard of MQTT 5 ends it: in words, without any, or with what looks like nonsense."""


class Dialling:
    """Goes through the brokers in their order, again and again, and waits longer after each failure.

    MQTT 5 is tried first with every broker. If it ends before it began in a way that may be due to the
    version, the same broker is asked in 3.1.1 at once, and that is kept to as long as it works.

    Args:
        brokers: at least one.
        backoff: how long to wait between failures.

    """

    def __init__(self, brokers: Sequence[Broker], backoff: Backoff) -> None:
        self._brokers = brokers
        self._backoff = backoff
        self._versions = dict.fromkeys(brokers, Version.V5)
        self._index = 0
        self.due = 0.0

    @property
    def next(self) -> Dial:
        """What to try when `due` has come."""
        broker = self._brokers[self._index]
        return Dial(broker, self._versions[broker])

    def failed(self, trouble: Trouble, now: float) -> None:
        """It ended before the broker had answered."""
        broker = self._brokers[self._index]
        if self._versions[broker] is Version.V5 and trouble in _OF_THE_VERSION:
            self._versions[broker] = Version.V311
            self.due = now
            return
        self._versions[broker] = Version.V5
        self._move_on(now)

    def lost(self, now: float) -> None:
        """It ended after the broker had answered."""
        self._move_on(now)

    def works(self) -> None:
        """The line has held for a while: the next failure is a first one."""
        self._backoff.reset()

    def _move_on(self, now: float) -> None:
        self._index = (self._index + 1) % len(self._brokers)
        self.due = now + self._backoff.next()
