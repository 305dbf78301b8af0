"""What is accepted, when it leaves, how it ends."""

from random import Random

import pytest

from gateway.errors import Reason
from gateway.limits import MAX_MESSAGE_ID, MAX_SPOOL_BODY, MAX_SPOOL_LIFETIME_MS
from gateway.store.message import Accepted, State
from gateway.store.quotas import Class
from gateway.store.retry import CAP_MS, FIRST_MS, next_try
from gateway.store.spool import DEAD_LETTERS_MS, EVICT_EVERY, EXPIRE_AT_ONCE, Spool
from tests.store.stores import HOUR, NOW, Longest, message, opened, writing

FRESH = Accepted(State.QUEUED, fresh=True)


@pytest.fixture
def spool(tmp_path):
    with writing(tmp_path / "store.db", Longest()) as store:
        yield store.spool


def ids(messages):
    return [one.id for one in messages]


def test_what_is_accepted_is_ready_at_once_and_comes_out_as_it_went_in(spool):
    whole = message(via=b"site-a", site=b"site-b", service=Class.PUBLIC, body=bytes(range(256)))
    assert spool.accept(whole, NOW) == FRESH
    assert spool.ready(NOW) == [whole]


def test_an_id_is_accepted_once_and_the_first_body_stays(spool):
    assert spool.accept(message(), NOW) == FRESH
    assert spool.accept(message(body=b"another"), NOW + 5) == Accepted(State.QUEUED, fresh=False)
    assert [one.body for one in spool.ready(NOW)] == [b"sealed m"]


@pytest.mark.parametrize(("end", "answer"), [
    (lambda spool: spool.delivered(b"m", NOW), Accepted(State.DELIVERED, fresh=False)),
    (lambda spool: spool.read(b"m", NOW), Accepted(State.READ, fresh=False)),
    (lambda spool: spool.fail(b"m", Reason.UNKNOWN_RECIPIENT, NOW), Reason.UNKNOWN_RECIPIENT),
    (lambda spool: spool.expire(NOW + 2 * HOUR), Reason.EXPIRED),
])  # fmt: skip
def test_whoever_brings_a_message_again_hears_how_it_ended_and_it_does_not_leave_again(spool, end, answer):
    spool.accept(message(), NOW)
    assert end(spool)
    assert spool.accept(message(), NOW) == answer
    assert spool.ready(NOW) == []


def test_what_came_before_a_restart_is_known_after_it(tmp_path):
    with writing(tmp_path / "store.db") as store:
        store.spool.accept(message("waits"), NOW)
        store.spool.accept(message("is there"), NOW)
        store.spool.delivered(b"is there", NOW)
    with writing(tmp_path / "store.db") as store:
        assert store.spool.accept(message("waits"), NOW) == Accepted(State.QUEUED, fresh=False)
        assert store.spool.accept(message("is there"), NOW) == Accepted(State.DELIVERED, fresh=False)
        assert ids(store.spool.ready(NOW)) == [b"waits"]


def test_a_promise_needs_a_durable_transaction(tmp_path):
    with opened(tmp_path / "store.db") as store:
        with pytest.raises(RuntimeError), store.database.transaction():
            store.spool.accept(message(), NOW)
        with store.database.transaction():
            assert store.spool.accept(message(), NOW, promised=False) == FRESH


def test_what_is_over_or_too_large_is_refused(spool):
    assert spool.accept(message(expires_ms=NOW), NOW) is Reason.EXPIRED
    assert spool.accept(message(body=bytes(MAX_SPOOL_BODY + 1)), NOW) is Reason.OVERSIZED
    assert spool.accept(message(id=bytes(MAX_MESSAGE_ID + 1)), NOW) is Reason.OVERSIZED
    assert spool.accept(message(recipient=bytes(MAX_MESSAGE_ID + 1)), NOW) is Reason.OVERSIZED
    assert spool.ready(NOW) == []


def test_a_deadline_far_away_is_cut(spool):
    spool.accept(message(expires_ms=NOW + 99 * MAX_SPOOL_LIFETIME_MS), NOW)
    assert spool.get(b"m").expires_ms == NOW + MAX_SPOOL_LIFETIME_MS


def test_the_most_urgent_leaves_first_and_within_a_class_the_oldest(spool):
    classes = {"b1": Class.BULK, "p1": Class.PUBLIC, "d1": Class.DIRECTED, "e1": Class.EMERGENCY, "d2": Class.DIRECTED}
    for name, service in classes.items():
        spool.accept(message(name, service=service), NOW)
    assert ids(spool.ready(NOW)) == [b"e1", b"d1", b"d2", b"p1", b"b1"]
    assert ids(spool.ready(NOW, limit=2)) == [b"e1", b"d1"]


def test_as_many_are_handed_out_as_fit_and_always_one(spool):
    for name in ("a", "b", "c"):
        spool.accept(message(name, body=bytes(100)), NOW)
    assert ids(spool.ready(NOW, limit_bytes=200)) == [b"a", b"b"]
    assert ids(spool.ready(NOW, limit_bytes=10)) == [b"a"]


def test_what_was_sent_is_tried_again_later_and_later_until_its_deadline(spool):
    spool.accept(message(), NOW)
    now, waits = NOW, []
    while spool.ready(now):
        assert spool.sent(b"m", now)
        assert spool.ready(now) == []
        due = spool.next_at(now)
        waits.append(due - now)
        now = due
    assert waits[:8] == [min(CAP_MS, FIRST_MS << n) for n in range(8)]
    assert spool.expire(now) == [b"m"]
    assert now == NOW + HOUR
    assert spool.get(b"m").attempts == len(waits)


def test_the_waits_of_retries_are_spread_over_the_whole_time(tmp_path):
    rng = Random(7)
    print("seed 7")
    waits = [next_try(4, NOW, rng) - NOW for _ in range(1_000)]
    assert min(waits) < 0.05 * FIRST_MS * 8
    assert max(waits) > 0.95 * FIRST_MS * 8
    assert all(0 <= next_try(99, NOW, rng) - NOW <= CAP_MS for _ in range(100))


def test_what_could_not_leave_holds_back_what_the_same_peer_said_later_to_the_same_recipient(spool):
    for name in ("first", "second"):
        spool.accept(message(name), NOW)
    spool.accept(message("to Cem", recipient=b"cem-----"), NOW)
    spool.accept(message("Dora's", origin=b"dora----"), NOW)
    spool.postpone(b"first", NOW)
    assert ids(spool.ready(NOW)) == [b"to Cem", b"Dora's"]
    assert ids(spool.ready(NOW + FIRST_MS)) == [b"first", b"second", b"to Cem", b"Dora's"]


def test_what_waits_for_a_receipt_holds_nothing_back(spool):
    for name in ("first", "second"):
        spool.accept(message(name), NOW)
    spool.sent(b"first", NOW)
    assert ids(spool.ready(NOW)) == [b"second"]


def test_what_is_past_its_deadline_neither_leaves_nor_holds_back(spool):
    spool.accept(message("first", expires_ms=NOW + 10), NOW)
    spool.accept(message("second"), NOW)
    spool.postpone(b"first", NOW)
    assert ids(spool.ready(NOW + 10)) == [b"second"]


def test_whoever_is_there_again_gets_everything_at_once(spool):
    spool.accept(message("for Ben"), NOW)
    spool.accept(message("for Cem", recipient=b"cem-----"), NOW)
    spool.accept(message("for the hall", recipient=b"", site=b"hall"), NOW)
    for one in spool.ready(NOW):
        spool.sent(one.id, NOW)
    assert spool.ready(NOW + 1) == []
    assert spool.wake(NOW + 1, recipient=b"ben-----") == 1
    assert ids(spool.ready(NOW + 1)) == [b"for Ben"]
    assert spool.wake(NOW + 1, site=b"hall") == 1
    assert ids(spool.ready(NOW + 1)) == [b"for Ben", b"for the hall"]


def test_a_clock_that_was_set_back_strands_nothing(spool):
    spool.accept(message(expires_ms=NOW + 9 * HOUR), NOW + 10 * CAP_MS)
    spool.sent(b"m", NOW + 10 * CAP_MS)
    assert ids(spool.ready(NOW)) == [b"m"]


def test_a_receipt_is_the_truth_even_when_it_comes_late(spool):
    for name in ("gone", "given up"):
        spool.accept(message(name, expires_ms=NOW + 10), NOW)
    spool.fail(b"given up", Reason.BUDGET, NOW)
    spool.expire(NOW + 10)
    assert [one.reason for one in spool.dead_letters(9)] == [Reason.EXPIRED, Reason.BUDGET]
    assert spool.delivered(b"gone", NOW + 20)
    assert spool.read(b"given up", NOW + 20)
    assert spool.dead_letters(9) == []
    assert (spool.get(b"gone").state, spool.get(b"gone").reason) == (State.DELIVERED, None)


def test_states_go_forward_only(spool):
    spool.accept(message(), NOW)
    assert spool.read(b"m", NOW)
    for again in (spool.read, spool.delivered, spool.sent, spool.postpone):
        assert not again(b"m", NOW)
    assert not spool.fail(b"m", Reason.BUDGET, NOW)
    assert spool.expire(NOW + 2 * HOUR) == []
    assert spool.get(b"m").state is State.READ


def test_what_is_unknown_changes_nothing(spool):
    assert not any(change(b"nobody's", NOW) for change in (spool.sent, spool.postpone, spool.delivered, spool.read))
    assert spool.get(b"nobody's") is None
    assert spool.next_at(NOW) is None


def test_what_has_ended_loses_its_body(tmp_path):
    with writing(tmp_path / "store.db") as store:
        for name in ("a", "b", "c"):
            store.spool.accept(message(name, body=b"SECRET" * 2000), NOW)
        store.spool.delivered(b"a", NOW)
        store.spool.fail(b"b", Reason.BUDGET, NOW)
        store.spool.expire(NOW + HOUR)
    assert b"SECRET" not in (tmp_path / "store.db").read_bytes()


def test_deadlines_are_kept_a_thousand_at_a_time(spool):
    for number in range(EXPIRE_AT_ONCE + 1):
        spool.accept(message(str(number), origin=b"", recipient=b""), NOW)
    assert [len(spool.expire(NOW + HOUR)) for _ in range(3)] == [EXPIRE_AT_ONCE, 1, 0]


def test_a_dead_letter_can_be_read_for_a_day_and_an_id_is_known_while_a_repeat_could_come(spool):
    spool.accept(message("dead"), NOW)
    spool.accept(message("there", expires_ms=NOW + 25 * HOUR), NOW)
    spool.accept(message("waits", expires_ms=NOW + 25 * HOUR), NOW)
    spool.fail(b"dead", Reason.BUDGET, NOW)
    spool.delivered(b"there", NOW)
    assert spool.prune(NOW + DEAD_LETTERS_MS) == 0
    assert spool.prune(NOW + DEAD_LETTERS_MS + 1) == 1
    assert spool.get(b"there") is not None
    assert spool.prune(NOW + 26 * HOUR) == 1
    assert spool.get(b"waits") is not None


def test_ids_that_have_ended_make_room_for_each_other_fairly_and_never_at_the_cost_of_what_waits(tmp_path):
    with writing(tmp_path / "store.db") as store:
        spool = Spool(store.database, Random(1), max_ended=40)
        for number in range(5):
            spool.accept(message(f"ada {number}"), NOW)
            spool.delivered(f"ada {number}".encode(), NOW)
        spool.accept(message("waits"), NOW)
        for number in range(10 * EVICT_EVERY):
            spool.accept(message(f"flood {number}", origin=b"mallory-"), NOW + number)
            spool.delivered(f"flood {number}".encode(), NOW + number)
            ((ended,),) = store.database.rows("SELECT count(*) FROM spool WHERE state >= 2")
            assert ended <= 40 + EVICT_EVERY
        assert [spool.get(f"ada {number}".encode()) is not None for number in range(5)] == [True] * 5
        assert spool.get(b"waits").state is State.QUEUED


def test_the_tally_counts_what_waits_and_what_failed(spool):
    spool.accept(message("a", body=bytes(10)), NOW)
    spool.accept(message("b", body=bytes(5), service=Class.EMERGENCY), NOW)
    spool.accept(message("c"), NOW)
    spool.fail(b"c", Reason.BUDGET, NOW)
    tally = spool.tally()
    assert (tally.waiting, tally.waiting_bytes, tally.dead) == (2, 15, 1)
    assert tally.by_class == {Class.EMERGENCY: 1, Class.DIRECTED: 1, Class.PUBLIC: 0, Class.BULK: 0}
