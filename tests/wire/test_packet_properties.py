"""What holds for every packet and for any bytes at all."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import DecodeError
from gateway.wire.packet import as_sync_answer, decode, dedup_key, encode, packet_id, payload_of, peek, with_ttl
from gateway.wire.padding import unpad
from tests.wire.strategies import packets, thorough


@thorough
@given(packets(), st.booleans())
def test_decode_undoes_encode(packet, padded):
    assert decode(encode(packet, padded=padded)) == packet


@thorough
@given(packets())
def test_encode_undoes_decode(packet):
    frame = encode(packet)
    assert encode(decode(frame)) == frame


@thorough
@given(st.binary(max_size=300) | st.builds(bytes.__add__, st.sampled_from([b"\x01", b"\x02"]), st.binary(min_size=21, max_size=80)))
def test_no_bytes_raise_anything_but_decode_error(data):
    try:
        header = peek(data)
        packet_id(data, header)
        decode(data)
    except DecodeError:
        pass


@thorough
@given(packets(), st.data())
def test_no_damage_to_a_frame_raises_anything_but_decode_error(packet, data):
    frame = bytearray(encode(packet))
    position = data.draw(st.integers(0, len(frame) - 1))
    frame[position] ^= data.draw(st.integers(1, 255))
    try:
        damaged = decode(bytes(frame))
    except DecodeError:
        return
    assert damaged != packet or frame[11] & 0xE8  # a flag nobody reads may have changed


@thorough
@given(packets(), st.integers(0, 255))
def test_another_ttl_changes_one_byte(packet, ttl):
    frame = encode(packet)
    patched = with_ttl(frame, ttl)
    assert patched[2] == ttl
    assert (patched[:2], patched[3:]) == (frame[:2], frame[3:])
    assert decode(patched) == replace(packet, ttl=ttl)


@thorough
@given(packets(), st.integers(0, 255))
def test_a_packet_keeps_its_identities_on_its_way(packet, ttl):
    frame = encode(packet)
    for copy in (with_ttl(frame, ttl), as_sync_answer(frame), frame + b"\x05" * 5):
        assert packet_id(copy, peek(copy)) == packet_id(frame, peek(frame))
        assert dedup_key(decode(copy)) == dedup_key(packet)


@thorough
@given(packets())
def test_compression_does_not_change_the_packet_id(packet):
    plain = encode(replace(packet, wire_payload=packet.payload))
    packed = encode(packet)
    assert payload_of(plain, peek(plain)) == payload_of(packed, peek(packed))
    assert packet_id(plain, peek(plain)) == packet_id(packed, peek(packed))


@thorough
@given(packets(), st.sampled_from(["type", "timestamp_ms", "sender_id", "payload"]))
def test_each_of_the_four_fields_makes_another_packet(packet, name):
    other = {
        "type": packet.type ^ 1,
        "timestamp_ms": packet.timestamp_ms ^ 1,
        "sender_id": packet.sender_id[:7] + bytes((packet.sender_id[7] ^ 1,)),
        "payload": packet.payload + b"!",
    }[name]
    changed = replace(packet, **{name: other})
    frames = encode(packet), encode(changed)
    assert packet_id(frames[0], peek(frames[0])) != packet_id(frames[1], peek(frames[1]))


@thorough
@given(packets(), st.binary(max_size=20))
def test_stripping_padding_and_trying_again_cannot_help(packet, tail):
    """What decodes from a prefix decodes, to the same packet, from the whole: the second try of the apps is empty."""
    for frame in (encode(packet, padded=True), encode(packet) + tail, encode(packet)[: len(tail)] + tail):
        try:
            stripped = decode(unpad(frame))
        except DecodeError:
            continue
        assert decode(frame) == stripped
