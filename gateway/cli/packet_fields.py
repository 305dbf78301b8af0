"""Packets as JSON objects and back, with the field names and hex forms of the published test vectors."""

import json
import re
from collections.abc import Mapping
from typing import Final

from gateway.errors import DecodeError, GatewayError
from gateway.wire.packet import Packet, decode, dedup_key, packet_id, peek
from gateway.wire.payloads import decode_payload, to_json
from gateway.wire.types import PEER_ID_SIZE, SIGNATURE_SIZE, type_name

_INTEGERS: Final = {"version": 2, "type": 0xFF, "ttl": 0xFF, "timestamp_ms": 2**64 - 1}  # field -> highest value
_REQUIRED: Final = ("type", "ttl", "timestamp_ms", "sender_id", "payload")
_FIELDS: Final = ("version", *_REQUIRED, "recipient_id", "route", "is_rsr", "signature")
_FOLLOWING: Final = ("type_name", "compressed_on_wire", "dedup_key", "sync_packet_id", "decoded")  # printed, and worked out from the others


class FieldError(GatewayError):
    """Text that does not describe a packet; says what is wrong with it."""


def to_fields(frame: bytes) -> dict[str, object]:
    """Everything a packet says.

    Raises:
        DecodeError: it is not a packet.
    """
    header = peek(frame)
    packet = decode(frame)
    return {
        "version": packet.version,
        "type": packet.type,
        "type_name": type_name(packet.type),
        "ttl": packet.ttl,
        "timestamp_ms": packet.timestamp_ms,
        "sender_id": packet.sender_id.hex(),
        "recipient_id": None if packet.recipient_id is None else packet.recipient_id.hex(),
        "route": None if packet.route is None else [hop.hex() for hop in packet.route],
        "is_rsr": packet.is_rsr,
        "payload": packet.payload.hex(),
        "signature": None if packet.signature is None else packet.signature.hex(),
        "compressed_on_wire": header.is_compressed,
        "dedup_key": dedup_key(packet),
        "sync_packet_id": packet_id(frame, header).hex(),
        "decoded": _decoded(packet),
    }


def from_fields(text: str) -> Packet:
    """The packet a JSON object describes.

    ``version`` (1), ``recipient_id``, ``route``, ``signature`` (null) and ``is_rsr`` (false) may be left
    out; what `to_fields` prints beyond the fields is accepted and not looked at, but for
    ``compressed_on_wire``: false keeps the payload as it is.

    Raises:
        FieldError: a sentence about the first thing that is wrong.
    """
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FieldError(f"not a JSON document: {error}") from None
    if not isinstance(fields, dict):
        raise FieldError("not a JSON object")
    for name in fields:
        if name not in _FIELDS and name not in _FOLLOWING:
            raise FieldError(f"{name}: there is no such field; known are {', '.join(_FIELDS)}")
    for name in _REQUIRED:
        if name not in fields:
            raise FieldError(f"{name}: the field is missing")
    payload = _hex(fields, "payload", None) or b""
    return Packet(
        version=_integer(fields, "version", lowest=1) if "version" in fields else 1,
        type=_integer(fields, "type"),
        ttl=_integer(fields, "ttl"),
        timestamp_ms=_integer(fields, "timestamp_ms"),
        sender_id=_hex(fields, "sender_id", PEER_ID_SIZE) or b"",
        recipient_id=_hex(fields, "recipient_id", PEER_ID_SIZE),
        route=_route(fields),
        is_rsr=_flag(fields, "is_rsr"),
        payload=payload,
        signature=_hex(fields, "signature", SIGNATURE_SIZE),
        wire_payload=payload if fields.get("compressed_on_wire") is False else None,
    )


def parse_hex(text: str) -> bytes:
    """Bytes from hexadecimal text as people paste it: white space, colons between bytes and ``0x`` are skipped.

    Raises:
        FieldError: a sentence about what is wrong.
    """
    groups = []
    for group in text.split(":"):
        digits = "".join(re.sub("^0[xX]", "", part) for part in group.split())
        if len(digits) % 2:
            raise FieldError("not whole bytes: the number of hexadecimal digits is odd")
        groups.append(digits)
    try:
        return bytes.fromhex("".join(groups))
    except ValueError:
        raise FieldError("not hexadecimal: only 0-9 and a-f, white space, colons and 0x may stand there") from None


def _decoded(packet: Packet) -> object:
    try:
        value = decode_payload(packet.type, packet.payload)
    except DecodeError:
        return None
    return None if value is None else to_json(value)


def _integer(fields: Mapping[str, object], name: str, lowest: int = 0) -> int:
    value = fields[name]
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= _INTEGERS[name]:
        raise FieldError(f"{name}: must be a whole number from {lowest} to {_INTEGERS[name]}, not {json.dumps(value)[:40]}")
    return value


def _flag(fields: Mapping[str, object], name: str) -> bool:
    value = fields.get(name, False)
    if not isinstance(value, bool):
        raise FieldError(f"{name}: must be true or false, not {json.dumps(value)[:40]}")
    return value


def _hex(fields: Mapping[str, object], name: str, size: int | None) -> bytes | None:
    """The bytes of a field; None for null, which only the optional ones may be."""
    value = fields.get(name)
    if value is None and name not in _REQUIRED:
        return None
    return _bytes(value, name, size)


def _route(fields: Mapping[str, object]) -> tuple[bytes, ...] | None:
    value = fields.get("route")
    if value is None:
        return None
    if not isinstance(value, list):
        raise FieldError(f"route: must be null or a list of peer IDs, not {json.dumps(value)[:40]}")
    return tuple(_bytes(hop, f"route[{index}]", PEER_ID_SIZE) for index, hop in enumerate(value))


def _bytes(value: object, name: str, size: int | None) -> bytes:
    length = "" if size is None else f"{size} bytes of "
    if not isinstance(value, str):
        raise FieldError(f"{name}: must be {length}hexadecimal text, not {json.dumps(value)[:40]}")
    try:
        raw = parse_hex(value)
    except FieldError as error:
        raise FieldError(f"{name}: {error}") from None
    if size is not None and len(raw) != size:
        raise FieldError(f"{name}: must be {size} bytes, not {len(raw)}")
    return raw
