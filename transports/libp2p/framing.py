"""Cutting a byte stream into messages: u32 big-endian length, then that many bytes.

Used twice: for blobs on the stream between two gateways, and for messages on the pipe to the child.
"""

import struct

_LENGTH = struct.Struct(">I")


class GarbageError(Exception):
    """The other end sent something that is not of the protocol; its connection is to be dropped."""


def framed(*parts: bytes) -> bytes:
    """One message made of the parts, ready to be written."""
    return b"".join((_LENGTH.pack(sum(map(len, parts))), *parts))


class Deframer:
    """Gives back the messages of a byte stream, however it was cut."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes; return the messages they complete.

        Raises:
            GarbageError: a message is empty or longer than the limit.
        """
        buffer = self._buffer
        buffer += data
        messages: list[bytes] = []
        at, end = 0, len(buffer)
        with memoryview(buffer) as view:
            while end - at >= 4:
                (size,) = _LENGTH.unpack_from(view, at)
                if not 0 < size <= self._limit:
                    raise GarbageError(f"a message of {size} bytes was announced")
                if end - at - 4 < size:
                    break
                at += 4
                messages.append(view[at : at + size].tobytes())
                at += size
        del buffer[:at]
        return messages
