"""BitChat's own internet bridging: carriers, Nostr events, stable IDs, derived keys."""

import json
from base64 import b64decode
from dataclasses import replace
from hashlib import sha256

import pytest

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_CARRIER_JSON, MAX_NOSTR_EVENT
from gateway.wire import nostr
from gateway.wire.carrier import Direction, NostrCarrier, decode_carrier, encode_carrier
from gateway.wire.courier import decode_courier
from gateway.wire.nostr import (
    bridge_key,
    decode_event,
    encode_event,
    geohash_chat_key,
    has_true_id,
    preimage,
    stable_message_id,
)
from gateway.wire.nostr_signing import is_authentic, sign_event
from gateway.wire.packet import decode, encode, peek
from gateway.wire.payloads import to_json
from gateway.wire.schnorr import public_key_of
from gateway.wire.signing import verify
from gateway.wire.tlv import tlv16
from gateway.wire.types import BROADCAST, MessageType
from tests.wire.vectors import load

VECTORS = load("bridge")


def of(kind, expect="accept"):
    chosen = [vector for vector in VECTORS if vector["kind"] == kind and vector.get("expect", "accept") == expect]
    assert chosen
    return pytest.mark.parametrize("vector", chosen)


def reason_of(decoder, data):
    with pytest.raises(DecodeError) as caught:
        decoder(data)
    return caught.value.reason


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def check_event(event, stated):
    """Every member, the ID and the signature of a stated event."""
    assert to_json(event) == stated
    assert has_true_id(event)
    assert sha256(preimage(event)).hexdigest() == stated["id"]
    assert is_authentic(event)


def test_every_vector_is_of_a_kind_tested_here():
    counts = {"stable_message_id": 5, "derived_nostr_key": 2, "nostr_carrier": 11, "bridge_presence": 1, "courier_drop": 1}
    assert {kind: sum(vector["kind"] == kind for vector in VECTORS) for kind in counts} == counts
    assert len(VECTORS) == sum(counts.values())


@of("stable_message_id")
def test_every_device_computes_the_same_id_of_a_public_message(vector):
    assert stable_message_id(bytes.fromhex(vector["sender_id"]), vector["timestamp_ms"], vector["content"]) == vector["stable_id"]


def test_swift_trims_no_separator_characters():
    assert stable_message_id(b"senderid", 1, "\x1cx") != stable_message_id(b"senderid", 1, "x")
    assert stable_message_id(b"senderid", 1, "\u2003\u2029\x85x\xa0\n") == stable_message_id(b"senderid", 1, "x")


@of("derived_nostr_key")
def test_a_device_has_a_key_for_each_cell(vector):
    derive = {"bridge rendezvous": bridge_key, "geohash chat": geohash_chat_key}[vector["use"]]
    cell = vector["message"].removeprefix("bridge|")
    assert derive(bytes.fromhex(vector["device_seed"]), cell).hex() == vector["private_key"]
    assert vector["iteration"] == 0


def test_the_key_of_the_vectors_is_the_author_of_their_events():
    seed = next(vector["device_seed"] for vector in VECTORS if vector["kind"] == "derived_nostr_key")
    keys = (bridge_key(bytes.fromhex(seed), "u4pruy"), geohash_chat_key(bytes.fromhex(seed), "u4pruy"))
    authors = {public_key_of(key).hex() for key in keys}
    assert {vector["event"]["pubkey"] for vector in VECTORS if "event" in vector} & authors


def test_a_hash_that_is_no_secret_key_is_passed_over(monkeypatch):
    real = nostr.hmac.digest
    tried = []

    def first_is_too_large(key, message, digest):
        tried.append(message)
        return b"\xff" * 32 if len(tried) == 1 else real(key, message, digest)

    monkeypatch.setattr(nostr.hmac, "digest", first_is_too_large)
    assert bridge_key(b"seed", "u4pruy") == real(b"seed", b"bridge|u4pruy\0\0\0\x01", "sha256")
    monkeypatch.setattr(nostr.hmac, "digest", lambda *_: bytes(32))
    with pytest.raises(ValueError, match="no valid key"):
        bridge_key(b"seed", "u4pruy")


@of("nostr_carrier")
def test_a_carrier_holds_a_finished_event(vector):
    payload = bytes.fromhex(vector["payload"])
    carrier = decode_carrier(payload)
    assert carrier.direction == vector["direction_code"]
    assert carrier.geohash == vector["geohash"]
    event = decode_event(carrier.event)
    check_event(event, vector["event"])
    assert preimage(event).decode() == vector["event_id_preimage"]
    assert encode_event(event) == carrier.event
    assert encode_carrier(carrier) == payload
    assert to_json(carrier) == {name: vector[name] for name in ("direction", "direction_code", "geohash", "event")}


@of("nostr_carrier")
def test_the_packet_around_a_carrier_is_signed_and_directed_only_on_its_way_up(vector):
    wire = bytes.fromhex(vector["packet_wire"])
    header, packet = peek(wire), decode(wire)
    assert packet.type == MessageType.NOSTR_CARRIER
    assert packet.payload.hex() == vector["payload"]
    assert header.has_signature is vector["packet_signed"]
    assert (packet.recipient_id and packet.recipient_id.hex()) == vector["packet_recipient"]
    assert packet.recipient_id != BROADCAST
    assert verify(wire, bytes.fromhex(vector["sender_ed25519_public"])) is vector["packet_signed"]
    assert encode(packet) == wire


@of("nostr_carrier")
def test_bridge_events_carry_the_stable_id_of_the_radio_message(vector):
    event = decode_event(decode_carrier(bytes.fromhex(vector["payload"])).event)
    assert event.kind == nostr.MESSAGE_KIND
    assert event.tag("n") == ("alice",)
    if vector["direction"] in ("toBridge", "fromBridge"):
        stable_id, sender, time = event.tag("m")
        assert stable_id == stable_message_id(bytes.fromhex(sender), int(time), event.content)
        assert event.tag("r") == (vector["geohash"],)
    else:
        assert event.tag("m") is None
        assert event.tag("g") == (vector["geohash"],)


@of("nostr_carrier", "reject")
def test_a_broken_carrier_is_refused(vector):
    reasons = {
        "truncated": Reason.TLV,
        "trailing bytes: offset must equal length": Reason.TLV,
        "geohash above 12": Reason.OVERSIZED,
        "event above 16384 bytes": Reason.OVERSIZED,
    }
    if vector["payload"] is None:
        assert vector["payload_recipe"] == 'TLV 1=04, 2="u4pruy", 3=16385 x "x"'
        payload = tlv16(1, b"\x04") + tlv16(2, b"u4pruy") + tlv16(3, b"x" * 16_385)
    else:
        payload = bytes.fromhex(vector["payload"])
    assert reason_of(decode_carrier, payload) is reasons.get(vector["why"], Reason.FIELD)


def test_a_carrier_may_use_all_its_room():
    largest = NostrCarrier(Direction.TO_BRIDGE, "u" * 12, b"x" * MAX_CARRIER_JSON)
    assert decode_carrier(encode_carrier(largest)) == largest
    for wrong in ({"event": b"x" * (MAX_CARRIER_JSON + 1)}, {"event": b""}, {"geohash": "u" * 13}, {"geohash": "ailo"}, {"geohash": ""}):
        with pytest.raises(ValueError):
            encode_carrier(replace(largest, **wrong))


def test_a_carrier_is_shown_although_its_event_is_broken():
    shown = to_json(NostrCarrier(Direction.FROM_GATEWAY, "u4pruy", b"{"))
    assert shown == {
        "direction": "fromGateway",
        "direction_code": 2,
        "geohash": "u4pruy",
        "event": "7b",
        "event_error": "field: event is not JSON",
    }


@of("bridge_presence")
def test_presence_is_an_event_without_content(vector):
    event = decode_event(compact(vector["event"]))
    check_event(event, vector["event"])
    assert preimage(event).decode() == vector["event_id_preimage"]
    assert (event.kind, event.content) == (nostr.PRESENCE_KIND, "")


@of("bridge_presence")
def test_whatever_is_changed_in_an_event_is_noticed(vector):
    event = decode_event(compact(vector["event"]))
    changes = {
        "event_id": event.event_id[::-1],
        "pubkey": event.pubkey[::-1],
        "created_at": event.created_at + 1,
        "kind": event.kind - 1,
        "tags": (("r", "u4pruz"),),
        "content": "something",
        "sig": event.sig[::-1],
    }
    for name, value in changes.items():
        assert not is_authentic(replace(event, **{name: value})), name


@of("bridge_presence")
def test_an_event_signed_here_is_the_one_a_phone_would_have_signed(vector):
    stated = decode_event(compact(vector["event"]))
    seed = next(vector["device_seed"] for vector in VECTORS if vector["kind"] == "derived_nostr_key")
    event = sign_event(stated.kind, stated.tags, stated.content, stated.created_at, bridge_key(bytes.fromhex(seed), "u4pruy"), bytes(32))
    assert is_authentic(event)
    assert replace(event, sig=stated.sig) == stated  # a signature is never the same twice, the ID always is


@of("courier_drop")
def test_a_courier_drop_is_found_by_its_tag(vector):
    event = decode_event(compact(vector["event"]))
    check_event(event, vector["event"])
    payload = b64decode(event.content, validate=True)
    assert payload.hex() == vector["envelope"]
    envelope = decode_courier(payload)
    assert event.kind == nostr.COURIER_DROP_KIND
    assert event.tag("x") == (envelope.recipient_tag.hex(),)
    assert event.tag("expiration") == (str(envelope.expiry_ms // 1000),)


GOOD = {"id": "0" * 64, "pubkey": "1" * 64, "created_at": 1, "kind": 1, "tags": [["t", "x"], []], "content": "é", "sig": "2" * 128}


def test_an_event_may_have_members_we_do_not_know():
    assert decode_event(compact(GOOD | {"new": [1]})) == decode_event(compact(GOOD))


def test_an_id_that_is_not_the_hash_is_noticed():
    assert not has_true_id(decode_event(compact(GOOD)))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"id": "0" * 63}, Reason.FIELD),
        ({"id": "A" * 64}, Reason.FIELD),
        ({"pubkey": None}, Reason.FIELD),
        ({"sig": 5}, Reason.FIELD),
        ({"created_at": -1}, Reason.FIELD),
        ({"created_at": 1.5}, Reason.FIELD),
        ({"kind": True}, Reason.FIELD),
        ({"tags": "x"}, Reason.FIELD),
        ({"tags": ["x"]}, Reason.FIELD),
        ({"tags": [[1]]}, Reason.FIELD),
        ({"content": None}, Reason.FIELD),
    ],
)
def test_a_broken_event_is_refused(wrong, reason):
    assert reason_of(decode_event, compact(GOOD | wrong)) is reason


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Reason.FIELD),
        (b"[]", Reason.FIELD),
        (b'{"kind":NaN}', Reason.FIELD),
        (b"\xff", Reason.TEXT),
        (b"[" * 30_000, Reason.FIELD),
        (json.dumps(GOOD | {"content": "\ud800"}).encode(), Reason.TEXT),
        (compact(GOOD | {"content": "x" * MAX_NOSTR_EVENT}), Reason.OVERSIZED),
    ],
    ids=["nothing", "a list", "NaN", "latin-1", "deep", "half a pair", "too long"],
)
def test_what_is_no_event_is_refused(data, reason):
    assert reason_of(decode_event, data) is reason
