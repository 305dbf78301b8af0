"""What goes over each link between two gateways: envelopes with a number, and what keeps count of them.

    HELLO   c1 00 | version, 1 | name, 8 | first, 8 | known name, 8 | received, 8     first on every link
    DATA    c1 01 | number, 8 | envelope
    ACK     c1 02 | name, 8 | received, 8
    PING    c1 03 | nonce, 8
    PONG    c1 04 | nonce, 8

`name` is 8 random bytes that name the sender's numbering; `first` is the lowest number it may still send.
`known name` is the name the receiver of this HELLO gave to its own numbering, zeros if its sender never heard of
it, and `received` the number its sender expects next of it. An ACK repeats the name it counts in. Numbers are big-endian. No
MessagePack value begins with c1, so an envelope without a number is told apart.
"""

import struct
from dataclasses import dataclass
from typing import Final

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_ENVELOPE

MARK: Final = 0xC1
VERSION: Final = 1
NAME: Final = 8  # bytes
NOBODY: Final = bytes(NAME)
"""The name of a numbering nobody has heard of."""

_HEAD = struct.Struct(">BB")
_HELLO = struct.Struct(">BBB8sQ8sQ")
_DATA = struct.Struct(">BBQ")
_ACK = struct.Struct(">BB8sQ")
_PING = struct.Struct(">BBQ")
_KIND_HELLO, _KIND_DATA, _KIND_ACK, _KIND_PING, _KIND_PONG = range(5)
OVERHEAD: Final = _DATA.size  # bytes DATA adds to an envelope


@dataclass(frozen=True, slots=True)
class Hello:
    """Where both numberings stand, as the sender sees it."""

    name: bytes
    first: int
    known: bytes = NOBODY
    received: int = 0


@dataclass(slots=True)
class Data:
    """One numbered envelope."""

    number: int
    envelope: bytes


@dataclass(frozen=True, slots=True)
class Ack:
    """Everything below `received` has arrived."""

    name: bytes
    received: int


@dataclass(frozen=True, slots=True)
class Ping:
    """Is this link alive?"""

    nonce: int


@dataclass(frozen=True, slots=True)
class Pong:
    """It is: the nonce of the ping comes back."""

    nonce: int


Message = Hello | Data | Ack | Ping | Pong


def encode_data(number: int, envelope: bytes) -> bytes:
    """Return a DATA frame."""
    return _DATA.pack(MARK, _KIND_DATA, number) + envelope


def encode_trunk(message: Hello | Ack | Ping | Pong) -> bytes:
    """Return any other frame; raises `ValueError` for a name that has not 8 bytes."""
    match message:
        case Hello(name, first, known, received) if len(name) == len(known) == NAME:
            return _HELLO.pack(MARK, _KIND_HELLO, VERSION, name, first, known, received)
        case Ack(name, received) if len(name) == NAME:
            return _ACK.pack(MARK, _KIND_ACK, name, received)
        case Ping(nonce):
            return _PING.pack(MARK, _KIND_PING, nonce)
        case Pong(nonce):
            return _PING.pack(MARK, _KIND_PONG, nonce)
    raise ValueError("a name has 8 bytes")


def decode_trunk(frame: bytes) -> Message:
    """Return what is in a frame; raises `DecodeError` (SHORT, VERSION, OVERSIZED, ENVELOPE)."""
    if len(frame) < _HEAD.size:
        raise DecodeError(Reason.SHORT, "frame between sites")
    mark, kind = _HEAD.unpack_from(frame)
    if mark != MARK:
        raise DecodeError(Reason.ENVELOPE, "a frame between sites without its mark")
    if kind == _KIND_DATA:
        if len(frame) < _DATA.size:
            raise DecodeError(Reason.SHORT, "numbered envelope")
        if len(frame) > _DATA.size + MAX_ENVELOPE:
            raise DecodeError(Reason.OVERSIZED, "numbered envelope")
        return Data(_DATA.unpack_from(frame)[2], frame[_DATA.size :])
    if kind == _KIND_HELLO and len(frame) > 2 and frame[2] != VERSION:
        raise DecodeError(Reason.VERSION, "greeting between sites")
    try:
        return _decode_small(kind, frame)
    except struct.error:
        raise DecodeError(Reason.SHORT, "frame between sites has the wrong length") from None


def _decode_small(kind: int, frame: bytes) -> Message:
    if kind == _KIND_HELLO:
        _, _, _, name, first, known, received = _HELLO.unpack(frame)
        if name == NOBODY:
            raise DecodeError(Reason.FIELD, "a numbering without a name")
        return Hello(name, first, known, received)
    if kind == _KIND_ACK:
        _, _, name, received = _ACK.unpack(frame)
        return Ack(name, received)
    if kind in (_KIND_PING, _KIND_PONG):
        nonce = _PING.unpack(frame)[2]
        return Ping(nonce) if kind == _KIND_PING else Pong(nonce)
    raise DecodeError(Reason.ENVELOPE, "an unknown kind of frame between sites")
