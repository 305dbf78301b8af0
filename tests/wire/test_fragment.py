"""Cutting frames up and putting them together: vectors, caps, and who pays when there is no room."""

import random
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import limits
from gateway.errors import DecodeError, Reason
from gateway.wire.fragment import Assembler, Fragment, chunk_size, decode_fragment, encode_fragment, split
from gateway.wire.packet import Packet, decode, encode, payload_of, peek
from gateway.wire.types import BROADCAST, MessageType
from tests.wire.strategies import packets, thorough
from tests.wire.vectors import load, packet_of

VECTORS = load("fragments")
WHOLE = [v for v in VECTORS if "fragment_wires" in v]
PAYLOADS = [v for v in VECTORS if "payload" in v]
REJECTED = [v for v in VECTORS if v.get("expect") == "reject"]
FACTS = [v for v in VECTORS if v["name"] == "limit facts"]

ALICE, BOB = b"alice---", b"bob-----"


def fragments_of(frames: list[bytes]) -> list[Fragment]:
    return [decode_fragment(payload_of(frame, peek(frame))) for frame in frames]


def limit_for(vector: dict[str, Any]) -> int | None:
    """The link limit that leads to the chunk size of a vector."""
    inner = vector["inner_fields"]
    if inner["route"]:
        return int(vector["chunk"]) + 62 + 8 * len(inner["route"])
    if vector["chunk"] == limits.FRAGMENT_CHUNK:
        return None
    return int(vector["chunk"]) + (42 if inner["recipient_id"] is None else 43)


def piece(number: int, index: int = 0, total: int = 2, data: bytes = b"x") -> Fragment:
    return Fragment(number.to_bytes(8), index, total, MessageType.MESSAGE, data)


def test_no_vector_is_left_out():
    assert len(WHOLE) + len(PAYLOADS) + len(REJECTED) + len(FACTS) == len(VECTORS)


@pytest.mark.parametrize("vector", WHOLE, ids=lambda v: v["name"])
def test_splitting_gives_the_fragments_of_the_vector(vector: dict[str, Any]) -> None:
    frame = bytes.fromhex(vector["inner_wire"])
    fragment_id = bytes.fromhex(vector["fragment_id"])
    assert decode(frame) == packet_of(vector["inner_fields"])
    assert [f.hex() for f in split(frame, fragment_id=fragment_id, limit=limit_for(vector))] == vector["fragment_wires"]


@pytest.mark.parametrize("vector", WHOLE, ids=lambda v: v["name"])
def test_the_fragments_of_a_vector_give_the_frame_in_the_order_of_their_arrival(vector: dict[str, Any]) -> None:
    inner = packet_of(vector["inner_fields"])
    assembler = Assembler()
    order = vector["delivery_order"]
    for count, number in enumerate(order, 1):
        packet = decode(bytes.fromhex(vector["fragment_wires"][number]))
        assert (packet.type, packet.sender_id, packet.recipient_id, packet.route) == (
            MessageType.FRAGMENT,
            inner.sender_id,
            inner.recipient_id,
            inner.route,
        )
        assert (packet.timestamp_ms, packet.ttl, packet.signature) == (inner.timestamp_ms, inner.ttl, None)
        fragment = decode_fragment(packet.payload)
        assert fragment.fragment_id.hex() == vector["fragment_id"]
        assert (fragment.index, fragment.total, fragment.original_type) == (number, len(order), inner.type)
        assert len(fragment.data) <= vector["chunk"]
        whole = assembler.add(packet.sender_id, fragment, 0.0)
        assert whole == (bytes.fromhex(vector["inner_wire"]) if count == len(order) else None)
    assert len(assembler) == assembler.bytes == 0


@pytest.mark.parametrize("vector", PAYLOADS, ids=lambda v: v["name"])
def test_a_fragment_payload(vector: dict[str, Any]) -> None:
    fragment = Fragment(
        bytes.fromhex(vector["fragment_id"]), vector["index"], vector["total"], vector["original_type"], bytes.fromhex(vector["data"])
    )
    assert decode_fragment(bytes.fromhex(vector["payload"])) == fragment
    assert encode_fragment(fragment).hex() == vector["payload"]


@pytest.mark.parametrize("vector", REJECTED, ids=lambda v: v["name"])
def test_a_fragment_out_of_range_is_refused(vector: dict[str, Any]) -> None:
    packet = decode(bytes.fromhex(vector["wire"]))
    with pytest.raises(DecodeError) as caught:
        decode_fragment(packet.payload)
    assert caught.value.reason is Reason.FRAGMENT


@pytest.mark.parametrize("facts", FACTS, ids=lambda v: v["name"])
def test_our_caps_fit_between_those_of_the_apps(facts: dict[str, Any]) -> None:
    assert facts["max_total_ios"] == limits.MAX_FRAGMENTS
    assert facts["max_total_android"] == limits.MAX_FRAGMENTS_SENT
    assert facts["assembly_timeout_s"] == limits.ASSEMBLY_LIFETIME_S
    assert facts["max_in_flight_android"] < facts["max_in_flight_ios"] == limits.MAX_ASSEMBLIES
    assert facts["max_bytes_default"] < facts["max_bytes_file_or_noise_ios"] == limits.MAX_ASSEMBLY_BYTES


def test_the_largest_total_is_accepted() -> None:
    payload = encode_fragment(piece(1, index=limits.MAX_FRAGMENTS - 1, total=limits.MAX_FRAGMENTS))
    assert decode_fragment(payload).total == 10_000


@thorough
@given(packets(), st.none() | st.integers(107, 512), st.randoms(use_true_random=False))
def test_any_order_gives_the_frame_back(packet, limit, rng):
    frame = encode(packet)
    frames = split(frame, fragment_id=b"f" * 8, limit=limit)
    rng.shuffle(frames)
    assembler = Assembler()
    results = [assembler.add(packet.sender_id, fragment, 0.0) for fragment in fragments_of(frames)]
    assert results[:-1] == [None] * (len(frames) - 1)
    assert results[-1] == frame


@thorough
@given(packets(), st.integers(190, 512))
def test_a_fragment_fits_the_link_and_is_relayed_like_its_original(packet, limit):
    for frame in split(encode(packet), fragment_id=b"f" * 8, limit=limit):
        assert len(frame) <= limit
        fragment = decode(frame)
        assert fragment == replace(
            packet,
            type=MessageType.FRAGMENT,
            payload=fragment.payload,
            signature=None,
            version=2 if packet.route else 1,
        )
        assert not peek(frame).is_compressed


@pytest.mark.parametrize("limit", [107, 182, 244, 512])
@pytest.mark.parametrize("recipient", [None, BROADCAST, BOB])
def test_no_fragment_is_longer_than_its_link_takes(limit: int, recipient: bytes | None) -> None:
    packet = Packet(2, 7, 5, ALICE, bytes(range(256)) * 8, recipient_id=recipient)
    assert max(len(f) for f in split(encode(packet), fragment_id=b"f" * 8, limit=limit)) <= limit


def test_chunks_are_never_smaller_than_the_floor() -> None:
    header = peek(encode(Packet(2, 7, 5, ALICE, b"")))
    assert chunk_size(header, 20) == limits.MIN_FRAGMENT_CHUNK
    assert chunk_size(header, None) == limits.FRAGMENT_CHUNK
    assert chunk_size(header, None, hops=2) == 512 - (16 + 8 + 8 + 1 + 16 + 13 + 16)


def test_more_fragments_than_android_accepts_are_not_made() -> None:
    chunk = limits.FRAGMENT_CHUNK
    packet = Packet(2, 7, 5, ALICE, b"", version=2)
    room = limits.MAX_FRAGMENTS_SENT * chunk - len(encode(packet))
    rng = random.Random(1)
    assert len(split(encode(replace(packet, payload=rng.randbytes(room))), fragment_id=b"f" * 8, limit=None)) == 256
    with pytest.raises(ValueError, match="257"):
        split(encode(replace(packet, payload=rng.randbytes(room + 1))), fragment_id=b"f" * 8, limit=None)


def test_a_fragment_id_has_8_bytes() -> None:
    with pytest.raises(ValueError, match="7 bytes"):
        split(encode(Packet(2, 7, 5, ALICE, b"")), fragment_id=b"f" * 7, limit=None)


def test_what_has_no_shape_is_not_split() -> None:
    with pytest.raises(DecodeError):
        split(b"\x01\x02", fragment_id=b"f" * 8, limit=None)


def test_a_repeated_fragment_changes_nothing() -> None:
    assembler = Assembler()
    assembler.add(ALICE, piece(1, data=b"first"), 0.0)
    before = assembler.bytes
    assert assembler.add(ALICE, piece(1, data=b"other"), 0.0) is None
    assert assembler.bytes == before
    assert assembler.add(ALICE, piece(1, index=1, data=b" last"), 0.0) == b"first last"


def test_the_same_fragment_id_of_another_sender_is_another_frame() -> None:
    assembler = Assembler()
    assembler.add(ALICE, piece(1), 0.0)
    assert assembler.add(BOB, piece(1, index=1), 0.0) is None
    assert len(assembler) == 2


@pytest.mark.parametrize("other", [piece(1, index=1, total=3), replace(piece(1, index=1), original_type=MessageType.FILE)])
def test_a_fragment_that_contradicts_the_first_is_refused(other: Fragment) -> None:
    assembler = Assembler()
    assembler.add(ALICE, piece(1), 0.0)
    with pytest.raises(DecodeError) as caught:
        assembler.add(ALICE, other, 0.0)
    assert caught.value.reason is Reason.FRAGMENT
    assert assembler.add(ALICE, piece(1, index=1), 0.0) == b"xx"


def test_an_assembly_lives_30_seconds_from_its_first_fragment() -> None:
    assembler = Assembler()
    assert assembler.next_expiry() is None
    assembler.add(ALICE, piece(1, total=3), 100.0)
    assembler.add(ALICE, piece(2), 110.0)
    assembler.add(ALICE, piece(1, index=1, total=3), 129.0)
    assert assembler.next_expiry() == 130.0
    assert assembler.expire(129.9) == 0
    assert assembler.expire(130.0) == 1
    assert assembler.next_expiry() == 140.0
    assert assembler.expire(1000.0) == 1
    assert (len(assembler), assembler.bytes) == (0, 0)


def test_a_fragment_that_comes_too_late_begins_anew() -> None:
    assembler = Assembler()
    assembler.add(ALICE, piece(1), 0.0)
    assert assembler.add(ALICE, piece(1, index=1), 30.0) is None
    assert assembler.add(ALICE, piece(1, index=0), 31.0) == b"xx"


def test_one_sender_has_at_most_16_assemblies_and_loses_its_own_oldest() -> None:
    assembler = Assembler()
    assembler.add(BOB, piece(0), 0.0)
    for number in range(limits.MAX_ASSEMBLIES_PER_SENDER + 5):
        assembler.add(ALICE, piece(number), 1.0)
    assert len(assembler) == 17
    assert assembler.evicted == 5
    assert assembler.add(BOB, piece(0, index=1), 2.0) == b"xx"
    assert assembler.add(ALICE, piece(20, index=1), 2.0) == b"xx"
    assert assembler.add(ALICE, piece(4, index=1), 2.0) is None


def test_the_oldest_of_all_makes_room_above_128() -> None:
    assembler = Assembler()
    for number in range(limits.MAX_ASSEMBLIES + 1):
        assembler.add(number.to_bytes(8), piece(number), float(number) / 100)
    assert len(assembler) == limits.MAX_ASSEMBLIES
    assert assembler.evicted == 1
    assert assembler.next_expiry() == 30.01


def test_a_frame_that_grows_over_the_cap_is_forgotten() -> None:
    assembler = Assembler()
    half = bytes(limits.MAX_ASSEMBLY_BYTES // 2)
    assembler.add(ALICE, piece(1, total=4, data=half), 0.0)
    assembler.add(ALICE, piece(1, index=1, total=4, data=half), 0.0)
    with pytest.raises(DecodeError) as caught:
        assembler.add(ALICE, piece(1, index=2, total=4), 0.0)
    assert caught.value.reason is Reason.ASSEMBLY
    assert (len(assembler), assembler.bytes) == (0, 0)


def test_the_heaviest_sender_pays_when_the_total_is_used_up() -> None:
    assembler = Assembler()
    assembler.add(BOB, piece(0, data=bytes(1000)), 0.0)
    size = limits.MAX_ASSEMBLY_BYTES - 1
    for number in range(8):
        assembler.add(ALICE, piece(number, data=bytes(size)), 1.0)
        assert assembler.bytes <= limits.MAX_ASSEMBLY_BYTES_TOTAL
    assert assembler.evicted == 5
    assert len(assembler) == 4
    assert assembler.add(BOB, piece(0, index=1), 2.0) == bytes(1000) + b"x"


def test_the_fragment_that_would_burst_the_total_can_be_the_one_to_go() -> None:
    assembler = Assembler()
    for number in range(3):
        assembler.add(number.to_bytes(8), piece(0, data=bytes(1_010_000)), 0.0)
    assembler.add(ALICE, piece(0, total=3, data=bytes(1_100_000)), 0.0)
    with pytest.raises(DecodeError) as caught:
        assembler.add(ALICE, piece(0, index=1, total=3, data=bytes(79_000)), 0.0)
    assert caught.value.reason is Reason.ASSEMBLY
    assert (len(assembler), assembler.evicted) == (3, 1)


def test_a_flood_of_tiny_fragments_is_counted_at_what_it_costs() -> None:
    """The cap holds memory, not only the bytes a stranger declares to have sent."""
    tracemalloc.start()
    try:
        assembler = Assembler()
        for sender in range(30):
            for index in range(1, 800):
                assembler.add(
                    sender.to_bytes(8), decode_fragment(encode_fragment(piece(sender, index=index, total=10_000, data=bytes(1)))), 0.0
                )
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert assembler.bytes <= limits.MAX_ASSEMBLY_BYTES_TOTAL
    assert assembler.evicted > 0
    assert held < 1.25 * limits.MAX_ASSEMBLY_BYTES_TOTAL
