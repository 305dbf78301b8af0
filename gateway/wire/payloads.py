"""From a packet's type and payload to a value, and from a value to JSON that people can read."""

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from typing import Final

from gateway.errors import DecodeError, Reason
from gateway.wire.announce import Announce, decode_announce
from gateway.wire.board import BoardPost, BoardTombstone, decode_board
from gateway.wire.carrier import NostrCarrier, decode_carrier
from gateway.wire.courier import decode_courier
from gateway.wire.fields import U32, text
from gateway.wire.file import decode_file
from gateway.wire.fragment import decode_fragment
from gateway.wire.group import decode_group_message
from gateway.wire.nostr import NostrEvent, decode_event
from gateway.wire.ping import decode_ping
from gateway.wire.prekeys import Prekey, PrekeyBundle, decode_prekeys
from gateway.wire.private import PeerState
from gateway.wire.sync import RequestSync, decode_request_sync
from gateway.wire.types import MessageType
from gateway.wire.voice import VoiceBurst, VoiceCanceled, VoiceEnd, VoiceFrames, VoiceStart, decode_voice

_AEAD_TAG: Final = 16  # bytes


@dataclass(frozen=True, slots=True)
class TextMessage:
    """A public message 0x02: its payload is the text and nothing else."""

    text: str


@dataclass(frozen=True, slots=True)
class NoiseCiphertext:
    """What anybody can see of an encrypted packet 0x11: u32 counter, then ciphertext and tag."""

    counter: int
    ciphertext_length: int  # bytes, tag included


def _text_message(payload: bytes) -> TextMessage:
    return TextMessage(text(payload, "message"))


def _noise_ciphertext(payload: bytes) -> NoiseCiphertext:
    if len(payload) < U32 + _AEAD_TAG:
        raise DecodeError(Reason.SHORT, "Noise message")
    return NoiseCiphertext(int.from_bytes(payload[:U32]), len(payload) - U32)


_DECODERS: Final[dict[int, Callable[[bytes], object]]] = {
    MessageType.ANNOUNCE: decode_announce,
    MessageType.MESSAGE: _text_message,
    MessageType.COURIER: decode_courier,
    MessageType.NOISE_ENCRYPTED: _noise_ciphertext,
    MessageType.FRAGMENT: decode_fragment,
    MessageType.REQUEST_SYNC: decode_request_sync,
    MessageType.FILE: decode_file,
    MessageType.BOARD: decode_board,
    MessageType.PREKEYS: decode_prekeys,
    MessageType.GROUP: decode_group_message,
    MessageType.PING: decode_ping,
    MessageType.PONG: decode_ping,
    MessageType.NOSTR_CARRIER: decode_carrier,
    MessageType.VOICE: decode_voice,
}


def decode_payload(message_type: int, payload: bytes) -> object | None:
    """Return what an inflated payload says, None for a type without structure (leave, handshake, unknown).

    Raises `DecodeError`. Signatures inside the payload are not checked.
    """
    decoder = _DECODERS.get(message_type)
    return None if decoder is None else decoder(payload)


Json = dict[str, "Json"] | list["Json"] | str | int | None

# Where the field's name in JSON is not its name in Python.
_NAMES: Final[dict[type, dict[str, str]]] = {
    Announce: {"noise_public_key": "noise_public", "signing_public_key": "signing_public"},
    PeerState: {"signing_public_key": "signing_public"},
    PrekeyBundle: {"noise_public_key": "noise_static_public"},
    Prekey: {"prekey_id": "id", "public_key": "public"},
    NostrEvent: {"event_id": "id"},
}
_KINDS: Final[dict[type, str]] = {
    BoardPost: "post",
    BoardTombstone: "tombstone",
    VoiceStart: "start",
    VoiceFrames: "frames",
    VoiceEnd: "end",
    VoiceCanceled: "canceled",
}


def to_json(value: object) -> dict[str, Json]:
    """Return the fields of a decoded value: bytes as lower-case hex, the rest as JSON has it.

    Where a format has several shapes, `kind` names the one. Raises `TypeError` for anything
    but a value of this package.
    """
    match value:
        case Announce():
            unknown: dict[str, Json] = {f"{kind:02x}": data.hex() for kind, data in value.unknown}
            return _members(value) | {"unknown": unknown}
        case RequestSync():
            fragments = None if value.fragment_ids is None else ",".join(fragment.hex() for fragment in value.fragment_ids)
            rest: dict[str, Json] = {"types": value.types, "since_ms": value.since_ms, "fragment_id_filter": fragments}
            return _members(value.filter) | rest
        case NostrCarrier():
            return _carrier(value)
        case VoiceBurst():
            head: dict[str, Json] = {"burst_id": value.burst_id.hex(), "seq": value.seq}
            return head | to_json(value.body)
        case BoardPost():
            return _members(value) | {"urgent": value.is_urgent}
        case _:
            return _members(value)


def _members(value: object) -> dict[str, Json]:
    if not is_dataclass(value) or isinstance(value, type):
        raise TypeError(f"{type(value).__name__} is no payload")
    names = _NAMES.get(type(value), {})
    members: dict[str, Json] = {"kind": _KINDS[type(value)]} if type(value) in _KINDS else {}
    for field in fields(value):
        members[names.get(field.name, field.name)] = _plain(getattr(value, field.name))
    return members


def _carrier(carrier: NostrCarrier) -> dict[str, Json]:
    first, second = carrier.direction.name.lower().split("_")
    members: dict[str, Json] = {
        "direction": first + second.capitalize(),
        "direction_code": int(carrier.direction),
        "geohash": carrier.geohash,
    }
    try:
        members["event"] = to_json(decode_event(carrier.event))
    except DecodeError as error:
        # The carrier itself is sound, and a person looking at it should see why its event is not.
        members |= {"event": carrier.event.hex(), "event_error": str(error)}
    return members


def _plain(value: object) -> Json:
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return to_json(value)
