"""What the engines have to say for the store. Nobody acts on these effects; they are what outlives a restart."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import NamedTuple

from gateway.errors import Reason
from gateway.wire.types import MessageType


@dataclass(slots=True)
class HistoryKept:
    """A packet was taken into the public history, to be offered to those who missed it until a moment in Unix milliseconds.

    Every packet here was verified, but for fragments, which carry no signature.
    """

    kind: int  # `gateway.wire.types.MessageType`
    packet_id: bytes
    frame: bytes
    until_ms: int


class EventMemory(IntEnum):
    """What is remembered of an event of the consent bridge."""

    KNOWN = 1  # it came from a site, and there is nothing left to do with it here
    OURS = 2  # it was deposited here
    ON_AIR = 3  # another gateway put it down here
    PUT_DOWN = 4  # we did
    RELAYED = 5  # we did, and only a relay has brought it


@dataclass(frozen=True, slots=True)
class EventNoted:
    """Something is to be remembered of an event until a moment in Unix milliseconds, or forgotten if that is 0."""

    memory: EventMemory
    identifier: bytes
    until_ms: int


@dataclass(frozen=True, slots=True)
class EventCarried:
    """An event is at hand for sites that missed it; or, `unsent`, a deposit waits until one is linked.

    `owner` is the depositor of a deposit, else the site the event comes from. Times are Unix milliseconds; `until_ms` is 0 when it
    is let go.
    """

    identifier: bytes
    unsent: bool
    owner: bytes = b""
    created_ms: int = 0
    until_ms: int = 0
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class PacketWithdrawn:
    """A kept packet is not to be offered any more: its author took it back, or has put another in its place."""

    packet_id: bytes


@dataclass(frozen=True, slots=True)
class KeyPinned:
    """A signing key is trusted since, and was announced again at, a moment in Unix milliseconds."""

    peer_id: bytes
    signing_key: bytes
    since_ms: int
    seen_ms: int


@dataclass(frozen=True, slots=True)
class LetterKept:
    """Courier mail is to be written down for good; nothing is done with it before `gateway.mesh.events.LetterStored` answers.

    Args:
        name: what makes it the same letter, 16 bytes.
        payload: the envelope, as it will be handed over.
        tag: whom it is for.
        expires_ms: until when, in Unix milliseconds.
        depositor: the peer that left it here; empty if a site did.
        via: that site.
        copies: how many there are to give away, this one included.
        regular: whether the depositor counts as known here.
        holders: couriers and sites known to have a copy.

    """

    name: bytes
    payload: bytes
    tag: bytes
    expires_ms: int
    depositor: bytes = b""
    via: bytes = b""
    copies: int = 1
    regular: bool = False
    holders: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class LetterGiven:
    """Who has a copy of a letter, and how many are left to give away, has changed."""

    name: bytes
    copies: int
    holders: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class LetterEnded:
    """A letter waits no more: it was delivered, or `reason` says why it never will be."""

    name: bytes
    reason: Reason | None
    holders: tuple[bytes, ...] = ()


class Verb(StrEnum):
    """What can be done with a packet, or with a message, that somebody may ask about."""

    HEARD = "heard"  # taken from the radio for the first time; `rule` says why it stays on the island, if that is so
    SAID = "said"  # by this gateway itself
    REFUSED = "refused"  # not taken
    STAYED = "stayed"  # taken, and not sent to other sites
    SENT = "sent"  # to a site
    ACKNOWLEDGED = "acknowledged"  # by that site
    LOST = "lost"  # kept for a site that did not come back, or given to a relay that did not answer
    REJECTED = "rejected"  # by a relay; `rule` is its word for why
    ARRIVED = "arrived"  # from a site
    ON_AIR = "on_air"  # put on the radio as it is
    KEPT = "kept"  # too old for the air: given to whoever asks
    DEPOSITED = "deposited"  # an event, with us
    WAITING = "waiting"  # for its turn on the radio, or for a site
    PUT_DOWN = "put_down"  # an event, on the radio
    LEFT_TO_OTHERS = "left_to_others"  # another gateway of this island was quicker
    ALREADY_HERE = "already_here"  # the original came over the radio
    NOT_SERVED = "not_served"  # an event for a place that is not ours: only passed on
    DROPPED = "dropped"  # given up after it was taken
    KNOWN_AS = "known_as"  # the same thing under another ID
    ROUTE = "route"  # how a site is reached has changed
    HELD = "held"  # courier mail, for somebody who is away; `rule` says whether a phone or a site left it here
    COPIED = "copied"  # given to another courier; `rule` is "towards" where it was sent towards somebody hops away
    HANDED_OVER = "handed_over"  # sent to whoever it is for, who has proved it
    TAKEN_BACK = "taken_back"  # the link went down too early
    SITE_HOLDS = "site_holds"  # a site has it on its disk
    DELIVERED = "delivered"
    READ = "read"


class Decided(NamedTuple):  # made for every packet that is refused: half the price of a dataclass
    """Something was done with something, for the record behind ``meshgate why``.

    It names neither people nor what they say.

    Args:
        subject: packet ID, 16 bytes; or a message ID, or a site's identity.
        verb: what.
        hop: where: a local link, ``radio``, the name of a transport, a site's identity, or its ID, 8 bytes.
        rule: by which rule.
        reason: why not.
        detail: figures and words of our own; bytes are another ID.

    """

    subject: bytes | str
    verb: Verb
    hop: bytes | str = "radio"
    rule: str = ""
    reason: Reason | None = None
    detail: bytes | str = ""


@dataclass(slots=True)
class Judged:
    """What a rule could have seen of a packet, and what came of it: ``crossed`` or a word for why not."""

    packet_id: bytes
    kind: int
    size: int
    directed: bool
    signed: bool
    origin: bytes  # sender ID; the store keeps a hash of it that nobody can undo once the day is over
    via: bytes  # site ID, empty for our own island
    verdict: str
    sites: tuple[tuple[bytes, str], ...] = ()  # those it was to go to, by ID, each with what came of that


Record = HistoryKept | EventNoted | EventCarried | PacketWithdrawn | KeyPinned | LetterKept | LetterGiven | LetterEnded | Decided | Judged

RECORDS = frozenset(
    {HistoryKept, EventNoted, EventCarried, PacketWithdrawn, KeyPinned, LetterKept, LetterGiven, LetterEnded, Decided, Judged}
)
"""The types of these effects, for whoever has no store."""

ASKED_ABOUT = frozenset(
    {
        MessageType.MESSAGE,
        MessageType.COURIER,
        MessageType.NOISE_ENCRYPTED,
        MessageType.FILE,
        MessageType.BOARD,
        MessageType.PREKEYS,
        MessageType.GROUP,
        MessageType.NOSTR_CARRIER,
    }
)
"""The types of packets whose way is recorded: what somebody says, and not how nodes keep in touch."""
