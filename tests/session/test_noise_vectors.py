"""Every vector of noise.json, every stated field."""

import pytest

from gateway.errors import Reason, SessionError
from gateway.session.noise import XX, Handshake, SplitKeys, public_key_of
from gateway.session.transport import ReceiveCipher, SendCipher
from gateway.wire.packet import decode, peek
from gateway.wire.types import MessageType
from tests.session.support import Node, given, peer_id_of, vectors

REPO = vectors("noise", "repo vector")
BITCHAT = vectors("noise", "bitchat XX")
ORDER = vectors("noise", "receive order")
TAMPERED = vectors("noise", "tampered")


def test_no_vector_is_left_out() -> None:
    assert (len(REPO), len(BITCHAT), len(ORDER), len(TAMPERED)) == (1, 3, 1, 1)


@pytest.mark.parametrize("v", REPO)
def test_handshake_with_prologue_and_payloads_is_byte_exact(v: dict) -> None:
    assert v["protocol_name"].encode() == XX
    sides = [
        Handshake(
            initiator=who == "init",
            static_private=bytes.fromhex(v[f"{who}_static"]),
            ephemeral=bytes.fromhex(v[f"{who}_ephemeral"]),
            prologue=bytes.fromhex(v[f"{who}_prologue"]),
        )
        for who in ("init", "resp")
    ]
    messages = [(bytes.fromhex(m["payload"]), bytes.fromhex(m["ciphertext"])) for m in v["messages"]]
    for i, (payload, ciphertext) in enumerate(messages[:3]):
        writer, reader = sides[i % 2], sides[1 - i % 2]
        assert writer.write(payload) == ciphertext
        assert reader.read(ciphertext) == payload
    keys: list[SplitKeys] = [side.split() for side in sides]
    ciphers = [(SendCipher(k.send), ReceiveCipher(k.receive)) for k in keys]
    for k in keys:
        assert k.handshake_hash.hex() == v["handshake_hash"]
    assert keys[0].remote_static == public_key_of(bytes.fromhex(v["resp_static"]))
    assert keys[1].remote_static == public_key_of(bytes.fromhex(v["init_static"]))
    for i, (payload, ciphertext) in enumerate(messages[3:], start=3):
        (send, _), (_, receive) = ciphers[i % 2], ciphers[1 - i % 2]
        framed = send.encrypt(payload)
        assert framed[4:] == ciphertext
        assert receive.decrypt(framed) == payload


@pytest.mark.parametrize("v", BITCHAT)
def test_handshake_keys_and_hash_are_byte_exact(v: dict) -> None:
    one, two = (
        Handshake(
            initiator=who == "initiator", static_private=bytes.fromhex(v[f"{who}_static"]), ephemeral=bytes.fromhex(v[f"{who}_ephemeral"])
        )
        for who in ("initiator", "responder")
    )
    assert v["protocol"].encode() == XX
    messages = []
    for writer, reader in ((one, two), (two, one), (one, two)):
        messages.append(writer.write())
        assert reader.read(messages[-1]) == b""
    assert [m.hex() for m in messages] == [v["message1"], v["message2"], v["message3"]]
    assert [len(m) for m in messages] == v["sizes"]
    assert one.finished
    assert two.finished
    ours, theirs = one.split(), two.split()
    assert ours.send.hex() == theirs.receive.hex() == v["initiator_send_key"]
    assert ours.receive.hex() == theirs.send.hex() == v["initiator_receive_key"]
    assert ours.handshake_hash.hex() == theirs.handshake_hash.hex() == v["handshake_hash"]
    assert ours.remote_static == public_key_of(bytes.fromhex(v["responder_static"]))
    assert theirs.remote_static == public_key_of(bytes.fromhex(v["initiator_static"]))


@pytest.mark.parametrize("v", BITCHAT)
def test_two_tables_speak_the_vector(v: dict) -> None:
    nodes = {
        who: Node.of(bytes.fromhex(v[f"{who}_static"]), given(bytes.fromhex(v[f"{who}_ephemeral"]))) for who in ("initiator", "responder")
    }
    one, two = nodes["initiator"], nodes["responder"]
    message_1 = one.table.initiate(two.peer_id, 0.0)
    assert message_1 is not None
    assert message_1.hex() == v["message1"]
    message_2 = two.table.on_handshake(one.peer_id, message_1, 0.0).reply
    assert message_2 is not None
    assert message_2.hex() == v["message2"]
    step = one.table.on_handshake(two.peer_id, message_2, 0.0)
    assert step.reply is not None
    assert step.reply.hex() == v["message3"]
    assert two.table.on_handshake(one.peer_id, step.reply, 0.0).established
    for each, other in ((one, two), (two, one)):
        digest = each.table.handshake_hash(other.peer_id)
        assert digest is not None
        assert digest.hex() == v["handshake_hash"]
    for m in v["transport"]:
        sender, receiver = (one, two) if m["from_"] == "initiator" else (two, one)
        payload = sender.table.encrypt(receiver.peer_id, bytes.fromhex(m["plaintext"]), 0.0)
        assert payload.hex() == m["payload"]
        assert int.from_bytes(payload[:4], "big") == m["nonce"]
        assert receiver.table.decrypt(sender.peer_id, payload, 0.0).hex() == m["plaintext"]


@pytest.mark.parametrize("v", BITCHAT)
def test_padded_packets_carry_these_messages_between_these_peers(v: dict) -> None:
    initiator, responder = (peer_id_of(bytes.fromhex(v[f"{who}_static"])) for who in ("initiator", "responder"))
    first = next(m["payload"] for m in v["transport"] if m["from_"] == "initiator")
    expected = [
        (MessageType.NOISE_HANDSHAKE, initiator, responder, v["message1"]),
        (MessageType.NOISE_HANDSHAKE, responder, initiator, v["message2"]),
        (MessageType.NOISE_HANDSHAKE, initiator, responder, v["message3"]),
        (MessageType.NOISE_ENCRYPTED, initiator, responder, first),
    ]
    frames = [bytes.fromhex(frame) for frame in v["padded_packets"]]
    assert len(frames) == len(expected)
    for frame, (message_type, sender, recipient, payload) in zip(frames, expected, strict=True):
        packet = decode(frame)
        assert (packet.type, packet.sender_id, packet.recipient_id, packet.ttl) == (message_type, sender, recipient, 7)
        assert packet.payload.hex() == payload
        assert len(frame) == 256
        assert set(frame[peek(frame).end :]) == {256 - peek(frame).end}


@pytest.mark.parametrize("v", ORDER)
def test_receive_order(v: dict) -> None:
    cipher = ReceiveCipher(bytes.fromhex(v["key"]))
    for step in v["sequence"]:
        payload = bytes.fromhex(step["payload"])
        if step["expect"].startswith("accept"):
            cipher.decrypt(payload)
        else:
            assert step["expect"].startswith("reject")
            with pytest.raises(SessionError) as caught:
                cipher.decrypt(payload)
            assert caught.value.reason is Reason.DUPLICATE


@pytest.mark.parametrize("v", TAMPERED)
def test_tampered_message_is_refused_and_changes_nothing(v: dict) -> None:
    assert v["expect"] == "reject, state unchanged"
    cipher = ReceiveCipher(bytes.fromhex(v["key"]))
    payload = bytes.fromhex(v["payload"])
    for _ in range(2):
        with pytest.raises(SessionError) as caught:
            cipher.decrypt(payload)
        assert caught.value.reason is Reason.SESSION
    assert cipher.window.highest == -1
    assert cipher.window.fresh(int.from_bytes(payload[:4], "big"))
