"""Handshakes: keys that are refused, answers that are wrong, randomness that is given."""

from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.errors import Reason, SessionError
from gateway.session.noise import _LOW_ORDER, Handshake, public_key_of, refuse_low_order

P = 2**255 - 19


def side(seed: int, *, initiator: bool) -> Handshake:
    rng = Random(seed)
    return Handshake(initiator=initiator, static_private=rng.randbytes(32), ephemeral=rng.randbytes(32))


def test_no_operating_system_randomness_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden() -> None:
        pytest.fail("a key was generated from hidden randomness")

    monkeypatch.setattr(X25519PrivateKey, "generate", forbidden, raising=True)
    runs = []
    for _ in range(2):
        one, two = side(1, initiator=True), side(2, initiator=False)
        messages = []
        for writer, reader in ((one, two), (two, one), (one, two)):
            messages.append(writer.write())
            reader.read(messages[-1])
        runs.append(messages)
    assert runs[0] == runs[1]


def test_the_two_directions_never_share_a_key() -> None:
    one, two = side(1, initiator=True), side(2, initiator=False)
    for writer, reader in ((one, two), (two, one), (one, two)):
        reader.read(writer.write())
    assert one.split().send != one.split().receive
    assert one.split().send.hex() not in repr(one.split())


@pytest.mark.parametrize("top_bit", [0x00, 0x80])
@pytest.mark.parametrize("key", sorted(_LOW_ORDER))
def test_low_order_ephemeral_keys_are_refused_in_both_spellings(key: bytes, top_bit: int) -> None:
    key = key[:31] + bytes((key[31] | top_bit,))
    with pytest.raises(SessionError) as caught:
        side(2, initiator=False).read(key)
    assert caught.value.reason is Reason.SESSION
    one = side(1, initiator=True)
    one.write()
    with pytest.raises(SessionError):
        one.read(key + bytes(64))


def test_the_list_of_low_order_points_is_the_published_one() -> None:
    # libsodium, crypto_scalarmult/curve25519/ref10/x25519_ref10.c, has_small_order
    published = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    }
    assert {key.hex() for key in _LOW_ORDER} == published


def test_ordinary_keys_and_wrong_lengths() -> None:
    refuse_low_order(public_key_of(b"\x01" * 32))
    for key in (b"", b"\x09" * 31, b"\x09" * 33):
        with pytest.raises(SessionError):
            refuse_low_order(key)


@pytest.mark.parametrize("position", [0, 31, 32, 79, 80, 95])
def test_a_wrong_message_2_leaves_room_for_the_right_one(position: int) -> None:
    one, two = side(1, initiator=True), side(2, initiator=False)
    two.read(one.write())
    right = two.write()
    wrong = bytearray(right)
    wrong[position] ^= 1
    for _ in range(3):
        with pytest.raises(SessionError):
            one.read(bytes(wrong))
    one.read(right)
    two.read(one.write())
    assert one.split().send == two.split().receive


def test_a_wrong_message_3_leaves_room_for_the_right_one() -> None:
    one, two = side(1, initiator=True), side(2, initiator=False)
    two.read(one.write())
    one.read(two.write())
    right = one.write()
    for wrong in (bytes(64), right[:-1] + bytes((right[-1] ^ 1,)), b"", right[:47]):
        with pytest.raises(SessionError):
            two.read(wrong)
    two.read(right)
    assert two.split().receive == one.split().send


def test_unread_goes_back_to_before_the_message() -> None:
    one, two, liar = side(1, initiator=True), side(2, initiator=False), side(3, initiator=False)
    message_1 = one.write()
    two.read(message_1)
    liar.read(message_1)
    one.read(liar.write())
    one.unread()
    one.read(two.write())
    two.read(one.write())
    assert one.split().receive == two.split().send
