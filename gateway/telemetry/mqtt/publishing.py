"""What a gateway says about itself over MQTT, and when."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from gateway.config.mqtt import MqttConfig, PeerNames, Scope, Verb
from gateway.mesh.effects import Effect, PublicMessage
from gateway.status import GatewayStatus
from gateway.telemetry.homeassistant import Device, describe
from gateway.telemetry.limits import MQTT_EVENT_LIFETIME_S
from gateway.telemetry.mqtt.documents import Host, Software, Today, health_of, info_of, state_of
from gateway.telemetry.mqtt.news import Event, News, Pseudonyms
from gateway.telemetry.mqtt.session import Session
from gateway.telemetry.mqtt.writing import encode

STATE_S: Final = 60.0  # seconds after which the state is published even if nothing but the time has changed
HEALTH_S: Final = 60.0

Deed = Callable[[str], Awaitable[Mapping[str, object]]]
"""Carries a command out; returns what is answered, or raises `GatewayError` with a sentence."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What MQTT needs of the gateway.

    Args:
        status: makes the status.
        deeds: what can be done, by command.
        host: reads how the machine is doing; asked in a thread.
        wall: Unix seconds, None while the time of day is not known.
        day: the date where the gateway is, of Unix seconds.
        report: told sentences for the operator.
        is_near: whether a peer is of the local mesh.
        model: of the board.

    """

    status: Callable[[], GatewayStatus]
    deeds: Mapping[Verb, Deed]
    host: Callable[[], Host]
    wall: Callable[[], float | None]
    day: Callable[[float], str]
    report: Callable[[str], None]
    is_near: Callable[[bytes], bool]
    model: str = ""


class Publisher:
    """Turns what the gateway knows into messages of a session.

    Args:
        session: where they go.
        config: the operator's wishes.
        software: what runs.
        around: see `Surroundings`.
        secret: random bytes of this run, for pseudonyms.

    """

    def __init__(self, session: Session, config: MqttConfig, software: Software, around: Surroundings, secret: bytes) -> None:
        self._session = session
        self._config = config
        self._software = software
        self._around = around
        self._news = News()
        self._today = Today()
        self._pseudonyms = Pseudonyms(secret)
        self._state_at = self._health_at = float("-inf")
        self._state: dict[str, object] = {}
        self._busy_since: float | None = None
        self._started: str | None = None
        self._is_described = False

    def take(self, effect: Effect, now: float) -> bool:
        """Publish an effect of the engine, if it is news; returns whether it is."""
        event = self._news.of_effect(effect, now)
        if event is not None:
            self._publish(event, now)
        if self._config.messages and isinstance(effect, PublicMessage):
            scope = Scope.MESH if self._around.is_near(effect.sender_id) else Scope.BRIDGE
            if scope in self._config.messages:
                document = {"text": effect.text, "time_ms": effect.timestamp_ms, "from": self._name(effect.sender_id.hex())}
                self._session.tell(f"message/{scope.value}", encode(document), now, int(MQTT_EVENT_LIFETIME_S))
                return True
        return event is not None

    def look(self, status: GatewayStatus, host: Host, now: float) -> None:
        """Publish what is new since the last look."""
        wall = self._around.wall()
        self._describe(status, host)
        if self._started is None and wall is not None:
            self._started = _rfc3339(wall - status.uptime_s)
        self._session.keep("info", encode(info_of(self._software, self._session.topics.gateway, self._started)))
        for event in self._news.of_status(status, now):
            self._publish(event, now)
        self._keep_state(status, host, now)
        if now >= self._health_at + HEALTH_S:
            self._health_at = now
            self._session.keep("health", encode(health_of(status, host, counters(self._session))))
        if self._config.peers is not PeerNames.OFF:
            self._name_peers(status, now)

    def _describe(self, status: GatewayStatus, host: Host) -> None:
        """Tell Home Assistant once what there is; or that there is nothing, if it was told otherwise earlier."""
        if self._is_described:
            return
        self._is_described = True
        device = Device(
            name=self._config.name,
            model=self._around.model,
            version=self._software.version,
            verbs=frozenset(self._config.commands) & self._around.deeds.keys(),
            bluetooth="ble" in status.transports,
            temperature=host.temperature_c is not None,
            undervoltage=host.undervoltage is not None,
        )
        self._session.describe(encode(describe(device, self._session.topics)) if self._config.discovery else b"")

    def _keep_state(self, status: GatewayStatus, host: Host, now: float) -> None:
        if not status.waiting_bytes:
            self._busy_since = None
        elif self._busy_since is None:
            self._busy_since = now
        waiting = 0.0 if self._busy_since is None else now - self._busy_since
        state = state_of(status, host, self._software, self._today.of(status, self._day()), waiting, sos=self._news.is_sos(now))
        if now >= self._state_at + STATE_S or state | {"uptime_s": 0} != self._state | {"uptime_s": 0}:
            self._state, self._state_at = state, now
            self._session.keep("state", encode(state))

    def _name_peers(self, status: GatewayStatus, now: float) -> None:
        near = {self._name(peer.peer_id): peer for peer in status.mesh.peers if peer.local}
        for name in self._session.peers:
            if name not in near:
                self._session.drop_peer(name, now)
        for name, peer in near.items():
            self._session.keep_peer(name, encode({"direct": peer.direct}))

    def _name(self, peer_id: str) -> str:
        return peer_id if self._config.peers is PeerNames.IDS else self._pseudonyms.of(peer_id, self._day())

    def _day(self) -> str:
        wall = self._around.wall()
        return "" if wall is None else self._around.day(wall)

    def _publish(self, event: Event, now: float) -> None:
        wall = self._around.wall()
        data = dict(event.data) if wall is None else {**event.data, "time": _rfc3339(wall)}
        self._session.tell(f"event/{event.kind.value}", encode(data), now, int(MQTT_EVENT_LIFETIME_S))


def counters(session: Session) -> dict[str, int]:
    """Return the figures of a session."""
    return {
        "connections": session.connections,
        "published": session.outbox.published,
        "waiting": len(session.outbox),
        "dropped": session.outbox.dropped,
        "refused": session.outbox.refused,
        "commands": session.admission.taken,
        "commands_refused": session.admission.turned_away,
        "commands_ignored": session.admission.ignored + session.strays,
    }


def _rfc3339(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
