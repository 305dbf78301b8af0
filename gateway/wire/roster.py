"""What one gateway says, signed, about others: whom it lets in (a roster), and whom it shuts out (revocations).

    body       MessagePack list: 1, kind (1 roster, 2 revocations), issuer's key, version, entries
    signature  64 bytes, Ed25519 over "meshgate roster 1", a zero byte, and the body

An entry is ``[key, scope, until]`` or ``[key, round, at]``; times are Unix seconds, and `until` is 0 for somebody who may stay until
revoked. A gateway is shut out in the odd rounds and pardoned in the even ones. Entries stand in the order of their keys, each key once.

Of two rosters by the same issuer the newer counts; of two with the same version, which only a gateway restored from an old
backup makes, the one whose bytes sort last. Revocations are joined, entry by entry, the highest round first.
"""

from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import Final

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_FEDERATION, MAX_REVOKED
from gateway.wire import fields, packed
from gateway.wire.ed25519 import is_signed
from gateway.wire.ticket import EVERYTHING, Scope

DIGEST: Final = 8  # bytes
MAX_VERSION: Final = (1 << 64) - 1
MAX_ROUND: Final = 0xFFFF
MAX_ROSTER: Final = 128 + MAX_FEDERATION * 48  # bytes of an encoded roster: an entry takes 47 at most
MAX_REVOCATIONS: Final = 128 + MAX_REVOKED * 48  # bytes
_DOMAIN: Final = b"meshgate roster 1\0"
_VERSION: Final = 1
_ROSTER: Final = 1
_REVOCATIONS: Final = 2


@dataclass(frozen=True, slots=True)
class Listed:
    """One gateway that is let in."""

    key: bytes
    scope: Scope
    until: int  # Unix seconds; 0: until revoked


@dataclass(frozen=True, slots=True)
class Revoked:
    """One gateway that is shut out, or was and is pardoned, and since when."""

    key: bytes
    round: int  # from 1; odd: shut out
    at: int  # Unix seconds; 0 where the time was not known


@dataclass(frozen=True, slots=True)
class Roster:
    """Everybody one gateway lets in."""

    issuer: bytes
    version: int
    members: tuple[Listed, ...]
    signature: bytes = bytes(fields.SIGNATURE)


@dataclass(frozen=True, slots=True)
class Revocations:
    """Everybody one gateway shuts out."""

    issuer: bytes
    version: int
    revoked: tuple[Revoked, ...]
    signature: bytes = bytes(fields.SIGNATURE)


Document = Roster | Revocations


def signed_bytes(document: Document) -> bytes:
    """Return what the issuer signs."""
    return _DOMAIN + _body(document)


def is_genuine(document: Document) -> bool:
    """Tell whether the gateway named as issuer said this."""
    return is_signed(signed_bytes(document), document.signature, document.issuer)


def encode(document: Document) -> bytes:
    """Return the bytes; raises `ValueError` for what no decoder would accept."""
    data = _body(document) + document.signature
    try:
        (decode_roster if isinstance(document, Roster) else decode_revocations)(data)
    except DecodeError as error:
        raise ValueError(str(error)) from error
    return data


def decode_roster(data: bytes) -> Roster:
    """Return the roster in `data`; raises `DecodeError` (FIELD or OVERSIZED)."""
    issuer, version, entries, signature = _read(data, _ROSTER, MAX_ROSTER, MAX_FEDERATION)
    return Roster(issuer, version, tuple(read_listed(entry) for entry in entries), signature)


def decode_revocations(data: bytes) -> Revocations:
    """Return the revocations in `data`; raises `DecodeError` (FIELD or OVERSIZED)."""
    issuer, version, entries, signature = _read(data, _REVOCATIONS, MAX_REVOCATIONS, MAX_REVOKED)
    return Revocations(issuer, version, tuple(read_revoked(entry) for entry in entries), signature)


def read_listed(entry: object) -> Listed:
    """Return one entry of a roster; raises `DecodeError` (FIELD)."""
    key, scope, until = packed.row(entry, 3)
    return Listed(packed.octets(key, fields.KEY), Scope(packed.number(scope, EVERYTHING + 1)), packed.number(until))


def read_revoked(entry: object) -> Revoked:
    """Return one entry of a list of revocations; raises `DecodeError` (FIELD)."""
    key, turn, at = packed.row(entry, 3)
    if turn == 0:
        raise DecodeError(Reason.FIELD, "a revocation that never was")
    return Revoked(packed.octets(key, fields.KEY), packed.number(turn, MAX_ROUND + 1), packed.number(at))


def row(entry: Listed | Revoked) -> tuple[object, ...]:
    """Return an entry as it is written."""
    if isinstance(entry, Listed):
        return (entry.key, int(entry.scope), entry.until)
    return (entry.key, entry.round, entry.at)


def newer(one: Roster, other: Roster) -> Roster:
    """Return which of two rosters by the same issuer counts."""
    return max(one, other, key=lambda roster: (roster.version, _body(roster), roster.signature))


def digest(document: Document) -> bytes:
    """Return what tells a document from another of the same version, 8 bytes."""
    return sha256(_body(document)).digest()[:DIGEST]


def _body(document: Document) -> bytes:
    kind, entries = (_ROSTER, document.members) if isinstance(document, Roster) else (_REVOCATIONS, document.revoked)
    return packed.pack((_VERSION, kind, document.issuer, document.version, [row(entry) for entry in entries]))


def _read(data: bytes, kind: int, size: int, most: int) -> tuple[bytes, int, packed.Row, bytes]:
    if len(data) > size:
        raise DecodeError(Reason.OVERSIZED, "document")
    body, signature = data[: -fields.SIGNATURE], data[-fields.SIGNATURE :]
    version, found, issuer, number, entries = packed.row(packed.unpack_row(body, most), 5)
    if version != _VERSION or found != kind:
        raise DecodeError(Reason.VERSION, "a document of another version or kind")
    listed = packed.rows(entries, most)
    keys = [packed.octets(entry[0], fields.KEY) for entry in listed if isinstance(entry, tuple) and entry]
    if len(keys) != len(listed) or any(one >= other for one, other in pairwise(keys)):
        raise DecodeError(Reason.FIELD, "entries out of order")
    return packed.octets(issuer, fields.KEY), packed.number(number), listed, packed.octets(signature, fields.SIGNATURE)
