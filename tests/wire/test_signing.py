"""The outer signature: over the received bytes, whatever happened to TTL and RSR on the way."""

from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import DecodeError, Reason
from gateway.wire.packet import Packet, as_sync_answer, decode, encode, peek, with_ttl
from gateway.wire.padding import pad
from gateway.wire.signing import sign, signing_bytes, verify
from gateway.wire.types import MessageType
from tests.wire.strategies import packets, thorough
from tests.wire.vectors import load, packet_of

VECTORS = load("signing")
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = KEY.public_key().public_bytes_raw()
HELLO = Packet(type=2, ttl=7, timestamp_ms=1_786_000_000_000, sender_id=b"s" * 8, payload=b"hello")


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_a_signature_vector(vector: dict[str, Any]) -> None:
    frame = bytes.fromhex(vector["wire"])
    assert verify(frame, bytes.fromhex(vector["ed25519_public"])) is vector["expect_valid"]
    if "signing_bytes" in vector:
        assert signing_bytes(frame).hex() == vector["signing_bytes"]
        assert signing_bytes(frame, peek(frame)).hex() == vector["signing_bytes"]


@pytest.mark.parametrize("vector", [v for v in VECTORS if "ed25519_seed" in v], ids=lambda v: v["name"])
def test_signing_what_a_vector_signed(vector: dict[str, Any]) -> None:
    frame = bytes.fromhex(vector["wire"])
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(vector["ed25519_seed"]))
    public = bytes.fromhex(vector["ed25519_public"])
    fields = packet_of(vector["fields"])
    assert key.public_key().public_bytes_raw() == public
    assert decode(frame) == fields
    assert fields.signature is not None
    assert fields.signature.hex() == vector["signature"]
    assert peek(frame).is_compressed == vector["compressed_on_wire"]
    signed = sign(fields, key)
    assert verify(signed, public)
    if vector["compressed_on_wire"]:  # another zlib may write other bytes
        assert decode(signed).payload == fields.payload
        assert peek(signed).is_compressed
    else:
        unpadded = signed[: peek(signed).end]
        assert unpadded == frame
        assert signed == (pad(frame) if fields.type == MessageType.NOISE_ENCRYPTED else frame)


@pytest.mark.parametrize("kind", list(MessageType))
def test_only_noise_types_leave_padded(kind: MessageType) -> None:
    signed = sign(replace(HELLO, type=kind), KEY)
    padded = kind in {MessageType.NOISE_HANDSHAKE, MessageType.NOISE_ENCRYPTED}
    assert len(signed) == (256 if padded else peek(signed).end)
    assert verify(signed, PUBLIC)


def test_signing_replaces_an_old_signature() -> None:
    assert verify(sign(replace(HELLO, signature=b"o" * 64), KEY), PUBLIC)


def test_signing_a_received_packet_keeps_its_compressed_bytes() -> None:
    vector = next(v for v in VECTORS if v["name"].startswith("foreign deflate"))
    received = bytes.fromhex(vector["wire"])
    signed = sign(decode(received), KEY)
    assert signing_bytes(signed) == signing_bytes(received)
    assert verify(signed, PUBLIC)


def test_an_unsigned_frame_verifies_for_nobody() -> None:
    assert not verify(encode(HELLO), PUBLIC)


@pytest.mark.parametrize("key", [b"", b"k" * 31, b"\xff" * 32, bytes(32)])
def test_a_key_that_is_none_verifies_nothing(key: bytes) -> None:
    assert not verify(sign(HELLO, KEY), key)


def test_a_frame_without_shape_is_an_error_not_a_no() -> None:
    with pytest.raises(DecodeError) as caught:
        verify(b"\x01\x02", PUBLIC)
    assert caught.value.reason is Reason.SHORT


@thorough
@given(packets(), st.integers(0, 255))
def test_signing_bytes_do_not_depend_on_ttl_rsr_or_signature(packet, ttl):
    frame = encode(packet)
    expected = signing_bytes(frame)
    for copy in (with_ttl(frame, ttl), as_sync_answer(frame), frame + b"\x07" * 7):
        assert signing_bytes(copy) == expected
    plain = replace(packet, ttl=0, is_rsr=False, signature=None)
    assert expected == encode(plain, padded=True)


@thorough
@given(packets(), st.integers(0, 255))
def test_what_is_signed_verifies_after_any_relay(packet, ttl):
    frame = sign(packet, KEY)
    assert verify(frame, PUBLIC)
    assert verify(as_sync_answer(with_ttl(frame, ttl)), PUBLIC)
    assert replace(decode(frame), signature=packet.signature) == packet


@thorough
@given(packets(), st.data())
def test_no_signed_byte_can_change(packet, data):
    frame = bytearray(sign(packet, KEY))
    end = peek(bytes(frame)).end
    position = data.draw(st.integers(0, end - 1).filter(lambda i: i != 2))
    bits = data.draw(st.integers(1, 255))
    if position == 11:
        bits &= ~0x10
    frame[position] ^= bits
    try:
        valid = verify(bytes(frame), PUBLIC)
    except DecodeError:
        return
    assert not valid or bits == 0
