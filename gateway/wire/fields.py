"""Read one field of a payload, or refuse the payload with the reason.

Every payload codec builds on these, so that a wrong length, a missing field and broken
text are refused for the same reason everywhere.
"""

from collections.abc import Mapping
from typing import Final, TypeVar

from gateway.errors import DecodeError, Reason

T = TypeVar("T")

U16: Final = 2  # bytes
U32: Final = 4  # bytes
U64: Final = 8  # bytes
PEER_ID: Final = 8  # bytes
KEY: Final = 32  # bytes of an X25519 or Ed25519 public key, or of a fingerprint
SIGNATURE: Final = 64  # bytes of an Ed25519 signature
GEOHASH_ALPHABET: Final = frozenset("0123456789bcdefghjkmnpqrstuvwxyz")


def text(value: bytes, name: str) -> str:
    """Return strict UTF-8 as `str`; raises `DecodeError` (TEXT)."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise DecodeError(Reason.TEXT, f"{name} is not UTF-8") from None


def fixed(value: bytes, size: int, name: str) -> bytes:
    """Return `value` when it is exactly `size` bytes long; raises `DecodeError` (FIELD)."""
    if len(value) != size:
        raise DecodeError(Reason.FIELD, f"{name} has {len(value)} bytes, must have {size}")
    return value


def unsigned(value: bytes, size: int, name: str) -> int:
    """Return a big-endian unsigned integer of exactly `size` bytes; raises `DecodeError` (FIELD)."""
    return int.from_bytes(fixed(value, size, name))


def at_most(value: bytes, limit: int, name: str) -> bytes:
    """Return `value` when it has at most `limit` bytes; raises `DecodeError` (OVERSIZED)."""
    if len(value) > limit:
        raise DecodeError(Reason.OVERSIZED, f"{name} has {len(value)} bytes, at most {limit} are allowed")
    return value


def required(value: T | None, name: str) -> T:
    """Return `value` when the payload had it; raises `DecodeError` (FIELD)."""
    if value is None:
        raise DecodeError(Reason.FIELD, f"{name} is missing")
    return value


def need(tlvs: Mapping[int, bytes], kind: int, name: str) -> bytes:
    """Return the value of a TLV that must be there; raises `DecodeError` (FIELD)."""
    return required(tlvs.get(kind), name)


def is_geohash(value: str, limit: int) -> bool:
    """Tell whether `value` is 1 to `limit` characters of the geohash alphabet."""
    return 0 < len(value) <= limit and GEOHASH_ALPHABET.issuperset(value)


def pack(value: int, size: int) -> bytes:
    """Return `value` as a big-endian unsigned integer of `size` bytes; raises `ValueError` when it does not fit."""
    try:
        return value.to_bytes(size)
    except OverflowError:
        raise ValueError(f"{value} does not fit {size} bytes") from None


def check(*, ok: bool, what: str) -> None:
    """Refuse to encode a value no decoder would accept; raises `ValueError`."""
    if not ok:
        raise ValueError(what)
