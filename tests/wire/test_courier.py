"""Courier envelopes and prekey bundles: layout, tags and signatures. Sealing is tested with the sessions."""

from dataclasses import replace

import pytest

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_COURIER_CIPHERTEXT, MAX_COURIER_COPIES, MAX_PREKEYS
from gateway.wire.courier import CourierEnvelope, candidate_tags, decode_courier, encode_courier, epoch_day, recipient_tag
from gateway.wire.payloads import to_json
from gateway.wire.prekeys import Prekey, decode_prekeys, encode_prekeys, signed_bytes, verify_prekeys
from gateway.wire.tlv import tlv16
from tests.wire.vectors import load

VECTORS = load("courier")
STATIC = [vector for vector in VECTORS if vector["kind"] == "courier_envelope_v1"]
ONE_TIME = [vector for vector in VECTORS if vector["kind"] == "courier_envelope_v2_prekey"]
BUNDLES = [vector for vector in VECTORS if vector["kind"] == "prekey_bundle"]
MAIL = CourierEnvelope(b"t" * 16, 1, b"c")


def reason_of(decode, payload):
    with pytest.raises(DecodeError) as caught:
        decode(payload)
    return caught.value.reason


def test_every_vector_is_used():
    assert len(STATIC) + len(ONE_TIME) + len(BUNDLES) == len(VECTORS) == 9
    assert {vector["copies"] for vector in STATIC} == {1, 4, 8}


@pytest.mark.parametrize("vector", STATIC + ONE_TIME)
def test_every_stated_field_of_an_envelope_is_read(vector):
    payload = bytes.fromhex(vector["payload"])
    envelope = decode_courier(payload)
    assert envelope.recipient_tag.hex() == vector["recipient_tag"]
    assert envelope.expiry_ms == vector["expiry_ms"]
    assert envelope.ciphertext.hex() == vector["ciphertext"]
    assert envelope.copies == vector.get("copies", 1)
    assert envelope.prekey_id == vector.get("prekey_id")
    assert encode_courier(envelope) == payload
    stated = {name: vector[name] for name in ("recipient_tag", "expiry_ms", "ciphertext")}
    assert to_json(envelope) == stated | {"copies": vector.get("copies", 1), "prekey_id": vector.get("prekey_id")}


@pytest.mark.parametrize("vector", STATIC)
def test_the_tag_is_the_recipients_for_one_day_and_the_days_around_match(vector):
    key, day = bytes.fromhex(vector["recipient_static_public"]), vector["epoch_day"]
    assert recipient_tag(key, day).hex() == vector["recipient_tag"]
    assert [tag.hex() for tag in candidate_tags(key, day)] == vector["candidate_tags"]
    assert recipient_tag(key, day + 1).hex() == vector["candidate_tags"][2]


def test_days_change_at_midnight_utc_and_none_comes_before_the_first():
    assert [epoch_day(second) for second in (0, 86_399.9, 86_400, 20548 * 86_400)] == [0, 0, 1, 20548]
    assert epoch_day(-1.0) == 0
    assert candidate_tags(b"k" * 32, 0)[:2] == (recipient_tag(b"k" * 32, 0),) * 2


@pytest.mark.parametrize(("claimed", "counted"), [(0, 1), (1, 1), (MAX_COURIER_COPIES, 8), (MAX_COURIER_COPIES + 1, 8), (255, 8)])
def test_nobody_gets_more_copies_than_the_cap(claimed, counted):
    assert decode_courier(encode_courier(MAIL) + tlv16(4, bytes((claimed,)))).copies == counted


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        (1, b"short", Reason.FIELD),
        (2, b"short", Reason.FIELD),
        (3, b"", Reason.FIELD),
        (3, bytes(MAX_COURIER_CIPHERTEXT + 1), Reason.OVERSIZED),
        (4, b"", Reason.FIELD),
        (5, b"short", Reason.FIELD),
    ],
)
def test_an_envelope_field_out_of_range_is_refused(kind, value, reason):
    assert reason_of(decode_courier, encode_courier(MAIL) + tlv16(kind, value)) is reason


def test_an_envelope_needs_tag_expiry_and_ciphertext():
    entries = [tlv16(1, b"t" * 16), tlv16(2, bytes(8)), tlv16(3, b"c")]
    assert decode_courier(b"".join(entries) + tlv16(9, b"new")) == replace(MAIL, expiry_ms=0)
    for missing in range(3):
        assert reason_of(decode_courier, b"".join(entries[:missing] + entries[missing + 1 :])) is Reason.FIELD


@pytest.mark.parametrize(
    "wrong",
    [
        {"recipient_tag": b""},
        {"expiry_ms": 1 << 64},
        {"ciphertext": b""},
        {"ciphertext": bytes(MAX_COURIER_CIPHERTEXT + 1)},
        {"copies": 0},
        {"copies": MAX_COURIER_COPIES + 1},
        {"prekey_id": 1 << 32},
    ],
)
def test_no_envelope_is_written_that_no_decoder_accepts(wrong):
    with pytest.raises(ValueError):
        encode_courier(replace(MAIL, **wrong))


@pytest.mark.parametrize("vector", BUNDLES)
def test_a_bundle_is_signed_by_its_owner(vector):
    payload = bytes.fromhex(vector["payload"])
    bundle = decode_prekeys(payload)
    key = bytes.fromhex(vector["ed25519_public"])
    assert bundle.noise_public_key.hex() == vector["noise_static_public"]
    assert [{"id": one.prekey_id, "public": one.public_key.hex()} for one in bundle.prekeys] == vector["prekeys"]
    assert bundle.generated_at_ms == vector["generated_at_ms"]
    assert signed_bytes(bundle).hex() == vector["signable"]
    assert verify_prekeys(bundle, key)
    assert not verify_prekeys(replace(bundle, generated_at_ms=0), key)
    assert not verify_prekeys(bundle, bytes(32))
    assert encode_prekeys(bundle) == payload
    stated = {name: vector[name] for name in ("noise_static_public", "prekeys", "generated_at_ms")}
    assert to_json(bundle) == stated | {"signature": bundle.signature.hex()}


def test_a_bundle_holds_one_to_eight_keys_with_different_ids():
    bundle = decode_prekeys(bytes.fromhex(BUNDLES[0]["payload"]))
    full = replace(bundle, prekeys=tuple(Prekey(number, b"k" * 32) for number in range(MAX_PREKEYS)))
    assert decode_prekeys(encode_prekeys(full)) == full
    entry = bytes(4) + b"k" * 32
    one = encode_prekeys(bundle)
    assert reason_of(decode_prekeys, one + tlv16(2, b"".join(bytes((0, 0, 0, n)) + b"k" * 32 for n in range(9)))) is Reason.OVERSIZED
    assert reason_of(decode_prekeys, one + tlv16(2, entry * 2)) is Reason.FIELD
    assert reason_of(decode_prekeys, one + tlv16(2, entry[:-1])) is Reason.FIELD
    assert reason_of(decode_prekeys, one + tlv16(2, b"")) is Reason.FIELD
    for prekeys in (
        (),
        (Prekey(1, b"k" * 32),) * 2,
        (*full.prekeys, Prekey(99, b"k" * 32)),
        (Prekey(1, b""),),
        (Prekey(1 << 32, b"k" * 32),),
    ):
        with pytest.raises(ValueError):
            encode_prekeys(replace(bundle, prekeys=prekeys))


@pytest.mark.parametrize("missing", range(1, 5))
def test_a_bundle_lacking_a_field_is_refused(missing):
    entries = {1: b"n" * 32, 2: bytes(4) + b"k" * 32, 3: bytes(8), 4: b"s" * 64}
    payload = b"".join(tlv16(kind, value) for kind, value in entries.items() if kind != missing)
    assert reason_of(decode_prekeys, payload) is Reason.FIELD
