"""What waits for a broker.

Two kinds, with two rules:

* What is retained is state: only the latest of each topic counts, it is kept as long as the gateway
  runs, and all of it is sent again after every reconnection, in the order in which its topics were
  first used. A broker that has forgotten everything knows it all again.
* Everything else is news: kept in order until the broker has acknowledged it, up to a number, a size
  and an age, above which the oldest gives way and is counted.

State goes first. Nothing is removed before it is acknowledged, so news may arrive twice and not never.
"""

from collections import OrderedDict
from dataclasses import dataclass

from gateway.telemetry.limits import MAX_MQTT_INFLIGHT, MAX_MQTT_OUTBOX, MAX_MQTT_OUTBOX_BYTES, MQTT_EVENT_LIFETIME_S
from gateway.telemetry.mqtt.values import Message, Send


@dataclass(slots=True)
class _Kept:
    message: Message
    is_due: bool = True
    token: int | None = None  # while it is on its way


@dataclass(frozen=True, slots=True)
class _News:
    message: Message
    until: float
    size: int


class Outbox:
    """Messages for a broker; time is seconds of a monotonic clock.

    `dropped` counts news given up, `refused` what the broker did not want, `published` what it has.
    """

    def __init__(self) -> None:
        self._state: dict[str, _Kept] = {}
        self._news: OrderedDict[int, _News] = OrderedDict()  # by serial number
        self._flying: OrderedDict[int, tuple[str | int, float]] = OrderedDict()  # token: topic of state or serial of news, since when
        self._sent: set[int] = set()  # serials of news on their way
        self._bytes = 0
        self._serial = 0
        self._token = 0
        self.dropped = self.refused = self.published = 0

    def __len__(self) -> int:
        """Messages the broker has not got."""
        return len(self._news) + sum(kept.is_due or kept.token is not None for kept in self._state.values())

    @property
    def bytes(self) -> int:
        """Bytes of news."""
        return self._bytes

    def keep(self, message: Message) -> None:
        """Make this the state of its topic; one the broker knows is not sent again."""
        known = self._state.get(message.topic)
        if known is None:
            self._state[message.topic] = _Kept(message)
        elif known.message != message:
            known.message, known.is_due = message, True

    def say_again(self, topic: str) -> None:
        """Send the state of a topic once more."""
        if topic in self._state:
            self._state[topic].is_due = True

    def is_known(self, topic: str) -> bool:
        """Whether the broker has acknowledged the state of a topic."""
        kept = self._state.get(topic)
        return kept is not None and not kept.is_due and kept.token is None

    def forget(self, topic: str) -> None:
        """Keep the state of a topic no longer."""
        self._state.pop(topic, None)

    def add(self, message: Message, now: float) -> None:
        """Take news in; the oldest that is not on its way gives way if there is too much."""
        size = len(message.topic.encode()) + len(message.payload)
        if size > MAX_MQTT_OUTBOX_BYTES:
            self.dropped += 1
            return
        self._serial += 1
        self._news[self._serial] = _News(message, now + MQTT_EVENT_LIFETIME_S, size)
        self._bytes += size
        while len(self._news) > MAX_MQTT_OUTBOX or self._bytes > MAX_MQTT_OUTBOX_BYTES:
            self._drop(next(serial for serial in self._news if serial not in self._sent))

    def reconnected(self) -> None:
        """The broker may know nothing: all state is due again, and so is what it has not acknowledged."""
        self._flying.clear()
        self._sent.clear()
        for kept in self._state.values():
            kept.is_due, kept.token = True, None

    def take(self, now: float) -> Send | None:
        """Return the next message to send, None while there is none or the broker has enough to acknowledge."""
        if len(self._flying) >= MAX_MQTT_INFLIGHT:
            return None
        for topic, kept in self._state.items():
            if kept.is_due and kept.token is None:
                kept.is_due = False
                kept.token = self._next_token(topic, now)
                return Send(kept.token, kept.message)
        while (serial := next((serial for serial in self._news if serial not in self._sent), None)) is not None:
            if self._news[serial].until > now:
                self._sent.add(serial)
                return Send(self._next_token(serial, now), self._news[serial].message)
            self._drop(serial)
        return None

    def acknowledged(self, token: int, *, refused: bool = False) -> None:
        """The broker has it, or does not want it; a token it has made up is nothing."""
        what = self._flying.pop(token, None)
        if what is None:
            return
        if refused:
            self.refused += 1
        else:
            self.published += 1
        if isinstance(what[0], str):
            kept = self._state.get(what[0])
            if kept is not None and kept.token == token:
                kept.token = None
            return
        self._sent.discard(what[0])
        self._bytes -= self._news.pop(what[0]).size

    def waiting_since(self) -> float | None:
        """Return since when the oldest message on its way has not been acknowledged, None if none is."""
        return next((since for _, since in self._flying.values()), None)

    def _next_token(self, what: str | int, now: float) -> int:
        self._token += 1
        self._flying[self._token] = (what, now)
        return self._token

    def _drop(self, serial: int) -> None:
        self._bytes -= self._news.pop(serial).size
        self.dropped += 1
