"""What travels inside a Noise session, and files."""

from dataclasses import replace

import pytest

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_FILE, MAX_GROUP_MEMBERS, MAX_GROUP_NICKNAME, MAX_MESSAGE_ID
from gateway.wire.file import FileTransfer, decode_file, encode_file
from gateway.wire.payloads import to_json
from gateway.wire.private import (
    Delivered,
    PeerState,
    PrivateMessage,
    ReadReceipt,
    UnknownNoisePayload,
    VerifyChallenge,
    decode_noise_payload,
    encode_noise_payload,
    signed_bytes,
    verify_response,
)
from gateway.wire.tlv import tlv8, tlv16
from tests.wire.vectors import load

VECTORS = load("private_payloads")


def of(kind, expect="accept"):
    chosen = [vector for vector in VECTORS if vector["kind"] == kind and vector.get("expect", "accept") == expect]
    assert chosen
    return pytest.mark.parametrize("vector", chosen)


def reason_of(plaintext, decode=decode_noise_payload):
    with pytest.raises(DecodeError) as caught:
        decode(plaintext)
    return caught.value.reason


def round_trip(vector):
    plaintext = bytes.fromhex(vector["noise_payload"])
    value = decode_noise_payload(plaintext)
    assert encode_noise_payload(value) == plaintext
    return value


def test_every_vector_is_of_a_kind_tested_here():
    kinds = {"private_message", "delivered", "read_receipt", "file", "authenticated_peer_state", "verify_challenge", "verify_response"}
    assert {vector["kind"] for vector in VECTORS} == kinds


@of("private_message")
def test_a_private_message_is_its_id_and_its_text(vector):
    assert round_trip(vector) == PrivateMessage(vector["message_id"], vector["content"])


@of("private_message", "reject")
def test_the_strict_decoder_refuses_a_private_message(vector):
    reasons = {"missing content": Reason.FIELD, "truncated": Reason.TLV, "unknown TLV: strict decoder rejects": Reason.TLV}
    assert reason_of(b"\x01" + bytes.fromhex(vector["tlv"])) is reasons[vector["why"]]


@of("delivered")
def test_delivered_is_the_message_id(vector):
    assert round_trip(vector) == Delivered(vector["message_id"])


@of("read_receipt")
def test_a_read_receipt_is_the_message_id(vector):
    assert round_trip(vector) == ReadReceipt(vector["message_id"])


@of("authenticated_peer_state")
def test_a_peer_state_binds_capabilities_and_signing_key(vector):
    state = round_trip(vector)
    assert state == PeerState(vector["capabilities"], bytes.fromhex(vector["signing_public"]))
    assert to_json(state) == {"capabilities": vector["capabilities"], "signing_public": vector["signing_public"]}


@of("authenticated_peer_state", "reject")
def test_a_doubtful_peer_state_is_refused(vector):
    reasons = {"unknown version": Reason.VERSION, "duplicate TLV": Reason.TLV}
    assert reason_of(bytes.fromhex(vector["noise_payload"])) is reasons.get(vector["why"], Reason.FIELD)


def test_a_peer_state_of_a_newer_app_may_say_more():
    state = PeerState(1, b"s" * 32)
    assert decode_noise_payload(encode_noise_payload(state) + tlv8(3, b"\x01\x00")) == state


def test_capabilities_of_a_peer_state_have_at_most_64_bits():
    state = b"\x21\x01" + tlv8(1, b"\x01" * 9) + tlv8(2, b"s" * 32)
    assert reason_of(state) is Reason.OVERSIZED


@of("verify_challenge")
def test_a_challenge_names_the_key_and_a_nonce(vector):
    assert round_trip(vector) == VerifyChallenge(vector["noise_key_hex"], bytes.fromhex(vector["nonce"]))


@of("verify_response")
def test_a_response_is_signed_by_the_owner_of_the_key(vector):
    response = round_trip(vector)
    key = bytes.fromhex(vector["ed25519_public"])
    assert signed_bytes(response).hex() == vector["signed_bytes"]
    assert verify_response(response, key)
    assert not verify_response(replace(response, nonce=bytes(16)), key)
    assert not verify_response(response, bytes(32))
    assert not verify_response(response, b"not a key")


def test_a_noise_key_that_is_not_hex_is_refused():
    assert reason_of(b"\x10" + tlv8(1, b"z" * 64) + tlv8(2, bytes(16))) is Reason.FIELD


def test_a_payload_without_a_type_is_refused():
    assert reason_of(b"") is Reason.SHORT


def test_a_payload_of_an_unknown_type_is_kept():
    assert decode_noise_payload(b"\x05new") == UnknownNoisePayload(5, b"new")


def test_texts_end_at_255_bytes():
    longest = PrivateMessage("i" * MAX_MESSAGE_ID, "t" * 255)
    assert decode_noise_payload(encode_noise_payload(longest)) == longest
    for message in (replace(longest, content="t" * 256), replace(longest, message_id="é" * 128)):
        with pytest.raises(ValueError, match="255"):
            encode_noise_payload(message)


@pytest.mark.parametrize("kind", [b"\x02", b"\x03"])
def test_a_receipt_names_a_message(kind):
    assert reason_of(kind) is Reason.FIELD
    assert reason_of(kind + b"\xff") is Reason.TEXT
    assert reason_of(kind + b"i" * (MAX_MESSAGE_ID + 1)) is Reason.OVERSIZED
    with pytest.raises(ValueError, match="255"):
        encode_noise_payload(Delivered(""))


@of("file")
def test_a_file_is_its_name_type_and_content(vector):
    payload = bytes.fromhex(vector["payload"])
    file = decode_file(payload)
    stated = {name: vector[name] for name in ("content", "file_name", "mime")}
    assert file == FileTransfer(bytes.fromhex(vector["content"]), vector["file_name"], vector["mime"])
    assert to_json(file) == stated
    assert encode_file(file) == payload
    assert encode_noise_payload(file) == b"\x20" + payload


def test_a_private_file_is_read_under_its_old_number_too():
    file = FileTransfer(b"x")
    assert decode_noise_payload(b"\x09" + encode_file(file)) == file


def test_old_senders_write_long_sizes_and_short_lengths():
    old = tlv16(2, (3).to_bytes(8)) + b"\x04\x00\x03abc"
    assert decode_file(old) == FileTransfer(b"abc")


def test_content_in_pieces_is_joined_and_unknown_fields_are_skipped():
    assert decode_file(b"\x04\x00\x00\x00\x02ab" + tlv16(9, b"new") + b"\x04\x00\x00\x00\x01c") == FileTransfer(b"abc")


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Reason.FIELD),
        (b"\x04\x00\x00\x00\x00", Reason.FIELD),
        (b"\x04\x00", Reason.TLV),
        (b"\x04\x00\x00\x00\x05abc", Reason.TLV),
        (b"\x01\x00\x02a", Reason.TLV),
        (b"\x01\x00\x01\xff\x04\x00\x00\x00\x01x", Reason.TEXT),
        (tlv16(2, (MAX_FILE + 1).to_bytes(4)) + b"\x04\x00\x00\x00\x01x", Reason.OVERSIZED),
        (b"\x04" + (MAX_FILE + 1).to_bytes(4) + bytes(MAX_FILE + 1), Reason.OVERSIZED),
        (2 * (b"\x04" + (MAX_FILE // 2 + 1).to_bytes(4) + bytes(MAX_FILE // 2 + 1)), Reason.OVERSIZED),
    ],
    ids=["nothing", "empty", "no length", "cut content", "cut name", "name", "declared size", "too long", "too long in pieces"],
)
def test_a_broken_file_is_refused(payload, reason):
    assert reason_of(payload, decode_file) is reason


def test_a_file_of_the_largest_size_passes():
    largest = FileTransfer(bytes(MAX_FILE))
    assert decode_file(encode_file(largest)) == largest
    with pytest.raises(ValueError, match="1 MiB"):
        encode_file(FileTransfer(bytes(MAX_FILE + 1)))


def roster_state(roster):
    head = tlv16(1, b"g" * 16) + tlv16(2, b"name") + tlv16(3, b"k" * 32) + tlv16(4, bytes(4))
    return b"\x06" + head + tlv16(5, roster) + tlv16(6, b"c" * 32) + tlv16(7, b"s" * 64)


def member(nickname):
    return bytes(64) + bytes((len(nickname),)) + nickname


@pytest.mark.parametrize(
    ("roster", "reason"),
    [
        (b"", Reason.FIELD),
        (b"\x00", Reason.FIELD),
        (b"\x01" + member(b"a") + b"x", Reason.FIELD),
        (b"\x02" + member(b"a"), Reason.TRUNCATED),
        (b"\x01" + bytes(64) + b"\x05a", Reason.TRUNCATED),
        (bytes((MAX_GROUP_MEMBERS + 1,)) + member(b"a") * (MAX_GROUP_MEMBERS + 1), Reason.OVERSIZED),
        (b"\x01" + member(b"n" * (MAX_GROUP_NICKNAME + 1)), Reason.OVERSIZED),
        (b"\x01" + member(b"\xff"), Reason.TEXT),
    ],
    ids=["missing", "empty", "tail", "cut", "cut nickname", "17 members", "long nickname", "nickname"],
)
def test_a_broken_roster_is_refused(roster, reason):
    assert reason_of(roster_state(roster)) is reason


def test_a_full_roster_passes():
    roster = bytes((MAX_GROUP_MEMBERS,)) + member(b"n" * MAX_GROUP_NICKNAME) * MAX_GROUP_MEMBERS
    assert len(decode_noise_payload(roster_state(roster)).state.roster) == MAX_GROUP_MEMBERS
