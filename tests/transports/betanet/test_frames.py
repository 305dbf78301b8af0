from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transports.betanet.vectors import load, unhex
from transports import limits
from transports.betanet import frames, frames12
from transports.betanet.direction import Opener, Sealer
from transports.betanet.errors import BetanetError, Fault
from transports.betanet.frames import Close, FrameType, encode_header, split_frames
from transports.betanet.frames12 import Credit, FrameType12, StreamData, encode_header12, split_frames12
from transports.betanet.keys import Generation11, Generation12, expand, hkdf, nonce
from transports.betanet.varint import MAX_VARINT, decode_varint, encode_varint

V11 = load("htx_frames_v11")
SCHEDULE = V11["key_schedule"]
V12 = load("htx_frames_v12")
DRAFT = load("v12_appendix_c")
CLIENT = Generation11(unhex(SCHEDULE["k0c"]), unhex(SCHEDULE["transcript_hash"]))
SERVER = Generation11(unhex(SCHEDULE["k0s"]), unhex(SCHEDULE["transcript_hash"]))


def expand_label(secret: bytes, label: bytes, size: int) -> bytes:
    """HKDF-Expand-Label of RFC 8446 without context, with which 1.1 goes from the exporter to its keys."""
    full = b"tls13 " + label
    info = size.to_bytes(2) + bytes((len(full),)) + full + b"\0"
    return HKDFExpand(hashes.SHA256(), size, info).derive(secret)


def test_the_schedule_of_the_1_1_text_gives_the_keys_of_the_vectors() -> None:
    """The way from the exporter is not ours (see `keys`); what follows from a key is."""
    k0 = expand_label(unhex(SCHEDULE["ekm"]), b"htx inner v1", 64)
    assert k0.hex() == SCHEDULE["k0"] == SCHEDULE["k0c"] + SCHEDULE["k0s"]
    assert CLIENT.salt.hex() == SCHEDULE["ns_c"] != SCHEDULE["alt_ns_c_label_in_info"]
    assert hkdf(CLIENT.key, b"", b"ns", 12).hex() == SCHEDULE["alt_ns_c_label_in_info"]
    assert SERVER.salt.hex() == SCHEDULE["ns_s"]
    following = CLIENT.following()
    assert following.key.hex() == SCHEDULE["next_key_c"] == SCHEDULE["next_k_c_64"][:64]
    assert hkdf(CLIENT.key, b"next", CLIENT.handshake_hash, 64).hex() == SCHEDULE["next_k_c_64"]
    assert following.salt.hex() == SCHEDULE["next_ns_c"]


@pytest.mark.parametrize(("counter", "expected"), SCHEDULE["nonces_c"].items())
def test_a_nonce_is_the_salt_xor_the_counter(counter: str, expected: str) -> None:
    assert nonce(unhex(SCHEDULE["ns_c"]), int(counter)).hex() == expected


def test_frames_of_1_1_are_sealed_as_in_the_vectors() -> None:
    sealer = Sealer(CLIENT, 0.0)
    for vector in V11["frames"]:
        assert sealer.counter == vector["counter"]
        plaintext = unhex(vector["plaintext"])
        header = encode_header(FrameType(vector["type"]), len(plaintext), vector["stream_id"])
        assert header.hex() == vector["aad"]
        assert (header + sealer.seal(header, plaintext)).hex() == vector["frame"]


def test_frames_of_1_1_are_opened_as_in_the_vectors() -> None:
    opener = Opener(CLIENT)
    message = b"".join(unhex(vector["frame"]) for vector in V11["frames"])
    for frame, vector in zip(split_frames(message), V11["frames"], strict=True):
        assert (frame.type, frame.stream, frame.header.hex()) == (vector["type"], vector["stream_id"], vector["aad"])
        assert opener.open(frame.header, frame.sealed).hex() == vector["plaintext"]
    credit, ping, update, close = (unhex(vector["plaintext"]) for vector in V11["frames"][4:])
    assert frames.encode_credit(frames.decode_credit(credit)) == credit
    assert (len(ping), update) == (frames.PING_BYTES, b"")
    assert frames.decode_close(close) == Close(Fault.OLD_KEY_FRAME, b"bye")
    assert frames.encode_close(frames.decode_close(close)) == close


@pytest.mark.parametrize("vector", V11["invalid"], ids=lambda vector: vector["why"])
def test_8_2_a_frame_with_a_fault_is_refused(vector: dict[str, str]) -> None:
    with pytest.raises(BetanetError) as caught:
        [Opener(CLIENT).open(frame.header, frame.sealed) for frame in split_frames(unhex(vector["frame"]))]
    forged = vector["why"].startswith(("tag", "header"))
    assert caught.value.fault is (Fault.AUTH_FAILED if forged else Fault.MALFORMED_FRAME)


@pytest.mark.parametrize("at", range(31))
def test_8_2_any_flipped_bit_of_a_frame_is_refused(at: int) -> None:
    frame = bytearray(unhex(V11["frames"][0]["frame"]))
    assert len(frame) == 31
    for bit in range(8):
        frame[at] ^= 1 << bit
        with pytest.raises(BetanetError):
            [Opener(CLIENT).open(each.header, each.sealed) for each in split_frames(bytes(frame))]
        frame[at] ^= 1 << bit
    assert split_frames(bytes(frame))


def test_8_2_the_same_plaintext_twice_is_two_ciphertexts() -> None:
    sealer = Sealer(CLIENT, 0.0)
    header = encode_header(FrameType.STREAM, 5, 1)
    assert sealer.seal(header, b"hello") != sealer.seal(header, b"hello")


def test_8_11_frames_of_1_1_cut_at_any_byte_are_refused() -> None:
    for vector in V11["frames"]:
        whole = unhex(vector["frame"])
        for size in range(len(whole)) if len(whole) < 300 else (0, 1, 3, 4, 7, len(whole) // 2, len(whole) - 1):
            with pytest.raises(BetanetError) as caught:
                split_frames(whole[:size])
            assert caught.value.fault is Fault.MALFORMED_FRAME


def test_a_frame_with_a_longer_varint_than_needed_is_opened_over_the_bytes_it_came_with() -> None:
    header = bytes((0, 0, 2, FrameType.STREAM)) + unhex("4001")
    sealed = Sealer(CLIENT, 0.0).seal(header, b"hi")
    (frame,) = split_frames(header + sealed)
    assert frame.stream == 1
    assert Opener(CLIENT).open(frame.header, frame.sealed) == b"hi"


def test_a_frame_over_the_cap_is_refused_before_its_bytes_are_there() -> None:
    header = encode_header(FrameType.STREAM, limits.HTX_PLAINTEXT + 1, 1)
    with pytest.raises(BetanetError, match="65536"):
        split_frames(header)


@pytest.mark.parametrize("plaintext", [b"", b"\0\0\0", bytes(4), bytes(5)])
def test_a_window_update_without_credit_is_refused(plaintext: bytes) -> None:
    with pytest.raises(BetanetError):
        frames.decode_credit(plaintext)


@pytest.mark.parametrize("plaintext", ["", "0001", "000100", "00010001", "0001000161ff"])
def test_a_close_whose_lengths_do_not_agree_is_refused(plaintext: str) -> None:
    with pytest.raises(BetanetError):
        frames.decode_close(unhex(plaintext))


def test_a_reason_over_the_cap_is_refused() -> None:
    size = limits.HTX_REASON + 1
    with pytest.raises(BetanetError):
        frames.decode_close(bytes(2) + size.to_bytes(2) + b"a" * size)
    with pytest.raises(ValueError, match="no such way"):
        frames.encode_close(Close(0, b"a" * size))


def test_a_header_nobody_would_take_is_not_written() -> None:
    for kind, size, stream in ((FrameType.PING, 8, 1), (FrameType.STREAM, 1, None), (FrameType.STREAM, 1 << 24, 1)):
        with pytest.raises(ValueError, match=r"stream|24|fit"):
            encode_header(kind, size, stream)
    for size, stream in ((frames12.MOST_PLAINTEXT + 1, 0), (0, 1 << 32)):
        with pytest.raises(ValueError, match="no such frame"):
            encode_header12(FrameType12.STREAM, size, stream)


def test_the_schedule_of_the_1_2_draft_gives_the_keys_of_its_appendix() -> None:
    for vectors, first in ((DRAFT, DRAFT["traffic_secret_c"]), (V12, V12["directions"]["c"]["ts"])):
        k0 = hkdf_extract(bytes(32), unhex(vectors["ekm"]))
        assert k0.hex() == vectors["k0"]
        assert expand(k0, b"betanet ts_c", 32).hex() == first
    generation = Generation12(unhex(DRAFT["traffic_secret_c"]))
    assert (generation.key.hex(), generation.salt.hex()) == (DRAFT["key_c"], DRAFT["nonce_salt_c"])
    assert expand(unhex(V12["k0"]), b"betanet ts_s", 32).hex() == V12["directions"]["s"]["ts"]


def hkdf_extract(salt: bytes, secret: bytes) -> bytes:
    mac = hashes.Hash(hashes.SHA256())
    inner = bytes(byte ^ 0x36 for byte in salt.ljust(64, b"\0"))
    mac.update(inner + secret)
    outer = hashes.Hash(hashes.SHA256())
    outer.update(bytes(byte ^ 0x5C for byte in salt.ljust(64, b"\0")) + mac.finalize())
    return outer.finalize()


@pytest.mark.parametrize("direction", V12["directions"].values(), ids=V12["directions"])
def test_keys_of_1_2_follow_from_each_other(direction: dict[str, str]) -> None:
    generation = Generation12(unhex(direction["ts"]))
    assert (generation.key.hex(), generation.salt.hex()) == (direction["key"], direction["nonce_salt"])
    following = generation.following()
    assert (following.secret.hex(), following.key.hex()) == (direction["next_ts"], direction["next_key"])
    assert following.salt.hex() == direction["next_nonce_salt"]


@pytest.mark.parametrize(
    ("secret", "vectors"),
    [(V12["directions"]["c"]["ts"], V12["frames"]), (DRAFT["traffic_secret_c"], [DRAFT["stream_frame"]])],
    ids=["computed", "appendix C"],
)
def test_frames_of_1_2_are_sealed_and_opened_as_in_the_vectors(secret: str, vectors: list[dict[str, Any]]) -> None:
    sealer, opener = Sealer(Generation12(unhex(secret)), 0.0), Opener(Generation12(unhex(secret)))
    opened = split_frames12(b"".join(unhex(vector["frame"]) for vector in vectors))
    for vector, frame in zip(vectors, opened, strict=True):
        payload = unhex(vector["payload"])
        header = encode_header12(FrameType12(vector["type"]), len(payload), vector["stream_id"], vector["aad_u16"])
        assert sealer.counter == vector["counter"]
        assert (header + sealer.seal(header, payload)).hex() == vector["frame"]
        assert (frame.type, frame.stream, frame.free) == (vector["type"], vector["stream_id"], vector["aad_u16"])
        assert opener.open(frame.header, frame.sealed) == payload
        if frame.type is FrameType12.STREAM:
            assert frames12.encode_stream12(frames12.decode_stream12(payload)) == payload
        if frame.type is FrameType12.WINDOW_UPDATE:
            assert frames12.encode_credit12(frames12.decode_credit12(payload)) == payload
        if frame.type is FrameType12.CLOSE:
            assert frames.encode_close(frames.decode_close(payload)) == payload


def test_the_stream_frame_of_appendix_c_says_hello() -> None:
    payload = unhex(DRAFT["stream_frame"]["payload"])
    assert frames12.decode_stream12(payload) == StreamData(0, b"Hello, Betanet 1.2!")


@pytest.mark.parametrize("rule", V12["reject"])
def test_lengths_that_the_1_2_draft_refuses_are_refused(rule: str) -> None:
    length = 65_533 if rule == "(Len + 3) > 65535" else 22
    assert rule in ("(Len + 3) > 65535", "Len < 23 (cannot hold type, stream id, aad and tag)")
    with pytest.raises(BetanetError, match=str(length)):
        split_frames12(length.to_bytes(3) + bytes(70_000))
    assert split_frames12((65_532).to_bytes(3) + bytes(65_532))
    assert split_frames12((23).to_bytes(3) + bytes(23))


def test_8_11_frames_of_1_2_cut_at_any_byte_are_refused() -> None:
    for vector in V12["frames"]:
        whole = unhex(vector["frame"])
        for size in range(len(whole)):
            with pytest.raises(BetanetError):
                split_frames12(whole[:size])


def test_unknown_types_and_flags_of_1_2_are_refused() -> None:
    header = bytearray(encode_header12(FrameType12.PING, 8) + bytes(24))
    header[3] = 0x05
    with pytest.raises(BetanetError):
        split_frames12(bytes(header))
    for payload in (b"\x02" + bytes(10), bytes(10), bytes(12), b"\0" + b"\xff" * 8 + b"\0\1a"):
        with pytest.raises(BetanetError):
            frames12.decode_stream12(payload)
    for payload in (b"\x02\0\0\0\1", bytes(5), b"\0\0\0\1"):
        with pytest.raises(BetanetError):
            frames12.decode_credit12(payload)


@given(st.integers(0, MAX_VARINT))
def test_a_varint_is_read_as_it_was_written(value: int) -> None:
    data = encode_varint(value)
    assert decode_varint(data) == (value, len(data))
    for size in range(len(data)):
        with pytest.raises(BetanetError):
            decode_varint(data[:size])


@given(st.sampled_from([-1, MAX_VARINT + 1]))
def test_what_is_no_varint_is_not_written(value: int) -> None:
    with pytest.raises(ValueError, match="varint"):
        encode_varint(value)


@settings(max_examples=50)
@given(st.binary(max_size=200), st.integers(0, MAX_VARINT), st.binary(max_size=30))
def test_whatever_is_sealed_is_opened_by_the_other_side_alone(plaintext: bytes, stream: int, rest: bytes) -> None:
    header = encode_header(FrameType.STREAM, len(plaintext), stream)
    (frame,) = split_frames(header + Sealer(CLIENT, 0.0).seal(header, plaintext))
    assert frame.stream == stream
    assert Opener(CLIENT).open(frame.header, frame.sealed) == plaintext
    with pytest.raises(BetanetError):
        Opener(SERVER).open(frame.header, frame.sealed)


@given(st.integers(0, (1 << 32) - 1), st.binary(max_size=100), st.booleans(), st.integers(0, 1 << 40), st.integers(1, (1 << 32) - 1))
def test_payloads_of_1_2_are_read_as_they_were_written(stream: int, data: bytes, last: bool, offset: int, credit: int) -> None:
    piece = StreamData(offset, data, last)
    assert frames12.decode_stream12(frames12.encode_stream12(piece)) == piece
    for whole in (True, False):
        assert frames12.decode_credit12(frames12.encode_credit12(Credit(credit, whole))) == Credit(credit, whole)
    (frame,) = split_frames12(encode_header12(FrameType12.STREAM, 0, stream) + bytes(16))
    assert frame.stream == stream
