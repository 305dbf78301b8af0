"""Variable-length integers of QUIC, with which 1.1 writes stream IDs.

    first two bits   00      01       10       11
    bytes            1       2        4        8
    largest value    63      16,383   2^30-1   2^62-1

Source: RFC 9000, section 16.
"""

from typing import Final

from transports.betanet.errors import malformed

MAX_VARINT: Final = (1 << 62) - 1
_SIZES: Final = ((1, 0x3F), (2, 0x3FFF), (4, 0x3FFF_FFFF), (8, MAX_VARINT))


def encode_varint(value: int) -> bytes:
    """Return the shortest encoding of `value`, 1 to 8 bytes.

    Raises:
        ValueError: below 0 or above 2^62 - 1.
    """
    for prefix, (size, largest) in enumerate(_SIZES):
        if 0 <= value <= largest:
            return (value | prefix << (8 * size - 2)).to_bytes(size)
    raise ValueError(f"{value} does not fit a varint")


def decode_varint(data: bytes, at: int = 0) -> tuple[int, int]:
    """Return the value that begins at byte `at`, and where it ends; longer spellings than needed are taken, as QUIC does.

    Raises:
        BetanetError: the bytes end before the value does.
    """
    if at >= len(data):
        raise malformed("varint is missing")
    size = 1 << (data[at] >> 6)
    if len(data) - at < size:
        raise malformed("varint is cut short")
    return int.from_bytes(data[at : at + size]) & _SIZES[data[at] >> 6][1], at + size
