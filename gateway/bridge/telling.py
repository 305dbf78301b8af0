"""What the bridge says about a packet for the record behind ``meshgate why`` and for dry runs of rules."""

from collections.abc import Iterable, Sequence

from gateway.bridge.events import Carried
from gateway.bridge.gate import CROSSED, Refusal, Sitewise, Subject
from gateway.bridge.policy import mark_of
from gateway.bridge.sites import Site
from gateway.errors import Reason
from gateway.limits import MAX_SITES_TOLD
from gateway.mesh.effects import Effect, Heard, PublicMessage
from gateway.mesh.records import Decided, Judged, Verb
from gateway.mesh.speaker import OWN
from gateway.wire.envelope import Envelope
from gateway.wire.nostr import stable_message_id
from gateway.wire.packet import Header
from gateway.wire.types import MessageType, type_name

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


def tell_kept_from(packet_id: bytes, refused: Sequence[Sitewise], effects: list[Effect]) -> None:
    """Tell that a rule keeps a packet from sites; beyond a few, how many more there are by the same rule."""
    first = refused[:MAX_SITES_TOLD]
    effects += [Decided(packet_id, Verb.STAYED, one.hop, one.rule, Reason(one.verdict)) for one in first]
    rest = [(one.rule, one.verdict) for one in refused[MAX_SITES_TOLD:]]
    for rule, verdict in dict.fromkeys(rest):
        effects.append(Decided(packet_id, Verb.STAYED, "", rule, Reason(verdict), f"sites {rest.count((rule, verdict))}"))


def tell_refused(packet_id: bytes, site: Site, refusal: Refusal, effects: list[Effect]) -> None:
    """Tell that something a site brought was not taken."""
    if refusal.reason not in _QUIET:
        effects.append(Decided(packet_id, Verb.REFUSED, site.hop, refusal.rule, refusal.reason))


def judge(
    packet_id: bytes,
    header: Header,
    size: int,
    signed: bool,
    verdict: Reason | str,
    effects: list[Effect],
    via: bytes = b"",
    sites: Iterable[Sitewise] = (),
) -> None:
    """Tell what a rule could have seen of a packet."""
    word = verdict.value if isinstance(verdict, Reason) else verdict
    effects.append(
        Judged(packet_id, header.type, size, not header.is_broadcast, signed, header.sender_id, mark_of(via), word, _words(sites))
    )


def judge_event(what: Subject, verdict: str, effects: list[Effect], via: bytes = b"", sites: Iterable[Sitewise] = ()) -> None:
    """Tell what a rule could have seen of an event."""
    kind = MessageType.NOSTR_CARRIER
    effects.append(Judged(what.identifier, kind, what.size, what.directed, what.signed, what.sender, mark_of(via), verdict, _words(sites)))


def word_of(record: Sequence[Sitewise]) -> str:
    """Return what came of a packet in one word: it crossed if any site got it."""
    return CROSSED if any(one.verdict == CROSSED for one in record) or not record else record[0].verdict


def _words(sites: Iterable[Sitewise]) -> tuple[tuple[bytes, str], ...]:
    return tuple((mark_of(one.place), one.verdict) for one in sites)


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
    """Tell that a phone deposited an event, and why it was not taken if it was not."""
    if isinstance(taken, Carried) and not taken.is_message:
        return
    tell_heard(heard, effects)
    if isinstance(taken, Reason):
        effects.append(Decided(heard.packet_id, Verb.REFUSED, heard.link, "consent", taken))
        judge(heard.packet_id, heard.header, len(heard.frame), heard.verified, taken, effects)
        return
    tell_same(heard.packet_id, taken.identifier, effects)
    _tell_hint(taken, effects)


def tell_dropped(carried: Carried, reason: Reason, effects: list[Effect]) -> None:
    """Tell that an event was given up before any site had it."""
    if carried.is_message:
        effects.append(Decided(carried.identifier, Verb.DROPPED, "", "no_site", reason))


def tell_unoffered(names: list[bytes], reason: Reason, effects: list[Effect]) -> None:
    """Tell that sites which still lack these events will not get them from here."""
    effects.extend(Decided(name, Verb.DROPPED, "", "shelf", reason) for name in names)


def tell_arrival(site: Site, envelope: Envelope, carried: Carried, effects: list[Effect], wall_ms: int) -> None:
    """Tell that a site brought an event that is new."""
    if carried.is_message:
        tell_arrived(envelope, site, shape_of(MessageType.NOSTR_CARRIER, len(envelope.body), 0), effects, wall_ms)
        _tell_hint(carried, effects)


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
