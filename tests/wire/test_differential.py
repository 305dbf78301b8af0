"""Our codecs against an independent program: PyPI `bitchat-protocol` 0.2.0.

Where it is right, both must agree, on reading and on writing. Where it is wrong, the fault is
a test of its own at the end of this file, so that a change there is noticed here.
"""

import importlib.metadata
import random
import struct
import zlib
from dataclasses import replace
from typing import Any

import bitchat_protocol as reference
import pytest
from bitchat_protocol.codec import _apply_padding, _strip_padding
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import DecodeError, Reason
from gateway.wire.announce import Announce, decode_announce, encode_announce, peer_id_of
from gateway.wire.gcs import GcsFilter
from gateway.wire.packet import Packet, decode, encode
from gateway.wire.padding import unpad
from gateway.wire.private import PrivateMessage, decode_noise_payload, encode_noise_payload
from gateway.wire.sync import RequestSync, decode_request_sync, encode_request_sync, type_bit
from gateway.wire.types import NoisePayloadType
from tests.wire.strategies import packets, peer_ids, thorough
from tests.wire.vectors import load, packet_of

HELLO = Packet(type=2, ttl=7, timestamp_ms=1_786_000_000_000, sender_id=b"s" * 8, payload=b"hello")
TEXT = b"meet at the bridge " * 40
FILTER = GcsFilter(7, 128, b"\x2e")

incompressible = st.binary(max_size=99)  # nobody compresses below 100 bytes
compressible = st.text(alphabet="abcde fgh", min_size=300, max_size=900).map(str.encode)
keys = st.binary(min_size=32, max_size=32)


def theirs(packet: Packet) -> reference.BitchatPacket:
    """The reference's value of a packet; it derives the flags itself."""
    return reference.BitchatPacket(
        version=packet.version,
        type=packet.type,
        ttl=packet.ttl,
        timestamp=packet.timestamp_ms,
        flags=0,
        sender_id=packet.sender_id,
        payload=packet.payload,
        recipient_id=packet.recipient_id,
        route=None if packet.route is None else list(packet.route),
        signature=packet.signature,
        is_rsr=packet.is_rsr,
    )


def ours(packet: reference.BitchatPacket) -> Packet:
    """Our value of what the reference read."""
    return Packet(
        version=packet.version,
        type=packet.type,
        ttl=packet.ttl,
        timestamp_ms=packet.timestamp,
        sender_id=packet.sender_id,
        payload=packet.payload,
        recipient_id=packet.recipient_id,
        route=None if packet.route is None else tuple(packet.route),
        signature=packet.signature,
        is_rsr=packet.is_rsr,
    )


def our_reading(frame: bytes) -> Packet | None:
    try:
        return decode(frame)
    except DecodeError:
        return None


def their_reading(frame: bytes) -> Packet | None:
    packet = reference.decode(frame)
    return None if packet is None else ours(packet)


def refused(frame: bytes) -> Reason:
    with pytest.raises(DecodeError) as caught:
        decode(frame)
    return caught.value.reason


def compressed_frame(stream: bytes, size: int) -> bytes:
    return struct.pack(">BBBQBI8sI", 2, 2, 7, 5, 0x04, 4 + len(stream), b"s" * 8, size) + stream


def raw_deflate(data: bytes, level: int = 6) -> bytes:
    encoder = zlib.compressobj(level, zlib.DEFLATED, -15)
    return encoder.compress(data) + encoder.flush()


def test_the_reference_is_the_release_these_faults_were_found_in() -> None:
    assert importlib.metadata.version("bitchat-protocol") == "0.2.0"


# Packets


@pytest.mark.parametrize("vector", load("packet_valid"), ids=lambda v: v["name"])
def test_both_read_a_valid_vector_alike(vector: dict[str, Any]) -> None:
    frame = bytes.fromhex(vector["wire"])
    assert our_reading(frame) == their_reading(frame) == packet_of(vector["fields"])


@pytest.mark.parametrize("vector", load("packet_invalid"), ids=lambda v: v["name"])
def test_both_refuse_an_invalid_vector(vector: dict[str, Any]) -> None:
    frame = bytes.fromhex(vector["wire"])
    assert our_reading(frame) is None
    if "bitchat-protocol 0.2.0 accepts this" not in vector.get("note", ""):
        assert their_reading(frame) is None


@pytest.mark.parametrize(
    "vector", [v for v in load("compression") if v["op"] == "decode_and_relay"], ids=lambda v: f"v{v['version']} {v['encoder']}"
)
def test_both_inflate_a_foreign_encoder_alike(vector: dict[str, Any]) -> None:
    frame = bytes.fromhex(vector["wire"])
    assert our_reading(frame) == their_reading(frame)


@thorough
@given(packets(incompressible))
def test_both_write_a_small_packet_alike(packet):
    assert encode(packet) == reference.encode(theirs(packet))


@thorough
@given(packets(compressible))
def test_each_reads_what_the_other_compressed(packet):
    assert their_reading(encode(packet)) == packet
    assert our_reading(reference.encode(theirs(packet))) == packet


@thorough
@given(packets(incompressible), st.data())
def test_both_judge_a_damaged_frame_alike(packet, data):
    """Any damage outside the compressed flag, beyond which the reference is too generous."""
    frame = bytearray(encode(packet))
    for _ in range(data.draw(st.integers(1, 3))):
        frame[data.draw(st.integers(0, len(frame) - 1))] ^= data.draw(st.integers(1, 255))
    del frame[data.draw(st.integers(len(frame) // 2, len(frame))) :]
    if len(frame) > 11:
        frame[11] &= ~0x04
    assert our_reading(bytes(frame)) == their_reading(bytes(frame))


def test_both_judge_a_damaged_compressed_frame_alike_but_for_what_is_behind_the_stream() -> None:
    rng = random.Random(11)
    frame = encode(replace(HELLO, payload=TEXT))
    agreed = differed = 0
    for _ in range(3000):
        damaged = bytearray(frame)
        damaged[rng.randrange(12, len(frame))] ^= 1 << rng.randrange(8)
        mine, their = our_reading(bytes(damaged)), their_reading(bytes(damaged))
        if mine == their:
            agreed += 1
        else:
            assert mine is None
            assert their is not None
            assert refused(bytes(damaged)) is Reason.INFLATE
            differed += 1
    assert agreed > 10 * differed


@thorough
@given(st.binary(max_size=64))
def test_both_take_the_same_padding_off(data):
    assert unpad(data) == _strip_padding(data)


# What packets carry


@pytest.mark.parametrize("vector", load("request_sync"), ids=lambda v: v.get("why") or v["payload"][:40])
def test_both_read_a_sync_request_alike(vector: dict[str, Any]) -> None:
    payload = bytes.fromhex(vector["payload"])
    their = reference.decode_request_sync(payload)
    try:
        mine = decode_request_sync(payload)
    except DecodeError:
        assert their is None
        return
    assert (their.p, their.m, their.data) == (mine.filter.p, mine.filter.m, mine.filter.data)
    assert (their.types, their.since_timestamp) == (mine.types, mine.since_ms)
    names = None if mine.fragment_ids is None else ",".join(i.hex() for i in mine.fragment_ids)
    assert their.fragment_id_filter == names


@thorough
@given(
    st.builds(GcsFilter, st.integers(1, 32), st.integers(1, 2**32 - 1), st.binary(max_size=60)),
    st.none() | st.integers(1, 2**56 - 1),
    st.none() | st.integers(0, 2**64 - 1),
    st.none() | st.lists(peer_ids, min_size=1, max_size=3).map(tuple),
)
def test_both_write_a_sync_request_alike(gcs, types, since_ms, fragment_ids):
    their = reference.RequestSyncPacket(
        p=gcs.p,
        m=gcs.m,
        data=gcs.data,
        types=types,
        since_timestamp=since_ms,
        fragment_id_filter=None if fragment_ids is None else ",".join(i.hex() for i in fragment_ids),
    )
    assert encode_request_sync(RequestSync(gcs, types, since_ms, fragment_ids)) == reference.encode_request_sync(their)


def test_both_number_the_sync_types_alike() -> None:
    for bit in range(8):
        (kind,) = reference.sync_type_flags_to_message_types(1 << bit)
        assert type_bit(kind) == bit


@thorough
@given(st.text(max_size=60), keys, keys, st.lists(peer_ids, max_size=10))
def test_both_write_and_read_an_announce_alike(nickname, noise_key, signing_key, neighbors):
    their = reference.AnnouncementPacket(nickname, noise_key, signing_key, neighbors or None)
    mine = Announce(nickname, noise_key, signing_key, tuple(neighbors))
    payload = encode_announce(mine)
    assert payload == reference.encode_announcement(their)
    assert decode_announce(payload) == mine
    assert reference.decode_announcement(payload) == their
    assert peer_id_of(noise_key).hex() == reference.peer_id_from_noise_key(noise_key)


@thorough
@given(st.text(min_size=1, max_size=60), st.text(max_size=60))
def test_both_write_and_read_a_private_message_alike(message_id, content):
    plaintext = encode_noise_payload(PrivateMessage(message_id, content))
    assert plaintext[0] == NoisePayloadType.PRIVATE_MESSAGE
    their = reference.PrivateMessagePacket(message_id, content)
    assert plaintext[1:] == reference.encode_private_message(their)
    assert reference.decode_private_message(plaintext[1:]) == their
    assert decode_noise_payload(plaintext) == PrivateMessage(message_id, content)


# Known faults of the reference


def test_fault_it_compresses_from_257_bytes_where_the_apps_do_from_100() -> None:
    """iOS compresses again before it verifies: a text of 100 to 256 bytes signed this way is refused there."""
    packet = replace(HELLO, payload=TEXT[:256])
    assert len(reference.encode(theirs(packet))) == 22 + 256
    assert len(encode(packet)) < 22 + 256


def test_fault_it_does_not_look_at_how_many_bytes_are_distinct() -> None:
    payload = bytes(range(256)) * 2
    assert not encode(replace(HELLO, payload=payload))[11] & 0x04
    assert reference.encode(theirs(replace(HELLO, payload=payload)))[11] & 0x04


def test_fault_it_accepts_an_original_size_over_the_cap_of_ios() -> None:
    frame = compressed_frame(raw_deflate(bytes(3_000_000)), 3_000_000)
    assert refused(frame) is Reason.BOMB
    assert len(reference.decode(frame).payload) == 3_000_000


def test_fault_it_accepts_bytes_behind_the_compressed_stream() -> None:
    frame = compressed_frame(raw_deflate(TEXT) + b"behind", len(TEXT))
    assert refused(frame) is Reason.INFLATE
    assert reference.decode(frame).payload == TEXT


def test_fault_it_accepts_an_original_size_of_zero() -> None:
    frame = compressed_frame(raw_deflate(b""), 0)
    assert refused(frame) is Reason.BOMB
    assert reference.decode(frame).payload == b""


def test_fault_it_refuses_a_zlib_wrapper_that_android_takes() -> None:
    frame = compressed_frame(zlib.compress(TEXT), len(TEXT))
    assert decode(frame).payload == TEXT
    assert reference.decode(frame) is None


def test_fault_its_payload_cap_is_that_of_android_alone() -> None:
    head = struct.pack(">BBBQBI8s", 2, 0x22, 7, 5, 0, 1_179_761, b"s" * 8)
    assert refused(head + bytes(1_179_761)) is Reason.OVERSIZED
    assert reference.decode(head + bytes(1_179_761)) is not None


def test_fault_it_pads_to_other_blocks() -> None:
    frame = encode(HELLO)
    assert len(_apply_padding(frame)) == 32
    assert len(encode(HELLO, padded=True)) == 256


def test_fault_it_cannot_pad_over_a_gap_above_255() -> None:
    frame = encode(replace(HELLO, payload=bytes(range(250)) * 4), padded=True)
    assert len(frame) == 22 + 1000
    with pytest.raises(ValueError, match="range"):
        _apply_padding(bytes(600))


def test_fault_it_writes_a_signature_cut_short() -> None:
    short = reference.encode(theirs(replace(HELLO, signature=b"S" * 63)))
    assert their_reading(short) is None
    with pytest.raises(ValueError, match="63"):
        encode(replace(HELLO, signature=b"S" * 63))


def test_fault_it_leaks_a_struct_error_for_a_version_1_text_over_65535_bytes() -> None:
    packet = replace(HELLO, payload=bytes(65_536))
    with pytest.raises(struct.error):
        reference.encode(theirs(packet))
    with pytest.raises(ValueError, match="fit"):
        encode(packet)


def test_fault_it_knows_no_sync_type_above_file() -> None:
    assert type_bit(0x25) == 10
    assert reference.sync_type_flags_to_message_types(1 << 10) == []


def test_fault_it_cuts_the_sync_types_to_56_bits() -> None:
    payload = encode_request_sync(RequestSync(FILTER, types=1 << 60))
    assert decode_request_sync(payload).types == 1 << 60
    assert reference.decode_request_sync(payload).types == 0


def test_fault_it_takes_any_text_for_a_fragment_filter() -> None:
    payload = encode_request_sync(RequestSync(FILTER)) + b"\x06\x00\x04huh?"
    assert decode_request_sync(payload).fragment_ids is None
    assert reference.decode_request_sync(payload).fragment_id_filter == "huh?"


def test_difference_it_ignores_half_a_tlv_header_at_the_end_and_we_do_not() -> None:
    """As the apps do; nobody sends such a thing, and the private formats must refuse it."""
    payload = encode_request_sync(RequestSync(FILTER)) + b"\x05\x00"
    assert reference.decode_request_sync(payload) is not None
    with pytest.raises(DecodeError) as caught:
        decode_request_sync(payload)
    assert caught.value.reason is Reason.TLV
