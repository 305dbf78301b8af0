import json

import pytest

from gateway.testing.ledger import Ledger


def books():
    ledger = Ledger()
    ledger.sent("m1", "public", "a1", ["a1", "a2", "b1"], at=10.0)
    ledger.sent("m2", "private", "a1", ["b1"], at=20.0)
    return ledger


def test_a_sender_is_never_expected_to_receive_its_own_message():
    assert books().account("public").expected == 2


def test_every_expected_delivery_is_delivered_or_lost():
    ledger = books()
    ledger.received("m1", "a2", 10.5)
    account = ledger.account()
    assert (account.messages, account.expected, account.delivered, account.lost) == (2, 3, 1, 2)
    assert ledger.missing() == [("m1", "b1"), ("m2", "b1")]


def test_repeats_are_duplicates_and_the_first_arrival_counts():
    ledger = books()
    for at in (12.0, 10.25, 11.0):
        ledger.received("m1", "a2", at)
    assert ledger.repeated() == [("m1", "a2", [0.25, 1.0, 2.0])]
    account = ledger.account("public")
    assert (account.delivered, account.duplicates, account.latencies) == (1, 2, (0.25,))


def test_arrivals_nobody_expects_are_strays():
    ledger = books()
    ledger.received("m2", "a2", 21.0)
    ledger.received("m9", "a2", 21.0)
    assert ledger.account("private").strays == 1
    assert ledger.account().strays == 2
    assert ledger.account().delivered == 0


def test_messages_still_on_their_way_can_be_left_out():
    assert books().account(sent_before=15.0).messages == 1


def test_a_message_id_is_used_once():
    with pytest.raises(ValueError, match="m1"):
        books().sent("m1", "public", "a2", ["a1"], at=1.0)


def test_two_processes_merge_into_one_account():
    here, there = books(), Ledger()
    there.sent("m3", "private", "b1", ["a1"], at=30.0)
    there.received("m1", "b1", 10.75)
    here.received("m3", "a1", 30.5)
    merged = Ledger.merge([here, Ledger.from_json(there.to_json())])
    account = merged.account()
    assert (account.messages, account.delivered, account.lost, account.strays) == (3, 2, 2, 0)
    assert account.latencies == (0.5, 0.75)


def test_json_keeps_every_line():
    ledger = books()
    ledger.received("m1", "a2", 10.5)
    again = Ledger.from_json(ledger.to_json())
    assert (again.messages, again.arrivals) == (ledger.messages, ledger.arrivals)
    with pytest.raises(ValueError, match="m1"):
        Ledger.merge([ledger, again])


def test_percentiles_are_of_deliveries_and_zero_without_any():
    ledger = Ledger()
    assert ledger.account().percentile(50) == 0.0
    ledger.sent("m", "public", "a", [str(n) for n in range(100)], at=0.0)
    for n in range(100):
        ledger.received("m", str(n), (n + 1) / 100)
    account = ledger.account()
    assert (account.percentile(0), account.percentile(50), account.percentile(100)) == (0.01, 0.51, 1.0)
    assert json.loads(json.dumps(account.to_json()))["p95_ms"] == 960.0


def test_what_was_told_later_and_came_earlier_overtook() -> None:
    ledger = Ledger()
    for number in range(4):
        ledger.sent(f"{number}", "private", "Ada", ("Fay",), float(number))
    ledger.sent("elsewhere", "private", "Ada", ("Gus",), 0.5)
    for message_id, recipient, at in (("0", "Fay", 9.0), ("1", "Fay", 8.0), ("3", "Fay", 10.0), ("elsewhere", "Gus", 1.0)):
        ledger.received(message_id, recipient, at)
    assert ledger.overtaken("private") == 1
    assert ledger.overtaken("public") == 0
