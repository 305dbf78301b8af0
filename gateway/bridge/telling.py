"""What the bridge says about a packet for the record behind ``meshgate why`` and for dry runs of rules."""

from gateway.bridge.events import Carried
from gateway.bridge.sites import Site
from gateway.errors import Reason
from gateway.mesh.effects import Effect, Heard, PublicMessage
from gateway.mesh.records import Decided, Judged, Verb
from gateway.mesh.speaker import OWN
from gateway.wire.envelope import Envelope
from gateway.wire.nostr import stable_message_id
from gateway.wire.packet import Header
from gateway.wire.types import MessageType, type_name

CROSSED = "crossed"
_QUIET = frozenset({Reason.ECHO, Reason.DUPLICATE})  # copies of what was told about already


def shape_of(kind: int, size: int, ttl: int) -> str:
    """Return the figures of a packet, as a detail."""
    return f"{type_name(kind)} {size} bytes ttl {ttl}"


def tell_heard(heard: Heard, effects: list[Effect], stays: str = "") -> None:
    """Tell that the radio brought a packet; `stays` is the rule by which it does not leave, if there is one."""
    verb = Verb.SAID if heard.link == OWN else Verb.HEARD
    detail = shape_of(heard.header.type, len(heard.frame), heard.header.ttl)
    effects.append(Decided(heard.packet_id, verb, heard.link, stays or ("verified" if heard.verified else "sealed"), detail=detail))
    if stays:
        judge(heard.packet_id, heard.header, len(heard.frame), heard.verified, stays, effects)


def tell_stayed(heard: Heard, why: Reason | str, effects: list[Effect]) -> None:
    """Tell that a packet was offered to no site."""
    reason = why if isinstance(why, Reason) else None
    effects.append(Decided(heard.packet_id, Verb.STAYED, "", "" if reason else why, reason))
    judge(heard.packet_id, heard.header, len(heard.frame), heard.verified, why, effects)


def tell_refused(packet_id: bytes, site: Site, reason: Reason, effects: list[Effect]) -> None:
    """Tell that something a site brought was not taken."""
    if reason not in _QUIET:
        effects.append(Decided(packet_id, Verb.REFUSED, site.site_id, reason=reason))


def judge(
    packet_id: bytes, header: Header, size: int, signed: bool, verdict: Reason | str, effects: list[Effect], via: bytes = b""
) -> None:
    """Tell what a rule could have seen of a packet."""
    word = verdict.value if isinstance(verdict, Reason) else verdict
    effects.append(Judged(packet_id, header.type, size, not header.is_broadcast, signed, header.sender_id, via, word))


def tell_message(message: PublicMessage, effects: list[Effect]) -> None:
    """Tell under which ID the phones know a public message."""
    name = stable_message_id(message.sender_id, message.timestamp_ms, message.text)
    tell_same(message.packet_id, bytes.fromhex(name), effects)


def tell_same(one: bytes, other: bytes | None, effects: list[Effect]) -> None:
    """Tell that two IDs are of the same thing, each under the other."""
    if other is not None:
        effects.append(Decided(one, Verb.KNOWN_AS, "", detail=other))
        effects.append(Decided(other, Verb.KNOWN_AS, "", detail=one))


def tell_deposit(heard: Heard, taken: Carried | Reason, effects: list[Effect]) -> None:
    """Tell what became of an event that a phone deposited."""
    if isinstance(taken, Carried) and not taken.is_message:
        return
    tell_heard(heard, effects)
    if isinstance(taken, Reason):
        effects.append(Decided(heard.packet_id, Verb.REFUSED, heard.link, "consent", taken))
        judge(heard.packet_id, heard.header, len(heard.frame), heard.verified, taken, effects)
        return
    tell_same(heard.packet_id, taken.identifier, effects)
    _tell_hint(taken, effects)
    judge(taken.identifier, heard.header, len(heard.frame), heard.verified, CROSSED, effects)


def tell_dropped(carried: Carried, reason: Reason, effects: list[Effect]) -> None:
    """Tell that an event was given up before any site had it."""
    if carried.is_message:
        effects.append(Decided(carried.identifier, Verb.DROPPED, "", "no_site", reason))


def tell_unoffered(names: list[bytes], reason: Reason, effects: list[Effect]) -> None:
    """Tell that sites which still lack these events will not get them from here."""
    effects.extend(Decided(name, Verb.DROPPED, "", "shelf", reason) for name in names)


def tell_arrival(site: Site, envelope: Envelope, taken: Carried | Reason | None, effects: list[Effect], wall_ms: int) -> None:
    """Tell what became of an event that a site brought."""
    if isinstance(taken, Reason):
        tell_refused(envelope.packet_id, site, taken, effects)
    elif taken is not None and taken.is_message:
        tell_arrived(envelope, site, shape_of(MessageType.NOSTR_CARRIER, len(envelope.body), 0), effects, wall_ms)
        _tell_hint(taken, effects)
        kind, author = MessageType.NOSTR_CARRIER, taken.signer[:8]
        effects.append(Judged(envelope.packet_id, kind, len(envelope.body), False, True, author, site.site_id, CROSSED))


def tell_arrived(envelope: Envelope, site: Site, shape: str, effects: list[Effect], wall_ms: int | None) -> None:
    """Tell that a site brought something that is new, and how long after it was sent on its way, by both clocks."""
    late = "" if wall_ms is None else f" seconds {max(0, wall_ms - envelope.created_ms) / 1000:.1f}"
    effects.append(Decided(envelope.packet_id, Verb.ARRIVED, site.site_id, detail=shape + late))


def _tell_hint(carried: Carried, effects: list[Effect]) -> None:
    """Tell of which public message an event says that it is the copy, where that can be one's ID."""
    try:
        hint = bytes.fromhex(carried.hint.decode())
    except ValueError:
        return
    if len(hint) == len(carried.identifier):
        tell_same(carried.identifier, hint, effects)
