"""Frames of the 1.2 draft: a second codec, which no link of ours speaks yet.

    bytes 0-2   u24 length of everything after it, tag included
    byte  3     type
    bytes 4-7   u32 stream ID, 0 where the type needs none
    bytes 8-9   u16, free for the sender
    rest        ciphertext, then 16 bytes of tag

    type             plaintext
    0x00 STREAM         u8 flags (bit 0: last of the stream), u64 offset, u16 length, data
    0x01 WINDOW_UPDATE  u8 scope (0 connection, 1 stream), u32 credit
    0x02 PING           8 bytes
    0x03 KEY_UPDATE     nothing
    0x04 CLOSE          u16 code, u16 length, reason: as in 1.1
    0x20 PATH_CONTROL   see `paths`

Integers are big-endian. The first ten bytes are the AEAD's associated data. A length above 65,532 or below 23 is refused.

Source: BetaNet 1.2 draft, section 8.4. PATH_CONTROL is missing from its table of types and named in section 5.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from transports.betanet.direction import TAG_BYTES
from transports.betanet.errors import malformed

_LENGTH: Final = 3  # bytes of the length, which it does not count
_HEADER: Final = 10
_LEAST: Final = _HEADER - _LENGTH + TAG_BYTES
_MOST: Final = 0xFFFF - _LENGTH
MOST_PLAINTEXT: Final = _MOST - _LEAST
_STREAM_HEAD: Final = 11
_WINDOW: Final = 5
CONNECTION_WINDOW: Final = 65_535  # bytes, at the start
STREAM_WINDOW: Final = 32_768  # bytes, at the start


class FrameType12(IntEnum):
    """What a frame is for."""

    STREAM = 0x00
    WINDOW_UPDATE = 0x01
    PING = 0x02
    KEY_UPDATE = 0x03
    CLOSE = 0x04
    PATH_CONTROL = 0x20


@dataclass(frozen=True, slots=True)
class SealedFrame12:
    """A frame that has not been opened; `sealed` is ciphertext and tag."""

    type: FrameType12
    stream: int
    free: int
    header: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class StreamData:
    """A piece of a stream and where in it the piece begins."""

    offset: int
    data: bytes
    last: bool = False


@dataclass(frozen=True, slots=True)
class Credit:
    """Bytes that may be sent beyond those allowed before, on one stream or over the whole connection."""

    bytes: int
    whole_connection: bool


def encode_header12(kind: FrameType12, size: int, stream: int = 0, free: int = 0) -> bytes:
    """Return the ten bytes before the ciphertext of a frame with `size` bytes of plaintext.

    Raises:
        ValueError: more than `MOST_PLAINTEXT` bytes, or a field that does not fit.
    """
    if not 0 <= size <= MOST_PLAINTEXT or not 0 <= stream < 1 << 32 or not 0 <= free < 1 << 16:
        raise ValueError("no such frame")
    return (size + _LEAST).to_bytes(_LENGTH) + bytes((kind,)) + stream.to_bytes(4) + free.to_bytes(2)


def split_frames12(message: bytes) -> list[SealedFrame12]:
    """Return the frames of one message, in order.

    Raises:
        BetanetError: no frame, an unknown type, a length out of bounds or a message that ends inside a frame.
    """
    frames: list[SealedFrame12] = []
    at = 0
    while at < len(message) or not frames:
        header = message[at : at + _HEADER]
        if len(header) < _HEADER:
            raise malformed("frame is cut short")
        length = int.from_bytes(header[:_LENGTH])
        if not _LEAST <= length <= _MOST:
            raise malformed(f"frame length {length}")
        end = at + _LENGTH + length
        if end > len(message):
            raise malformed("frame is cut short")
        try:
            kind = FrameType12(header[_LENGTH])
        except ValueError:
            raise malformed(f"unknown frame type {header[_LENGTH]}") from None
        stream, free = int.from_bytes(header[4:8]), int.from_bytes(header[8:])
        frames.append(SealedFrame12(kind, stream, free, header, message[at + _HEADER : end]))
        at = end
    return frames


def encode_stream12(piece: StreamData) -> bytes:
    """Return the plaintext of STREAM; raises `ValueError` when a field does not fit."""
    if not 0 <= piece.offset < 1 << 64 or len(piece.data) > MOST_PLAINTEXT - _STREAM_HEAD:
        raise ValueError("no such piece of a stream")
    return bytes((piece.last,)) + piece.offset.to_bytes(8) + len(piece.data).to_bytes(2) + piece.data


def decode_stream12(plaintext: bytes) -> StreamData:
    """Return the piece of a stream in a STREAM frame.

    Raises:
        BetanetError: a flag nobody has defined, a length that does not agree, or an end beyond 2^64 bytes.
    """
    if len(plaintext) < _STREAM_HEAD or int.from_bytes(plaintext[9:_STREAM_HEAD]) != len(plaintext) - _STREAM_HEAD:
        raise malformed("lengths in STREAM do not agree")
    offset = int.from_bytes(plaintext[1:9])
    if plaintext[0] > 1 or offset + len(plaintext) - _STREAM_HEAD >= 1 << 64:
        raise malformed("STREAM with fields out of range")
    return StreamData(offset, plaintext[_STREAM_HEAD:], last=bool(plaintext[0]))


def encode_credit12(credit: Credit) -> bytes:
    """Return the plaintext of WINDOW_UPDATE for 1 to 2^32 - 1 bytes."""
    return bytes((not credit.whole_connection,)) + credit.bytes.to_bytes(4)


def decode_credit12(plaintext: bytes) -> Credit:
    """Return the credit of a WINDOW_UPDATE; raises `BetanetError` for another size, an unknown scope or no credit."""
    credit = int.from_bytes(plaintext[1:])
    if len(plaintext) != _WINDOW or plaintext[0] > 1 or not credit:
        raise malformed("window update without credit")
    return Credit(credit, whole_connection=not plaintext[0])
