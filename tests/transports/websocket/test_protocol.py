"""The hello without a network: every lie one could tell in it."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from transports.libp2p.identity import peer_id_of, public_key_of
from transports.limits import WS_REASON, WS_TICKET
from transports.websocket.errors import Refusal, RefusedError
from transports.websocket.protocol import (
    ADMITTED,
    CALLER,
    CONTEXT,
    LISTENER,
    MAX_HELLO,
    Caller,
    Listener,
    encode_refusal,
)

ALICE, BOB, EVE = b"a" * 32, b"b" * 32, b"e" * 32
ALICE_ID, BOB_ID, EVE_ID = map(peer_id_of, (ALICE, BOB, EVE))
CHANNEL, OTHER_CHANNEL = b"c" * 32, b"x" * 32


def caller(seed: bytes = ALICE, listener: str = BOB_ID, channel: bytes = CHANNEL, nonce: bytes = b"n" * 32, ticket: bytes = b"") -> Caller:
    return Caller(seed, listener, channel, nonce, ticket)


def listener(
    seed: bytes = BOB, channel: bytes = CHANNEL, nonce: bytes = b"m" * 32, admit: Callable[[str, bytes], bool] = lambda _peer, _ticket: True
) -> Listener:
    return Listener(seed, channel, nonce, admit)


def refusal_of(step: Callable[[], object]) -> Refusal:
    with pytest.raises(RefusedError) as error:
        step()
    assert not error.value.by_them
    return error.value.refusal


def test_two_gateways_prove_who_they_are() -> None:
    alice, bob = caller(), listener()
    assert bob.proved(alice.answered(bob.called(alice.hello()))) == ALICE_ID
    alice.admitted(ADMITTED)


def test_the_transcript_is_the_one_that_is_documented() -> None:
    signed = CONTEXT + LISTENER + CHANNEL + b"n" * 32 + b"m" * 32 + public_key_of(ALICE_ID) + public_key_of(BOB_ID)
    signature = Ed25519PrivateKey.from_private_bytes(BOB).sign(signed)
    assert listener().called(caller().hello()) == b"\x02" + b"m" * 32 + signature
    assert CALLER != LISTENER


def test_a_caller_without_the_key_it_names_is_refused() -> None:
    class Liar(Caller):
        def hello(self) -> bytes:
            return super().hello()[:33] + public_key_of(ALICE_ID) + public_key_of(BOB_ID)

    eve, bob = Liar(EVE, BOB_ID, CHANNEL, b"n" * 32), listener()
    answer = bob.called(eve.hello())
    eve._own = public_key_of(ALICE_ID)
    assert refusal_of(lambda: bob.proved(eve.answered(answer))) is Refusal.SIGNATURE


def test_a_listener_without_the_key_that_is_expected_is_refused() -> None:
    alice, eve = caller(), listener(EVE)
    eve._own = public_key_of(BOB_ID)
    assert refusal_of(lambda: alice.answered(eve.called(alice.hello()))) is Refusal.SIGNATURE


def test_a_recorded_hello_is_worth_nothing_in_another_connection() -> None:
    alice, bob = caller(), listener()
    hello = alice.hello()
    proof = alice.answered(bob.called(hello))
    assert bob.proved(proof) == ALICE_ID
    again = listener(nonce=b"k" * 32)
    again.called(hello)
    assert refusal_of(lambda: again.proved(proof)) is Refusal.SIGNATURE


def test_a_recorded_answer_is_worth_nothing_to_another_caller() -> None:
    first = caller()
    answer = listener().called(first.hello())
    first.answered(answer)
    assert refusal_of(lambda: caller(nonce=b"k" * 32).answered(answer)) is Refusal.SIGNATURE


def test_a_hello_that_is_played_back_to_its_author_is_refused() -> None:
    hello = caller(ALICE, BOB_ID).hello()
    assert refusal_of(lambda: listener(ALICE).called(hello)) is Refusal.OTHER_GATEWAY
    turned = hello[:33] + hello[65:] + hello[33:65]  # made out to its author
    mirrored = listener(ALICE)
    answer = mirrored.called(turned)
    assert refusal_of(lambda: mirrored.proved(b"\x03" + answer[33:])) is Refusal.SIGNATURE


def test_a_gateway_that_calls_itself_is_refused() -> None:
    assert refusal_of(lambda: listener().called(caller(BOB, BOB_ID).hello())) is Refusal.ITSELF


def test_an_answer_cannot_be_turned_into_a_proof() -> None:
    """Wrong role: the listener's own signature over the same transcript, sent back to it."""
    bob = listener()
    answer = bob.called(caller().hello())
    assert refusal_of(lambda: bob.proved(b"\x03" + answer[33:])) is Refusal.SIGNATURE
    role_of_listener = Ed25519PrivateKey.from_private_bytes(ALICE).sign(
        CONTEXT + LISTENER + CHANNEL + b"n" * 32 + b"m" * 32 + public_key_of(ALICE_ID) + public_key_of(BOB_ID)
    )
    assert refusal_of(lambda: bob.proved(b"\x03" + role_of_listener)) is Refusal.SIGNATURE


def test_a_man_in_the_middle_with_another_certificate_is_noticed_by_both() -> None:
    alice, bob = caller(channel=OTHER_CHANNEL), listener()
    answer = bob.called(alice.hello())
    assert refusal_of(lambda: alice.answered(answer)) is Refusal.SIGNATURE
    proof = Ed25519PrivateKey.from_private_bytes(ALICE).sign(
        CONTEXT + CALLER + OTHER_CHANNEL + b"n" * 32 + b"m" * 32 + public_key_of(ALICE_ID) + public_key_of(BOB_ID) + bytes(32)
    )
    assert refusal_of(lambda: bob.proved(b"\x03" + proof)) is Refusal.SIGNATURE


def test_a_listener_says_nothing_to_whoever_wants_somebody_else() -> None:
    assert refusal_of(lambda: listener().called(caller(listener=EVE_ID).hello())) is Refusal.OTHER_GATEWAY


def test_who_is_a_member_is_told_only_after_the_proof() -> None:
    asked: list[str] = []

    def admit(peer_id: str, _ticket: bytes) -> bool:
        asked.append(peer_id)
        return peer_id == ALICE_ID

    eve, bob = caller(EVE), listener(admit=admit)
    proof = eve.answered(bob.called(eve.hello()))
    assert asked == []
    assert refusal_of(lambda: bob.proved(proof[:-1] + bytes([proof[-1] ^ 1]))) is Refusal.SIGNATURE
    assert asked == []
    assert refusal_of(lambda: bob.proved(proof)) is Refusal.NOT_MEMBER
    assert asked == [EVE_ID]


def test_a_ticket_is_shown_with_the_proof_and_bound_to_it() -> None:
    seen: list[bytes] = []

    def admit(_peer_id: str, ticket: bytes) -> bool:
        seen.append(ticket)
        return True

    alice, bob = caller(ticket=b"let me in" * 200), listener(admit=admit)
    proof = alice.answered(bob.called(alice.hello()))
    assert b"let me in" not in alice.hello()
    assert refusal_of(lambda: bob.proved(proof[:-1])) is Refusal.SIGNATURE
    assert refusal_of(lambda: bob.proved(proof + b"!")) is Refusal.SIGNATURE
    assert bob.proved(proof) == ALICE_ID
    assert seen == [b"let me in" * 200]


def test_a_ticket_longer_than_any_is_refused() -> None:
    with pytest.raises(ValueError, match="ticket"):
        caller(ticket=bytes(WS_TICKET + 1))
    alice, bob = caller(ticket=bytes(WS_TICKET)), listener()
    proof = alice.answered(bob.called(alice.hello()))
    assert len(proof) == MAX_HELLO
    assert refusal_of(lambda: bob.proved(proof + b"x")) is Refusal.MALFORMED


@pytest.mark.parametrize("size", [0, 1, 32, 96])
def test_a_hello_cut_short_is_refused(size: int) -> None:
    assert refusal_of(lambda: listener().called(caller().hello()[:size])) is Refusal.MALFORMED


def test_a_hello_with_bytes_after_it_is_refused() -> None:
    assert refusal_of(lambda: listener().called(caller().hello() + b"x")) is Refusal.MALFORMED


def test_a_proof_before_the_hello_is_refused() -> None:
    assert refusal_of(lambda: listener().proved(b"\x03" + bytes(64))) is Refusal.MALFORMED


@pytest.mark.parametrize("message", [b"", b"\x03", b"\x03" + bytes(63), b"\x01" + bytes(96), b"\x04", b"\xff"])
def test_what_is_no_proof_is_refused(message: bytes) -> None:
    bob = listener()
    bob.called(caller().hello())
    assert refusal_of(lambda: bob.proved(message)) is Refusal.MALFORMED


@pytest.mark.parametrize("message", [b"", b"\x02", b"\x02" + bytes(95), b"\x02" + bytes(97), b"\x04"])
def test_what_is_no_answer_is_refused(message: bytes) -> None:
    assert refusal_of(lambda: caller().answered(message)) is Refusal.MALFORMED


@pytest.mark.parametrize("message", [b"", b"\x04\x00", b"\x02"])
def test_what_is_no_admission_is_refused(message: bytes) -> None:
    assert refusal_of(lambda: caller().admitted(message)) is Refusal.MALFORMED


@pytest.mark.parametrize("refusal", Refusal)
def test_a_refusal_arrives_with_its_reason(refusal: Refusal) -> None:
    message = encode_refusal(refusal)
    assert len(message) <= 2 + WS_REASON
    for step in (caller().answered, caller().admitted, listener().called):
        with pytest.raises(RefusedError) as error:
            step(message)
        assert error.value.by_them
        assert error.value.refusal is refusal


def test_a_refusal_of_a_later_version_is_a_refusal() -> None:
    with pytest.raises(RefusedError) as error:
        caller().answered(b"\x05\xee because")
    assert error.value.by_them
    with pytest.raises(RefusedError) as error:
        caller().answered(b"\x05" + bytes(2 + WS_REASON))
    assert not error.value.by_them


def test_every_refusal_is_a_sentence() -> None:
    assert all(refusal.sentence for refusal in Refusal)


@given(st.binary(max_size=300))
def test_no_message_does_more_than_be_refused(message: bytes) -> None:
    bob = listener()
    for step in (listener().called, caller().answered, caller().admitted, bob.proved):
        try:
            step(message)
        except RefusedError:
            continue
        assert message == ADMITTED
