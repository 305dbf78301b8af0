"""Ping, voice, board, vouches, group messages."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from gateway.errors import DecodeError, Reason
from gateway.limits import (
    MAX_BOARD_CONTENT,
    MAX_BOARD_LIFETIME_MS,
    MAX_BOARD_NICKNAME,
    MAX_GEOHASH,
    MAX_GROUP_MEMBERS,
    MAX_GROUP_NICKNAME,
    MAX_VOICE_CONTENT,
    MAX_VOICE_FRAMES,
    MAX_VOUCHES,
)
from gateway.wire import board
from gateway.wire.board import BoardPost, BoardTombstone, decode_board, encode_board, verify_board
from gateway.wire.group import (
    GroupMember,
    GroupMessage,
    GroupState,
    GroupText,
    associated_data,
    decode_group_message,
    decode_group_state,
    decode_group_text,
    encode_group_message,
    encode_group_state,
    encode_group_text,
    state_signed_bytes,
    text_signed_bytes,
    verify_group_state,
    verify_group_text,
)
from gateway.wire.payloads import to_json
from gateway.wire.ping import Ping, decode_ping, encode_ping, hops
from gateway.wire.private import decode_noise_payload, encode_noise_payload
from gateway.wire.tlv import read_tlv16, tlv16
from gateway.wire.voice import VoiceBurst, VoiceCanceled, VoiceEnd, VoiceFrames, VoiceStart, decode_voice, encode_voice
from gateway.wire.vouch import decode_vouches, encode_vouches, signed_bytes, verify_vouch
from tests.wire.vectors import load

VECTORS = load("misc_payloads")
DAY_MS = 24 * 3600 * 1000


def the(kind, meaning=None):
    (vector,) = [vector for vector in VECTORS if vector["kind"] == kind and vector.get("meaning") == meaning]
    return vector


def reason_of(decode, payload):
    with pytest.raises(DecodeError) as caught:
        decode(payload)
    return caught.value.reason


def test_every_vector_is_of_a_kind_tested_here():
    kinds = ["ping/pong", *["voice_burst"] * 4, "board_post", "board_tombstone", "vouch", "group_message"]
    assert [vector["kind"] for vector in VECTORS] == kinds


def test_a_ping_counts_hops():
    vector = the("ping/pong")
    payload = bytes.fromhex(vector["payload"])
    ping = decode_ping(payload)
    assert ping == Ping(bytes.fromhex(vector["nonce"]), vector["origin_ttl"])
    assert encode_ping(ping) == payload
    assert to_json(ping) == {"nonce": vector["nonce"], "origin_ttl": vector["origin_ttl"]}
    assert [[ttl, hops(ping.origin_ttl, ttl)] for ttl, _ in vector["hops_if_received_ttl"]] == vector["hops_if_received_ttl"]


def test_a_ttl_that_grew_says_nothing_about_hops():
    assert hops(3, 4) is None


def test_a_ping_may_be_longer_but_not_shorter():
    assert decode_ping(b"nonce...\x07extra") == Ping(b"nonce...", 7)
    assert reason_of(decode_ping, b"nonce...") is Reason.SHORT


VOICE = {
    "start codec 1": VoiceStart(1),
    "end 12 packets 2400 ms": VoiceEnd(12, 2400),
    "canceled": VoiceCanceled(),
}


@pytest.mark.parametrize(("meaning", "body"), VOICE.items())
def test_a_voice_burst_starts_and_ends(meaning, body):
    payload = bytes.fromhex(the("voice_burst", meaning)["payload"])
    assert decode_voice(payload) == VoiceBurst(payload[:8], int.from_bytes(payload[8:10]), body)
    assert encode_voice(decode_voice(payload)) == payload


def test_a_voice_packet_holds_aac_frames():
    payload = bytes.fromhex(the("voice_burst", "2 frames")["payload"])
    burst = decode_voice(payload)
    assert burst == VoiceBurst(payload[:8], 176, VoiceFrames((payload[13:73], payload[75:133])))
    assert encode_voice(burst) == payload
    frames = [payload[13:73].hex(), payload[75:133].hex()]
    assert to_json(burst) == {"burst_id": "93efaea1c239f50f", "seq": 176, "kind": "frames", "frames": frames}


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        ("", Reason.SHORT),
        ("00", Reason.FIELD),
        ("00 0000", Reason.FIELD),
        ("00 0005 aa", Reason.TRUNCATED),
        ("00 00", Reason.TRUNCATED),
        ("01", Reason.FIELD),
        ("01 02", Reason.FIELD),
        ("02 0001", Reason.TRUNCATED),
        ("03", Reason.FIELD),
        ("00" + "0001aa" * (MAX_VOICE_FRAMES + 1), Reason.OVERSIZED),
    ],
    ids=["no flags", "no frame", "empty frame", "cut frame", "cut length", "no codec", "codec 2", "cut end", "two flags", "9 frames"],
)
def test_a_broken_voice_packet_is_refused(tail, reason):
    assert reason_of(decode_voice, b"burst-id\x00\x01" + bytes.fromhex(tail)) is reason


def test_a_voice_packet_fits_one_ble_frame():
    fits = VoiceBurst(b"burst-id", 1, VoiceFrames((b"a" * (MAX_VOICE_CONTENT - 13),)))
    assert len(encode_voice(fits)) == MAX_VOICE_CONTENT
    for frames in ((b"a" * (MAX_VOICE_CONTENT - 12),), (b"a",) * (MAX_VOICE_FRAMES + 1), (b"",), ()):
        with pytest.raises(ValueError):
            encode_voice(replace(fits, body=VoiceFrames(frames)))


@pytest.mark.parametrize(
    "edge",
    [VoiceBurst(b"burst-id", 0xFFFF, VoiceEnd(0xFFFF, 2**32 - 1)), VoiceBurst(b"burst-id", 0, VoiceFrames((b"a",) * MAX_VOICE_FRAMES))],
)
def test_a_voice_packet_may_use_the_whole_range_of_its_fields(edge):
    assert decode_voice(encode_voice(edge)) == edge


@pytest.mark.parametrize(
    "wrong",
    [
        VoiceBurst(b"short", 0, VoiceCanceled()),
        VoiceBurst(b"burst-id", 0x10000, VoiceCanceled()),
        VoiceBurst(b"burst-id", 0, VoiceStart(2)),
        VoiceBurst(b"burst-id", 0, VoiceEnd(0x10000, 0)),
        VoiceBurst(b"burst-id", 0, VoiceEnd(0, 2**32)),
    ],
)
def test_no_voice_packet_is_written_that_no_decoder_accepts(wrong):
    with pytest.raises(ValueError):
        encode_voice(wrong)


def test_a_board_post_is_signed_by_its_author():
    vector = the("board_post")
    payload = bytes.fromhex(vector["payload"])
    post = decode_board(payload)
    entries = dict(read_tlv16(payload))
    assert post == BoardPost(
        post_id=entries[2],
        geohash="u4pru",
        content=entries[4].decode(),
        author_key=bytes.fromhex(vector["ed25519_public"]),
        nickname="alice",
        created_ms=int.from_bytes(entries[7]),
        expires_ms=int.from_bytes(entries[8]),
        flags=1,
        signature=entries[10],
    )
    assert post.is_urgent is vector["urgent"]
    assert board.signed_bytes(post).hex() == vector["signed_bytes"]
    assert verify_board(post)
    assert not verify_board(replace(post, content="something else"))
    assert encode_board(post) == payload
    assert to_json(post)["kind"] == "post"
    assert to_json(post)["urgent"] is True


def test_a_board_tombstone_is_signed_by_the_author():
    vector = the("board_tombstone")
    payload = bytes.fromhex(vector["payload"])
    tombstone = decode_board(payload)
    entries = dict(read_tlv16(payload))
    key = bytes.fromhex(vector["ed25519_public"])
    assert tombstone == BoardTombstone(entries[2], key, int.from_bytes(entries[11]), entries[10])
    assert board.signed_bytes(tombstone).hex() == vector["signed_bytes"]
    assert verify_board(tombstone)
    assert not verify_board(replace(tombstone, deleted_ms=1))
    assert encode_board(tombstone) == payload
    assert to_json(tombstone)["kind"] == "tombstone"


POST = BoardPost(b"p" * 16, "", "hello", b"k" * 32, "", 1, 1 + DAY_MS, 0, b"s" * 64)
LONGEST = replace(
    POST,
    content="c" * MAX_BOARD_CONTENT,
    nickname="n" * MAX_BOARD_NICKNAME,
    geohash="u" * MAX_GEOHASH,
    expires_ms=1 + MAX_BOARD_LIFETIME_MS,
)


def test_a_post_may_use_all_its_room():
    assert decode_board(encode_board(LONGEST)) == LONGEST


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        (1, b"\x03", Reason.FIELD),
        (2, b"short", Reason.FIELD),
        (3, b"ailo", Reason.FIELD),
        (3, b"u" * (MAX_GEOHASH + 1), Reason.OVERSIZED),
        (4, b"", Reason.FIELD),
        (4, b"\xff", Reason.TEXT),
        (4, b"c" * (MAX_BOARD_CONTENT + 1), Reason.OVERSIZED),
        (5, b"short", Reason.FIELD),
        (6, b"n" * (MAX_BOARD_NICKNAME + 1), Reason.OVERSIZED),
        (8, (1).to_bytes(8), Reason.FIELD),
        (8, (2 + MAX_BOARD_LIFETIME_MS).to_bytes(8), Reason.FIELD),
        (9, b"", Reason.FIELD),
        (10, b"short", Reason.FIELD),
    ],
)
def test_a_board_field_out_of_range_is_refused(kind, value, reason):
    assert reason_of(decode_board, encode_board(POST) + tlv16(kind, value)) is reason


@pytest.mark.parametrize("missing", range(1, 11))
def test_a_post_lacking_a_field_is_refused(missing):
    entries = [tlv16(kind, value) for kind, value in read_tlv16(encode_board(POST)) if kind != missing]
    assert reason_of(decode_board, b"".join(entries)) is Reason.FIELD


@pytest.mark.parametrize(
    "wrong",
    [
        {"content": ""},
        {"content": "c" * (MAX_BOARD_CONTENT + 1)},
        {"nickname": "n" * (MAX_BOARD_NICKNAME + 1)},
        {"geohash": "ailo"},
        {"expires_ms": 1},
        {"flags": 256},
        {"post_id": b""},
    ],
)
def test_no_post_is_written_that_no_decoder_accepts(wrong):
    with pytest.raises(ValueError):
        encode_board(replace(POST, **wrong))


def test_a_vouch_is_signed_by_the_voucher():
    vector = the("vouch")
    plaintext = bytes.fromhex(vector["noise_payload"])
    batch = decode_noise_payload(plaintext)
    (vouch,) = batch.vouches
    voucher = bytes.fromhex(vector["voucher_ed25519"])
    assert signed_bytes(vouch).hex() == vector["signed_bytes"]
    assert verify_vouch(vouch, voucher)
    assert not verify_vouch(replace(vouch, timestamp_ms=0), voucher)
    assert encode_noise_payload(batch) == plaintext
    everybody = replace(batch, vouches=(vouch,) * MAX_VOUCHES)
    assert decode_vouches(encode_vouches(everybody)) == everybody


def test_a_broken_batch_of_vouches_is_refused():
    batch = bytes.fromhex(the("vouch")["noise_payload"])[1:]
    assert reason_of(decode_vouches, b"") is Reason.SHORT
    assert reason_of(decode_vouches, b"\x00") is Reason.FIELD
    assert reason_of(decode_vouches, batch + b"x") is Reason.FIELD
    assert reason_of(decode_vouches, batch[:-1]) is Reason.TRUNCATED
    assert reason_of(decode_vouches, b"\x02" + batch[1:]) is Reason.TRUNCATED
    assert reason_of(decode_vouches, bytes((MAX_VOUCHES + 1,)) + batch[1:] * (MAX_VOUCHES + 1)) is Reason.OVERSIZED
    (vouch,) = decode_vouches(batch).vouches
    with pytest.raises(ValueError, match="1 to 16"):
        encode_vouches(replace(decode_vouches(batch), vouches=(vouch,) * (MAX_VOUCHES + 1)))


def test_a_group_message_opens_for_members_and_names_its_sender():
    vector = the("group_message")
    payload = bytes.fromhex(vector["payload"])
    message = decode_group_message(payload)
    assert message.group_id.hex() == vector["group_id"]
    assert message.epoch == vector["epoch"]
    assert message.nonce.hex() == vector["nonce"]
    assert encode_group_message(message) == payload

    cipher = ChaCha20Poly1305(bytes.fromhex(vector["key"]))
    inner = cipher.decrypt(message.nonce, message.ciphertext, associated_data(message.group_id, message.epoch))
    assert inner.hex() == vector["inner"]

    text = decode_group_text(inner)
    assert encode_group_text(text) == inner
    assert text_signed_bytes(message.group_id, message.epoch, text).hex() == vector["signed_bytes"]
    assert verify_group_text(message.group_id, message.epoch, text)
    assert not verify_group_text(message.group_id, message.epoch + 1, text)


def test_a_group_message_has_a_tag_at_least():
    fields = tlv16(1, b"g" * 16) + tlv16(2, bytes(4)) + tlv16(3, bytes(12))
    assert reason_of(decode_group_message, fields + tlv16(4, bytes(15))) is Reason.FIELD
    assert decode_group_message(fields + tlv16(4, bytes(16))).ciphertext == bytes(16)


def test_a_group_state_is_signed_by_the_creator_in_its_roster():
    creator = Ed25519PrivateKey.from_private_bytes(b"c" * 32)
    signing_key = creator.public_key().public_bytes_raw()
    roster = (GroupMember(b"x" * 32, b"y" * 32, "other"), GroupMember(b"f" * 32, signing_key, "creator"))
    unsigned = GroupState(b"g" * 16, "friends", b"k" * 32, 7, roster, b"f" * 32, bytes(64))
    state = replace(unsigned, signature=creator.sign(state_signed_bytes(unsigned)))
    assert verify_group_state(state)
    assert not verify_group_state(replace(state, name="enemies"))
    assert not verify_group_state(replace(state, epoch=8))
    assert not verify_group_state(replace(state, creator=b"x" * 32))
    assert not verify_group_state(replace(state, roster=roster[:1]))


MEMBER = GroupMember(b"f" * 32, b"k" * 32, "nick")
STATE = GroupState(b"g" * 16, "friends", b"k" * 32, 2**32 - 1, (MEMBER,) * MAX_GROUP_MEMBERS, b"f" * 32, b"s" * 64)
MESSAGE = GroupMessage(b"g" * 16, 2**32 - 1, b"n" * 12, b"c" * 0xFFFF)
TEXT = GroupText("id", b"k" * 32, "nick", 2**64 - 1, "text", b"s" * 64)


def test_groups_may_use_the_whole_range_of_their_fields():
    assert decode_group_state(encode_group_state(STATE)) == STATE
    assert decode_group_message(encode_group_message(MESSAGE)) == MESSAGE
    assert decode_group_text(encode_group_text(TEXT)) == TEXT


@pytest.mark.parametrize(
    ("encode", "wrong"),
    [
        (encode_group_state, replace(STATE, group_id=b"")),
        (encode_group_state, replace(STATE, epoch=2**32)),
        (encode_group_state, replace(STATE, roster=())),
        (encode_group_state, replace(STATE, roster=(MEMBER,) * (MAX_GROUP_MEMBERS + 1))),
        (encode_group_state, replace(STATE, roster=(replace(MEMBER, fingerprint=b""),))),
        (encode_group_state, replace(STATE, roster=(replace(MEMBER, nickname="n" * (MAX_GROUP_NICKNAME + 1)),))),
        (encode_group_message, replace(MESSAGE, nonce=b"")),
        (encode_group_message, replace(MESSAGE, ciphertext=bytes(15))),
        (encode_group_message, replace(MESSAGE, ciphertext=bytes(0x10000))),
        (encode_group_text, replace(TEXT, signature=b"")),
        (encode_group_text, replace(TEXT, timestamp_ms=2**64)),
    ],
)
def test_nothing_of_a_group_is_written_that_no_decoder_accepts(encode, wrong):
    with pytest.raises(ValueError):
        encode(wrong)
