"""Gateways as MQTT sees them: statuses made by hand, a session with everything it needs, and a line in memory."""

from collections.abc import Callable, Mapping
from random import Random

from gateway.bridge.engine import BridgeMode
from gateway.config.mqtt import Broker, MqttConfig, Verb
from gateway.mesh.effects import PeerSeen
from gateway.status import (
    BridgeSummary,
    ConsentSummary,
    GatewayStatus,
    MeshSummary,
    PeerSummary,
    Problem,
    TransportSummary,
)
from gateway.telemetry.mqtt.commands import Admission
from gateway.telemetry.mqtt.dialling import Dialling
from gateway.telemetry.mqtt.session import Session
from gateway.telemetry.mqtt.topics import Topics
from gateway.telemetry.mqtt.values import Acknowledged, Dial, LineDown, LineEvent, LineUp, Message, Send, Trouble, Version
from transports.backoff import Backoff
from transports.link import LinkId, TransportState

TOPICS = Topics("meshgate", "4f3a9c01")
BROKER = Broker("broker.example", None)
SECRETS = ("Ada Lovelace", "a1b2c3d4e5f60718", "u4pruy", "/ip4/192.0.2.7/tcp/4001", "see you at the well", "12D3KooWSite")
"""What must not be on MQTT unless somebody asked for it: all of it is in `status`."""


def settings(**changes: object) -> MqttConfig:
    files = {"certificate_file": "/nowhere/crt", "key_file": "/nowhere/key", "password_file": "/nowhere/password"}
    return MqttConfig(**({"enabled": True, "brokers": ("broker.example",)} | files | changes))


def status(**changes: object) -> GatewayStatus:
    nickname, peer_id, cell, address, text, site = SECRETS
    peers = (
        PeerSummary(peer_id, nickname, True, True, False, 1.0),
        PeerSummary("0011223344556677", "Bela", False, False, True, 9.0),
    )
    consent = ConsentSummary(cell, (cell,), 2, 3, 1, 0, 0, {"deposited": 5, "arrived": 2})
    given: dict[str, object] = {
        "sentence": f"{nickname} says {text}",
        "peer_id": peer_id,
        "uptime_s": 3600.0,
        "mesh": MeshSummary(1, peers, {"received": 9}, {"duplicate": 40, "rate": 2}),
        "bridge": BridgeSummary(BridgeMode.CONSENT, False, 1, 10, 20, 0, {"echo": 7, "policy": 1}, consent),
        "transports": {
            "ble": TransportSummary(TransportState.UP, f"{nickname} is linked", "", 1, (address,), {"frames_in": 7}),
            "libp2p": TransportSummary(TransportState.DOWN, f"{site} is away", "wait", 0, (address,), {}),
        },
        "waiting_bytes": 512,
        "shed_frames": 4,
        "problems": (Problem(f"{site} cannot be reached", f"look at {address}"),),
    }
    return GatewayStatus(**(given | changes))


def seen() -> PeerSeen:
    return PeerSeen(bytes.fromhex(SECRETS[1]), SECRETS[0], True, LinkId("ble:1"))


def session(
    *, brokers: tuple[Broker, ...] = (BROKER,), allowed: tuple[Verb, ...] = tuple(Verb), served: tuple[Verb, ...] = tuple(Verb)
) -> Session:
    rng = Random(7)
    return Session(TOPICS, Dialling(brokers, Backoff(rng)), Admission(allowed, served), rng)


class MemoryBroker:
    """A broker in memory: what it keeps, what it was told, and how it answers."""

    def __init__(self) -> None:
        self.retained: dict[str, bytes] = {}
        self.heard: list[Message] = []
        self.is_there = True
        self.acknowledges = True
        self.lines: list[MemoryLine] = []
        self.dials: list[Dial] = []

    @property
    def line(self) -> "MemoryLine":
        return self.lines[-1]

    def open_line(self, dial: Dial, post: Callable[[LineEvent], None]) -> "MemoryLine":
        self.dials.append(dial)
        line = MemoryLine(self, post)
        self.lines.append(line)
        post(LineUp() if self.is_there else LineDown(Trouble.UNREACHABLE))
        return line

    def forget(self) -> None:
        """Come back after a restart without persistence."""
        self.retained.clear()

    def take(self, message: Message) -> None:
        self.heard.append(message)
        if message.retain and message.payload:
            self.retained[message.topic] = message.payload
        elif message.retain:
            self.retained.pop(message.topic, None)

    def topics(self) -> list[str]:
        return [message.topic for message in self.heard]

    def payloads(self, topic: str) -> list[bytes]:
        return [message.payload for message in self.heard if message.topic == topic]


class MemoryLine:
    """A line to a `MemoryBroker`."""

    def __init__(self, broker: MemoryBroker, post: Callable[[LineEvent], None]) -> None:
        self._broker = broker
        self.post = post
        self.ended: bool | None = None

    def send(self, token: int, message: Message) -> None:
        self._broker.take(message)
        if self._broker.acknowledges:
            self.post(Acknowledged(token))

    def end(self, *, politely: bool) -> None:
        self.ended = politely
        self.post(LineDown(Trouble.LOST))


def connect(one: Session, now: float = 0.0) -> list[Send]:
    """Bring a session up; returns what it sends first, which the broker acknowledges."""
    assert any(isinstance(action, Dial) for action in one.run_due(now))
    return settle(one, one.handle(LineUp(), now, None), now)


def settle(one: Session, actions: list[object], now: float) -> list[Send]:
    """Acknowledge everything until nothing more comes; returns all of it."""
    sent: list[Send] = []
    while sends := [action for action in actions if isinstance(action, Send)]:
        sent += sends
        actions = [action for send in sends for action in one.handle(Acknowledged(send.token), now, None)]
    return sent


def paths(sent: list[Send]) -> list[str]:
    return [send.message.topic for send in sent]


NO_DEEDS: Mapping[Verb, object] = {}
DIAL_V5 = Dial(BROKER, Version.V5)
DIAL_V311 = Dial(BROKER, Version.V311)
