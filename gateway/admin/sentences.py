"""What a decision means, in words a person understands; the same ones on every surface."""

from collections.abc import Callable, Mapping
from typing import Final

from gateway.bridge.policy import DEFAULT
from gateway.errors import Reason
from gateway.mesh.records import Verb
from gateway.store.decisions import Decision

REASONS: Final[Mapping[str, str]] = {
    Reason.SHORT: "it is cut short",
    Reason.VERSION: "it is of a version this gateway does not know",
    Reason.TRUNCATED: "it is cut short",
    Reason.OVERSIZED: "it is too large",
    Reason.INFLATE: "it cannot be unpacked",
    Reason.BOMB: "it would unpack to far more than it is",
    Reason.ROUTE: "its source route makes no sense",
    Reason.PADDING: "its padding makes no sense",
    Reason.TLV: "its fields run into each other",
    Reason.FIELD: "a field is missing or out of range",
    Reason.TEXT: "its text is not readable",
    Reason.FRAGMENT: "it is a piece that makes no sense",
    Reason.FILTER: "it asks for something in a way that makes no sense",
    Reason.SIGNATURE: "its signature is missing or wrong",
    Reason.ENVELOPE: "what the site wrapped it in makes no sense",
    Reason.DUPLICATE: "it was here already",
    Reason.OWN: "it is this gateway's own",
    Reason.WINDOW: "its time is more than two minutes off",
    Reason.STALE: "it is too old",
    Reason.CLOCK: "this gateway's clock is not set",
    Reason.RATE: "too much came at once",
    Reason.UNSOLICITED: "it answers a question nobody asked",
    Reason.TTL: "it has no hops left, or more than it may",
    Reason.UNKNOWN_SENDER: "its sender has not been heard announcing itself",
    Reason.IDENTITY: "its sender is not who it claims to be",
    Reason.MISDIRECTED: "it came over somebody else's link",
    Reason.ASSEMBLY: "pieces of it are missing",
    Reason.MALFORMED_INNER: "what is inside makes no sense",
    Reason.MAIL_OFF: "it is mail for somebody who is away, and this gateway holds none",
    Reason.UNREAD: "it is a private message to this gateway, and nobody reads those",
    Reason.SESSION: "it cannot be decrypted",
    Reason.EARLY: "it came before the encryption was agreed on",
    Reason.QUEUE_FULL: "too much was waiting already",
    Reason.NOT_BRIDGEABLE: "what only concerns neighbours stays on its island",
    Reason.ECHO: "it is known here already",
    Reason.UNKNOWN_RECIPIENT: "no site has announced lately whom it is for",
    Reason.BUDGET: "its sender has sent too much lately",
    Reason.EXPIRED: "it is too old",
    Reason.BRIDGE_OFF: "the bridge is off",
    Reason.AIR_TIME: "its share of the radio's air time is used up",
    Reason.NO_CONSENT: "only what its author signed for the bridge crosses",
    Reason.OUT_OF_SCOPE: "the site's membership does not include it",
    Reason.CELL: "it is for a place this gateway does not serve",
    Reason.QUOTA_PEER: "too much of one person is waiting already",
    Reason.QUOTA_SITE: "too much of one site is waiting already",
    Reason.QUOTA_CLASS: "too much of its kind is waiting already",
    Reason.STORE: "the database could not be written",
    Reason.POLICY: "a rule of the policy forbids it",
    Reason.POLICY_LIMIT: "a limit of the policy is used up",
}
"""Every reason, as the end of a sentence."""

STAYS: Final[Mapping[str, str]] = {
    Reason.BRIDGE_OFF: "the bridge is off",
    Reason.NO_CONSENT: "in consent mode only what its author signed for the bridge crosses",
    "no_site": "no other site was linked",
    "no_cell": "bridge.cell does not say where this gateway stands",
    "nobody_lacks_it": "no linked site lacks it",
}
"""Why a packet is not offered to sites, by the rule's name."""

_SENT: Final[Mapping[str, str]] = {
    "open": "the bridge is open",
    "consent": "its author signed it for the bridge",
    "passed_on": "it came from one site, and this one lacks it",
    "missed": "the site was told what it had missed",
    "asked_for": "the site asked for it",
    "mail": "the person it is for was announced there",
}


def sentence_of(decision: Decision, names: Mapping[str, str]) -> str:
    """Return a sentence.

    Args:
        decision: what was done.
        names: what people call the hops.

    """
    where = names.get(decision.hop, "") or _place(decision.hop)
    try:
        verb = Verb(decision.verb)
    except ValueError:  # a row of a newer version
        return f"{decision.verb} {where}".strip() + "."
    relay = _value(decision.detail, "relay") if decision.hop == _RELAYS else ""
    return _SENTENCES[verb](decision, f"the relay {relay}" if relay else where)


def _place(hop: str) -> str:
    if hop == _RELAYS:
        return "the Nostr relays"
    return "a site" if not hop else "the radio" if hop in _RADIOS else f"site {short(hop)}"


def short(identity: str) -> str:
    """Return the beginning and the end of what is too long to read; all identities of libp2p begin alike."""
    return identity if len(identity) <= _SHORT else f"{identity[:8]}…{identity[-6:]}"


_RELAYS: Final = "nostr"
_SHORT: Final = 16  # characters
_RADIOS: Final = frozenset({"radio", "ble", "replay", "own"})


def _heard(one: Decision, where: str) -> str:
    proof = "" if one.rule == "sealed" else ", and its signature holds"
    return f"Heard on {where}: {_figures(one.detail)}{proof}.{_stays(one)}"


def _said(one: Decision, _where: str) -> str:
    return f"This gateway said it: {_figures(one.detail)}.{_stays(one)}"


def _stays(one: Decision) -> str:
    if one.rule == "no_site":  # it goes to those that come later
        return " No other site was linked then."
    return f" It stays on this island: {STAYS[one.rule]}." if one.rule in STAYS else ""


def _refused(one: Decision, where: str) -> str:
    if one.rule == "theirs":
        return f"Not taken by {where}."
    onward = " It was passed on to the neighbours all the same, who may know better." if one.rule == "relay" else ""
    return f"Not taken from {where}: {_ruled(one) or _because(one.reason)}.{onward}"


def _stayed(one: Decision, where: str) -> str:
    if ruled := _ruled(one):
        whom = f"{_value(one.detail, 'sites')} more sites" if "sites" in one.detail else where
        return f"Not sent to {whom}: {ruled}."
    return f"Sent to no site: {_because(one.reason) if one.reason else STAYS.get(one.rule, one.rule)}."


def _ruled(one: Decision) -> str:
    """Which rule of the operator's it was, as the end of a sentence; empty if it was none."""
    if not one.rule:
        return ""
    if one.reason == Reason.POLICY_LIMIT:
        return f'the limit of the rule "{one.rule}" is used up for now'
    if one.reason != Reason.POLICY:
        return ""
    return "no rule of the policy fits it, and then nothing crosses" if one.rule == DEFAULT else f'the rule "{one.rule}" forbids it'


def _sent(one: Decision, where: str) -> str:
    more = f"{_value(one.detail, 'sites')} more sites" if one.detail.startswith("sites ") else where
    return f"Sent to {more}, because {_SENT.get(one.rule, one.rule)}."


def _acknowledged(one: Decision, where: str) -> str:
    return f"Acknowledged by {where}, {_value(one.detail, 'seconds')} s after it was sent."


def _lost(one: Decision, where: str) -> str:
    if one.hop == _RELAYS:
        return f"Given up: {where} does not say whether it took it."
    return f"Given up: {where} did not come back within five minutes to take it."


def _rejected(one: Decision, where: str) -> str:
    return f"Refused by {where}: {_WORDS.get(one.rule, 'it does not say why')}."


def _arrived(one: Decision, where: str) -> str:
    if one.hop == _RELAYS:
        return "Arrived from a Nostr relay, signed by its author for the bridge."
    late = _value(one.detail, "seconds")
    delay = f" That was {late} s after it set out, if both clocks are right." if late else ""
    return f"Arrived from {where}: {_figures(one.detail)}.{delay}"


def _on_air(one: Decision, _where: str) -> str:
    links = _value(one.detail, "links")
    if links == "0":
        return "Nobody was linked over the radio to take it."
    return f"Put on the radio, over {links} {'link' if links == '1' else 'links'}."


def _waiting(one: Decision, _where: str) -> str:
    if one.rule == "no_site":
        return "It waits: no other site is linked."
    return f"It waits {_value(one.detail, 'seconds')} s for its turn on the radio, in case another gateway of this island is quicker."


def _dropped(one: Decision, where: str) -> str:
    if one.rule == "shelf":
        return f"No longer offered to sites that lack it: {_because(one.reason)}."
    whose = f" for {where}" if one.hop and one.hop not in _RADIOS else ""
    return f"Given up{whose}: {_because(one.reason)}."


def _held(one: Decision, where: str) -> str:
    whence = f"{where[:1].upper()}{where[1:]} gave it to us" if one.rule == "site" else "A phone near here left it"
    return f"{whence}, for somebody who is away: {_figures(one.detail)}. It is on the disk, and kept for a day at most."


def _copied(one: Decision, _where: str) -> str:
    if one.rule == "towards":
        return "A copy was sent towards the phone it is for, which is hops away. It is kept, because nobody can tell whether that arrived."
    copies = _value(one.detail, "copies")
    return f"{'A copy was' if copies in ('', '1') else f'{copies} copies were'} given to a phone that carries mail."


def _delivered(one: Decision, where: str) -> str:
    if one.rule == "mail" and one.hop not in _RADIOS:
        return f"Delivered by {where}, so it is kept here no more."
    return "The phone it was for has it."


def _route(one: Decision, _where: str) -> str:
    return f"Reached over {one.hop} from now on: {one.detail}." if one.hop else f"Not reached any more: {one.detail}."


_SENTENCES: Final[Mapping[Verb, Callable[[Decision, str], str]]] = {
    Verb.HEARD: _heard,
    Verb.SAID: _said,
    Verb.REFUSED: _refused,
    Verb.STAYED: _stayed,
    Verb.SENT: _sent,
    Verb.ACKNOWLEDGED: _acknowledged,
    Verb.LOST: _lost,
    Verb.REJECTED: _rejected,
    Verb.ARRIVED: _arrived,
    Verb.ON_AIR: _on_air,
    Verb.KEPT: lambda _one, _where: "Too old for the radio: it is kept, and given to phones that ask for what they missed.",
    Verb.DEPOSITED: lambda _one, _where: "A phone near here handed it in for the bridge, signed by its author.",
    Verb.WAITING: _waiting,
    Verb.PUT_DOWN: lambda _one, _where: "Put on the radio, as a message of another island.",
    Verb.LEFT_TO_OTHERS: lambda _one, _where: "Another gateway of this island put it on the radio first.",
    Verb.ALREADY_HERE: lambda _one, _where: "Not put on the radio: the original is on this island already.",
    Verb.NOT_SERVED: lambda _one, _where: (
        "Not put on the radio: it is for a channel this gateway does not serve. It is passed on to other sites."
    ),
    Verb.DROPPED: _dropped,
    Verb.KNOWN_AS: lambda one, _where: f"Also known as {one.detail}.",
    Verb.ROUTE: _route,
    Verb.HELD: _held,
    Verb.COPIED: _copied,
    Verb.HANDED_OVER: lambda _one, _where: "Sent to the phone it is for, which had proved who it is.",
    Verb.TAKEN_BACK: lambda _one, _where: "The link to that phone went down at once, so it is kept until the phone is here again.",
    Verb.SITE_HOLDS: lambda _one, where: f"On the disk of {where} as well.",
    Verb.DELIVERED: _delivered,
    Verb.READ: lambda _one, _where: "The person it was for has seen it.",
}


_WORDS: Final[Mapping[str, str]] = {
    "duplicate": "it has it already",
    "pow": "it wants a proof of work, which the author did not make",
    "blocked": "it does not serve the author",
    "rate-limited": "it takes no more from this gateway for now",
    "invalid": "it takes the event for malformed",
    "restricted": "it does not let everybody write",
    "mute": "it would show it to nobody",
    "error": "it has a fault of its own",
    "auth-required": "it wants to know who writes",
    "unsupported": "it does not carry such events",
}


def _because(reason: str) -> str:
    return REASONS.get(reason, reason or "for no reason that was noted")


def figures_of(detail: str) -> str:
    """Return type and size of a packet, such as "public message, 101 bytes"; empty if the detail is about something else."""
    kind, _, size = detail.partition(" ttl ")[0].partition(" ")
    return f"{_KINDS.get(kind, kind)}, {size}" if size else ""


def _figures(detail: str) -> str:
    """The same with the hops, in a sentence."""
    ttl = detail.partition(" ttl ")[2].partition(" ")[0]
    hops = f", {ttl} {'hop' if ttl == '1' else 'hops'} left" if ttl not in ("", "0") else ""
    article = "" if detail.partition(" ")[0] in _UNCOUNTED else "a "
    return f"{article}{figures_of(detail)}{hops}" if " ttl " in detail else "a packet"


def _value(detail: str, name: str) -> str:
    words = detail.split()
    return words[words.index(name) + 1] if name in words[:-1] else ""


_UNCOUNTED: Final = frozenset({"courierEnvelope", "noiseEncrypted", "prekeyBundle"})
_KINDS: Final[Mapping[str, str]] = {
    "message": "public message",
    "courierEnvelope": "courier mail",
    "noiseEncrypted": "something sealed for one person",
    "fileTransfer": "file",
    "boardPost": "board post",
    "prekeyBundle": "keys for mail to somebody who is away",
    "groupMessage": "message to a group",
    "nostrCarrier": "copy signed for the bridge",
}
