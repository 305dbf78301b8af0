"""One gateway's conversation with its broker, as a state machine without I/O.

``handle(event, now)`` takes what happened on the line and ``run_due(now)`` what time brings; both
return what to do, and ``next_wakeup()`` says when to come back.

    wait ──due──▶ dial ──LineUp──▶ talk ──LineDown──▶ wait        every state ──end()──▶ over
                    └───LineDown (perhaps another version, another broker)───▶ wait

On every connection: subscribe (the line does), then discovery, info, state, health, and `online` last,
so that nobody sees a gateway as there before its state is. The Last Will says `offline`; a gateway that
ends says it itself.
"""

from random import Random

from gateway.telemetry.limits import MAX_MQTT_PEERS
from gateway.telemetry.mqtt.commands import Admission
from gateway.telemetry.mqtt.dialling import Dialling
from gateway.telemetry.mqtt.outbox import Outbox
from gateway.telemetry.mqtt.sentences import sentence_of
from gateway.telemetry.mqtt.topics import Topics
from gateway.telemetry.mqtt.values import (
    Acknowledged,
    Action,
    Arrived,
    Dial,
    HangUp,
    LineDown,
    LineEvent,
    LineUp,
    Message,
    Order,
    Report,
    Trouble,
)
from gateway.telemetry.mqtt.writing import encode

ONLINE, OFFLINE = b"online", b"offline"
BIRTH_S = (1.0, 10.0)  # seconds until a Home Assistant that has just started is told everything again
PATIENCE_S = 30.0  # seconds a broker may take to acknowledge, and a line to come up
HEALTHY_S = 60.0  # seconds after which a line counts as good


class Session:
    """Keeps a broker informed and judges its commands.

    Args:
        topics: of this gateway.
        dialling: which broker when.
        admission: which commands.
        rng: chance, for who is told again when.

    """

    def __init__(self, topics: Topics, dialling: Dialling, admission: Admission, rng: Random) -> None:
        self.topics = topics
        self.outbox = Outbox()
        self.admission = admission
        self._dialling = dialling
        self._rng = rng
        self._dialled: Dial | None = None
        self._since = 0.0  # when it was dialled, came up, or went down
        self._is_up = self._is_over = self._hung_up = False
        self._is_good = True  # told the operator so, or nothing yet
        self._birth_at: float | None = None
        self._peers: dict[str, None] = {}
        self.trouble: LineDown | None = None
        self.troubled = ""  # the host of the broker it is about
        self.lost_at = float("-inf")  # when there was a broker last
        self.connections = self.strays = 0

    @property
    def is_up(self) -> bool:
        """Whether the broker has answered."""
        return self._is_up

    @property
    def dialled(self) -> Dial | None:
        """Which broker it is about, None while none is asked."""
        return self._dialled

    @property
    def peers(self) -> tuple[str, ...]:
        """The names of the peers that have a topic."""
        return tuple(self._peers)

    def keep(self, path: str, payload: bytes) -> None:
        """Make this the retained state of a topic of ours."""
        self.outbox.keep(Message(self.topics.at(path), payload, retain=True))

    def keep_peer(self, name: str, payload: bytes) -> None:
        """Make this what is retained about a peer; of too many peers, nothing is."""
        if name in self._peers or len(self._peers) < MAX_MQTT_PEERS:
            self._peers[name] = None
            self.keep(f"peer/{name}/state", payload)

    def drop_peer(self, name: str, now: float) -> None:
        """Make the broker forget a peer."""
        if name in self._peers:
            del self._peers[name]
            self._erase(self.topics.at(f"peer/{name}/state"), now)

    def describe(self, document: bytes) -> None:
        """Make this the device Home Assistant sees; nothing removes it there."""
        self.outbox.keep(Message(self.topics.discovery, document, retain=True))

    def tell(self, path: str, payload: bytes, now: float, expiry_s: int) -> None:
        """Publish news under a topic of ours; it waits while no broker is there."""
        self.outbox.add(Message(self.topics.at(path), payload, expiry_s=expiry_s), now)

    def answer(self, verb: str, answer: dict[str, object], now: float, expiry_s: int = 60) -> None:
        """Publish the answer to a command."""
        self.tell(f"response/{verb}", encode(answer), now, expiry_s)

    def handle(self, event: LineEvent, now: float, wall: float | None) -> list[Action]:
        """Take what happened on the line; `wall` is Unix seconds, None while they are not known."""
        actions: list[Action] = []
        match event:
            case LineUp(refused=filters):
                self._up(filters, actions, now)
            case LineDown():
                self._down(event, actions, now)
            case Acknowledged(token=token, refused=refused):
                self.outbox.acknowledged(token, refused=refused)
            case Arrived():
                self._arrived(event, actions, now, wall)
        return actions + self.run_due(now)

    def run_due(self, now: float) -> list[Action]:
        """Do what it is time for, and send what may be sent."""
        actions: list[Action] = []
        if self._is_over:
            pass
        elif self._dialled is None:
            if now >= self._dialling.due:
                self._dialled, self._since = self._dialling.next, now
                actions.append(self._dialled)
        elif self._is_up and now - self._since >= HEALTHY_S:
            self._dialling.works()
        if self._is_stuck(now):
            actions.append(HangUp(Trouble.SILENT))
            self._down(LineDown(Trouble.SILENT), actions, now)
        if self._birth_at is not None and now >= self._birth_at:
            self._birth_at = None
            for topic in (self.topics.discovery, self.topics.at("state"), self.topics.at("status")):
                self.outbox.say_again(topic)
        while self._is_up and (send := self.outbox.take(now)) is not None:
            actions.append(send)
        if self._is_over and self._dialled is not None and not self._hung_up:
            self._hung_up = not self._is_up or self.outbox.is_known(self.topics.at("status"))
            if self._hung_up:
                actions.append(HangUp())
        return actions

    def next_wakeup(self, now: float) -> float:
        """Return when to call `run_due`."""
        if self._dialled is None:
            return now + PATIENCE_S if self._is_over else self._dialling.due
        waiting = self.outbox.waiting_since() if self._is_up else self._since
        times = [now + PATIENCE_S]
        if waiting is not None:
            times.append(waiting + PATIENCE_S)
        if self._birth_at is not None:
            times.append(self._birth_at)
        return min(times)

    def end(self, now: float) -> list[Action]:
        """Say goodbye, and hang up once the broker has heard it; nothing is dialled any more."""
        self._is_over = True
        self.keep("status", OFFLINE)
        return self.run_due(now)

    def _is_stuck(self, now: float) -> bool:
        if self._dialled is None:
            return False
        since = self.outbox.waiting_since() if self._is_up else self._since
        return since is not None and now - since >= PATIENCE_S

    def _up(self, refused: tuple[str, ...], actions: list[Action], now: float) -> None:
        if self._dialled is None or self._is_up:
            return
        self._is_up, self._since, self.trouble = True, now, None
        self.connections += 1
        self.outbox.forget(self.topics.at("status"))
        self.outbox.reconnected()
        self.keep("status", ONLINE)  # anew, so that it comes last
        if self.connections == 1 or not self._is_good:
            actions.append(Report(f"MQTT: connected to {self._dialled.broker.host}."))
        self._is_good = True
        if refused:
            actions.append(Report(f"MQTT: the broker does not let this gateway read {', '.join(refused)}, so no command arrives."))

    def _down(self, event: LineDown, actions: list[Action], now: float) -> None:
        if self._dialled is None:
            return
        was_up, dialled = self._is_up, self._dialled
        self._is_up, self._dialled, self._since, self.trouble = False, None, now, event
        self.troubled = dialled.broker.host
        self._birth_at = None
        if was_up:
            self.lost_at = now
        if was_up:
            self._dialling.lost(now)
        else:
            self._dialling.failed(event.trouble, now)
            if self._dialling.due <= now:
                return  # the same broker is asked in another version
        if self._is_good and not self._is_over:
            actions.append(Report(f"MQTT: {sentence_of(event, dialled.broker.host, self.topics.client_id)[0]} It is tried again."))
            self._is_good = False

    def _arrived(self, event: Arrived, actions: list[Action], now: float, wall: float | None) -> None:
        if event.topic == self.topics.birth:
            if event.payload == ONLINE and not event.retained and self._birth_at is None:
                self._birth_at = now + self._rng.uniform(*BIRTH_S)
            return
        if (peer := self.topics.peer(event.topic)) is not None:
            if event.payload and peer not in self._peers and len(self.outbox) < MAX_MQTT_PEERS:
                self._erase(event.topic, now)  # left behind by an earlier run
            return
        verb = self.topics.verb(event.topic)
        if verb is None:
            self.strays += 1  # meant for somebody else
            return
        judged = self.admission.judge(verb, event.payload, event.retained, now, wall)
        if isinstance(judged, Order):
            actions.append(judged)
        elif judged is not None:
            self.answer(verb if _is_plain(verb) else "unknown", judged, now)

    def _erase(self, topic: str, now: float) -> None:
        self.outbox.forget(topic)
        self.outbox.add(Message(topic, b"", retain=True), now)


def _is_plain(verb: str) -> bool:
    """Whether somebody else's text may become part of a topic of ours."""
    return len(verb) <= 32 and all(letter.isascii() and (letter.isalnum() or letter in "_-/") for letter in verb)
