"""Courier mail: the vectors of courier.json, and mail that must not open."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Reason, SessionError
from gateway.limits import MAX_COURIER_CIPHERTEXT
from gateway.session.courier import OVERHEAD, Opened, open_courier, prologue, seal_courier
from gateway.session.noise import _LOW_ORDER, public_key_of
from gateway.wire.courier import candidate_tags, decode_courier, recipient_tag
from gateway.wire.prekeys import decode_prekeys, signed_bytes, verify_prekeys
from tests.session.support import given as given_bytes
from tests.session.support import vectors

STATIC = vectors("courier", "courier_envelope_v1")
PREKEY = vectors("courier", "courier_envelope_v2_prekey")
BUNDLES = vectors("courier", "prekey_bundle")
SENDER, RECIPIENT = bytes(range(32)), bytes(range(1, 33))


def seal(plaintext: bytes = b"mail", prekey_id: int | None = None) -> bytes:
    return seal_courier(
        plaintext,
        sender_private=SENDER,
        recipient_public=public_key_of(RECIPIENT),
        randbytes=Random(1).randbytes,
        prekey_id=prekey_id,
    )


def test_no_vector_is_left_out() -> None:
    assert (len(STATIC), len(PREKEY), len(BUNDLES)) == (3, 3, 3)


@pytest.mark.parametrize("v", STATIC)
def test_mail_to_a_static_key_is_byte_exact(v: dict) -> None:
    recipient = bytes.fromhex(v["recipient_static_private"])
    assert public_key_of(recipient).hex() == v["recipient_static_public"]
    assert prologue() == v["prologue"].encode()
    ciphertext = seal_courier(
        bytes.fromhex(v["inner_plaintext"]),
        sender_private=bytes.fromhex(v["sender_static_private"]),
        recipient_public=public_key_of(recipient),
        randbytes=given_bytes(bytes.fromhex(v["sender_ephemeral_private"])),
    )
    assert ciphertext.hex() == v["ciphertext"]
    opened = open_courier(ciphertext, recipient_private=recipient)
    assert opened == Opened(bytes.fromhex(v["inner_plaintext"]), public_key_of(bytes.fromhex(v["sender_static_private"])))
    envelope = decode_courier(bytes.fromhex(v["payload"]))
    assert (envelope.ciphertext, envelope.prekey_id) == (ciphertext, None)
    assert (envelope.recipient_tag.hex(), envelope.expiry_ms, envelope.copies) == (v["recipient_tag"], v["expiry_ms"], v["copies"])
    assert recipient_tag(public_key_of(recipient), v["epoch_day"]).hex() == v["recipient_tag"]
    assert [tag.hex() for tag in candidate_tags(public_key_of(recipient), v["epoch_day"])] == v["candidate_tags"]


@pytest.mark.parametrize("v", PREKEY)
def test_mail_to_a_prekey_is_byte_exact(v: dict) -> None:
    prekey = bytes.fromhex(v["prekey_private"])
    assert prologue(v["prekey_id"]).hex() == v["prologue"]
    ciphertext = seal_courier(
        bytes.fromhex(v["inner_plaintext"]),
        sender_private=bytes.fromhex(v["sender_static_private"]),
        recipient_public=public_key_of(prekey),
        randbytes=given_bytes(bytes.fromhex(v["sender_ephemeral_private"])),
        prekey_id=v["prekey_id"],
    )
    assert ciphertext.hex() == v["ciphertext"]
    opened = open_courier(ciphertext, recipient_private=prekey, prekey_id=v["prekey_id"])
    assert opened == Opened(bytes.fromhex(v["inner_plaintext"]), public_key_of(bytes.fromhex(v["sender_static_private"])))
    envelope = decode_courier(bytes.fromhex(v["payload"]))
    assert (envelope.ciphertext, envelope.prekey_id) == (ciphertext, v["prekey_id"])
    assert (envelope.recipient_tag.hex(), envelope.expiry_ms) == (v["recipient_tag"], v["expiry_ms"])


@pytest.mark.parametrize("v", BUNDLES)
def test_mail_can_be_sealed_to_every_prekey_of_a_bundle(v: dict) -> None:
    bundle = decode_prekeys(bytes.fromhex(v["payload"]))
    assert verify_prekeys(bundle, bytes.fromhex(v["ed25519_public"]))
    assert signed_bytes(bundle).hex() == v["signable"]
    assert (bundle.noise_public_key.hex(), bundle.generated_at_ms) == (v["noise_static_public"], v["generated_at_ms"])
    assert len(v["prekeys"]) > 0
    for stated, prekey in zip(v["prekeys"], bundle.prekeys, strict=True):
        assert (prekey.prekey_id, prekey.public_key.hex()) == (stated["id"], stated["public"])
        mail = seal_courier(
            b"x", sender_private=SENDER, recipient_public=prekey.public_key, randbytes=Random(1).randbytes, prekey_id=prekey.prekey_id
        )
        assert len(mail) == OVERHEAD + 1


def refused(ciphertext: bytes, recipient: bytes = RECIPIENT, prekey_id: int | None = None) -> Reason:
    with pytest.raises(SessionError) as caught:
        open_courier(ciphertext, recipient_private=recipient, prekey_id=prekey_id)
    return caught.value.reason


def test_mail_opens_only_with_its_key_and_in_its_version() -> None:
    assert refused(seal(), recipient=SENDER) is Reason.SESSION
    assert refused(seal(), prekey_id=1) is Reason.SESSION
    assert refused(seal(prekey_id=1)) is Reason.SESSION
    assert refused(seal(prekey_id=1), prekey_id=2) is Reason.SESSION
    assert open_courier(seal(prekey_id=1), recipient_private=RECIPIENT, prekey_id=1).plaintext == b"mail"


def test_any_changed_or_missing_byte_is_refused() -> None:
    mail = seal()
    for i in range(len(mail)):
        assert refused(mail[:i] + bytes((mail[i] ^ 1,)) + mail[i + 1 :]) is Reason.SESSION
        assert refused(mail[:i]) is Reason.SESSION
    assert refused(mail + b"\0") is Reason.SESSION


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_raise_only_session_errors(mail: bytes) -> None:
    assert refused(mail) is Reason.SESSION


def test_mail_over_the_cap_is_refused_both_ways() -> None:
    largest = seal(bytes(MAX_COURIER_CIPHERTEXT - OVERHEAD))
    assert len(largest) == MAX_COURIER_CIPHERTEXT
    assert len(open_courier(largest, recipient_private=RECIPIENT).plaintext) == MAX_COURIER_CIPHERTEXT - OVERHEAD
    with pytest.raises(SessionError) as caught:
        seal(bytes(MAX_COURIER_CIPHERTEXT - OVERHEAD + 1))
    assert caught.value.reason is Reason.OVERSIZED
    assert refused(bytes(MAX_COURIER_CIPHERTEXT + 1)) is Reason.OVERSIZED


@pytest.mark.parametrize("key", sorted(_LOW_ORDER))
def test_low_order_keys_are_refused_both_ways(key: bytes) -> None:
    with pytest.raises(SessionError) as caught:
        seal_courier(b"mail", sender_private=SENDER, recipient_public=key, randbytes=Random(1).randbytes)
    assert caught.value.reason is Reason.SESSION
    assert refused(key + seal()[32:]) is Reason.SESSION
