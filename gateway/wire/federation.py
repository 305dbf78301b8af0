"""What gateways tell each other about themselves and the federation, beside the packets they carry.

Each message is a MessagePack list that begins with the version, 1, and the kind:

    kind  name          then
       1  hello         lowest and highest version spoken, site ID (8 bytes), software (text)
       2  capabilities  list of texts
       3  have          list of [issuer, version of its roster, digest of that, digest of its revocations]
       4  membership    a roster, as bytes
       5  revocations   a list of revocations, as bytes
       6  join          a ticket as bytes, or a zero byte and the secret of a code
       7  welcome       scope, until
       8  refused       reason (a word)
       9  leave
      10  ask history   since, Unix milliseconds; the answer is the packets themselves, in envelopes of their own
      11  ask status
      12  status        phones near, sites linked, bytes waiting, seconds since its start

In `have` a digest of zeros stands for nothing. A hello is always written in version 1; everything else in
the highest version that both ends speak. A reader is strict: an unknown kind, a missing or additional element, or
another spelling is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_CAPABILITIES, MAX_CAPABILITY, MAX_FEDERATION, MAX_RPC, MAX_SOFTWARE, MAX_TICKET
from gateway.wire import fields, packed
from gateway.wire.envelope_schema import SITE_ID
from gateway.wire.roster import (
    DIGEST,
    MAX_REVOCATIONS,
    MAX_ROSTER,
    Revocations,
    Roster,
    decode_revocations,
    decode_roster,
)
from gateway.wire.roster import encode as encode_document
from gateway.wire.ticket import EVERYTHING, Scope

VERSION: Final = 1
MAX_REASON: Final = 32  # characters
KINDS: Final = {
    1: "hello",
    2: "capabilities",
    3: "have",
    4: "membership",
    5: "revocations",
    6: "join",
    7: "welcome",
    8: "refused",
    9: "leave",
    10: "ask_history",
    11: "ask_status",
    12: "status",
}
"""Every kind of message."""
CODE_MARK: Final = 0
"""The first byte of a code in place of a ticket, whose first byte is its version."""


@dataclass(frozen=True, slots=True)
class Hello:
    """Who speaks, and which versions; the site ID is a claim."""

    lowest: int
    highest: int
    site_id: bytes
    software: str


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the gateway can be asked for, such as "history/1"."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """Which documents of one issuer a gateway has; a digest of zeros stands for none."""

    issuer: bytes
    version: int  # of the roster
    roster: bytes  # digest
    revocations: bytes  # digest


@dataclass(frozen=True, slots=True)
class Have:
    """Which documents a gateway has, so that it can be told what it lacks."""

    held: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class Membership:
    """Whom somebody lets in."""

    roster: Roster


@dataclass(frozen=True, slots=True)
class ShutOut:
    """Whom somebody shuts out."""

    revocations: Revocations


@dataclass(frozen=True, slots=True)
class Join:
    """The sender wants to be a member and shows its ticket, or the secret of a code behind `CODE_MARK`."""

    shown: bytes


@dataclass(frozen=True, slots=True)
class Welcome:
    """The recipient is a member now."""

    scope: Scope
    until: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The recipient is no member, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Leave:
    """The sender is no member any more."""


@dataclass(frozen=True, slots=True)
class AskHistory:
    """The sender wants to be told what it missed; packets older than this are of no use to it."""

    since_ms: int


@dataclass(frozen=True, slots=True)
class AskStatus:
    """The sender wants to know how the recipient is."""


@dataclass(frozen=True, slots=True)
class Status:
    """How a gateway is, in counts: nobody is named, and no message is told of."""

    phones: int
    sites: int
    waiting_bytes: int
    uptime_s: int


Message = Hello | Capabilities | Have | Membership | ShutOut | Join | Welcome | Refused | Leave | AskHistory | AskStatus | Status


def encode(message: Message) -> bytes:
    """Return the bytes of a message; raises `ValueError` for one that no reader would accept."""
    data = packed.pack((VERSION, *_row(message)))
    try:
        decode(data)
    except DecodeError as error:
        raise ValueError(str(error)) from error
    return data


def decode(data: bytes) -> Message:
    """Return the message in `data`; raises `DecodeError` (VERSION, OVERSIZED, TEXT or FIELD)."""
    if len(data) > MAX_RPC:
        raise DecodeError(Reason.OVERSIZED, "message")
    row = packed.unpack_row(data, max(MAX_FEDERATION, MAX_CAPABILITIES))
    if len(row) < 2:
        raise DecodeError(Reason.FIELD, "neither version nor kind")
    if row[0] != VERSION or type(row[0]) is not int:
        raise DecodeError(Reason.VERSION, "message")
    kind = packed.number(row[1])
    if kind not in _READERS:
        raise DecodeError(Reason.FIELD, f"no kind {kind}")
    size, read = _READERS[kind]
    return read(*packed.row(row[2:], size))


def kind_of(data: bytes) -> str:
    """Return the kind of a message that was encoded here or has been decoded: it stands behind the list's and the version's byte."""
    return KINDS[data[2]]


def _row(message: Message) -> tuple[object, ...]:
    match message:
        case Hello():
            return (1, message.lowest, message.highest, message.site_id, message.software)
        case Capabilities():
            return (2, message.names)
        case Have():
            return (3, [(one.issuer, one.version, one.roster, one.revocations) for one in message.held])
        case Membership():
            return (4, encode_document(message.roster))
        case ShutOut():
            return (5, encode_document(message.revocations))
        case Join():
            return (6, message.shown)
        case Welcome():
            return (7, int(message.scope), message.until)
        case Refused():
            return (8, message.reason)
        case Leave():
            return (9,)
        case AskHistory():
            return (10, message.since_ms)
        case AskStatus():
            return (11,)
        case Status():
            return (12, message.phones, message.sites, message.waiting_bytes, message.uptime_s)


def _hello(lowest: object, highest: object, site_id: object, software: object) -> Hello:
    low, high = packed.number(lowest, 256), packed.number(highest, 256)
    if not 0 < low <= high:
        raise DecodeError(Reason.FIELD, "no version is spoken")
    return Hello(low, high, packed.octets(site_id, SITE_ID), packed.text(software, MAX_SOFTWARE))


def _capabilities(names: object) -> Capabilities:
    return Capabilities(tuple(packed.text(name, MAX_CAPABILITY) for name in packed.rows(names, MAX_CAPABILITIES)))


def _have(held: object) -> Have:
    return Have(tuple(_held(*packed.row(one, 4)) for one in packed.rows(held, MAX_FEDERATION + 1)))  # and the gateway's own


def _held(issuer: object, version: object, roster: object, revocations: object) -> Held:
    return Held(
        packed.octets(issuer, fields.KEY), packed.number(version), packed.octets(roster, DIGEST), packed.octets(revocations, DIGEST)
    )


_READERS: Final[dict[int, tuple[int, Callable[..., Message]]]] = {  # elements after the kind, and what reads them
    1: (4, _hello),
    2: (1, _capabilities),
    3: (1, _have),
    4: (1, lambda data: Membership(decode_roster(packed.blob(data, MAX_ROSTER)))),
    5: (1, lambda data: ShutOut(decode_revocations(packed.blob(data, MAX_REVOCATIONS)))),
    6: (1, lambda shown: Join(packed.blob(shown, MAX_TICKET))),
    7: (2, lambda scope, until: Welcome(Scope(packed.number(scope, EVERYTHING + 1)), packed.number(until))),
    8: (1, lambda reason: Refused(packed.text(reason, MAX_REASON))),
    9: (0, Leave),
    10: (1, lambda since: AskHistory(packed.number(since))),
    11: (0, AskStatus),
    12: (4, lambda *counts: Status(*map(packed.number, counts))),
}
