"""Finds the events of the API in what the engine reports, and in what has changed between two looks at the status."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.admin.feed import Feed, Kind
from gateway.admin.limits import EVENT_BURST, EVENT_RATE
from gateway.errors import Reason
from gateway.mesh.effects import Effect, PeerLost, PeerSeen, Receipt
from gateway.mesh.records import Decided, HistoryKept, Verb
from gateway.session.rate import TokenBucket
from gateway.status import GatewayStatus, PeerSummary
from gateway.wire.types import MessageType
from transports.link import TransportState

_OF_VERBS: Final[Mapping[Verb, Kind]] = {
    Verb.HEARD: Kind.MESSAGE_RECEIVED,
    Verb.ARRIVED: Kind.MESSAGE_RECEIVED,
    Verb.DEPOSITED: Kind.MESSAGE_RECEIVED,
    Verb.WAITING: Kind.MESSAGE_QUEUED,
    Verb.HELD: Kind.MESSAGE_QUEUED,
    Verb.TAKEN_BACK: Kind.MESSAGE_QUEUED,
    Verb.SAID: Kind.MESSAGE_SENT,
    Verb.SENT: Kind.MESSAGE_SENT,
    Verb.ON_AIR: Kind.MESSAGE_SENT,
    Verb.PUT_DOWN: Kind.MESSAGE_SENT,
    Verb.HANDED_OVER: Kind.MESSAGE_SENT,
    Verb.DELIVERED: Kind.MESSAGE_DELIVERED,
    Verb.READ: Kind.MESSAGE_READ,
    Verb.REFUSED: Kind.MESSAGE_DROPPED,
    Verb.DROPPED: Kind.MESSAGE_DROPPED,
    Verb.LOST: Kind.MESSAGE_DROPPED,
    Verb.REJECTED: Kind.MESSAGE_DROPPED,
}
_OF_STATES: Final = {
    TransportState.UP: Kind.TRANSPORT_UP,
    TransportState.DOWN: Kind.TRANSPORT_DOWN,
    TransportState.DEGRADED: Kind.TRANSPORT_DEGRADED,
}


class News:
    """Tells a feed what happens; time is seconds of a monotonic clock.

    Args:
        feed: where it is told.

    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._budget = TokenBucket(EVENT_RATE, EVENT_BURST)
        self._left_out = 0
        self._before: GatewayStatus | None = None

    def take(self, effect: Effect, now: float) -> None:
        """Tell of an effect of the engine, if it is news."""
        match effect:
            case PeerSeen(peer_id, nickname, direct, _):
                self._limited(Kind.PEER_SEEN, {"id": peer_id.hex(), "direct": direct}, now, {"nickname": nickname})
            case PeerLost(peer_id, reason):
                self._limited(Kind.PEER_LOST, {"id": peer_id.hex(), "why": reason}, now)
            case Decided(verb=verb) if verb in _OF_VERBS:
                self._decided(effect, now)
            case Receipt(_, message_id, kind):
                self._limited(Kind.MESSAGE_READ if kind == "read" else Kind.MESSAGE_DELIVERED, {"id": message_id}, now)
            case HistoryKept(kind=MessageType.FILE):
                self._limited(Kind.FILE_RECEIVED, {"id": effect.packet_id.hex(), "bytes": len(effect.frame)}, now)

    def look(self, status: GatewayStatus) -> None:
        """Tell of what has changed since the last look."""
        before, self._before = self._before, status
        if before is None:
            return
        for name, one in status.transports.items():
            was = before.transports.get(name)
            if (was is None or was.state is not one.state) and one.state in _OF_STATES:
                self._feed.tell(_OF_STATES[one.state], {"name": name, "state": one.state.value, "sentence": one.sentence})
            for count, kind in (("recoveries", Kind.ADAPTER_RECOVERED), ("step_new_scanner", Kind.ADAPTER_RECOVERING)):
                if was is not None and one.counters.get(count, 0) > was.counters.get(count, 0):
                    self._feed.tell(kind, {"transport": name})
        known = {one.peer_id: one for one in before.mesh.peers}
        for peer in status.mesh.peers:
            old = known.get(peer.peer_id)
            if old is not None and _place(old) != _place(peer):
                where = {"id": peer.peer_id, "direct": peer.direct, "near": peer.local, "elsewhere": peer.remote}
                self._feed.tell(Kind.PEER_UPDATED, where, {"nickname": peer.nickname})
        if status.bridge.policy != before.bridge.policy:
            policy = status.bridge.policy
            self._feed.tell(Kind.POLICY_CHANGED, {"source": policy.source, "rules": policy.rules, "default": policy.default})

    def alert(self, name: str, subject: str, severity: str, sentence: str, *, raised: bool) -> None:
        """Tell that something is wrong, or is over."""
        data = {"name": name, "subject": subject, "severity": severity, "sentence": sentence}
        self._feed.tell(Kind.ALERT_RAISED if raised else Kind.ALERT_CLEARED, data)

    def _decided(self, one: Decided, now: float) -> None:
        kind = _OF_VERBS[one.verb]
        if kind is Kind.MESSAGE_DROPPED and one.reason is Reason.EXPIRED:
            kind = Kind.MESSAGE_EXPIRED
        data = {"id": _text(one.subject), "verb": one.verb.value, "hop": _text(one.hop).partition(":")[0]}
        more = {"rule": one.rule, "reason": one.reason.value if one.reason is not None else ""}
        self._limited(kind, {**data, **{name: value for name, value in more.items() if value}}, now)

    def _limited(self, kind: Kind, data: Mapping[str, Any], now: float, private: Mapping[str, Any] | None = None) -> None:
        if not self._budget.take(now):
            self._left_out += 1
            return
        more = {"left_out": self._left_out} if self._left_out else {}
        self._left_out = 0
        self._feed.tell(kind, {**data, **more}, private)


def _place(peer: PeerSummary) -> tuple[bool, bool, bool, str]:
    return peer.direct, peer.local, peer.remote, peer.nickname


def _text(value: bytes | str) -> str:
    return value.hex() if isinstance(value, bytes) else value
