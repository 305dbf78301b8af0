"""What programs say to each other: one value, and receipts for it.

A value is one MessagePack value: None, truth values, whole numbers of 64 bits, floats, texts, bytes, lists, and dicts whose
keys are texts. Extension types, other keys, repeated keys and bytes behind the value are refused. Bytes stay bytes,
wherever they stand.

A receipt is a list of 17-byte entries: the ID of a message, and what became of it (`Fate`).
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Final, TypeAlias

import msgpack

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_PROGRAM_DEPTH, MAX_PROGRAM_MESSAGE, MAX_RECEIPT_ENTRIES
from gateway.wire.envelope_schema import PACKET_ID

Value: TypeAlias = "bool | int | float | str | bytes | list[Value] | dict[str, Value] | None"

_ENTRY: Final = PACKET_ID + 1
_INT_ENDS: Final = (-(1 << 63), 1 << 64)


class Fate(IntEnum):
    """What became of a message at the other end."""

    TAKEN = 0  # the program has it
    NO_ROOM = 1  # the program takes its messages too slowly, and this one was given up
    UNREADABLE = 2  # it is no value


def encode_value(value: Value) -> bytes:
    """Return the bytes of a value.

    Raises:
        ValueError: it holds what cannot be sent, such as a set or a key that is no text, is nested deeper than
            MAX_PROGRAM_DEPTH, or longer than MAX_PROGRAM_MESSAGE bytes.

    """
    _check(value, 0)
    data: bytes = msgpack.packb(value, strict_types=True)
    if len(data) > MAX_PROGRAM_MESSAGE:
        raise ValueError(f"The message has {len(data)} bytes; at most {MAX_PROGRAM_MESSAGE} can be sent.")
    return data


def decode_value(data: bytes) -> Value:
    """Return the value in `data`; raises `DecodeError` (FIELD, OVERSIZED)."""
    if len(data) > MAX_PROGRAM_MESSAGE:
        raise DecodeError(Reason.OVERSIZED, "message of a program")
    try:
        value: Value = msgpack.unpackb(data, strict_map_key=False, max_ext_len=0, object_pairs_hook=_dict)
        _check(value, 0)
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise DecodeError(Reason.FIELD, f"no value: {error}") from None
    return value


def encode_receipt(entries: Sequence[tuple[bytes, Fate]]) -> bytes:
    """Return the bytes of a receipt; raises `ValueError` for an ID that has not 16 bytes, or too many."""
    if len(entries) > MAX_RECEIPT_ENTRIES or any(len(identifier) != PACKET_ID for identifier, _ in entries):
        raise ValueError("a receipt has a few IDs of 16 bytes")
    return b"".join(identifier + bytes((fate,)) for identifier, fate in entries)


def decode_receipt(data: bytes) -> list[tuple[bytes, Fate]]:
    """Return the entries of a receipt; raises `DecodeError` (FIELD, OVERSIZED)."""
    if len(data) > MAX_RECEIPT_ENTRIES * _ENTRY:
        raise DecodeError(Reason.OVERSIZED, "receipt")
    if len(data) % _ENTRY:
        raise DecodeError(Reason.FIELD, "half an entry in a receipt")
    try:
        return [(data[at : at + PACKET_ID], Fate(data[at + PACKET_ID])) for at in range(0, len(data), _ENTRY)]
    except ValueError:
        raise DecodeError(Reason.FIELD, "an unknown fate in a receipt") from None


def _check(value: object, depth: int) -> None:
    if depth > MAX_PROGRAM_DEPTH:
        raise ValueError(f"The message is nested deeper than {MAX_PROGRAM_DEPTH} lists and dicts.")
    if type(value) is dict:
        for key, inner in value.items():
            if type(key) is not str:
                raise ValueError(f"A key of a message must be a text, and {type(key).__name__} is none.")
            _check(inner, depth + 1)
    elif type(value) is list:
        for inner in value:
            _check(inner, depth + 1)
    elif type(value) is int:
        if not _INT_ENDS[0] <= value < _INT_ENDS[1]:
            raise ValueError("A whole number in a message must fit 64 bits.")
    elif type(value) not in _PLAIN:
        raise ValueError(f"A message cannot hold a {type(value).__name__}: only what JSON can, and bytes.")


def _dict(pairs: Sequence[tuple[object, object]]) -> dict[object, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key that repeats")
    return found


_PLAIN: Final = frozenset({type(None), bool, float, str, bytes})
