"""The operator's rules about what crosses: a table read from the top, in which the first rule that fits decides.

Rules only ever narrow what the mode of the bridge lets through. A rule that says "allow" leaves every
other check standing: shape, signature, budgets, loops. `decide` is a pure function of what is
known about a packet and of the table; what a limit has left is kept apart, in
`gateway.bridge.allowances`, so that a rule can be tried without using anything up.

A site is who its links have proved it to be: a place is the peer ID, in ASCII. What a site says of itself counts for nothing
here. Where nobody has proved an identity, a rule that names sites might be about any of them, and so lets nothing across.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from gateway.wire.types import MessageType

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE: Final = b""
"""This site, as a place."""

NOSTR: Final = b"nostr"
"""The Nostr relays, all together, as a place."""

UNKNOWN: Final = b"?"
"""A place nobody has proved, or nobody remembers."""

_MARK: Final = 8  # bytes

DEFAULT: Final = "default"
"""What stands in place of a rule's name when no rule fitted."""


class Kind(StrEnum):
    """What a packet is, in an operator's words."""

    ANNOUNCE = "announce"  # who is there
    MESSAGE = "message"  # what is said to everybody
    LEAVE = "leave"
    PRIVATE = "private"  # sealed, from phone to phone: text, receipts, small files
    GROUP = "group"
    FILE = "file"
    VOICE = "voice"
    BOARD = "board"
    COURIER = "courier"  # mail for somebody who is away
    PREKEYS = "prekeys"
    PING = "ping"
    CARRIER = "carrier"  # a copy that its author signed for the bridge
    OTHER = "other"  # a type this gateway does not know


class Direction(StrEnum):
    """Which way a packet goes, seen from here."""

    OUT = "out"  # to another site, whoever's it was
    IN = "in"  # from another site to our island


class Mode(StrEnum):
    """The modes of the bridge in which anything crosses."""

    CONSENT = "consent"
    OPEN = "open"


class Action(StrEnum):
    """What a rule does with what it fits."""

    ALLOW = "allow"
    DENY = "deny"
    LIMIT = "limit"


class Per(StrEnum):
    """For whom a limit is counted separately."""

    ORIGIN = "origin"  # whoever sent the packet
    SITE = "site"  # the site at the far end
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a rule can see of a packet.

    Args:
        kind: what it is.
        direction: which way it goes.
        origin: the place that brought it: the peer ID of a site, or `HERE`, `NOSTR`, `UNKNOWN`.
        target: the place it is going to, likewise; None where a record does not say.
        size: bytes of the whole packet.
        directed: whether it is for one peer.
        signed: whether it bears a signature that was verified.
        mode: how the bridge is set.

    """

    kind: Kind
    direction: Direction
    origin: bytes
    target: bytes | None
    size: int
    directed: bool
    signed: bool
    mode: Mode

    @property
    def far_site(self) -> bytes | None:
        """The site at the other end."""
        return self.target if self.direction is Direction.OUT else self.origin


@dataclass(frozen=True, slots=True)
class Limit:
    """How much a rule lets across in a minute; at least one of the two figures is there."""

    packets: int | None
    size: int | None  # bytes
    per: Per = Per.ALL


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table. An empty set, or None, fits everything."""

    name: str
    action: Action
    line: int = 0  # of the file it was read from
    kinds: frozenset[Kind] = frozenset()
    direction: Direction | None = None
    origins: frozenset[bytes] = frozenset()
    targets: frozenset[bytes] = frozenset()
    directed: bool | None = None
    signed: bool | None = None
    mode: Mode | None = None
    larger_than: int | None = None  # bytes
    limit: Limit | None = None  # exactly where the action is LIMIT

    def fits(self, facts: Facts) -> bool:
        """Tell whether this rule is about a packet; one that names targets is not where the target is unknown."""
        return (
            (not self.kinds or facts.kind in self.kinds)
            and self.direction in (None, facts.direction)
            and (not self.origins or facts.origin in self.origins)
            and (not self.targets or facts.target in self.targets)
            and self.directed in (None, facts.directed)
            and self.signed in (None, facts.signed)
            and self.mode in (None, facts.mode)
            and (self.larger_than is None or facts.size > self.larger_than)
        )

    def might_fit(self, facts: Facts) -> bool:
        """Tell whether this rule would be about a packet if a place nobody has proved were one that it names."""
        origins = self.origins if facts.origin != UNKNOWN else frozenset[bytes]()
        targets = self.targets if facts.target != UNKNOWN else frozenset[bytes]()
        return replace(self, origins=origins, targets=targets).fits(facts)

    @property
    def fits_everything(self) -> bool:
        """Whether no packet gets past this rule."""
        given = (self.kinds, self.origins, self.targets)
        asked = (self.direction, self.directed, self.signed, self.mode, self.larger_than)
        return not any(given) and all(one is None for one in asked)


@dataclass(frozen=True, slots=True)
class Policy:
    """The whole table, and what happens to a packet no rule fits."""

    default: Action = Action.ALLOW  # or DENY
    rules: tuple[Rule, ...] = ()
    sites: "Mapping[bytes, str]" = field(default_factory=lambda: MappingProxyType({}))  # the names the table gives to sites
    source: str = "built in"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the table says about a packet; under a limit there is still to be asked whether something is left."""

    rule: str
    action: Action
    sentence: str
    limit: Limit | None = None


BUILT_IN: Final = Policy()
"""In force where there is no file: the mode of the bridge alone decides."""


def decide(facts: Facts, policy: Policy) -> Verdict:
    """Return what the first rule that fits says, or the default; a rule that might fit a place nobody has proved lets nothing across."""
    is_unknown = UNKNOWN in (facts.origin, facts.target)
    for rule in policy.rules:
        if rule.fits(facts):
            return Verdict(rule.name, rule.action, _sentence(facts, policy, f'the rule "{rule.name}"', rule.action), rule.limit)
        if is_unknown and rule.might_fit(facts):
            return Verdict(rule.name, Action.DENY, _sentence(facts, policy, f'the rule "{rule.name}", which names sites,', Action.DENY))
    return Verdict(DEFAULT, policy.default, _sentence(facts, policy, "no rule fits, and the default", policy.default))


def kind_of(message_type: int) -> Kind:
    """Return the operator's word for a packet type."""
    return _KINDS.get(message_type, Kind.OTHER)


def mark_of(place: bytes) -> bytes:
    """Return what stands for a place in a record of the past: 8 bytes of a hash, nothing for `HERE`."""
    return place and sha256(place).digest()[:_MARK]


def site_name(site: bytes | None, policy: Policy) -> str:
    """Return what the table calls a site: its name there, else its peer ID."""
    if site is None:
        return "an unknown site"
    return _PLACES.get(site) or policy.sites.get(site, site.decode(errors="replace"))


def _sentence(facts: Facts, policy: Policy, who: str, action: Action) -> str:
    return f"{_packet(facts, policy)}: {who} {_SAYS[action]}."


def _packet(facts: Facts, policy: Policy) -> str:
    far = site_name(facts.far_site, policy)
    way = f"out to {far}" if facts.direction is Direction.OUT else f"in from {far}"
    sort = f"{'signed' if facts.signed else 'unsigned'} {'directed' if facts.directed else 'public'}"
    return f"{facts.kind.value}, {facts.size:,} bytes, {sort}, {way}"


_PLACES: Final = {HERE: "here", NOSTR: "the Nostr relays", UNKNOWN: "a site nobody has proved"}

_SAYS: Final = {Action.ALLOW: "lets it across", Action.DENY: "keeps it here", Action.LIMIT: "lets it across while its limit lasts"}

_KINDS: Final[dict[int, Kind]] = {
    MessageType.ANNOUNCE: Kind.ANNOUNCE,
    MessageType.ANNOUNCE_V2: Kind.ANNOUNCE,
    MessageType.MESSAGE: Kind.MESSAGE,
    MessageType.LEAVE: Kind.LEAVE,
    MessageType.COURIER: Kind.COURIER,
    MessageType.NOISE_HANDSHAKE: Kind.PRIVATE,
    MessageType.NOISE_ENCRYPTED: Kind.PRIVATE,
    MessageType.FILE: Kind.FILE,
    MessageType.BOARD: Kind.BOARD,
    MessageType.PREKEYS: Kind.PREKEYS,
    MessageType.GROUP: Kind.GROUP,
    MessageType.PING: Kind.PING,
    MessageType.PONG: Kind.PING,
    MessageType.NOSTR_CARRIER: Kind.CARRIER,
    MessageType.VOICE: Kind.VOICE,
}
