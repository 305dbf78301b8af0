"""Transport ciphers: framing, counters, and what a forged message must not change."""

from random import Random

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Reason, SessionError
from gateway.limits import MAX_NONCE, MAX_PAYLOAD
from gateway.session.transport import OVERHEAD, ReceiveCipher, SendCipher

KEY = bytes(range(32))


def refused(cipher: ReceiveCipher, message: bytes) -> Reason:
    with pytest.raises(SessionError) as caught:
        cipher.decrypt(message)
    return caught.value.reason


@settings(deadline=None)
@given(st.lists(st.binary(max_size=64), min_size=1, max_size=20), st.integers())
def test_each_message_comes_out_once_whatever_the_order(plaintexts: list[bytes], seed: int) -> None:
    send, receive = SendCipher(KEY), ReceiveCipher(KEY)
    messages = [(plaintext, send.encrypt(plaintext)) for plaintext in plaintexts]
    order = messages * 2
    Random(seed).shuffle(order)
    seen: set[bytes] = set()
    for plaintext, message in order:
        if message in seen:
            assert refused(receive, message) is Reason.DUPLICATE
        else:
            assert receive.decrypt(message) == plaintext
        seen.add(message)


@settings(deadline=None)
@given(st.binary(max_size=100))
def test_random_bytes_raise_only_session_errors_and_change_nothing(message: bytes) -> None:
    receive = ReceiveCipher(KEY)
    assert refused(receive, message) is Reason.SESSION
    assert receive.window.highest == -1


@settings(deadline=None)
@given(st.integers(0, 99), st.integers(0, 7))
def test_one_changed_bit_is_refused(position: int, bit: int) -> None:
    send, receive = SendCipher(KEY), ReceiveCipher(KEY)
    message = send.encrypt(bytes(80))
    forged = bytearray(message)
    forged[position] ^= 1 << bit
    assert refused(receive, bytes(forged)) is Reason.SESSION
    assert receive.decrypt(message) == bytes(80)


def test_a_forged_high_counter_does_not_move_the_window() -> None:
    send, receive = SendCipher(KEY), ReceiveCipher(KEY)
    message = send.encrypt(b"a")
    assert refused(receive, MAX_NONCE.to_bytes(4, "big") + message[4:]) is Reason.SESSION
    assert receive.decrypt(message) == b"a"


def test_the_last_counter_works_and_the_next_is_refused() -> None:
    send, receive = SendCipher(KEY), ReceiveCipher(KEY)
    send.counter = MAX_NONCE
    message = send.encrypt(b"last")
    assert message[:4] == bytes.fromhex("fffffffe")
    assert receive.decrypt(message) == b"last"
    assert send.exhausted
    with pytest.raises(SessionError) as caught:
        send.encrypt(b"one too many")
    assert caught.value.reason is Reason.SESSION
    beyond = ChaCha20Poly1305(KEY).encrypt((MAX_NONCE + 1 << 32).to_bytes(12, "little"), b"", None)
    assert refused(receive, b"\xff\xff\xff\xff" + beyond) is Reason.SESSION


def test_messages_over_the_payload_cap_are_refused_both_ways() -> None:
    send, receive = SendCipher(KEY), ReceiveCipher(KEY)
    largest = send.encrypt(bytes(MAX_PAYLOAD - OVERHEAD))
    assert len(largest) == MAX_PAYLOAD
    assert len(receive.decrypt(largest)) == MAX_PAYLOAD - OVERHEAD
    with pytest.raises(SessionError) as caught:
        send.encrypt(bytes(MAX_PAYLOAD - OVERHEAD + 1))
    assert caught.value.reason is Reason.OVERSIZED
    assert send.counter == 1
    assert refused(receive, bytes(MAX_PAYLOAD + 1)) is Reason.OVERSIZED


def test_a_seen_counter_under_another_key_is_no_replay() -> None:
    receive = ReceiveCipher(KEY)
    message = SendCipher(KEY).encrypt(b"")
    receive.decrypt(message)
    assert refused(receive, message) is Reason.DUPLICATE
    assert refused(receive, SendCipher(bytes(32)).encrypt(b"")) is Reason.SESSION


def test_an_empty_plaintext_is_a_message() -> None:
    assert ReceiveCipher(KEY).decrypt(SendCipher(KEY).encrypt(b"")) == b""
