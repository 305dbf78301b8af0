"""What programs say to each other, as bytes."""

import json

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_PROGRAM_DEPTH, MAX_PROGRAM_MESSAGE, MAX_RECEIPT_ENTRIES
from gateway.wire.program import Fate, decode_receipt, decode_value, encode_receipt, encode_value

plain = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
)
values = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5), max_leaves=20
)
ID = bytes(range(16))


@given(values)
def test_a_value_comes_back_as_it_was_bytes_included(value: object) -> None:
    assert decode_value(encode_value(value)) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_refused(data: bytes) -> None:
    try:
        value = decode_value(data)
    except DecodeError:
        return
    assert repr(decode_value(encode_value(value))) == repr(value)  # which takes NaN for itself


@pytest.mark.parametrize("value", [{1, 2}, {"a": object()}, {1: "a"}, [1 << 64], (1, 2), {"a": [b"x", -(1 << 63) - 1]}])
def test_what_is_no_value_is_refused_before_it_is_sent(value: object) -> None:
    with pytest.raises(ValueError):
        encode_value(value)


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_the_caps_of_a_value_hold_at_both_ends() -> None:
    assert decode_value(encode_value(nested(MAX_PROGRAM_DEPTH))) == nested(MAX_PROGRAM_DEPTH)
    with pytest.raises(ValueError, match="deeper"):
        encode_value(nested(MAX_PROGRAM_DEPTH + 2))
    for depth in (MAX_PROGRAM_DEPTH + 2, 5_000):
        with pytest.raises(DecodeError):
            decode_value(b"\x91" * depth + b"\xc0")
    assert len(encode_value(bytes(MAX_PROGRAM_MESSAGE - 5))) == MAX_PROGRAM_MESSAGE
    with pytest.raises(ValueError, match="at most"):
        encode_value(bytes(MAX_PROGRAM_MESSAGE - 4))
    with pytest.raises(DecodeError) as refused:
        decode_value(msgpack.packb(bytes(MAX_PROGRAM_MESSAGE)))
    assert refused.value.reason is Reason.OVERSIZED


@pytest.mark.parametrize(
    "data",
    [b"", b"\xc0\xc0", msgpack.packb({1: 2}), b"\x82\xa1a\x01\xa1a\x02", msgpack.packb(msgpack.ExtType(5, b"x")), json.dumps({}).encode()],
    ids=["nothing", "two", "number as key", "a key twice", "extension", "JSON"],
)
def test_what_is_no_value_is_refused_when_it_comes(data: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_value(data)


def test_a_receipt_names_messages_and_their_fates() -> None:
    entries = [(ID, Fate.TAKEN), (bytes(16), Fate.NO_ROOM)]
    assert decode_receipt(encode_receipt(entries)) == entries
    with pytest.raises(ValueError):
        encode_receipt([(ID, Fate.TAKEN)] * (MAX_RECEIPT_ENTRIES + 1))
    for data in (ID, ID + b"\x09", (ID + b"\x00") * (MAX_RECEIPT_ENTRIES + 1)):
        with pytest.raises(DecodeError):
            decode_receipt(data)
