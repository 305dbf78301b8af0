"""PKCS#7-style padding to 256, 512, 1024 or 2048 bytes, which hides the exact length of a frame.

Source: BitChat iOS MessagePadding.swift. The count must fit its byte, so a gap above 255 means
*no padding at all*: frames of 241-256, 497-768, ... bytes stay as they are.
"""

from typing import Final

_BLOCKS: Final = (256, 512, 1024, 2048)
_RESERVE: Final = 16  # bytes a block must have left over, for an AEAD tag


def block_size(length: int) -> int:
    """The block a frame of `length` bytes is padded to; `length` itself above the largest block."""
    for block in _BLOCKS:
        if length + _RESERVE <= block:
            return block
    return length


def pad(data: bytes) -> bytes:
    """`data` filled up to its block; `data` itself when the gap is 0 or does not fit a byte."""
    gap = block_size(len(data)) - len(data)
    return data + bytes((gap,)) * gap if 1 <= gap <= 0xFF else data


def unpad(data: bytes) -> bytes:
    """`data` without its padding; `data` itself when the last byte k is not one of k equal bytes."""
    if not data:
        return data
    gap = data[-1]
    if 1 <= gap <= len(data) and data.endswith(data[-1:] * gap):
        return data[:-gap]
    return data
