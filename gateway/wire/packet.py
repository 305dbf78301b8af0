"""The BitChat packet: one frame's bytes to values and back.

Source: BitChat iOS BinaryProtocol.swift, Android BinaryProtocol.kt. All integers big-endian.

    v1   v2   size   field
    0    0    1      version: 1 or 2
    1    1    1      type; unknown values are legal
    2    2    1      TTL                                        (not signed)
    3    3    8      timestamp, ms since the epoch
    11   11   1      flags                                      (0x02 and 0x10 not signed)
    12   12   2/4    length of the payload as on the wire
    14   16   8      sender ID
              8      recipient ID                               flag 0x01
              1+8n   route: count n, then n peer IDs            flag 0x08, only v2
              2/4    original size, counted in the length       flag 0x04
                     payload
              64     Ed25519 signature                          flag 0x02
                     padding or any other bytes: ignored

Rules:

* The hot path is `peek`, then `packet_id`: neither inflates nor builds a `Packet` (a compressed
  payload is the exception, its identity is over the original).
* The apps strip padding and try again when a frame does not decode. Bytes behind a complete packet
  are ignored here, so a stripped frame can never decode where the whole one does not: no second try.
* What is relayed is the received frame with byte 2 patched, never a decoded and re-encoded one.
"""

import struct
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, NamedTuple

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_FRAME, MAX_PAYLOAD
from gateway.wire.deflate import check_declared, compress, inflate
from gateway.wire.padding import pad
from gateway.wire.types import BROADCAST, PEER_ID_SIZE, SIGNATURE_SIZE

HAS_RECIPIENT: Final = 0x01
HAS_SIGNATURE: Final = 0x02
COMPRESSED: Final = 0x04
HAS_ROUTE: Final = 0x08
IS_RSR: Final = 0x10  # "request sync response": an answer to a REQUEST_SYNC

_MOVES_PAYLOAD: Final = HAS_RECIPIENT | HAS_ROUTE

FLAGS_OFFSET: Final = 11
PACKET_ID_SIZE: Final = 16

_V1: Final = struct.Struct(">BBBQBH8s")
_V2: Final = struct.Struct(">BBBQBI8s")
_V1_SIZE: Final = 22
_V2_SIZE: Final = 24
_unpack_v1: Final = _V1.unpack_from
_unpack_v2: Final = _V2.unpack_from
_pack_identity: Final = struct.Struct(">B8sQ").pack
_new_tuple: Final = tuple.__new__


class Header(NamedTuple):
    """Where everything is in a frame, and what a relay needs to know of it.

    A plain tuple because it is made for every frame received, duplicates included.
    """

    version: int
    type: int
    ttl: int
    timestamp_ms: int
    flags: int
    sender_id: bytes
    recipient_id: bytes | None  # as received: `BROADCAST` stays `BROADCAST`
    payload_start: int  # offset of the wire payload, which begins with the size preamble when compressed
    payload_end: int
    end: int  # offset behind the signature; anything after it is padding

    @property
    def is_broadcast(self) -> bool:
        """Whether it is for everybody, in either app's way of writing that."""
        return self.recipient_id is None or self.recipient_id == BROADCAST

    @property
    def has_signature(self) -> bool:
        """Whether 64 bytes of signature follow the payload."""
        return self.flags & HAS_SIGNATURE != 0

    @property
    def is_compressed(self) -> bool:
        """Whether the wire payload is a size preamble and a DEFLATE stream."""
        return self.flags & COMPRESSED != 0

    @property
    def is_rsr(self) -> bool:
        """Whether it is sent in answer to a REQUEST_SYNC."""
        return self.flags & IS_RSR != 0

    @property
    def has_route(self) -> bool:
        """Whether it carries a source route of at least one hop."""
        return self.payload_start - _route_offset(self) > 1


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet as values; `payload` is the original, not what compression made of it.

    IDs are 8 bytes, a signature 64, TTL 0-255, timestamp unsigned 64 bits. A route is never empty.
    """

    type: int
    ttl: int
    timestamp_ms: int
    sender_id: bytes
    payload: bytes
    recipient_id: bytes | None = None
    route: tuple[bytes, ...] | None = None
    signature: bytes | None = None
    is_rsr: bool = False
    version: int = 1
    wire_payload: bytes | None = field(default=None, compare=False, repr=False)
    """The payload as it was received (compressed, with its preamble, or just `payload`), so that encoding
    again gives the bytes that were signed. Set it to None when `payload` or `version` is replaced."""


def peek(frame: bytes) -> Header:
    """Check the shape and the caps of a frame without touching its payload.

    Raises `DecodeError`: SHORT, VERSION, TRUNCATED, OVERSIZED, BOMB.
    """
    size = len(frame)
    if size < _V1_SIZE:
        raise DecodeError(Reason.SHORT, f"{size} bytes")
    version = frame[0]
    if version == 1:
        _, kind, ttl, timestamp_ms, flags, length, sender_id = _unpack_v1(frame)
        start = _V1_SIZE
    elif version == 2:
        if size < _V2_SIZE:
            raise DecodeError(Reason.SHORT, f"{size} bytes")
        _, kind, ttl, timestamp_ms, flags, length, sender_id = _unpack_v2(frame)
        if length > MAX_PAYLOAD:
            raise DecodeError(Reason.OVERSIZED, f"payload of {length} bytes")
        start = _V2_SIZE
    else:
        raise DecodeError(Reason.VERSION, str(version))
    recipient_id = None
    if flags & _MOVES_PAYLOAD:  # one test instead of two: most frames are broadcast without a route
        if flags & HAS_RECIPIENT:
            recipient_id = frame[start : start + 8]
            start += 8
        if flags & HAS_ROUTE and version == 2:
            if start >= size:
                raise DecodeError(Reason.TRUNCATED, "route")
            start += 1 + 8 * frame[start]
    payload_end = start + length
    end = payload_end + 64 if flags & HAS_SIGNATURE else payload_end
    if end > size:
        raise DecodeError(Reason.TRUNCATED, f"{end} bytes declared, {size} there")
    if size > MAX_FRAME:
        raise DecodeError(Reason.OVERSIZED, f"frame of {size} bytes")
    if flags & COMPRESSED:
        _check_preamble(frame, version, start, payload_end)
    return _new_tuple(Header, (version, kind, ttl, timestamp_ms, flags, sender_id, recipient_id, start, payload_end, end))


def _check_preamble(frame: bytes, version: int, start: int, end: int) -> None:
    stream = start + 2 * version
    if stream > end:
        raise DecodeError(Reason.TRUNCATED, "original size")
    check_declared(int.from_bytes(frame[start:stream]), end - stream)


def payload_of(frame: bytes, header: Header) -> bytes:
    """The payload, inflated when it was compressed. Raises `DecodeError` (INFLATE, BOMB)."""
    start = header.payload_start
    if not header.flags & COMPRESSED:
        return frame[start : header.payload_end]
    stream = start + 2 * header.version
    return inflate(frame[stream : header.payload_end], int.from_bytes(frame[start:stream]))


def original_size(frame: bytes, header: Header) -> int:
    """The bytes a compressed payload says it inflates to, 0 for one that is not compressed."""
    start = header.payload_start
    return int.from_bytes(frame[start : start + 2 * header.version]) if header.flags & COMPRESSED else 0


def _route_offset(header: Header) -> int:
    """Where the route's count is, or would be."""
    return (_V1_SIZE if header.version == 1 else _V2_SIZE) + (0 if header.recipient_id is None else PEER_ID_SIZE)


def route_of(frame: bytes, header: Header) -> tuple[bytes, ...] | None:
    """The hops between sender and recipient, 8 bytes each; None without a route or with one of no hops."""
    if not header.flags & HAS_ROUTE:
        return None
    first = _route_offset(header) + 1
    hops = tuple(frame[i : i + PEER_ID_SIZE] for i in range(first, header.payload_start, PEER_ID_SIZE))
    return hops or None


def signature_of(frame: bytes, header: Header) -> bytes | None:
    """The 64 bytes of signature, or None."""
    return frame[header.payload_end : header.end] if header.flags & HAS_SIGNATURE else None


def packet_id(frame: bytes, header: Header) -> bytes:
    """The 16 bytes that gossip sync knows this packet by: equal for every relayed copy of it.

    SHA-256 over type, sender, timestamp and original payload, cut. Raises `DecodeError` when a
    compressed payload does not inflate. Source: BitChat iOS PacketIdUtil.
    """
    _, kind, _, timestamp_ms, flags, sender_id, _, start, end, _ = header
    payload = payload_of(frame, header) if flags & COMPRESSED else frame[start:end]
    return sha256(_pack_identity(kind, sender_id, timestamp_ms) + payload).digest()[:16]


def dedup_key(packet: Packet) -> str:
    """The key iOS recognises a repeated packet by: sender, timestamp, type, 4 bytes of payload hash."""
    digest = sha256(packet.payload).digest()[:4]
    return f"{packet.sender_id.hex()}-{packet.timestamp_ms}-{packet.type}-{digest.hex()}"


def decode(frame: bytes) -> Packet:
    """The whole packet as values. Raises `DecodeError`."""
    header = peek(frame)
    wire_payload = frame[header.payload_start : header.payload_end]
    return Packet(
        type=header.type,
        ttl=header.ttl,
        timestamp_ms=header.timestamp_ms,
        sender_id=header.sender_id,
        payload=payload_of(frame, header) if header.is_compressed else wire_payload,
        recipient_id=header.recipient_id,
        route=route_of(frame, header),
        signature=signature_of(frame, header),
        is_rsr=header.is_rsr,
        version=header.version,
        wire_payload=wire_payload,
    )


def encode(packet: Packet, *, padded: bool = False) -> bytes:
    """The frame of a packet; compressed where the apps would, or exactly as it was received.

    Raises ValueError for a packet its version cannot carry, or with fields of the wrong size.
    """
    payload, flags = _wire_form(packet)
    recipient = b""
    if packet.recipient_id is not None:
        recipient = _exactly(packet.recipient_id, PEER_ID_SIZE, "recipient")
        flags |= HAS_RECIPIENT
    route = b""
    if packet.route is not None:
        route = _encode_route(packet)
        flags |= HAS_ROUTE
    signature = b""
    if packet.signature is not None:
        signature = _exactly(packet.signature, SIGNATURE_SIZE, "signature")
        flags |= HAS_SIGNATURE
    if packet.is_rsr:
        flags |= IS_RSR
    sender = _exactly(packet.sender_id, PEER_ID_SIZE, "sender")
    layout = _V1 if packet.version == 1 else _V2
    try:
        head = layout.pack(packet.version, packet.type, packet.ttl, packet.timestamp_ms, flags, len(payload), sender)
    except struct.error as error:
        raise ValueError(f"does not fit its field: {error}") from error
    frame = b"".join((head, recipient, route, payload, signature))
    return pad(frame) if padded else frame


def _wire_form(packet: Packet) -> tuple[bytes, int]:
    """The payload as it goes on the air, and the flag that says whether it is compressed."""
    if packet.version not in {1, 2}:
        raise ValueError(f"version {packet.version}")
    payload = packet.payload
    if packet.wire_payload is not None:
        wire, flags = packet.wire_payload, 0 if packet.wire_payload == payload else COMPRESSED
    elif (stream := _compressed(packet)) is not None:
        wire, flags = stream, COMPRESSED
    else:
        wire, flags = payload, 0
    if max(len(wire), len(payload)) > MAX_PAYLOAD:
        raise ValueError(f"payload of {len(payload)} bytes")
    return wire, flags


def _compressed(packet: Packet) -> bytes | None:
    width = 2 * packet.version
    size = len(packet.payload)
    if size >= 1 << 8 * width or (stream := compress(packet.payload)) is None:
        return None
    return size.to_bytes(width) + stream


def _encode_route(packet: Packet) -> bytes:
    route = packet.route
    if packet.version == 1 or not route or len(route) > 0xFF:
        raise ValueError("a route needs version 2 and 1 to 255 hops")
    return bytes((len(route),)) + b"".join(_exactly(hop, PEER_ID_SIZE, "hop") for hop in route)


def _exactly(value: bytes, size: int, name: str) -> bytes:
    if len(value) != size:
        raise ValueError(f"{name} of {len(value)} bytes, not {size}")
    return value


def with_ttl(frame: bytes, ttl: int) -> bytes:
    """A copy with another TTL (0 to 255) and not one other byte changed."""
    return frame[:2] + bytes((ttl,)) + frame[3:]


def as_sync_answer(frame: bytes) -> bytes:
    """A copy as it is sent in answer to a REQUEST_SYNC: TTL 0 and the RSR flag, neither of them signed."""
    return frame[:2] + b"\0" + frame[3:FLAGS_OFFSET] + bytes((frame[FLAGS_OFFSET] | IS_RSR,)) + frame[FLAGS_OFFSET + 1 :]


def without_rsr(frame: bytes) -> bytes:
    """A copy as its author sent it, taken out of an answer to a REQUEST_SYNC: the RSR flag, which is not signed, is off."""
    return frame[:FLAGS_OFFSET] + bytes((frame[FLAGS_OFFSET] & ~IS_RSR,)) + frame[FLAGS_OFFSET + 1 :]
