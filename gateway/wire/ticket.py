"""A ticket: one gateway's signed word that another may join, and the two ways it is written down.

    offset  size
         0     1   version: 1
         1     1   scope: a bit for each thing the bearer may do
         2     1   uses: how many gateways may join with it, 1 to 16; 1 is a single use
         3     8   not before, Unix seconds
        11     8   expires, Unix seconds; not valid any more at this second
        19     8   until: when the membership ends, Unix seconds; 0: when it is revoked
        27    16   nonce, random
        43    32   issuer's Ed25519 key
        75     1   length of the audience: 0 for anyone, or 32
        76     a   audience: the Ed25519 key of the only gateway that may use it
      76+a     1   number of addresses, 0 to 4
      77+a     …   each: length (1 byte) and text (UTF-8), where the issuer can be reached
         …    64   Ed25519 signature over "meshgate ticket 1", a zero byte, and everything before

The *text* is ``MESHGATE:`` and, in base 32, the bytes above and their CRC-32: it fits a QR code in alphanumeric
mode, and tells a typing error from a forgery. The *code* is for people without a camera: five groups of five letters with
40 bits that name the ticket to its issuer, 75 bits of the hash of the issuer's key, and 10 bits of check.
"""

import struct
from dataclasses import dataclass
from enum import IntFlag
from hashlib import sha256
from typing import Final
from zlib import crc32

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_TICKET, MAX_TICKET_ADDRESS, MAX_TICKET_ADDRESSES, MAX_TICKET_TEXT, MAX_TICKET_USES
from gateway.wire import crockford, fields
from gateway.wire.ed25519 import is_signed

VERSION: Final = 1
NONCE: Final = 16  # bytes
PREFIX: Final = "MESHGATE:"
SECRET: Final = 5  # bytes of a code that name the ticket
_DOMAIN: Final = b"meshgate ticket 1\0"
_CODE_DOMAIN: Final = b"meshgate ticket code 1\0"
_ISSUER_DOMAIN: Final = b"meshgate ticket issuer 1\0"
_CHECK_DOMAIN: Final = b"meshgate ticket check 1\0"
_HEAD: Final = struct.Struct("!BBBQQQ16s32sB")
_CRC: Final = 4  # bytes
_FINGERPRINT_BITS: Final = 75
_CHECK_BITS: Final = 10
_GROUP: Final = 5  # letters
_GROUPS: Final = 5


class Scope(IntFlag):
    """What a member may do."""

    LINK = 1  # hold a link, over which packets cross
    HISTORY = 2  # be told what it missed
    STATUS = 4  # ask how this gateway is
    INVITE = 8  # invite others, who then may do no more than it may itself


EVERYTHING: Final = Scope.LINK | Scope.HISTORY | Scope.STATUS | Scope.INVITE
ORDINARY: Final = Scope.LINK | Scope.HISTORY | Scope.STATUS


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket as it was signed; times are Unix seconds. A decoded one is well formed, and nothing more."""

    scope: Scope
    uses: int
    not_before: int
    expires: int
    until: int  # 0: until revoked
    nonce: bytes
    issuer: bytes
    audience: bytes  # empty: anyone
    addresses: tuple[str, ...] = ()
    signature: bytes = bytes(fields.SIGNATURE)


@dataclass(frozen=True, slots=True)
class Code:
    """What a person typed instead of a ticket."""

    secret: bytes  # names the ticket to its issuer
    fingerprint: int  # of the issuer's key

    def is_of(self, issuer: bytes) -> bool:
        """Tell whether the gateway with this key is the one that gave the code; to nobody else may the secret be shown."""
        return _fingerprint(issuer) == self.fingerprint


def signed_bytes(ticket: Ticket) -> bytes:
    """Return what the issuer signs; raises `ValueError` for what no decoder would accept."""
    return _DOMAIN + _body(ticket)


def is_genuine(ticket: Ticket) -> bool:
    """Tell whether the owner of the key named as issuer made this ticket."""
    return is_signed(signed_bytes(ticket), ticket.signature, ticket.issuer)


def encode(ticket: Ticket) -> bytes:
    """Return the bytes of a signed ticket; raises `ValueError` for what no decoder would accept."""
    fields.check(ok=len(ticket.signature) == fields.SIGNATURE, what="a signature has 64 bytes")
    return _body(ticket) + ticket.signature


def decode(data: bytes) -> Ticket:
    """Return the ticket in `data`; raises `DecodeError` (TRUNCATED, VERSION, OVERSIZED, TEXT or FIELD)."""
    if data and data[0] != VERSION:
        raise DecodeError(Reason.VERSION, f"ticket version {data[0]}")
    if len(data) > MAX_TICKET:
        raise DecodeError(Reason.OVERSIZED, "ticket")
    if len(data) < _HEAD.size:
        raise DecodeError(Reason.TRUNCATED, "ticket")
    _, scope, uses, not_before, expires, until, nonce, issuer, audience_size = _HEAD.unpack_from(data)
    rest = _Rest(data, _HEAD.size)
    if audience_size not in (0, fields.KEY):
        raise DecodeError(Reason.FIELD, "audience")
    audience = rest.take(audience_size)
    count = rest.take(1)[0]
    if count > MAX_TICKET_ADDRESSES:
        raise DecodeError(Reason.OVERSIZED, "addresses")
    addresses = tuple(fields.text(rest.take(rest.take(1)[0]), "address") for _ in range(count))
    ticket = Ticket(
        Scope(scope & EVERYTHING), uses, not_before, expires, until, nonce, issuer, audience, addresses, rest.take(fields.SIGNATURE)
    )
    if rest.is_left or scope != ticket.scope:
        raise DecodeError(Reason.FIELD, "more than a ticket of this version has")
    try:
        _check(ticket)
    except ValueError as error:
        raise DecodeError(Reason.FIELD, str(error)) from None
    return ticket


def to_text(ticket: Ticket) -> str:
    """Return what stands in the QR code."""
    data = encode(ticket)
    return PREFIX + crockford.encode(data + crc32(data).to_bytes(_CRC))


def from_text(text: str) -> Ticket:
    """Return the ticket in a text, capitals and spaces aside.

    Raises:
        DecodeError: TEXT for a text that is no ticket's or was misread, TRUNCATED for one whose end is missing, else as `decode`.
    """
    if len(text) > MAX_TICKET_TEXT:
        raise DecodeError(Reason.OVERSIZED, "ticket")
    stripped = "".join(text.split())
    if not stripped.isascii() or not stripped.upper().startswith(PREFIX):
        raise DecodeError(Reason.TEXT, "no ticket")
    data = crockford.decode(stripped[len(PREFIX) :])
    if len(data) > _CRC and crc32(data[:-_CRC]) == int.from_bytes(data[-_CRC:]):
        return decode(data[:-_CRC])
    if _is_cut(data):
        raise DecodeError(Reason.TRUNCATED, "ticket")
    raise DecodeError(Reason.TEXT, "a character was misread")


def code_of(ticket: Ticket) -> str:
    """Return the short code of a ticket, five groups of five letters."""
    value = int.from_bytes(secret_of(ticket)) << _FINGERPRINT_BITS | _fingerprint(ticket.issuer)
    letters = crockford.encode_number(value << _CHECK_BITS | _check_bits(value), _GROUP * _GROUPS)
    return "-".join(letters[at : at + _GROUP] for at in range(0, len(letters), _GROUP))


def read_code(text: str) -> Code:
    """Return what a typed code says; raises `DecodeError` (TEXT)."""
    if len(text) > MAX_TICKET_TEXT:
        raise DecodeError(Reason.TEXT, "no code")
    value, letters = crockford.decode_number(text)
    body, check = value >> _CHECK_BITS, value & (1 << _CHECK_BITS) - 1
    if letters != _GROUP * _GROUPS or check != _check_bits(body):
        raise DecodeError(Reason.TEXT, "a character of the code is missing or was misread")
    return Code((body >> _FINGERPRINT_BITS).to_bytes(SECRET), body & (1 << _FINGERPRINT_BITS) - 1)


def secret_of(ticket: Ticket) -> bytes:
    """Return what names a ticket to its issuer in a code, 5 bytes."""
    return sha256(_CODE_DOMAIN + encode(ticket)).digest()[:SECRET]


class _Rest:
    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    @property
    def is_left(self) -> bool:
        return self._at < len(self._data)

    def take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        if len(taken) < size:
            raise DecodeError(Reason.TRUNCATED, "ticket")
        self._at += size
        return taken


def _body(ticket: Ticket) -> bytes:
    _check(ticket)
    head = _HEAD.pack(
        VERSION,
        ticket.scope,
        ticket.uses,
        ticket.not_before,
        ticket.expires,
        ticket.until,
        ticket.nonce,
        ticket.issuer,
        len(ticket.audience),
    )
    texts = [address.encode() for address in ticket.addresses]
    return b"".join((head, ticket.audience, bytes((len(texts),)), *(bytes((len(text),)) + text for text in texts)))


def _check(ticket: Ticket) -> None:
    fields.check(ok=EVERYTHING & ticket.scope == ticket.scope != 0, what="a ticket is for something, and for nothing unknown")
    fields.check(ok=1 <= ticket.uses <= MAX_TICKET_USES, what="the number of uses is out of range")
    fields.check(ok=0 <= ticket.not_before < ticket.expires < 1 << 64, what="a ticket must be valid at some time")
    fields.check(ok=0 <= ticket.until < 1 << 64, what="the end of the membership is out of range")
    fields.check(ok=len(ticket.nonce) == NONCE and len(ticket.issuer) == fields.KEY, what="nonce or issuer of wrong size")
    fields.check(ok=len(ticket.audience) in (0, fields.KEY), what="audience of wrong size")
    fields.check(ok=len(ticket.addresses) <= MAX_TICKET_ADDRESSES, what="too many addresses")
    for address in ticket.addresses:
        fields.check(ok=0 < len(address.encode()) <= MAX_TICKET_ADDRESS and address.isprintable(), what="an address out of range")


def _is_cut(data: bytes) -> bool:
    """Tell whether the end of a ticket with its checksum is missing."""
    try:
        decode(data[:-_CRC])
    except DecodeError as error:
        return error.reason is Reason.TRUNCATED
    return False


def _fingerprint(issuer: bytes) -> int:
    return int.from_bytes(sha256(_ISSUER_DOMAIN + issuer).digest()) >> 256 - _FINGERPRINT_BITS


def _check_bits(value: int) -> int:
    return int.from_bytes(sha256(_CHECK_DOMAIN + value.to_bytes(15)).digest()) >> 256 - _CHECK_BITS
