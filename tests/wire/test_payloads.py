"""From a packet's type to a value, and from a value to JSON."""

import pytest

from gateway.errors import DecodeError, Reason
from gateway.wire.payloads import NoiseCiphertext, TextMessage, decode_payload, to_json
from gateway.wire.types import MessageType
from tests.wire.vectors import load


def payloads_of(group, kind=None):
    accepted = (vector for vector in load(group) if vector.get("expect", "accept") == "accept" and vector.get("payload"))
    return [bytes.fromhex(vector["payload"]) for vector in accepted if kind is None or vector["kind"].startswith(kind)]


STRUCTURED = {
    MessageType.ANNOUNCE: payloads_of("announce"),
    MessageType.COURIER: payloads_of("courier", "courier_envelope"),
    MessageType.FRAGMENT: payloads_of("fragments"),
    MessageType.REQUEST_SYNC: payloads_of("request_sync"),
    MessageType.FILE: payloads_of("private_payloads", "file"),
    MessageType.BOARD: payloads_of("misc_payloads", "board"),
    MessageType.PREKEYS: payloads_of("courier", "prekey_bundle"),
    MessageType.GROUP: payloads_of("misc_payloads", "group_message"),
    MessageType.PING: payloads_of("misc_payloads", "ping"),
    MessageType.PONG: payloads_of("misc_payloads", "ping"),
    MessageType.NOSTR_CARRIER: payloads_of("bridge", "nostr_carrier"),
    MessageType.VOICE: payloads_of("misc_payloads", "voice"),
    MessageType.MESSAGE: ["hello ✓".encode()],
    MessageType.NOISE_ENCRYPTED: [bytes(36)],
}


@pytest.mark.parametrize("kind", STRUCTURED, ids=lambda kind: kind.name.lower())
def test_every_type_with_structure_has_a_value_and_a_json_form(kind):
    assert STRUCTURED[kind]
    for payload in STRUCTURED[kind]:
        assert to_json(decode_payload(kind, payload))


@pytest.mark.parametrize("kind", [MessageType.LEAVE, MessageType.NOISE_HANDSHAKE, MessageType.ANNOUNCE_V2, 0x2A, 0xFF])
def test_types_without_structure_have_no_value(kind):
    assert decode_payload(kind, b"anything") is None


def test_every_type_is_one_or_the_other():
    without = {MessageType.LEAVE, MessageType.NOISE_HANDSHAKE, MessageType.ANNOUNCE_V2}
    assert set(STRUCTURED) | without == set(MessageType)


def test_a_message_is_its_text():
    assert decode_payload(MessageType.MESSAGE, "ünï ✓".encode()) == TextMessage("ünï ✓")
    with pytest.raises(DecodeError) as caught:
        decode_payload(MessageType.MESSAGE, b"\xff")
    assert caught.value.reason is Reason.TEXT


def test_of_an_encrypted_packet_the_counter_can_be_seen():
    assert decode_payload(MessageType.NOISE_ENCRYPTED, b"\x00\x00\x01\x02" + bytes(16)) == NoiseCiphertext(258, 16)
    with pytest.raises(DecodeError) as caught:
        decode_payload(MessageType.NOISE_ENCRYPTED, bytes(19))
    assert caught.value.reason is Reason.SHORT


@pytest.mark.parametrize("vector", [vector for vector in load("request_sync") if vector.get("expect") == "accept"])
def test_a_sync_request_is_shown_with_the_fields_of_the_vectors(vector):
    names = ("p", "m", "data", "types", "since_ms", "fragment_id_filter")
    stated = {name: vector.get(name) for name in names}
    assert to_json(decode_payload(MessageType.REQUEST_SYNC, bytes.fromhex(vector["payload"]))) == stated


def test_a_fragment_is_shown_with_the_fields_of_the_vectors():
    (vector,) = [vector for vector in load("fragments") if vector.get("payload")]
    names = ("fragment_id", "index", "total", "original_type", "data")
    stated = {name: vector[name] for name in names}
    assert to_json(decode_payload(MessageType.FRAGMENT, bytes.fromhex(vector["payload"]))) == stated


@pytest.mark.parametrize("value", [None, 5, "text", TextMessage, {"a": 1}])
def test_what_is_no_payload_has_no_json_form(value):
    with pytest.raises(TypeError):
        to_json(value)
