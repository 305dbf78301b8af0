"""What is let in at all: the checks that need neither keys nor payload (spec section 9.1)."""

from gateway.errors import Reason
from gateway.limits import MAX_ANNOUNCE_AGE_S, MAX_SKEW_S
from gateway.mesh.effects import Effect
from gateway.mesh.history import SHELVES
from gateway.mesh.links import Link
from gateway.mesh.records import ASKED_ABOUT, Decided, Verb
from gateway.wire.packet import IS_RSR, Header
from gateway.wire.types import MessageType
from transports.link import LinkId

# The members that every packet meets, looked up once: on Python 3.11 that takes as long as five other steps.
_REFUSED = Verb.REFUSED
_UNTOLD = frozenset({Reason.DUPLICATE, Reason.OWN})
_new_tuple = tuple.__new__  # without asking the class for its defaults: this is made for many packets a second
SKEW_MS = MAX_SKEW_S * 1000
_SYNCED_MS: dict[int, int] = {
    MessageType.ANNOUNCE: int(MAX_ANNOUNCE_AGE_S * 1000),
    **{kind: int(shelf.lifetime * 1000) for kind, shelf in SHELVES.items()},
    MessageType.FRAGMENT: int(max(shelf.lifetime for shelf in SHELVES.values()) * 1000),  # it bears the time of what it is part of
}
"""How old a packet we asked for may be; a type that nobody asks for gets no such grace."""


def is_solicited(header: Header, link: Link | None, now: float) -> bool:
    """Say whether a packet may be an answer to a request of ours. Android does not mark its answers, but their TTL is 0."""
    return header.ttl == 0 and link is not None and link.expects_answers(now)


def refuse_time(header: Header, wall_ms: int, *, solicited: bool, skew_ms: float = SKEW_MS) -> Reason | None:
    """Say why a packet does not belong to this moment, None if it does."""
    if header.is_rsr and not solicited:
        return Reason.UNSOLICITED
    age = wall_ms - header.timestamp_ms
    oldest = max(skew_ms, _SYNCED_MS.get(header.type, 0)) if solicited else skew_ms
    return None if -skew_ms <= age <= oldest else Reason.WINDOW


def refuse(header: Header, link: Link, own_id: bytes, wall_ms: int | None, now: float, skew_ms: float = SKEW_MS) -> Reason | None:
    """Say why a packet from a link is not let in, None if it is; takes from the link's budget."""
    if header.sender_id == own_id:
        return Reason.OWN
    if not link.packets.take(now):
        return Reason.RATE
    if wall_ms is None:
        return Reason.CLOCK
    if not header.flags & IS_RSR and -skew_ms <= wall_ms - header.timestamp_ms <= skew_ms:
        return None  # nearly always, and `refuse_time` would say the same
    return refuse_time(header, wall_ms, solicited=is_solicited(header, link, now), skew_ms=skew_ms)


def refuse_injected(header: Header, wall_ms: int | None) -> Reason | None:
    """Say why a packet of another island comes too early or too late, None if it does not."""
    if wall_ms is None:
        return Reason.CLOCK
    age = wall_ms - header.timestamp_ms
    if age < -SKEW_MS:
        return Reason.WINDOW
    shelf = SHELVES.get(header.type)
    return Reason.EXPIRED if age > (SKEW_MS if shelf is None else shelf.lifetime * 1000) else None


def tell_refused(header: Header, packet_id: bytes, link: LinkId, reason: Reason, effects: list[Effect], *, relays: bool = False) -> None:
    """Tell that a packet of the local mesh was not taken, unless it is one that nobody asks about, or a copy of one that was.

    Args:
        header: its header.
        packet_id: its ID.
        link: where it came from.
        reason: why not.
        effects: where the telling is appended.
        relays: whether it is passed on to the neighbours all the same.

    """
    if header.type in ASKED_ABOUT and reason not in _UNTOLD:
        effects.append(_new_tuple(Decided, (packet_id, _REFUSED, link, "relay" if relays else "", reason, "")))
