"""Frames of BetaNet 1.1: what goes over the wire between two gateways.

    bytes 0-2   u24 length of the ciphertext, without the tag
    byte  3     type
    varint      stream ID, only for STREAM and WINDOW_UPDATE
    length      ciphertext
    16          tag

    type            stream ID   plaintext
    0 STREAM        yes         bytes of the stream; on stream 0 padding, to be thrown away
    1 PING          no          8 bytes, which come back in a PING
    2 CLOSE         no          u16 code, u16 length, reason
    3 KEY_UPDATE    no          nothing
    4 WINDOW_UPDATE yes         u32 credit, added to what may be sent

Integers are big-endian. Everything before the ciphertext is the AEAD's associated data, as it was received: a varint
may be longer than it must be. A message holds whole frames and at least one.

Source: BetaNet 1.1, section 5.4. The text leaves associated data, control payloads and padding open.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from transports import limits
from transports.betanet.direction import TAG_BYTES
from transports.betanet.errors import malformed
from transports.betanet.varint import decode_varint, encode_varint

PADDING_STREAM: Final = 0
PING_BYTES: Final = 8
_HEAD: Final = 4  # bytes of length and type
_U16: Final = 2
_CREDIT: Final = 4
_MOST_LENGTH: Final = (1 << 24) - 1


class FrameType(IntEnum):
    """What a frame is for."""

    STREAM = 0
    PING = 1
    CLOSE = 2
    KEY_UPDATE = 3
    WINDOW_UPDATE = 4


ON_STREAM: Final = frozenset((FrameType.STREAM, FrameType.WINDOW_UPDATE))


@dataclass(frozen=True, slots=True)
class SealedFrame:
    """A frame that has not been opened; `sealed` is ciphertext and tag, `stream` None where the type has none."""

    type: FrameType
    stream: int | None
    header: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """Why the other side ends the channel: a code of `Fault`, or one that nobody has defined, and text for people."""

    code: int
    reason: bytes = b""


def encode_header(kind: FrameType, size: int, stream: int | None = None) -> bytes:
    """Return what stands before the ciphertext of a frame with `size` bytes of plaintext.

    Raises:
        ValueError: a stream where the type has none, none where it has one, or a size that 24 bits do not hold.
    """
    if (stream is not None) != (kind in ON_STREAM):
        raise ValueError(f"{kind.name} with stream {stream}")
    if not 0 <= size <= _MOST_LENGTH:
        raise ValueError(f"{size} bytes do not fit a frame")
    head = size.to_bytes(3) + bytes((kind,))
    return head if stream is None else head + encode_varint(stream)


def split_frames(message: bytes) -> list[SealedFrame]:
    """Return the frames of one message, in order.

    Raises:
        BetanetError: no frame, an unknown type, a frame over `HTX_PLAINTEXT`, a message over `HTX_MESSAGE` or one that
            ends inside a frame.
    """
    if len(message) > limits.HTX_MESSAGE:
        raise malformed(f"message of {len(message)} bytes")
    frames: list[SealedFrame] = []
    at = 0
    while at < len(message) or not frames:
        frame, at = _frame_at(message, at)
        frames.append(frame)
    return frames


def _frame_at(message: bytes, at: int) -> tuple[SealedFrame, int]:
    if len(message) - at < _HEAD:
        raise malformed("frame is cut short")
    size = int.from_bytes(message[at : at + 3])
    if size > limits.HTX_PLAINTEXT:
        raise malformed(f"frame of {size} bytes")
    try:
        kind = FrameType(message[at + 3])
    except ValueError:
        raise malformed(f"unknown frame type {message[at + 3]}") from None
    begin = at + _HEAD
    stream = None
    if kind in ON_STREAM:
        stream, begin = decode_varint(message, begin)
    end = begin + size + TAG_BYTES
    if end > len(message):
        raise malformed("frame is cut short")
    return SealedFrame(kind, stream, message[at:begin], message[begin:end]), end


def encode_credit(credit: int) -> bytes:
    """Return the plaintext of WINDOW_UPDATE for 1 to 2^32 - 1 bytes of credit."""
    return credit.to_bytes(_CREDIT)


def decode_credit(plaintext: bytes) -> int:
    """Return the credit of a WINDOW_UPDATE, in bytes.

    Raises:
        BetanetError: not four bytes, or no credit at all.
    """
    credit = int.from_bytes(plaintext)
    if len(plaintext) != _CREDIT or not credit:
        raise malformed("window update without credit")
    return credit


def encode_close(close: Close) -> bytes:
    """Return the plaintext of CLOSE.

    Raises:
        ValueError: a code over 16 bits, a reason over `HTX_REASON` bytes.
    """
    if not 0 <= close.code <= 0xFFFF or len(close.reason) > limits.HTX_REASON:
        raise ValueError("no such way to close")
    return close.code.to_bytes(_U16) + len(close.reason).to_bytes(_U16) + close.reason


def decode_close(plaintext: bytes) -> Close:
    """Return what CLOSE says.

    Raises:
        BetanetError: its lengths do not agree, or the reason has more than `HTX_REASON` bytes.
    """
    begin = 2 * _U16
    if len(plaintext) < begin or int.from_bytes(plaintext[_U16:begin]) != len(plaintext) - begin:
        raise malformed("lengths in CLOSE do not agree")
    if len(plaintext) - begin > limits.HTX_REASON:
        raise malformed("reason in CLOSE is too long")
    return Close(int.from_bytes(plaintext[:_U16]), plaintext[begin:])


def refuse_other_size(plaintext: bytes, size: int, name: str) -> bytes:
    """Return the plaintext of a frame that always has `size` bytes; raises `BetanetError` for any other."""
    if len(plaintext) != size:
        raise malformed(f"{name} with {len(plaintext)} bytes")
    return plaintext
