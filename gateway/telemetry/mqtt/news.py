"""What happened, as events for MQTT: out of what the engine reports, and out of what changed between two looks at the status.

Each kind has a budget of its own, because strangers can come and go as often as they like; what is over it is
counted, and the next event of its kind says how many there were (`more`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from gateway.errors import DecodeError
from gateway.mesh.effects import Effect, PeerLost, PeerSeen
from gateway.mesh.records import HistoryKept
from gateway.session.rate import TokenBucket
from gateway.status import GatewayStatus
from gateway.telemetry.homeassistant import SOS
from gateway.telemetry.limits import MQTT_COUNT_RATE, MQTT_EVENT_BURST, MQTT_EVENT_RATE
from gateway.wire.board import BoardPost, decode_board
from gateway.wire.packet import payload_of, peek
from gateway.wire.types import MessageType
from transports.link import TransportState

SOS_S = 900.0  # seconds for which a call for help counts as of now


class Kind(StrEnum):
    """What happens; a closed list, because it becomes a topic."""

    PEER_SEEN = "peer_seen"
    PEER_LOST = "peer_lost"
    TRANSPORT_UP = "transport_up"
    TRANSPORT_DOWN = "transport_down"
    QUEUE_FULL_REJECT = "queue_full_reject"
    DUPLICATE_DROP = "duplicate_drop"
    ADAPTER_RECOVERED = "adapter_recovered"
    SOS = SOS


_COUNTED = frozenset({Kind.QUEUE_FULL_REJECT, Kind.DUPLICATE_DROP})
"""What happens all the time, so that only the number says anything: all since the last event of the kind."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""

    kind: Kind
    data: Mapping[str, object]


class News:
    """Finds events; time is seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._budgets = {kind: TokenBucket(MQTT_EVENT_RATE, MQTT_EVENT_BURST) for kind in Kind}
        self._budgets |= {kind: TokenBucket(MQTT_COUNT_RATE, 1) for kind in _COUNTED}
        self._held: dict[Kind, int] = dict.fromkeys(Kind, 0)
        self._before: GatewayStatus | None = None
        self._sos_at = float("-inf")

    def is_sos(self, now: float) -> bool:
        """Whether somebody has called for help lately."""
        return now - self._sos_at < SOS_S

    def of_effect(self, effect: Effect, now: float) -> Event | None:
        """Return the event an effect of the engine is."""
        if isinstance(effect, PeerSeen):
            return self._event(Kind.PEER_SEEN, {"direct": effect.direct}, now)
        if isinstance(effect, PeerLost):
            return self._event(Kind.PEER_LOST, {}, now)
        if isinstance(effect, HistoryKept) and effect.kind == MessageType.BOARD and _is_urgent(effect.frame):
            self._sos_at = now
            return self._event(Kind.SOS, {}, now)
        return None

    def of_status(self, status: GatewayStatus, now: float) -> list[Event]:
        """Return what has changed since the last look."""
        before, self._before = self._before, status
        if before is None:
            return []
        found = [self._event(kind, data, now) for kind, data in _changes(before, status)]
        found += [self._event(kind, {}, now, count) for kind, count in _counts(before, status) if count > 0]
        return [event for event in found if event is not None]

    def _event(self, kind: Kind, data: dict[str, object], now: float, count: int = 1) -> Event | None:
        if not self._budgets[kind].take(now):
            self._held[kind] += count
            return None
        if kind in _COUNTED:
            data = {"count": count + self._held[kind]}
        elif self._held[kind]:
            data["more"] = self._held[kind]
        self._held[kind] = 0
        return Event(kind, {"event_type": kind.value, **data})


def _changes(before: GatewayStatus, after: GatewayStatus) -> Iterator[tuple[Kind, dict[str, object]]]:
    for name, one in after.transports.items():
        was = before.transports.get(name)
        if was is None:
            continue
        if (one.state is TransportState.UP) != (was.state is TransportState.UP):
            yield Kind.TRANSPORT_UP if one.state is TransportState.UP else Kind.TRANSPORT_DOWN, {"transport": name}
        recovered = one.counters.get("recoveries", 0) - was.counters.get("recoveries", 0)
        if recovered > 0:
            yield Kind.ADAPTER_RECOVERED, {"transport": name, "count": recovered}


def _counts(before: GatewayStatus, after: GatewayStatus) -> Iterator[tuple[Kind, int]]:
    yield Kind.QUEUE_FULL_REJECT, after.shed_frames - before.shed_frames
    yield Kind.DUPLICATE_DROP, after.mesh.drops.get("duplicate", 0) - before.mesh.drops.get("duplicate", 0)


def _is_urgent(frame: bytes) -> bool:
    """Whether a board post is marked as urgent, which is the nearest to a call for help that BitChat has."""
    try:
        post = decode_board(payload_of(frame, peek(frame)))
    except DecodeError:
        return False
    return isinstance(post, BoardPost) and post.is_urgent


class Pseudonyms:
    """Names for peers that nobody can follow beyond a day or a restart.

    Args:
        secret: random bytes of this run.

    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, peer_id: str, day: str) -> str:
        """Return a peer's name of a day, 8 hex digits."""
        return sha256(self._secret + day.encode() + b"\0" + peer_id.encode()).hexdigest()[:8]
