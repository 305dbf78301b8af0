"""Golomb-coded sets: a few hundred bytes that say which packets somebody has.

Source: BitChat iOS GCSFilter.swift. For N packets and parameter P the range is M = N·2^P; a packet
falls on bucket h mod M (never 0), h being 63 bits of a hash of its ID. The sorted buckets are
written as differences minus one: quotient by 2^P in unary (ones, then a zero), remainder in P bits,
most significant bit first, the last byte filled with zeros.

A filter never misses a packet it was built with; it names one it was not with probability 2^-P.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Final

from gateway.limits import MAX_HISTORY_MESSAGES

MAX_P: Final = 32
_MAX_M: Final = 0xFFFFFFFF
_MASK63: Final = 0x7FFF_FFFF_FFFF_FFFF
_FPR_RANGE: Final = (1e-6, 0.25)


@dataclass(frozen=True, slots=True)
class GcsFilter:
    """A set of buckets below `m` (1 to 2^32-1), coded in `data` with parameter `p` (1 to 32)."""

    p: int
    m: int
    data: bytes


@lru_cache(maxsize=4 * MAX_HISTORY_MESSAGES)
def hash63(packet_id: bytes) -> int:
    """The 63-bit hash of a 16-byte packet ID; remembered, because every request asks about the same packets."""
    return int.from_bytes(sha256(packet_id).digest()[:8]) & _MASK63


def bucket(packet_id: bytes, m: int) -> int:
    """Where a packet falls in a filter of range `m`: 1 to m-1, or 0 (nowhere) when m is 1."""
    return 0 if m <= 1 else hash63(packet_id) % m or 1


def contains(gcs: GcsFilter, packet_id: bytes) -> bool:
    """Whether the filter's owner has the packet; a "yes" is wrong with probability 2^-P, a "no" never."""
    return bucket(packet_id, gcs.m) in values(gcs)


@lru_cache(maxsize=16)  # one request is asked about every packet we keep, then never again
def values(gcs: GcsFilter) -> frozenset[int]:
    """The buckets of a filter, none for parameters out of range.

    Reading stops where the bits end or the range is left. With P below 7 the zeros that fill the
    last byte may read as one bucket more, which nobody can tell from a real one.
    """
    p, m, data = gcs.p, gcs.m, gcs.data
    if not 1 <= p <= MAX_P or not data:
        return frozenset()
    bits = f"{int.from_bytes(data):0{8 * len(data)}b}"
    found = []
    value = position = 0
    while (zero := bits.find("0", position)) >= 0 and zero + p < len(bits):
        value += ((zero - position) << p) + int(bits[zero + 1 : zero + 1 + p], 2) + 1
        if value >= m:
            break
        found.append(value)
        position = zero + 1 + p
    return frozenset(found)


def build(ids: Sequence[bytes], max_bytes: int, fpr: float = 0.01) -> tuple[GcsFilter, int]:
    """A filter of at most `max_bytes` over as many of `ids` (newest first) as fit, and how many those are.

    `fpr`, the wanted rate of false positives, is taken between 1e-6 and 0.25.
    """
    low, high = _FPR_RANGE
    p = max(1, math.ceil(-math.log2(min(max(fpr, low), high))))
    count = min(len(ids), max(1, 8 * max_bytes // (p + 2)))
    m = min(count << p, _MAX_M)
    data = _code(sorted({bucket(packet_id, m) for packet_id in ids[:count]}), p)
    # N buckets below N·2^P take at most N·(P+2) bits, so this can only be one that has no room at all.
    if not data or len(data) > max_bytes:
        return GcsFilter(p, 1, b""), 0
    return GcsFilter(p, m, data), count


def _code(buckets: Iterable[int], p: int) -> bytes:
    parts = []
    previous = 0
    for value in buckets:
        quotient, remainder = divmod(value - previous - 1, 1 << p)
        parts.append(f"{'1' * quotient}0{remainder:0{p}b}")
        previous = value
    bits = "".join(parts)
    size = (len(bits) + 7) // 8
    return int(bits.ljust(8 * size, "0") or "0", 2).to_bytes(size)
