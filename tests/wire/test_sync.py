"""REQUEST_SYNC and the TLV lists it is made of."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_SYNC_FILTER, MAX_SYNC_FRAGMENT_IDS
from gateway.wire.gcs import GcsFilter
from gateway.wire.sync import DEFAULT_TYPES, RequestSync, decode_request_sync, encode_request_sync, type_bit
from gateway.wire.tlv import read_tlv8, read_tlv16, tlv8, tlv16
from gateway.wire.types import MessageType
from tests.wire.strategies import thorough
from tests.wire.vectors import load

ACCEPTED = [v for v in load("request_sync") if v["expect"] == "accept"]
REJECTED = [v for v in load("request_sync") if v["expect"] == "reject"]
FILTER = GcsFilter(7, 128, b"\x2e")
BARE = encode_request_sync(RequestSync(FILTER))

requests = st.builds(
    RequestSync,
    filter=st.builds(GcsFilter, p=st.integers(1, 32), m=st.integers(1, 2**32 - 1), data=st.binary(max_size=100)),
    types=st.none() | st.integers(0, 2**64 - 1),
    since_ms=st.none() | st.integers(0, 2**64 - 1),
    fragment_ids=st.none() | st.lists(st.binary(min_size=8, max_size=8), min_size=1, max_size=60, unique=True).map(tuple),
)


def request_of(vector: dict[str, Any]) -> RequestSync:
    names = vector.get("fragment_id_filter")
    return RequestSync(
        filter=GcsFilter(vector["p"], vector["m"], bytes.fromhex(vector["data"])),
        types=vector["types"],
        since_ms=vector.get("since_ms"),
        fragment_ids=None if names is None else tuple(bytes.fromhex(name) for name in names.split(",")),
    )


def reason(payload: bytes) -> Reason:
    with pytest.raises(DecodeError) as caught:
        decode_request_sync(payload)
    return caught.value.reason


def test_no_vector_is_left_out():
    assert len(ACCEPTED) + len(REJECTED) == len(load("request_sync"))


@pytest.mark.parametrize("vector", ACCEPTED, ids=lambda v: v["payload"][:40])
def test_an_accepted_vector(vector: dict[str, Any]) -> None:
    payload = bytes.fromhex(vector["payload"])
    assert decode_request_sync(payload) == request_of(vector)
    if vector.get("note") == "unknown TLV skipped":
        assert encode_request_sync(request_of(vector)) == payload[5:]
    else:
        assert encode_request_sync(request_of(vector)) == payload


@pytest.mark.parametrize("vector", REJECTED, ids=lambda v: v["why"])
def test_a_rejected_vector(vector: dict[str, Any]) -> None:
    expected = {"no data TLV": Reason.FIELD, "truncated": Reason.TLV}.get(vector["why"], Reason.FILTER)
    assert reason(bytes.fromhex(vector["payload"])) is expected


@thorough
@given(requests)
def test_decode_undoes_encode(request_):
    assert decode_request_sync(encode_request_sync(request_)) == request_


@thorough
@given(st.binary(max_size=80) | st.binary(max_size=40).map(lambda tail: BARE + tail))
def test_no_bytes_raise_anything_but_decode_error(data):
    try:
        request = decode_request_sync(data)
    except DecodeError:
        return
    assert decode_request_sync(encode_request_sync(request)) == request


@pytest.mark.parametrize("extra", [tlv16(4, b""), tlv16(4, bytes(9)), tlv16(5, bytes(7)), tlv16(6, b"zz"), tlv16(6, b"")])
def test_a_malformed_optional_entry_counts_as_absent(extra: bytes) -> None:
    assert decode_request_sync(BARE + extra) == RequestSync(FILTER)


@pytest.mark.parametrize("bad", [tlv16(1, b"\7\7"), tlv16(2, b"\0\0\1")])
def test_a_malformed_entry_that_is_needed_is_refused(bad: bytes) -> None:
    assert reason(BARE + bad) is Reason.FIELD


def test_only_well_formed_fragment_ids_are_taken() -> None:
    names = [f"{number:016x}" for number in range(4)]
    value = ",".join([*names[:2], "01 2345678901234", "0123", "", "ZZZZZZZZZZZZZZZZ", "\xe9", *names[1:]])
    taken = decode_request_sync(BARE + tlv16(6, value.encode())).fragment_ids
    assert taken is not None
    assert [fragment_id.hex() for fragment_id in taken] == names


def test_more_fragment_ids_than_60_do_not_fit() -> None:
    value = b",".join(b"%016x" % number for number in range(61))
    assert decode_request_sync(BARE + tlv16(6, value)).fragment_ids is None
    taken = decode_request_sync(BARE + tlv16(6, value[:MAX_SYNC_FILTER])).fragment_ids
    assert taken is not None
    assert len(taken) == MAX_SYNC_FRAGMENT_IDS


def test_the_largest_filter_is_taken() -> None:
    request = RequestSync(GcsFilter(7, 128, bytes(MAX_SYNC_FILTER)), fragment_ids=tuple(n.to_bytes(8) for n in range(60)))
    assert decode_request_sync(encode_request_sync(request)) == request


@pytest.mark.parametrize(
    "request_",
    [
        RequestSync(GcsFilter(0, 1, b"")),
        RequestSync(GcsFilter(33, 1, b"")),
        RequestSync(GcsFilter(7, 0, b"")),
        RequestSync(GcsFilter(7, 2**32, b"")),
        RequestSync(GcsFilter(7, 1, bytes(MAX_SYNC_FILTER + 1))),
        RequestSync(FILTER, types=2**64),
        RequestSync(FILTER, fragment_ids=()),
        RequestSync(FILTER, fragment_ids=(b"short",)),
        RequestSync(FILTER, fragment_ids=(b"8 bytes.",) * 61),
    ],
    ids=range(9),
)
def test_what_a_receiver_would_refuse_is_not_encoded(request_: RequestSync) -> None:
    with pytest.raises(ValueError):
        encode_request_sync(request_)


def test_eleven_types_have_a_bit() -> None:
    bits = {kind: type_bit(kind) for kind in MessageType if type_bit(kind) is not None}
    assert sorted(bits.values()) == list(range(11))
    assert (bits[MessageType.FRAGMENT], bits[MessageType.FILE], bits[MessageType.PREKEYS], bits[MessageType.GROUP]) == (5, 7, 9, 10)
    assert type_bit(MessageType.PING) is None
    assert {bits[MessageType.ANNOUNCE], bits[MessageType.MESSAGE]} == {bit for bit in range(64) if DEFAULT_TYPES >> bit & 1}


@thorough
@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=255)), max_size=5))
def test_tlv_lists_come_back(entries):
    assert list(read_tlv8(b"".join(tlv8(kind, value) for kind, value in entries))) == entries
    assert list(read_tlv16(b"".join(tlv16(kind, value) for kind, value in entries))) == entries


@pytest.mark.parametrize("read", [read_tlv8, read_tlv16])
@pytest.mark.parametrize("data", [b"\1", b"\1\1", b"\1\0\1", b"\1\2x", b"\1\0\2x"])
def test_a_tlv_that_runs_past_the_end_is_refused(read: Any, data: bytes) -> None:
    with pytest.raises(DecodeError) as caught:
        list(read(data))
    assert caught.value.reason is Reason.TLV


def test_a_value_too_long_for_its_length_is_not_written() -> None:
    assert len(tlv8(1, bytes(255))) == 257
    assert len(tlv16(1, bytes(65_535))) == 65_538
    with pytest.raises(ValueError):
        tlv8(1, bytes(256))
    with pytest.raises(ValueError):
        tlv16(1, bytes(65_536))
