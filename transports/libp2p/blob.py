"""What two gateways say to each other on a `/meshgate/link/1` stream.

    HELLO    01 | msgpack [nonce, mine, yours, candidate, received]      opener, first
    WELCOME  02 | msgpack [nonce of the hello, nonce, resumed, mine, received]
    READY    03 | nonce of the welcome (8)                               opener
    BATCH    04 | sequence number u64 | received u64 | msgpack [frame, …]
    ACK      05 | received u64
    BYE      06 | why, UTF-8

Session names (`mine`, `yours`, `candidate`) and nonces are 8 random bytes; a name is empty where there is
none. `received` counts the batches of the session that arrived: everything below it is acknowledged.
"""

import struct
from dataclasses import dataclass
from typing import Any

import msgpack

from transports.libp2p.framing import GarbageError
from transports.limits import MAX_BATCH_FRAMES, MAX_LINK_FRAME

HELLO, WELCOME, READY, BATCH, ACK, BYE = 1, 2, 3, 4, 5, 6
TOKEN = 8  # bytes of a nonce or a session name
_BATCH_HEAD = struct.Struct(">BQQ")
_ACK = struct.Struct(">BQ")
_MAX_GREETING = 256  # bytes
_MAX_COUNT = 2**63


@dataclass(frozen=True, slots=True)
class Hello:
    """The opener's side of the story."""

    nonce: bytes
    mine: bytes  # the session the opener still holds, its own name for it; empty for none
    yours: bytes  # the acceptor's name for it
    candidate: bytes  # the opener's name for a new session, should there have to be one
    received: int


@dataclass(frozen=True, slots=True)
class Welcome:
    """The acceptor's answer."""

    echo: bytes
    nonce: bytes
    resumed: bool  # the session of the hello goes on; otherwise a new one begins
    mine: bytes  # the acceptor's name for the session
    received: int


@dataclass(frozen=True, slots=True)
class Ready:
    """The opener has heard the welcome."""

    echo: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """Frames, in order."""

    sequence: int
    received: int
    frames: list[bytes]


@dataclass(frozen=True, slots=True)
class Ack:
    """Batches that arrived."""

    received: int


@dataclass(frozen=True, slots=True)
class Bye:
    """The sender has closed the link."""

    why: str


Blob = Hello | Welcome | Ready | Batch | Ack | Bye


def encode_hello(hello: Hello) -> bytes:
    """A HELLO blob."""
    return b"\x01" + _pack([hello.nonce, hello.mine, hello.yours, hello.candidate, hello.received])


def encode_welcome(welcome: Welcome) -> bytes:
    """A WELCOME blob."""
    return b"\x02" + _pack([welcome.echo, welcome.nonce, welcome.resumed, welcome.mine, welcome.received])


def encode_ready(echo: bytes) -> bytes:
    """A READY blob."""
    return b"\x03" + echo


def encode_frames(frames: list[bytes]) -> bytes:
    """The body of a BATCH blob, kept until it is acknowledged."""
    return _pack(frames)


def encode_batch_head(sequence: int, received: int) -> bytes:
    """What goes before the body of a BATCH blob; `received` may differ when the body is sent again."""
    return _BATCH_HEAD.pack(BATCH, sequence, received)


def encode_ack(received: int) -> bytes:
    """An ACK blob."""
    return _ACK.pack(ACK, received)


def encode_bye(why: str) -> bytes:
    """A BYE blob."""
    return b"\x06" + why.encode()[:200]


def decode_blob(blob: bytes) -> Blob:
    """Read any blob.

    Raises:
        GarbageError: it is not of the protocol, or beyond its caps.
    """
    kind = blob[0]
    try:
        if kind == BATCH:
            _, sequence, received = _BATCH_HEAD.unpack_from(blob)
            return Batch(sequence, received, _frames(blob))
        if kind == ACK:
            return Ack(_ACK.unpack(blob)[1])
        if kind == HELLO:
            nonce, mine, yours, candidate, received = _greeting(blob, 5)
            return Hello(_token(nonce), _name(mine), _name(yours), _token(candidate), _count(received))
        if kind == WELCOME:
            echo, nonce, resumed, mine, received = _greeting(blob, 5)
            return Welcome(_token(echo), _token(nonce), resumed is True, _token(mine), _count(received))
    except struct.error:
        raise GarbageError(f"a blob of kind {kind} is cut short") from None
    if kind == READY:
        return Ready(_token(blob[1:]))
    if kind == BYE:
        return Bye(blob[1:201].decode(errors="replace"))
    raise GarbageError(f"a blob of unknown kind {kind} came")


def _pack(value: list[Any]) -> bytes:
    packed: bytes = msgpack.packb(value)
    return packed


def _unpack(data: memoryview, max_items: int, max_bytes: int) -> list[Any]:
    try:
        value = msgpack.unpackb(data, max_array_len=max_items, max_bin_len=max_bytes, max_str_len=0, max_map_len=0, max_ext_len=0)
    except (ValueError, msgpack.UnpackException) as error:
        raise GarbageError("a blob is not MessagePack within its caps") from error
    if not isinstance(value, list):
        raise GarbageError("a blob is not a list")
    return value


def _frames(blob: bytes) -> list[bytes]:
    frames = _unpack(memoryview(blob)[_BATCH_HEAD.size :], MAX_BATCH_FRAMES, MAX_LINK_FRAME)
    for frame in frames:
        if type(frame) is not bytes:
            raise GarbageError("a batch holds something that is no frame")
    return frames


def _greeting(blob: bytes, fields: int) -> list[Any]:
    if len(blob) > _MAX_GREETING:
        raise GarbageError("a greeting is too long")
    values = _unpack(memoryview(blob)[1:], fields, TOKEN)
    if len(values) != fields:
        raise GarbageError("a greeting has the wrong number of fields")
    return values


def _token(value: object) -> bytes:
    if type(value) is not bytes or len(value) != TOKEN:
        raise GarbageError("a nonce or a name has the wrong length")
    return value


def _name(value: object) -> bytes:
    return b"" if value == b"" else _token(value)


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < _MAX_COUNT:
        raise GarbageError("a count is out of range")
    return value
