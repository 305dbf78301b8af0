"""Access tickets of BetaNet 1.1: proof to a website that a visitor knows its ticket key, good for about an hour.

    byte  0        0x01
    bytes 1-32     cliPub      X25519 public key, made for this ticket alone
    bytes 33-40    keyID       names the site's ticket key
    bytes 41-72    nonce       random; carried, and in no derivation
    bytes 73-104   proof       HKDF(ikm X25519(cliPub, ticket key), salt S, info "", 32)
    24 to 64       padding     random

    S = SHA-256("betanet-ticket-v1" || keyID || u64 big-endian hour), hour = unix seconds / 3600

129 to 169 bytes, written as base64url without "=". How they travel is in `carriers`, who is let in in `admission`.

Source: BetaNet 1.1, section 5.2. `len=24..64` of a site's policy is the length of the padding.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from transports.betanet.errors import BetanetError, Fault, malformed
from transports.betanet.keys import hkdf

VERSION: Final = 1
KEY_BYTES: Final = 32
KEY_ID_BYTES: Final = 8
NONCE_BYTES: Final = 32
LEAST_PADDING: Final = 24
MOST_PADDING: Final = 64
BARE_BYTES: Final = 105  # without padding
LEAST_TEXT: Final = 172  # characters of the shortest ticket
MOST_TEXT: Final = 226  # and of the longest
HOUR_S: Final = 3_600
_KEY_ID_AT: Final = 33
_NONCE_AT: Final = 41
_PROOF_AT: Final = 73
_LABEL: Final = b"betanet-ticket-v1"
_P: Final = 2**255 - 19
_SMALL: Final = frozenset(
    number.to_bytes(32, "little")
    for number in (
        0,
        1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,  # order 8
        39382357235489614581723060781553021112529911719440698176882885853963445705823,  # order 8
        _P - 1,
        _P,  # 0 again, not reduced
        _P + 1,  # 1 again, not reduced
    )
)
_BASE64: Final = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Ticket:
    """The fields of a ticket; the padding is not kept."""

    client_public: bytes
    key_id: bytes
    nonce: bytes
    proof: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TicketKey:
    """A site's ticket key: 32 secret bytes, and the 8 public ones that name it."""

    private: bytes = field(repr=False)
    key_id: bytes

    @property
    def public(self) -> bytes:
        """What visitors have to know, 32 bytes."""
        return X25519PrivateKey.from_private_bytes(self.private).public_key().public_bytes_raw()


def has_owner(public: bytes) -> bool:
    """True for an X25519 public key (32 bytes) whose secrets are not known to everybody: one that is not of small order."""
    # X25519 ignores the topmost bit, so each of these keys has two spellings.
    return public[:31] + bytes((public[31] & 0x7F,)) not in _SMALL


def shared_secret(private: X25519PrivateKey, public: bytes) -> bytes:
    """Return the X25519 secret of a site and a visitor, 32 bytes.

    Raises:
        BetanetError: a public key of small order, whose secret anybody knows.
    """
    try:
        return private.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        raise BetanetError(Fault.AUTH_FAILED, "unusable X25519 public key") from None


def proof_of(secret: bytes, key_id: bytes, hour: int) -> bytes:
    """Return the 32 bytes that prove a secret for one hour."""
    return hkdf(secret, sha256(_LABEL + key_id + hour.to_bytes(8)).digest(), b"", KEY_BYTES)


def issue(site_public: bytes, key_id: bytes, now: float, *, client_private: bytes, nonce: bytes, padding: bytes) -> bytes:
    """Return a ticket for the hour of `now` (unix seconds).

    `client_private` and `nonce` are 32 fresh random bytes each, `padding` 24 to 64; none may be used twice.

    Raises:
        ValueError: a field of another size.
        BetanetError: the site's key is unusable.
    """
    if len(key_id) != KEY_ID_BYTES or len(nonce) != NONCE_BYTES or not LEAST_PADDING <= len(padding) <= MOST_PADDING:
        raise ValueError("a field of a ticket has the wrong size")
    private = X25519PrivateKey.from_private_bytes(client_private)
    proof = proof_of(shared_secret(private, site_public), key_id, int(now) // HOUR_S)
    return bytes((VERSION,)) + private.public_key().public_bytes_raw() + key_id + nonce + proof + padding


def is_sound(payload: bytes) -> bool:
    """True for bytes with the version and a length of a ticket."""
    return LEAST_PADDING <= len(payload) - BARE_BYTES <= MOST_PADDING and payload[0] == VERSION


def fields_of(payload: bytes) -> Ticket:
    """Return the fields of bytes that are sound; nothing is proved yet."""
    return Ticket(payload[1:_KEY_ID_AT], payload[_KEY_ID_AT:_NONCE_AT], payload[_NONCE_AT:_PROOF_AT], payload[_PROOF_AT:BARE_BYTES])


def decode_ticket(payload: bytes) -> Ticket:
    """Return the fields of a ticket; nothing is proved yet.

    Raises:
        BetanetError: another version, or not 24 to 64 bytes of padding.
    """
    if not is_sound(payload):
        raise malformed("not a ticket")
    return fields_of(payload)


def to_text(payload: bytes) -> str:
    """Return bytes as base64url without "="."""
    return urlsafe_b64encode(payload).rstrip(b"=").decode()


def is_base64url(text: str) -> bool:
    """True for a text of base64url's letters and of a length it can have."""
    return _BASE64.fullmatch(text) is not None and len(text) % 4 != 1


def decode_base64url(text: str) -> tuple[bytes, bool]:
    """Return the bytes of such a text, and whether they are written in no other way: no bits are left over."""
    payload = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return payload, to_text(payload) == text


def from_text(text: str) -> bytes:
    """Return the bytes of base64url.

    Raises:
        BetanetError: another alphabet, "=", a length that cannot be, or bits that no byte has.
    """
    if not is_base64url(text):
        raise malformed("not base64url")
    payload, exact = decode_base64url(text)
    if not exact:
        raise malformed("base64url with bits left over")
    return payload
