"""Compression of payloads: raw DEFLATE (RFC 1951), bounded on the way back.

The declared size is a stranger's word, covered by no signature: nothing is allocated by it, and
output stops at it. DEFLATE output is not canonical; whoever needs the bytes a signature was made
over keeps the received ones. Sources: BitChat iOS CompressionUtil.swift, behaviour of the Android
app for zlib-wrapped streams.
"""

import zlib
from typing import Final

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_INFLATE_RATIO, MAX_PAYLOAD

_THRESHOLD: Final = 100  # bytes below which nobody compresses
_LEVEL: Final = 5  # what Apple documents for its zlib encoder
_RAW: Final = -15
_ZLIB: Final = 15
_STEP: Final = 16 * 1024  # bytes of input, and of output, handled at a time while measuring
_MEASURE_ABOVE: Final = 64 * 1024  # bytes of output from which a stream is measured before it is kept


def should_compress(payload: bytes) -> bool:
    """Whether the apps would try to compress: at least 100 bytes, and fewer than 90 % of them distinct."""
    size = len(payload)
    return size >= _THRESHOLD and 10 * len(set(payload)) < 9 * min(size, 256)


def compress(payload: bytes) -> bytes | None:
    """The raw DEFLATE stream of `payload`, or None when it must or had better stay as it is."""
    if not should_compress(payload):
        return None
    encoder = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW)
    stream = encoder.compress(payload) + encoder.flush()
    return stream if len(stream) < len(payload) else None


def check_declared(size: int, compressed: int) -> None:
    """Refuse a declared original size that no honest sender writes, before any work is done.

    Raises `DecodeError` (BOMB) unless 1 <= size <= `MAX_PAYLOAD` and size / compressed <= `MAX_INFLATE_RATIO`.
    """
    if not 1 <= size <= MAX_PAYLOAD or size > compressed * MAX_INFLATE_RATIO:
        raise DecodeError(Reason.BOMB, f"{size} bytes out of {compressed}")


def inflate(data: bytes, size: int) -> bytes:
    """The `size` bytes (1 to `MAX_PAYLOAD`) that the complete stream `data` stands for.

    Raw DEFLATE; a zlib wrapper (RFC 1950) is accepted too. Raises `DecodeError`: BOMB as
    `check_declared`, INFLATE when the stream is broken, cut, followed by bytes, or of another size.
    """
    check_declared(size, len(data))
    out = _inflate(data, size, _RAW)
    if out is None and data[0] & 0x0F == zlib.DEFLATED:
        out = _inflate(data, size, _ZLIB)
    if out is None:
        raise DecodeError(Reason.INFLATE, f"not a stream of {size} bytes")
    return out


def _inflate(data: bytes, size: int, wbits: int) -> bytes | None:
    try:
        if size > _MEASURE_ABOVE:
            return zlib.decompress(data, wbits, bufsize=size) if _measures(data, size, wbits) else None
        decoder = zlib.decompressobj(wbits)
        out = decoder.decompress(data, size + 1)
    except zlib.error:
        return None
    return out if len(out) == size and decoder.eof and not decoder.unused_data else None


def _measures(data: bytes, size: int, wbits: int) -> bool:
    """Whether the stream is complete and of exactly `size` bytes, found out without holding them."""
    decoder = zlib.decompressobj(wbits)
    produced = 0
    for start in range(0, len(data), _STEP):
        pending = data[start : start + _STEP]
        while True:
            out = decoder.decompress(pending, _STEP)
            produced += len(out)
            if produced > size or decoder.unused_data:
                return False
            pending = decoder.unconsumed_tail
            if not pending and len(out) < _STEP:
                break
    return decoder.eof and produced == size
