"""A ticket is good for whom, when and what it says, as often as it says; everything else has a name and changes nothing."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.bridge.tickets import Refusal, UsedTickets, examine, issue, read, read_text
from gateway.limits import MAX_TICKET_LIFETIME_S, MAX_USED_TICKETS
from gateway.wire.ticket import EVERYTHING, ORDINARY, Scope, encode, signed_bytes, to_text

NOW = 1_800_000_000
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
ISSUER, STRANGER = (key.public_key().public_bytes_raw() for key in (KEY, OTHER))
ANN, BEN = b"a" * 32, b"b" * 32


def ticket(number=0, lifetime_s=3_600, **changes):
    return issue(KEY.sign, ISSUER, number.to_bytes(16), NOW, lifetime_s, **changes)


def judged(one, bearer=ANN, issuers=None, needs=Scope.LINK, unix=NOW):
    return examine(one, bearer, {ISSUER: EVERYTHING} if issuers is None else issuers, needs, unix)


def test_a_good_ticket_is_good_from_its_first_second_to_its_last():
    assert judged(ticket()) is None
    assert judged(ticket(), unix=NOW + 3_599) is None
    assert judged(ticket(), unix=NOW - 1) is Refusal.NOT_YET_VALID
    assert judged(ticket(), unix=NOW + 3_600) is Refusal.EXPIRED


def test_a_ticket_is_for_its_audience_or_for_anyone():
    assert judged(ticket(audience=ANN)) is None
    assert judged(ticket(audience=ANN), bearer=BEN) is Refusal.FOREIGN_AUDIENCE
    assert judged(ticket(), bearer=BEN) is None


def test_a_ticket_counts_only_where_its_issuer_does():
    assert judged(ticket(), issuers={STRANGER: EVERYTHING}) is Refusal.FOREIGN_ISSUER
    assert judged(ticket(), issuers={}) is Refusal.FOREIGN_ISSUER


def test_a_ticket_by_another_key_in_the_issuers_name_is_forged():
    draft = ticket()
    assert judged(replace(draft, signature=OTHER.sign(signed_bytes(draft)))) is Refusal.FORGED
    assert judged(replace(draft, signature=bytes(64))) is Refusal.FORGED


@pytest.mark.parametrize(
    "changes",
    [{"expires": NOW + 999_999}, {"uses": 16}, {"scope": EVERYTHING}, {"audience": BEN}, {"nonce": b"n" * 16}, {"not_before": NOW - 9}],
)
def test_nothing_on_a_ticket_can_be_improved(changes):
    assert judged(replace(ticket(audience=ANN), **changes), bearer=BEN) is Refusal.FORGED


def test_a_ticket_allows_what_it_says_and_its_issuer_may_give():
    assert judged(ticket(scope=Scope.STATUS)) is Refusal.OUT_OF_SCOPE
    assert judged(ticket(scope=Scope.STATUS), needs=Scope.STATUS) is None
    assert judged(ticket(scope=EVERYTHING), issuers={ISSUER: ORDINARY}) is Refusal.OUT_OF_SCOPE


def test_without_the_time_no_ticket_is_good():
    assert judged(ticket(), unix=None) is Refusal.CLOCK


def test_a_ticket_for_a_membership_that_is_over_has_expired():
    assert judged(ticket(until=NOW + 10), unix=NOW + 9) is None
    assert judged(ticket(until=NOW + 10), unix=NOW + 10) is Refusal.EXPIRED
    with pytest.raises(ValueError, match="over before it began"):
        ticket(until=NOW)


def test_a_ticket_that_lives_too_long_is_neither_made_nor_taken():
    assert judged(ticket(lifetime_s=MAX_TICKET_LIFETIME_S)) is None
    with pytest.raises(ValueError, match="30 days"):
        ticket(lifetime_s=MAX_TICKET_LIFETIME_S + 1)
    draft = replace(ticket(), expires=NOW + MAX_TICKET_LIFETIME_S + 1)
    assert judged(replace(draft, signature=KEY.sign(signed_bytes(draft)))) is Refusal.TOO_LONG_LIVED


def test_bytes_that_are_no_ticket_have_a_reason():
    whole = encode(ticket())
    assert read(whole) == ticket()
    assert read(whole[:-1]) is Refusal.TRUNCATED
    assert read(b"") is Refusal.TRUNCATED
    assert read(b"\x02" + whole[1:]) is Refusal.UNKNOWN_VERSION
    assert read(whole + b"\0") is Refusal.MALFORMED


def test_a_text_that_is_no_ticket_has_a_reason():
    text = to_text(ticket())
    assert read_text(text.lower()) == ticket()
    assert read_text(text[:-9]) is Refusal.TRUNCATED
    assert read_text(text[:-1] + ("0" if text[-1] != "0" else "1")) in (Refusal.MISREAD, ticket())  # the last letter holds spare bits
    assert read_text(text[:200] + ("0" if text[200] != "0" else "1") + text[201:]) is Refusal.MISREAD
    assert read_text(text[:200] + "!" + text[201:]) is Refusal.MISREAD
    assert read_text("https://example.org") is Refusal.MALFORMED


def test_a_single_use_is_one_use_whoever_shows_it():
    used = UsedTickets()
    assert used.use(ticket(), ANN, NOW) is None
    assert used.use(ticket(), ANN, NOW) is Refusal.REPLAYED
    assert used.use(ticket(), BEN, NOW) is Refusal.REPLAYED
    assert used.use(ticket(1), BEN, NOW) is None


def test_a_ticket_for_several_is_used_once_by_each_and_no_more_often_than_it_says():
    used = UsedTickets()
    for_two = ticket(uses=2)
    assert used.use(for_two, ANN, NOW) is None
    assert used.use(for_two, ANN, NOW) is Refusal.REPLAYED
    assert used.use(for_two, BEN, NOW) is None
    assert used.use(for_two, b"c" * 32, NOW) is Refusal.QUOTA_USED_UP


def test_asking_and_being_refused_change_nothing():
    used = UsedTickets()
    assert used.refusal(ticket(), ANN, NOW) is None
    assert len(used) == 0
    used.use(ticket(), ANN, NOW)
    before = list(used)
    used.use(ticket(), BEN, NOW)
    assert list(used) == before


def test_a_full_memory_refuses_new_tickets_and_never_forgets_a_used_one():
    used = UsedTickets()
    for number in range(MAX_USED_TICKETS):
        assert used.use(ticket(number), ANN, NOW) is None
    assert used.use(ticket(MAX_USED_TICKETS), ANN, NOW) is Refusal.MEMORY_FULL
    assert {used.use(ticket(number), BEN, NOW + 3_599) for number in range(MAX_USED_TICKETS)} == {Refusal.REPLAYED}
    assert len(used) == MAX_USED_TICKETS
    later = ticket(lifetime_s=7_200)
    assert used.use(later, ANN, NOW + 3_600) is None
    assert len(used) == 1


def test_a_clock_that_was_wrong_for_a_while_makes_no_used_ticket_good_again():
    used = UsedTickets()
    used.use(ticket(), ANN, NOW)
    assert used.use(ticket(1, lifetime_s=99_999), ANN, NOW + 50_000) is None  # the first is forgotten here
    assert used.use(ticket(), BEN, NOW + 1) is Refusal.EXPIRED
    again = UsedTickets(used, used.forgotten)
    assert again.use(ticket(), BEN, NOW + 1) is Refusal.EXPIRED


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from([ANN, BEN]), st.integers(-5_000, 5_000), st.integers(1, 4_000)), max_size=40),
)
def test_whatever_the_clock_does_no_ticket_is_used_twice(steps):
    used, taken = UsedTickets(), []
    lifetimes = {}
    for number, bearer, shift, lifetime in steps:
        one = ticket(number, lifetime_s=lifetimes.setdefault(number, lifetime))
        unix = NOW + shift
        if judged(one, bearer, unix=unix) is None and used.use(one, bearer, unix) is None:
            taken.append(number)
    assert len(taken) == len(set(taken))


def test_every_refusal_says_what_to_do():
    for refusal in Refusal:
        assert refusal.sentence.endswith(".")
