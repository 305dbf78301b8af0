"""Frames out of a byte stream: what a phone notifies may arrive cut anywhere.

Source: BitChat iOS NotificationStreamAssembler.swift. Rules:

* A frame's length is read from its header; frames come out without padding.
* The padding behind a frame is skipped. Any other byte that cannot begin a frame is dropped, one
  at a time, until one can.
* A frame that is not complete within 250 ms, or can never be, is given up and everything held with it.
"""

import re
import struct
from typing import Final

from gateway.limits import MAX_PAYLOAD, MAX_STREAM_BUFFER, STREAM_RESET_S
from gateway.wire.packet import COMPRESSED, HAS_RECIPIENT, HAS_ROUTE, HAS_SIGNATURE
from gateway.wire.padding import block_size
from gateway.wire.types import PEER_ID_SIZE, SIGNATURE_SIZE

_VERSION: Final = re.compile(rb"[\x01\x02]")
_HEADS: Final = {1: struct.Struct(">11xBH8x"), 2: struct.Struct(">11xBI8x")}
_MORE: Final = 0  # the length cannot be told yet
_NEVER: Final = -1  # no frame begins like this


def _frame_length(buffer: bytearray) -> int:
    """Bytes of the frame that `buffer` begins with (its first byte is a version), or `_MORE`, or `_NEVER`."""
    version = buffer[0]
    head = _HEADS[version]
    if len(buffer) < head.size:
        return _MORE
    flags, payload = head.unpack_from(buffer)
    length = head.size + (PEER_ID_SIZE if flags & HAS_RECIPIENT else 0)
    if flags & HAS_ROUTE and version == 2:
        if len(buffer) <= length:
            return _MORE
        length += 1 + PEER_ID_SIZE * buffer[length]
    if payload > MAX_PAYLOAD or (flags & COMPRESSED and payload < 2 * version):
        return _NEVER
    return length + int(payload) + (SIGNATURE_SIZE if flags & HAS_SIGNATURE else 0)


class StreamAssembler:
    """One link's incoming bytes on their way to frames.

    `dropped` counts bytes that belonged to no frame (padding is none of them), `resets` the times
    everything held was given up.
    """

    __slots__ = ("_buffer", "_padding", "_padding_byte", "_waiting_since", "dropped", "resets")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._padding = 0  # bytes of padding that may still follow the last frame
        self._padding_byte = b""
        self._waiting_since: float | None = None  # when the frame at the front began to be incomplete
        self.dropped = 0
        self.resets = 0

    def __len__(self) -> int:
        """Bytes held."""
        return len(self._buffer)

    def feed(self, chunk: bytes, now: float) -> list[bytes]:
        """The frames that `chunk` completes, in order; at most `MAX_STREAM_BUFFER` bytes are ever held."""
        if self._waiting_since is not None and now - self._waiting_since >= STREAM_RESET_S:
            self._reset()
        if len(self._buffer) + len(chunk) > MAX_STREAM_BUFFER:
            self._reset()
            return []
        self._buffer += chunk
        frames = []
        while (frame := self._take()) is not None:
            frames.append(frame)
        if not self._buffer:
            self._waiting_since = None
        elif self._waiting_since is None or frames:
            self._waiting_since = now  # another frame is at the front now
        return frames

    def _take(self) -> bytes | None:
        """The next whole frame, if there is one."""
        buffer = self._buffer
        self._skip_padding()
        if not self._find_version():
            return None
        length = _frame_length(buffer)
        if length == _NEVER:
            self._reset()
            return None
        if length == _MORE or length > len(buffer):
            return None
        frame = bytes(buffer[:length])
        del buffer[:length]
        gap = block_size(length) - length
        self._padding = gap if gap <= 0xFF else 0
        self._padding_byte = bytes((self._padding,))
        return frame

    def _skip_padding(self) -> None:
        if not self._padding or not self._buffer:
            return
        ahead = self._buffer[: self._padding]
        run = len(ahead) - len(ahead.lstrip(self._padding_byte))
        del self._buffer[:run]
        self._padding = self._padding - run if not self._buffer else 0

    def _find_version(self) -> bool:
        """Drop what cannot begin a frame; whether anything is left."""
        match = _VERSION.search(self._buffer)
        self._drop(match.start() if match else len(self._buffer))
        return match is not None

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self.dropped += count

    def _reset(self) -> None:
        self._drop(len(self._buffer))
        self._padding = 0
        self._waiting_since = None
        self.resets += 1
