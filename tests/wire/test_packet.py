"""The packet codec against the golden vectors, and its rules one by one."""

import struct
from dataclasses import replace
from typing import Any

import pytest

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_FRAME, MAX_PAYLOAD
from gateway.wire.packet import (
    Packet,
    as_sync_answer,
    decode,
    dedup_key,
    encode,
    packet_id,
    payload_of,
    peek,
    route_of,
    signature_of,
    with_ttl,
)
from gateway.wire.types import BROADCAST, Capability, MessageType, type_name
from tests.wire.vectors import load, packet_of

VALID = load("packet_valid")
SENDER = bytes(range(8))
SIGNATURE = b"S" * 64
HELLO = Packet(type=2, ttl=7, timestamp_ms=1_786_000_000_000, sender_id=SENDER, payload=b"hello")


def reason(frame: bytes) -> Reason:
    """Why `decode` refuses a frame; `peek` may not find fewer faults of shape."""
    with pytest.raises(DecodeError) as caught:
        decode(frame)
    return caught.value.reason


@pytest.mark.parametrize("vector", VALID, ids=lambda v: v["name"])
def test_every_field_of_a_valid_vector_is_read(vector: dict[str, Any]) -> None:
    frame = bytes.fromhex(vector["wire"])
    assert decode(frame) == packet_of(vector["fields"])


@pytest.mark.parametrize("vector", VALID, ids=lambda v: v["name"])
def test_peek_tells_the_same_as_decode(vector: dict[str, Any]) -> None:
    frame = bytes.fromhex(vector["wire"])
    expected = packet_of(vector["fields"])
    header = peek(frame)
    assert (header.version, header.type, header.ttl, header.timestamp_ms, header.sender_id, header.recipient_id) == (
        expected.version,
        expected.type,
        expected.ttl,
        expected.timestamp_ms,
        expected.sender_id,
        expected.recipient_id,
    )
    assert header.is_broadcast == (expected.recipient_id in {None, BROADCAST})
    assert header.is_rsr == expected.is_rsr
    assert header.has_route == (expected.route is not None)
    assert header.has_signature == (expected.signature is not None)
    assert header.is_compressed == vector.get("compressed_on_wire", False)
    assert payload_of(frame, header) == expected.payload
    assert route_of(frame, header) == expected.route
    assert signature_of(frame, header) == expected.signature


@pytest.mark.parametrize("vector", [v for v in VALID if v["direction"] == "encode+decode"], ids=lambda v: v["name"])
def test_a_valid_vector_is_written_byte_for_byte(vector: dict[str, Any]) -> None:
    frame = bytes.fromhex(vector["wire"])
    assert encode(packet_of(vector["fields"]), padded=vector["padded"]) == frame
    assert encode(decode(frame), padded=vector["padded"]) == frame


@pytest.mark.parametrize("vector", [v for v in VALID if "dedup_key" in v], ids=lambda v: v["name"])
def test_both_identities_of_a_packet(vector: dict[str, Any]) -> None:
    frame = bytes.fromhex(vector["wire"])
    assert dedup_key(decode(frame)) == vector["dedup_key"]
    assert packet_id(frame, peek(frame)).hex() == vector["sync_packet_id"]


@pytest.mark.parametrize("vector", load("packet_invalid"), ids=lambda v: v["name"])
def test_an_invalid_vector_is_refused(vector: dict[str, Any]) -> None:
    assert vector["expect"] == "reject"
    with pytest.raises(DecodeError):
        decode(bytes.fromhex(vector["wire"]))


def test_there_is_a_vector_of_each_direction() -> None:
    assert {v["direction"] for v in VALID} == {"encode+decode", "decode"}


@pytest.mark.parametrize("version", [1, 2])
def test_each_truncation_of_a_frame_is_refused(version: int) -> None:
    route = (b"r" * 8,) if version == 2 else None
    frame = encode(replace(HELLO, version=version, recipient_id=BROADCAST, route=route, signature=SIGNATURE))
    for size in range(len(frame)):
        assert reason(frame[:size]) in {Reason.SHORT, Reason.TRUNCATED}


def test_bytes_behind_a_complete_packet_are_ignored() -> None:
    frame = encode(HELLO)
    assert decode(frame + b"\x03\x02garbage") == HELLO
    assert peek(frame + b"\x01").end == len(frame)


def test_version_1_ignores_the_route_flag() -> None:
    frame = bytearray(encode(HELLO))
    frame[11] |= 0x08
    assert decode(bytes(frame)) == HELLO
    assert not peek(bytes(frame)).has_route


def test_a_route_of_no_hops_is_no_route() -> None:
    frame = bytearray(encode(replace(HELLO, version=2, recipient_id=BROADCAST)))
    frame[11] |= 0x08
    frame[32:32] = b"\0"
    assert decode(bytes(frame)).route is None
    assert decode(bytes(frame)).payload == b"hello"
    assert not peek(bytes(frame)).has_route


def test_the_longest_route_is_read() -> None:
    packet = replace(HELLO, version=2, route=tuple(bytes((i,)) * 8 for i in range(255)))
    assert decode(encode(packet)) == packet


def test_the_flag_of_a_later_protocol_does_not_hurt() -> None:
    frame = bytearray(encode(HELLO))
    frame[11] |= 0xE0
    assert decode(bytes(frame)) == HELLO


@pytest.mark.parametrize("recipient", [None, BROADCAST])
def test_both_ways_to_write_broadcast_are_one(recipient: bytes | None) -> None:
    assert peek(encode(replace(HELLO, recipient_id=recipient))).is_broadcast


def test_one_bit_less_than_broadcast_is_directed() -> None:
    assert not peek(encode(replace(HELLO, recipient_id=b"\xff" * 7 + b"\xfe"))).is_broadcast


def test_a_payload_over_the_cap_is_refused_even_when_it_is_there() -> None:
    head = struct.pack(">BBBQBI8s", 2, 0x22, 7, 0, 0, MAX_PAYLOAD + 1, SENDER)
    assert reason(head + bytes(MAX_PAYLOAD + 1)) is Reason.OVERSIZED


def test_a_payload_of_exactly_the_cap_is_read() -> None:
    head = struct.pack(">BBBQBI8s", 2, 0x22, 7, 0, 0, MAX_PAYLOAD, SENDER)
    assert len(decode(head + bytes(MAX_PAYLOAD)).payload) == MAX_PAYLOAD


def test_a_frame_over_the_cap_is_refused_whatever_it_declares() -> None:
    assert reason(encode(HELLO).ljust(MAX_FRAME + 1, b"\0")) is Reason.OVERSIZED
    assert decode(encode(HELLO).ljust(MAX_FRAME, b"\0")) == HELLO


@pytest.mark.parametrize("version", [1, 2])
def test_the_size_preamble_is_counted_in_the_length(version: int) -> None:
    packet = replace(HELLO, version=version, payload=b"again and " * 40)
    frame = encode(packet)
    header = peek(frame)
    assert header.is_compressed
    declared = int.from_bytes(frame[12 : 12 + 2 * version])
    assert header.payload_end - header.payload_start == declared == len(frame) - header.payload_start
    assert frame[header.payload_start : header.payload_start + 2 * version] == (400).to_bytes(2 * version)
    assert decode(frame).payload == packet.payload


def test_a_compressed_payload_with_half_a_preamble_is_refused_by_peek() -> None:
    head = struct.pack(">BBBQBI8s", 2, 2, 7, 0, 0x04, 3, SENDER)
    with pytest.raises(DecodeError) as caught:
        peek(head + b"\0\0\1" + bytes(20))
    assert caught.value.reason is Reason.TRUNCATED


@pytest.mark.parametrize("declared", [0, MAX_PAYLOAD + 1, 0xFFFFFFFF])
def test_an_original_size_out_of_bounds_is_refused_by_peek(declared: int) -> None:
    body = declared.to_bytes(4) + bytes(100)
    with pytest.raises(DecodeError) as caught:
        peek(struct.pack(">BBBQBI8s", 2, 2, 7, 0, 0x04, len(body), SENDER) + body)
    assert caught.value.reason is Reason.BOMB


def test_decoding_then_encoding_keeps_what_another_encoder_left_uncompressed() -> None:
    payload = b"again and " * 40
    frame = struct.pack(">BBBQBH8s", 1, 2, 7, 5, 0, len(payload), SENDER) + payload
    packet = decode(frame)
    assert encode(packet) == frame
    assert len(encode(replace(packet, wire_payload=None))) < len(frame)


def test_text_too_long_for_a_version_1_preamble_is_refused_not_cut() -> None:
    with pytest.raises(ValueError, match="fit"):
        encode(replace(HELLO, payload=b"a" * 65_536))
    assert decode(encode(replace(HELLO, payload=b"a" * 65_536, version=2))).payload == b"a" * 65_536
    assert peek(encode(replace(HELLO, payload=b"a" * 65_535))).is_compressed


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": 0},
        {"version": 3},
        {"sender_id": b"short"},
        {"sender_id": b"nine byte"},
        {"recipient_id": b""},
        {"signature": b"S" * 63},
        {"route": (b"r" * 8,)},
        {"version": 2, "route": ()},
        {"version": 2, "route": (b"r" * 7,)},
        {"version": 2, "route": (b"r" * 8,) * 256},
        {"ttl": 256},
        {"ttl": -1},
        {"type": 256},
        {"timestamp_ms": 2**64},
        {"version": 2, "payload": bytes(MAX_PAYLOAD + 1)},
    ],
    ids=str,
)
def test_what_no_frame_can_say_is_not_encoded(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        encode(replace(HELLO, **wrong))


def test_patching_the_ttl_wants_a_byte() -> None:
    with pytest.raises(ValueError):
        with_ttl(encode(HELLO), 256)


@pytest.mark.parametrize("version", [1, 2])
def test_a_sync_answer_has_ttl_0_and_the_rsr_flag(version: int) -> None:
    packet = replace(HELLO, version=version, signature=SIGNATURE)
    assert decode(as_sync_answer(encode(packet))) == replace(packet, ttl=0, is_rsr=True)


def test_types_have_the_names_of_the_protocol() -> None:
    by_vector = {v["name"]: v["fields"]["type"] for v in VALID}
    plain = {name.split()[1]: number for name, number in by_vector.items() if name.startswith("v1 ") and name.endswith(" plain")}
    assert len(plain) == len(MessageType)
    assert {name: type_name(number) for name, number in plain.items()} == {name: name for name in plain}
    assert type_name(0x7E) == "unknown"


def test_the_bridge_is_capability_bit_7() -> None:
    assert Capability.BRIDGE == 0x80
    assert [capability.bit_length() - 1 for capability in Capability] == list(range(10))
