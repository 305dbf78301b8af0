"""Nostr events as BitChat's own bridge uses them: the JSON, its ID, and what BitChat derives.

An event's ID is the SHA-256 of its preimage, the JSON array
``[0, pubkey, created_at, kind, tags, content]`` without spaces (NIP-01); its signature is
BIP-340 Schnorr over the ID (`gateway.wire.nostr_signing` checks both).
Sources: BitChat iOS NostrProtocol.swift, NostrIdentityBridge.swift, MeshMessageIdentity.swift.
"""

import hmac
import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NoReturn

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_NOSTR_EVENT
from gateway.wire import fields

MESSAGE_KIND: Final = 20_000  # a public message: tags r or g (cell), n (nickname), m (stable ID, sender, time)
PRESENCE_KIND: Final = 20_001  # "somebody is in this cell": tag r
COURIER_DROP_KIND: Final = 1_401  # a courier envelope in base64: tags x (recipient tag), expiration
SECP256K1_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

_KEY_ATTEMPTS: Final = 10
_HEX_DIGITS: Final = frozenset("0123456789abcdef")
# What Swift trims: categories Zs, Zl, Zp, and the control characters that end or indent lines.
_TRIMMED: Final = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)


@dataclass(frozen=True, slots=True)
class NostrEvent:
    """A signed event; `event_id`, `pubkey` and `sig` are lower-case hex, `created_at` is in Unix seconds."""

    event_id: str
    pubkey: str
    created_at: int
    kind: int
    tags: tuple[tuple[str, ...], ...]
    content: str
    sig: str

    def tag(self, name: str) -> tuple[str, ...] | None:
        """Return the values of the first tag called `name`, without the name."""
        return next((tag[1:] for tag in self.tags if tag and tag[0] == name), None)


def preimage(event: NostrEvent) -> bytes:
    """Return the bytes whose SHA-256 is the ID."""
    return _json([0, event.pubkey, event.created_at, event.kind, event.tags, event.content])


def has_true_id(event: NostrEvent) -> bool:
    """Tell whether the ID is that of the content; only then does the signature say anything."""
    return sha256(preimage(event)).hexdigest() == event.event_id


def decode_event(data: bytes) -> NostrEvent:
    """Return the event in a JSON object; members we do not know are dropped.

    Raises `DecodeError` (TEXT for what UTF-8 cannot spell, FIELD, or OVERSIZED). Neither ID
    nor signature are checked.
    """
    text = fields.text(fields.at_most(data, MAX_NOSTR_EVENT, "event"), "event")
    try:
        event = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise DecodeError(Reason.FIELD, "event is not JSON") from None
    if not isinstance(event, dict):
        raise DecodeError(Reason.FIELD, "event is no object")
    return NostrEvent(
        _hex(event.get("id"), 32, "id"),
        _hex(event.get("pubkey"), 32, "pubkey"),
        _count(event.get("created_at"), "created_at"),
        _count(event.get("kind"), "kind"),
        _tags(event.get("tags")),
        _text(event.get("content"), "content"),
        _hex(event.get("sig"), 64, "sig"),
    )


def encode_event(event: NostrEvent) -> bytes:
    """Return the JSON object, members in the order every Nostr program writes them."""
    return _json(
        {
            "id": event.event_id,
            "pubkey": event.pubkey,
            "created_at": event.created_at,
            "kind": event.kind,
            "tags": event.tags,
            "content": event.content,
            "sig": event.sig,
        },
    )


def stable_message_id(sender_id: bytes, timestamp_ms: int, text: str) -> str:
    """Return the 32 hex digits by which every device knows a public message of the mesh.

    A hint that a radio copy is already here, never a proof: sender, time and text are public.
    """
    return sha256(f"{sender_id.hex()}|{timestamp_ms}|{text.strip(_TRIMMED)}".encode()).hexdigest()[:32]


def bridge_key(device_seed: bytes, cell: str) -> bytes:
    """Return the secret key a device signs its bridge events of one geohash cell with, 32 bytes."""
    return _derived_key(device_seed, f"bridge|{cell}")


def geohash_chat_key(device_seed: bytes, cell: str) -> bytes:
    """Return the secret key a device signs its geohash chat of one cell with, 32 bytes."""
    return _derived_key(device_seed, cell)


def _derived_key(device_seed: bytes, message: str) -> bytes:
    for attempt in range(_KEY_ATTEMPTS):
        key = hmac.digest(device_seed, message.encode() + fields.pack(attempt, fields.U32), "sha256")
        if 0 < int.from_bytes(key) < SECP256K1_ORDER:
            return key
    raise ValueError("no valid key derives from this seed")


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _hex(value: object, size: int, name: str) -> str:
    if not isinstance(value, str) or len(value) != 2 * size or not _HEX_DIGITS.issuperset(value):
        raise DecodeError(Reason.FIELD, f"{name} must be {2 * size} lower-case hex digits")
    return value


def _count(value: object, name: str) -> int:
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise DecodeError(Reason.FIELD, f"{name} must be a whole number")
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise DecodeError(Reason.FIELD, f"{name} must be text")
    # JSON can spell half a surrogate pair, which no UTF-8 and so no ID can be made of.
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise DecodeError(Reason.TEXT, f"{name} is half a character")
    return value


def _tags(value: object) -> tuple[tuple[str, ...], ...]:
    if not isinstance(value, list) or not all(isinstance(tag, list) for tag in value):
        raise DecodeError(Reason.FIELD, "tags must be lists")
    return tuple(tuple(_text(item, "tag") for item in tag) for tag in value)
