"""Announces: the payload in both apps' order, and the signed packet around it."""

from dataclasses import replace

import pytest

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_GEOHASH, MAX_NEIGHBORS, MAX_NICKNAME
from gateway.wire.announce import Announce, decode_announce, encode_announce, encode_capabilities, peer_id_of
from gateway.wire.packet import decode, encode, peek
from gateway.wire.payloads import to_json
from gateway.wire.signing import signing_bytes, verify
from gateway.wire.tlv import read_tlv8, tlv8
from gateway.wire.types import Capability, MessageType
from tests.wire.vectors import load

VECTORS = load("announce")
PAYLOADS = [vector for vector in VECTORS if "payload" in vector]
ACCEPTED = [vector for vector in PAYLOADS if vector["expect"] == "accept"]
COMPLETE = [vector for vector in ACCEPTED if "nickname" in vector]
PACKETS = [vector for vector in COMPLETE if "packet_wire" in vector]
REFUSED_PACKETS = [vector for vector in VECTORS if "payload" not in vector]
ME = Announce("me", b"n" * 32, b"s" * 32)


def reason_of(payload):
    with pytest.raises(DecodeError) as caught:
        decode_announce(payload)
    return caught.value.reason


def test_every_vector_is_used():
    refused = [vector for vector in PAYLOADS if vector["expect"] == "reject"]
    neighbours = [vector for vector in ACCEPTED if "neighbors_ios" in vector]
    assert len(COMPLETE) + len(neighbours) + len(refused) + len(REFUSED_PACKETS) == len(VECTORS) == 30
    assert len(PACKETS) == 21


@pytest.mark.parametrize("vector", COMPLETE)
def test_every_stated_field_is_read(vector):
    announce = decode_announce(bytes.fromhex(vector["payload"]))
    assert announce.nickname == vector["nickname"]
    assert announce.noise_public_key.hex() == vector["noise_public"]
    assert announce.signing_public_key.hex() == vector["signing_public"]
    assert [peer.hex() for peer in announce.neighbors] == vector["neighbors"]
    assert announce.capabilities == vector["capabilities"]
    if vector.get("capability_bytes") is not None:
        assert encode_capabilities(announce.capabilities).hex() == vector["capability_bytes"]
    assert announce.bridge_geohash == vector["bridge_geohash"]
    assert {f"{kind:02x}": value.hex() for kind, value in announce.unknown} == vector.get("unknown", {})


@pytest.mark.parametrize("vector", COMPLETE)
def test_json_has_the_fields_of_the_vectors(vector):
    stated = ("nickname", "noise_public", "signing_public", "neighbors", "capabilities", "bridge_geohash")
    expected = {name: vector[name] for name in stated} | {"unknown": vector.get("unknown", {})}
    assert to_json(decode_announce(bytes.fromhex(vector["payload"]))) == expected


@pytest.mark.parametrize("vector", COMPLETE)
def test_an_ios_payload_is_written_again_byte_for_byte(vector):
    payload = bytes.fromhex(vector["payload"])
    assert encode_announce(decode_announce(payload), order="ios") == payload


@pytest.mark.parametrize("vector", [vector for vector in COMPLETE if not vector["bridge_geohash"]])
def test_an_android_payload_is_written_again_byte_for_byte(vector):
    entries = sorted(read_tlv8(bytes.fromhex(vector["payload"])), key=lambda entry: [1, 2, 3, 5, 4, 0x7F].index(entry[0]))
    payload = b"".join(tlv8(kind, value) for kind, value in entries)
    assert encode_announce(decode_announce(payload), order="android") == payload


@pytest.mark.parametrize("vector", [vector for vector in PAYLOADS if vector["expect"] == "reject"])
def test_what_the_apps_refuse_is_refused(vector):
    truncated = "truncated" in vector["name"]
    assert reason_of(bytes.fromhex(vector["payload"])) is (Reason.TLV if truncated else Reason.FIELD)


def test_neighbours_of_a_length_that_is_no_multiple_of_eight_are_dropped_as_on_ios():
    (vector,) = [vector for vector in ACCEPTED if "neighbors_ios" in vector]
    announce = decode_announce(bytes.fromhex(vector["payload"]))
    assert vector["neighbors_ios"] is None
    assert vector["neighbors_android"] == ["72e7b315eb8a678c"]
    assert announce.neighbors == ()
    assert announce.nickname == "n"


@pytest.mark.parametrize("vector", PACKETS)
def test_the_packet_around_an_announce_is_signed_by_the_key_inside(vector):
    wire = bytes.fromhex(vector["packet_wire"])
    packet = decode(wire)
    announce = decode_announce(packet.payload)
    assert packet.type == MessageType.ANNOUNCE
    assert packet.payload.hex() == vector["payload"]
    assert packet.sender_id.hex() == vector["sender_id"] == peer_id_of(announce.noise_public_key).hex()
    assert signing_bytes(wire).hex() == vector["packet_signing_bytes"]
    assert verify(wire, announce.signing_public_key)
    assert encode(packet) == wire


def test_a_packet_whose_sender_is_not_the_hash_of_its_key_proves_nothing():
    (vector,) = [vector for vector in REFUSED_PACKETS if "SHA-256" in vector["name"]]
    wire = bytes.fromhex(vector["packet_wire"])
    announce = decode_announce(decode(wire).payload)
    assert verify(wire, announce.signing_public_key)
    assert peer_id_of(announce.noise_public_key) != peek(wire).sender_id


def test_an_unsigned_packet_does_not_verify():
    (vector,) = [vector for vector in REFUSED_PACKETS if "unsigned" in vector["name"]]
    wire = bytes.fromhex(vector["packet_wire"])
    announce = decode_announce(decode(wire).payload)
    assert peer_id_of(announce.noise_public_key) == peek(wire).sender_id
    assert not verify(wire, announce.signing_public_key)


def test_todays_capability_bytes():
    caps = Capability
    assert encode_capabilities(caps.PREKEYS | caps.GROUPS | caps.VOUCH | caps.PRIVATE_MEDIA | caps.PRIVATE_MEDIA_RECEIPTS).hex() == "2903"
    assert encode_capabilities(Capability.PRIVATE_MEDIA).hex() == "0001"
    assert encode_capabilities(Capability.GATEWAY | Capability.BRIDGE).hex() == "84"


def test_capabilities_beyond_64_bits_are_ignored():
    payload = encode_announce(ME) + tlv8(5, b"\x80" + bytes(7) + b"\xff")
    assert decode_announce(payload).capabilities == Capability.BRIDGE


def test_the_last_of_a_repeated_field_counts():
    assert decode_announce(encode_announce(ME) + tlv8(1, b"you")).nickname == "you"


@pytest.mark.parametrize("cell", [b"", b"u" * (MAX_GEOHASH + 1), b"ailo", b"U4PRUY", b"\xff\xff"])
def test_a_bridge_cell_that_is_no_geohash_is_dropped(cell):
    assert decode_announce(encode_announce(ME) + tlv8(6, cell)) == ME


def test_neighbours_above_the_cap_are_dropped():
    peers = tuple(bytes((number,)) * 8 for number in range(MAX_NEIGHBORS + 1))
    announce = decode_announce(encode_announce(ME) + tlv8(4, b"".join(peers)))
    assert announce.neighbors == peers[:MAX_NEIGHBORS]
    with pytest.raises(ValueError, match="too many neighbours"):
        encode_announce(replace(ME, neighbors=peers))


def test_a_nickname_has_at_most_255_bytes():
    assert decode_announce(encode_announce(replace(ME, nickname="x" * MAX_NICKNAME))).nickname == "x" * MAX_NICKNAME
    with pytest.raises(ValueError, match="nickname"):
        encode_announce(replace(ME, nickname="x" * (MAX_NICKNAME + 1)))


def test_a_nickname_that_is_not_utf8_is_refused():
    assert reason_of(encode_announce(ME) + tlv8(1, b"\xff")) is Reason.TEXT


@pytest.mark.parametrize("kind", [2, 3])
def test_a_key_of_another_size_is_refused(kind):
    assert reason_of(encode_announce(ME) + tlv8(kind, b"k" * 31)) is Reason.FIELD


@pytest.mark.parametrize(
    "wrong",
    [
        {"noise_public_key": b"short"},
        {"signing_public_key": b"short"},
        {"neighbors": (b"short",)},
        {"capabilities": 1 << 64},
        {"bridge_geohash": "ailo"},
    ],
)
def test_nothing_is_written_that_no_decoder_accepts(wrong):
    with pytest.raises(ValueError):
        encode_announce(replace(ME, **wrong))
