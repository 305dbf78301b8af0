"""MessagePack that has exactly one spelling: what is read is written again and must be the same bytes.

So there are no trailing bytes, no long forms of small numbers, no maps, floats or extensions, and a signature over
the bytes is a signature over the value. Values are integers, bytes, texts, truth values and lists of them.
"""

from typing import TypeVar, cast

import msgpack

from gateway.errors import DecodeError, Reason

_T = TypeVar("_T")

Row = tuple[object, ...]


def pack(value: object) -> bytes:
    """Return the bytes of a value."""
    packed: bytes = msgpack.packb(value)
    return packed


def unpack_row(data: bytes, most: int) -> Row:
    """Return the list that `data` is; one in it much longer than `most` is refused unread. Raises `DecodeError` (FIELD)."""
    try:
        value = msgpack.unpackb(data, use_list=False, strict_map_key=True, max_array_len=2 * most + 8, max_map_len=0, max_ext_len=0)
        if type(value) is tuple and pack(value) == data:
            return value
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise DecodeError(Reason.FIELD, f"not MessagePack: {error}") from None
    raise DecodeError(Reason.FIELD, "not a list in its one spelling")


def row(value: object, size: int) -> Row:
    """Return a list of exactly `size` elements; raises `DecodeError` (FIELD)."""
    if type(value) is not tuple or len(value) != size:
        raise DecodeError(Reason.FIELD, f"not a list of {size}")
    return value


def rows(value: object, most: int) -> Row:
    """Return a list of at most `most` elements; raises `DecodeError` (FIELD or OVERSIZED)."""
    if type(value) is not tuple:
        raise DecodeError(Reason.FIELD, "not a list")
    if len(value) > most:
        raise DecodeError(Reason.OVERSIZED, f"a list of {len(value)}")
    return value


def octets(value: object, size: int) -> bytes:
    """Return bytes of exactly `size`; raises `DecodeError` (FIELD)."""
    if type(value) is not bytes or len(value) != size:
        raise DecodeError(Reason.FIELD, f"not {size} bytes")
    return value


def blob(value: object, most: int) -> bytes:
    """Return at most `most` bytes; raises `DecodeError` (FIELD or OVERSIZED)."""
    return _bounded(value, bytes, most)


def text(value: object, most: int) -> str:
    """Return a text of at most `most` printable characters; raises `DecodeError` (FIELD, TEXT or OVERSIZED)."""
    found = _bounded(value, str, most)
    if not found.isprintable():
        raise DecodeError(Reason.TEXT, "a text with control characters")
    return found


def number(value: object, end: int = 1 << 64) -> int:
    """Return a whole number from 0 to below `end`; raises `DecodeError` (FIELD)."""
    if type(value) is not int or not 0 <= value < end:
        raise DecodeError(Reason.FIELD, f"not a number below {end}")
    return value


def _bounded(value: object, kind: type[_T], most: int) -> _T:
    if type(value) is not kind:
        raise DecodeError(Reason.FIELD, f"not {kind.__name__}")
    if len(cast("bytes | str", value)) > most:
        raise DecodeError(Reason.OVERSIZED, f"longer than {most}")
    return value
