"""Deterministic CBOR: one value, one spelling, and no other is taken.

Taken are integers of 64 bits, byte strings, UTF-8 text, arrays, maps, true, false and null. Everything has a definite
length and the shortest form; the keys of a map are unique and sorted by their encoded bytes. Floats, tags, other
simple values, indefinite lengths and bytes after the value are refused. Libraries write this form when asked, and
take more than it when they read, so that two peers could hash different bytes for what both call the same value.

Source: BetaNet 1.2 draft, section 6.2; RFC 8949, section 4.2.1.
"""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from transports import limits
from transports.betanet.errors import BetanetError, malformed

Cbor: TypeAlias = "int | bytes | str | bool | Sequence[Cbor] | Mapping[int | bytes | str, Cbor] | None"
Map: TypeAlias = "dict[int | bytes | str, Cbor]"

_UNSIGNED: Final = 0
_NEGATIVE: Final = 1
_BYTES: Final = 2
_TEXT: Final = 3
_ARRAY: Final = 4
_MAP: Final = 5
_SIMPLE: Final = 7
_WORDS: Final = {0xF4: False, 0xF5: True, 0xF6: None}
_SIZES: Final = {24: 1, 25: 2, 26: 4, 27: 8}  # additional information: bytes that follow


def encode_cbor(value: Cbor) -> bytes:
    """Return the one encoding of a value.

    Raises:
        ValueError: an integer of more than 64 bits, or a value of another kind.
    """
    if value is None or isinstance(value, bool):
        return {False: b"\xf4", True: b"\xf5", None: b"\xf6"}[value]
    if isinstance(value, int):
        return _head(_NEGATIVE, -1 - value) if value < 0 else _head(_UNSIGNED, value)
    if isinstance(value, bytes):
        return _head(_BYTES, len(value)) + value
    if isinstance(value, str):
        text = value.encode()
        return _head(_TEXT, len(text)) + text
    if isinstance(value, Mapping):
        entries = sorted((encode_cbor(key), encode_cbor(item)) for key, item in value.items())
        return _head(_MAP, len(entries)) + b"".join(key + item for key, item in entries)
    if isinstance(value, Sequence):
        return _head(_ARRAY, len(value)) + b"".join(encode_cbor(item) for item in value)
    raise ValueError(f"{type(value).__name__} has no place in this CBOR")


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes((major << 5 | number,))
    for information, size in _SIZES.items():
        if number < 1 << 8 * size:
            return bytes((major << 5 | information,)) + number.to_bytes(size)
    raise ValueError("an integer of more than 64 bits")


def decode_cbor(data: bytes) -> Cbor:
    """Return the value of one whole document of at most `HTX_CBOR` bytes; arrays become lists, maps dicts.

    Raises:
        BetanetError: any spelling but the one that `encode_cbor` writes.
    """
    if len(data) > limits.HTX_CBOR:
        raise malformed(f"CBOR of {len(data)} bytes")
    value, end = _item(data, 0, limits.HTX_CBOR_DEPTH)
    if end != len(data):
        raise malformed("bytes after the CBOR")
    return value


def decode_map(data: bytes, *keys: str) -> Map:
    """Return the map that a document is, with exactly these keys in any order.

    Raises:
        BetanetError: anything else.
    """
    value = decode_cbor(data)
    if not isinstance(value, dict) or set(value) != set(keys):
        raise malformed(f"CBOR without exactly {', '.join(keys)}")
    return value


def unsigned(value: Cbor) -> int:
    """Return a CBOR integer that is not negative; raises `BetanetError` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise malformed("not an unsigned integer")
    return value


def fixed(value: Cbor, size: int) -> bytes:
    """Return a CBOR byte string of exactly `size` bytes; raises `BetanetError` for anything else."""
    if not isinstance(value, bytes) or len(value) != size:
        raise malformed(f"not {size} bytes")
    return value


def text(value: Cbor, most: int) -> str:
    """Return a CBOR text of 1 to `most` characters; raises `BetanetError` for anything else."""
    if not isinstance(value, str) or not 0 < len(value) <= most:
        raise malformed("not a text of the right length")
    return value


def _item(data: bytes, at: int, depth: int) -> tuple[Cbor, int]:
    if at >= len(data):
        raise _cut()
    major = data[at] >> 5
    if major == _SIMPLE:
        if data[at] not in _WORDS:
            raise malformed(f"CBOR byte 0x{data[at]:02x}")
        return _WORDS[data[at]], at + 1
    number, at = _number(data, at)
    match major:
        case 0:
            return number, at
        case 1:
            return -1 - number, at
        case 2:
            return _string(data, at, number)
        case 3:
            return _text(data, at, number)
        case 4 if depth:
            return _array(data, at, number, depth - 1)
        case 5 if depth:
            return _map(data, at, number, depth - 1)
    raise malformed("CBOR with a tag or too deep")


def _number(data: bytes, at: int) -> tuple[int, int]:
    information = data[at] & 0x1F
    if information < 24:
        return information, at + 1
    if information not in _SIZES:
        raise malformed("CBOR of indefinite length")
    end = at + 1 + _SIZES[information]
    if end > len(data):
        raise _cut()
    number = int.from_bytes(data[at + 1 : end])
    if _head(0, number)[0] != information:
        raise malformed("CBOR number longer than it must be")
    return number, end


def _string(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    if size > len(data) - at:
        raise _cut()
    return data[at : at + size], at + size


def _text(data: bytes, at: int, size: int) -> tuple[str, int]:
    value, end = _string(data, at, size)
    try:
        return value.decode(), end
    except UnicodeDecodeError:
        raise malformed("CBOR text is not UTF-8") from None


def _array(data: bytes, at: int, count: int, depth: int) -> tuple[list[Cbor], int]:
    values: list[Cbor] = []
    for _ in range(count):  # ends with the data: every item has a byte at least
        value, at = _item(data, at, depth)
        values.append(value)
    return values, at


def _map(data: bytes, at: int, count: int, depth: int) -> tuple[Map, int]:
    values: Map = {}
    last = b""
    for _ in range(count):
        key, end = _item(data, at, 0)
        # bool is an int to Python, and 1 and true would be one key.
        if isinstance(key, bool) or not isinstance(key, int | bytes | str):
            raise malformed("CBOR map with a key that is no number, bytes or text")
        if data[at:end] <= last:
            raise malformed("CBOR map out of order, or with a key twice")
        last = data[at:end]
        values[key], at = _item(data, end, depth)
    return values, at


def _cut() -> BetanetError:
    return malformed("CBOR is cut short")
