"""The rules of docs/design/noise-session.md, one by one."""

from random import Random

import pytest

from gateway.errors import Reason, SessionError
from gateway.limits import (
    INITIATOR_TIMEOUT_S,
    MAX_HANDSHAKE_FAILURES,
    MAX_NONCE,
    OLD_SESSION_GRACE_S,
    RESPONDER_TIMEOUT_S,
    SESSION_LIFETIME_S,
)
from gateway.session.noise import Handshake, public_key_of
from gateway.session.table import HandshakeStep, SessionTable
from tests.session.support import Node, assert_talking, handshake, node, smaller_and_larger


def reason_of(call, *args) -> Reason:
    with pytest.raises(SessionError) as caught:
        call(*args)
    return caught.value.reason


def test_three_messages_make_a_session_on_both_sides() -> None:
    one, two = node(1), node(2)
    last = handshake(one, two)
    assert last == HandshakeStep(reply=None, established=True, remote_static=public_key_of(one.private), early=())
    assert one.table.is_established(two.peer_id)
    assert two.table.is_established(one.peer_id)
    assert one.table.handshake_hash(two.peer_id) == two.table.handshake_hash(one.peer_id) is not None
    assert (len(one.table), len(two.table)) == (1, 1)
    assert_talking(one, two)


def test_the_initiator_learns_the_proven_key() -> None:
    one, two = node(1), node(2)
    message_1 = one.table.initiate(two.peer_id, 0.0)
    reply = two.table.on_handshake(one.peer_id, message_1, 0.0).reply
    step = one.table.on_handshake(two.peer_id, reply, 0.0)
    assert step.remote_static == public_key_of(two.private)
    assert not two.table.is_established(one.peer_id)


def test_initiate_answers_none_while_a_handshake_or_session_is_there() -> None:
    one, two = node(1), node(2)
    message_1 = one.table.initiate(two.peer_id, 0.0)
    assert one.table.initiate(two.peer_id, 1.0) is None
    two.table.on_handshake(one.peer_id, message_1, 1.0)
    assert two.table.initiate(one.peer_id, 1.0) is None
    one, two = node(1), node(2)
    handshake(one, two)
    assert one.table.initiate(two.peer_id, 0.0) is None
    assert two.table.initiate(one.peer_id, 0.0) is None


def test_without_a_session_nothing_is_sent_or_read() -> None:
    one, two = node(1), node(2)
    assert reason_of(one.table.encrypt, two.peer_id, b"secret", 0.0) is Reason.SESSION
    assert reason_of(one.table.decrypt, two.peer_id, bytes(40), 0.0) is Reason.SESSION
    one.table.initiate(two.peer_id, 0.0)
    assert reason_of(one.table.encrypt, two.peer_id, b"secret", 0.0) is Reason.SESSION


def test_a_table_must_be_given_its_own_peer_id() -> None:
    with pytest.raises(ValueError, match="hash"):
        SessionTable(bytes(range(32)), b"\x00" * 8, Random(1).randbytes)


def test_no_session_with_oneself() -> None:
    one = node(1)
    assert reason_of(one.table.initiate, one.peer_id, 0.0) is Reason.OWN
    assert reason_of(one.table.on_handshake, one.peer_id, bytes(range(32)), 0.0) is Reason.OWN


# Crossed first messages


def test_crossed_the_smaller_id_keeps_the_initiator_role() -> None:
    small, large = smaller_and_larger()
    of_small = small.table.initiate(large.peer_id, 0.0)
    of_large = large.table.initiate(small.peer_id, 0.0)
    assert small.table.on_handshake(large.peer_id, of_large, 0.0) == HandshakeStep()
    assert small.table.counts.ignored == 1
    answer = large.table.on_handshake(small.peer_id, of_small, 0.0).reply
    last = small.table.on_handshake(large.peer_id, answer, 0.0)
    assert large.table.on_handshake(small.peer_id, last.reply, 0.0).established
    assert_talking(small, large)
    assert large.table.next_expiry() == SESSION_LIFETIME_S


def test_a_forged_first_message_cannot_stop_a_handshake_the_larger_id_began() -> None:
    small, large = smaller_and_larger()
    message_1 = large.table.initiate(small.peer_id, 0.0)
    forged = public_key_of(b"\x07" * 32)
    assert large.table.on_handshake(small.peer_id, forged, 0.0).reply is not None
    answer = small.table.on_handshake(large.peer_id, message_1, 0.0).reply
    last = large.table.on_handshake(small.peer_id, answer, 0.0)
    assert small.table.on_handshake(large.peer_id, last.reply, 0.0).established
    assert_talking(small, large)


# A new handshake on top of a session


def test_message_1_on_a_session_leaves_it_working_both_ways_until_message_3() -> None:
    one, two = node(1), node(2)
    handshake(one, two)
    before = two.table.handshake_hash(one.peer_id)
    message_1 = one.table.initiate(two.peer_id, 1.0, rekey=True)
    reply = two.table.on_handshake(one.peer_id, message_1, 1.0).reply
    assert two.table.is_established(one.peer_id)
    assert_talking(one, two, 1.0)
    assert two.table.handshake_hash(one.peer_id) == before
    last = one.table.on_handshake(two.peer_id, reply, 1.0)
    assert two.table.on_handshake(one.peer_id, last.reply, 1.0).established
    assert two.table.handshake_hash(one.peer_id) != before
    assert_talking(one, two, 1.0)
    assert len(two.table) == 1


def test_a_strangers_message_1_never_touches_the_session() -> None:
    one, two = node(1), node(2)
    handshake(one, two)
    forged = public_key_of(b"\x07" * 32)
    assert two.table.on_handshake(one.peer_id, forged, 1.0).reply is not None
    assert_talking(one, two, 1.0)
    two.table.expire(1.0 + RESPONDER_TIMEOUT_S)
    assert two.table.counts.timed_out == 1
    assert_talking(one, two, 1.0 + RESPONDER_TIMEOUT_S)


def test_a_restarted_peer_gets_a_new_session_at_any_time() -> None:
    one, two = node(1), node(2)
    handshake(one, two)
    again = Node.of(one.private, Random(99).randbytes)
    assert handshake(again, two, 5.0).established
    assert_talking(again, two, 5.0)


def test_what_was_sent_under_the_old_keys_still_arrives_for_a_while() -> None:
    one, two = node(1), node(2)
    handshake(one, two)
    early = two.table.encrypt(one.peer_id, b"early", 0.0)
    late = two.table.encrypt(one.peer_id, b"late", 0.0)
    handshake(one, two, 1.0, rekey=True)
    assert one.table.decrypt(two.peer_id, early, 2.0) == b"early"
    assert reason_of(one.table.decrypt, two.peer_id, early, 2.0) is Reason.DUPLICATE
    assert one.table.failures(two.peer_id) == 0
    assert reason_of(one.table.decrypt, two.peer_id, late, 1.0 + OLD_SESSION_GRACE_S) is Reason.SESSION


def test_what_is_sent_after_a_change_uses_the_new_keys_only() -> None:
    one, two = node(1), node(2)
    handshake(one, two)
    handshake(one, two, 1.0, rekey=True)
    message = one.table.encrypt(two.peer_id, b"new", 1.0)
    assert reason_of(two.table._sessions._replaced.get(one.peer_id).receive.decrypt, message) is Reason.SESSION
    assert two.table.decrypt(one.peer_id, message, 1.0) == b"new"


# Identity


def test_the_responder_refuses_a_proven_key_that_is_not_the_peers() -> None:
    one, two, liar = node(1), node(2), node(3)
    handshake(one, two)
    attempt = Handshake(initiator=True, static_private=liar.private, ephemeral=b"\x05" * 32)
    reply = two.table.on_handshake(one.peer_id, attempt.write(), 0.0).reply
    attempt.read(reply)
    message_3 = attempt.write()
    assert reason_of(two.table.on_handshake, one.peer_id, message_3, 0.0) is Reason.IDENTITY
    assert reason_of(two.table.on_handshake, one.peer_id, message_3, 0.0) is Reason.SESSION
    assert_talking(one, two)


def test_the_initiator_refuses_a_liar_and_still_hears_the_true_peer() -> None:
    one, two, liar = node(1), node(2), node(3)
    message_1 = one.table.initiate(two.peer_id, 0.0)
    forged = Handshake(initiator=False, static_private=liar.private, ephemeral=b"\x05" * 32)
    forged.read(message_1)
    assert reason_of(one.table.on_handshake, two.peer_id, forged.write(), 0.0) is Reason.IDENTITY
    assert not one.table.is_established(two.peer_id)
    answer = two.table.on_handshake(one.peer_id, message_1, 0.0).reply
    last = one.table.on_handshake(two.peer_id, answer, 0.0)
    assert two.table.on_handshake(one.peer_id, last.reply, 0.0).established
    assert_talking(one, two)


# Wrong, late and repeated handshake messages


def test_the_same_message_1_twice_gets_the_same_answer() -> None:
    one, two = node(1), node(2)
    message_1 = one.table.initiate(two.peer_id, 0.0)
    first = two.table.on_handshake(one.peer_id, message_1, 0.0)
    assert two.table.on_handshake(one.peer_id, message_1, 1.0) == first
    assert two.table.counts.answered == 1
    last = one.table.on_handshake(two.peer_id, first.reply, 1.0)
    assert two.table.on_handshake(one.peer_id, last.reply, 1.0).established


def test_a_newer_message_1_replaces_the_older() -> None:
    one, two = node(1), node(2)
    two.table.on_handshake(one.peer_id, one.table.initiate(two.peer_id, 0.0), 0.0)
    one.table.drop(two.peer_id)
    assert handshake(one, two, 1.0).established
    assert_talking(one, two, 1.0)


@pytest.mark.parametrize("size", [0, 1, 31, 33, 63, 65, 95, 97, 2_048])
def test_other_sizes_are_no_handshake_message(size: int) -> None:
    assert reason_of(node(1).table.on_handshake, b"somebody", bytes(size), 0.0) is Reason.SESSION


@pytest.mark.parametrize("size", [64, 96])
def test_answers_nobody_waits_for_are_refused(size: int) -> None:
    one, two = node(1), node(2)
    handshake(one, two)
    assert reason_of(one.table.on_handshake, two.peer_id, bytes(size), 0.0) is Reason.SESSION
    assert one.table.counts.refused == 1
    assert_talking(one, two)


@pytest.mark.parametrize("role", ["initiator", "responder"])
def test_a_handshake_survives_some_wrong_answers_and_no_more(role: str) -> None:
    for wrong_answers in (MAX_HANDSHAKE_FAILURES - 1, MAX_HANDSHAKE_FAILURES):
        one, two = node(1), node(2)
        message_1 = one.table.initiate(two.peer_id, 0.0)
        answer = two.table.on_handshake(one.peer_id, message_1, 0.0).reply
        waiting, other, right, size = (one, two, answer, 96)
        if role == "responder":
            right = one.table.on_handshake(two.peer_id, answer, 0.0).reply
            waiting, other, size = (two, one, 64)
        for i in range(wrong_answers):
            assert reason_of(waiting.table.on_handshake, other.peer_id, bytes((i + 9,)) * size, 0.0) is Reason.SESSION
        if wrong_answers < MAX_HANDSHAKE_FAILURES:
            assert waiting.table.on_handshake(other.peer_id, right, 0.0).established
        else:
            assert reason_of(waiting.table.on_handshake, other.peer_id, right, 0.0) is Reason.SESSION
            assert waiting.table.next_expiry() is None or role == "responder"


# Time


def test_an_unanswered_initiation_can_be_repeated_after_its_timeout() -> None:
    one, two = node(1), node(2)
    first = one.table.initiate(two.peer_id, 0.0)
    assert one.table.next_expiry() == INITIATOR_TIMEOUT_S
    assert one.table.initiate(two.peer_id, INITIATOR_TIMEOUT_S - 0.1) is None
    second = one.table.initiate(two.peer_id, INITIATOR_TIMEOUT_S)
    assert second is not None
    assert second != first


def test_an_answer_after_the_timeout_is_refused() -> None:
    one, two = node(1), node(2)
    answer = two.table.on_handshake(one.peer_id, one.table.initiate(two.peer_id, 0.0), 0.0).reply
    assert reason_of(one.table.on_handshake, two.peer_id, answer, INITIATOR_TIMEOUT_S) is Reason.SESSION
    assert one.table.counts.timed_out == 1


def test_a_message_3_after_the_timeout_is_refused() -> None:
    one, two = node(1), node(2)
    answer = two.table.on_handshake(one.peer_id, one.table.initiate(two.peer_id, 0.0), 0.0).reply
    last = one.table.on_handshake(two.peer_id, answer, 1.0)
    assert two.table.next_expiry() == RESPONDER_TIMEOUT_S
    assert reason_of(two.table.on_handshake, one.peer_id, last.reply, RESPONDER_TIMEOUT_S) is Reason.SESSION
    assert two.table.next_expiry() is None
    assert two.table.initiate(one.peer_id, RESPONDER_TIMEOUT_S) is not None


def test_a_session_ends_after_its_life_and_can_be_made_again() -> None:
    one, two = node(1), node(2)
    handshake(one, two)
    end = SESSION_LIFETIME_S
    assert one.table.next_expiry() == end
    assert one.table.is_established(two.peer_id, end - 1)
    assert not one.table.is_established(two.peer_id, end)
    assert reason_of(one.table.encrypt, two.peer_id, b"", end) is Reason.SESSION
    assert one.table.counts.expired == 1
    handshake(one, two, end)
    assert_talking(one, two, end)


def test_a_session_out_of_counters_asks_for_a_new_one_and_still_receives() -> None:
    one, two = node(1), node(2)
    handshake(one, two)
    one.table._sessions.get(two.peer_id).send.counter = MAX_NONCE
    two.table.decrypt(one.peer_id, one.table.encrypt(two.peer_id, b"last", 0.0), 0.0)
    assert not one.table.is_established(two.peer_id)
    assert reason_of(one.table.encrypt, two.peer_id, b"", 0.0) is Reason.SESSION
    assert one.table.decrypt(two.peer_id, two.table.encrypt(one.peer_id, b"x", 0.0), 0.0) == b"x"
    handshake(one, two, 1.0)
    assert_talking(one, two, 1.0)


def test_next_expiry_is_the_earliest_of_all() -> None:
    table = node(1).table
    assert table.next_expiry() is None
    table.on_handshake(b"stranger", public_key_of(b"\x07" * 32), 0.0)
    assert table.next_expiry() == RESPONDER_TIMEOUT_S
    table.initiate(b"neighbor", 5.0)
    assert table.next_expiry() == 5.0 + INITIATOR_TIMEOUT_S
    table.expire(15.0)
    assert table.next_expiry() == RESPONDER_TIMEOUT_S
    table.expire(RESPONDER_TIMEOUT_S)
    assert table.next_expiry() is None


# Messages


def test_a_replay_is_refused_and_is_no_failure_of_the_session() -> None:
    one, two = node(1), node(2)
    handshake(one, two)
    message = one.table.encrypt(two.peer_id, b"once", 0.0)
    two.table.decrypt(one.peer_id, message, 0.0)
    assert reason_of(two.table.decrypt, one.peer_id, message, 0.0) is Reason.DUPLICATE
    assert two.table.counts.replayed == 1
    assert two.table.failures(one.peer_id) == 0


def test_a_message_that_is_not_authentic_is_counted_and_changes_nothing() -> None:
    one, two = node(1), node(2)
    handshake(one, two)
    message = one.table.encrypt(two.peer_id, b"true", 0.0)
    for _ in range(3):
        assert reason_of(two.table.decrypt, one.peer_id, message[:-1] + bytes((message[-1] ^ 1,)), 0.0) is Reason.SESSION
    assert two.table.failures(one.peer_id) == two.table.counts.undecryptable == 3
    assert two.table.decrypt(one.peer_id, message, 0.0) == b"true"
    assert two.table.failures(one.peer_id) == 0


def test_drop_forgets_session_and_handshakes() -> None:
    one, two = node(1), node(2)
    handshake(one, two)
    under_way = two.table.encrypt(one.peer_id, b"", 0.0)
    handshake(one, two, rekey=True)
    one.table.initiate(two.peer_id, 0.0, rekey=True)
    one.table.on_handshake(two.peer_id, public_key_of(b"\x07" * 32), 0.0)
    one.table.drop(two.peer_id)
    assert not one.table.is_established(two.peer_id)
    assert one.table.handshake_hash(two.peer_id) is None
    assert one.table.next_expiry() is None
    assert one.table.failures(two.peer_id) == 0
    one.table.drop(two.peer_id)
    handshake(one, two)
    assert_talking(one, two)
    assert reason_of(one.table.decrypt, two.peer_id, under_way, 0.0) is Reason.SESSION


# Messages that overtake the end of their handshake


def test_early_messages_come_out_with_message_3() -> None:
    one, two = node(1), node(2)
    answer = two.table.on_handshake(one.peer_id, one.table.initiate(two.peer_id, 0.0), 0.0).reply
    last = one.table.on_handshake(two.peer_id, answer, 0.0)
    early = [one.table.encrypt(two.peer_id, text, 0.0) for text in (b"first", b"second")]
    for message in (early[1], early[0], early[1], b"\x07" * 40):
        assert reason_of(two.table.decrypt, one.peer_id, message, 0.0) is Reason.EARLY
    assert two.table.on_handshake(one.peer_id, last.reply, 0.0).early == (b"second", b"first")
    assert reason_of(two.table.decrypt, one.peer_id, early[0], 0.0) is Reason.DUPLICATE
    assert_talking(one, two)


def test_early_messages_on_top_of_an_older_session() -> None:
    one, two = node(1), node(2)
    handshake(one, two)
    for _ in range(3):
        assert_talking(one, two)
    answer = two.table.on_handshake(one.peer_id, one.table.initiate(two.peer_id, 1.0, rekey=True), 1.0).reply
    last = one.table.on_handshake(two.peer_id, answer, 1.0)
    # Its counter 0 has been seen under the old keys, which says nothing about the new ones.
    message = one.table.encrypt(two.peer_id, b"new", 1.0)
    assert reason_of(two.table.decrypt, one.peer_id, message, 1.0) is Reason.EARLY
    assert two.table.on_handshake(one.peer_id, last.reply, 1.0).early == (b"new",)


def test_a_replay_is_not_mistaken_for_an_early_message() -> None:
    one, two = node(1), node(2)
    handshake(one, two)
    message = one.table.encrypt(two.peer_id, b"once", 0.0)
    two.table.decrypt(one.peer_id, message, 0.0)
    two.table.on_handshake(one.peer_id, public_key_of(b"\x07" * 32), 0.0)
    assert reason_of(two.table.decrypt, one.peer_id, message, 0.0) is Reason.DUPLICATE
    assert two.table.counts.deferred == 0


def test_early_messages_die_with_their_handshake() -> None:
    one, two = node(1), node(2)
    answer = two.table.on_handshake(one.peer_id, one.table.initiate(two.peer_id, 0.0), 0.0).reply
    one.table.on_handshake(two.peer_id, answer, 0.0)
    reason_of(two.table.decrypt, one.peer_id, one.table.encrypt(two.peer_id, b"lost", 0.0), 0.0)
    two.table.expire(RESPONDER_TIMEOUT_S)
    assert two.table._handshakes._early == 0
    assert handshake(one, two, RESPONDER_TIMEOUT_S, rekey=True).early == ()
