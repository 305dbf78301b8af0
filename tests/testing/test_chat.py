from random import Random

from gateway.testing.chat import PRIVATE, PUBLIC, Chat
from gateway.testing.ledger import Ledger
from gateway.testing.way import LinkProfile
from tests.testing.small_islands import Strait, flooding_island

A = ["a1", "a2", "a3", "a4"]
B = ["b1", "b2", "b3"]


def talk(*, loss=0.0, joined=True, until=60.0):
    one, other = flooding_island(A, 1, profile=LinkProfile(loss=loss)), flooding_island(B, 2)
    ledgers = Ledger(), Ledger()
    chats = [Chat(island, ledger, Random(seed), [*A, *B]) for seed, (island, ledger) in enumerate(zip((one, other), ledgers, strict=True))]
    strait = Strait(one, other)
    if not joined:
        strait.seen = _Everything()
    for chat in chats:
        chat.start(until)
    strait.run_until(until + 5.0)
    return chats, Ledger.merge(ledgers)


class _Everything(set):
    def __contains__(self, item):
        return True


def test_two_joined_islands_lose_nothing_and_repeat_nothing():
    _, ledger = talk()
    for kind in (PUBLIC, PRIVATE):
        account = ledger.account(kind)
        assert account.messages > 30
        assert (account.lost, account.duplicates, account.strays) == (0, 0, 0)
    assert 0 < ledger.account().percentile(50) < 1.0


def test_a_public_message_is_expected_by_everybody_else_and_a_whisper_by_one():
    _, ledger = talk(until=20.0)
    for sent in ledger.messages.values():
        if sent.kind == PUBLIC:
            assert sent.expected == {*A, *B} - {sent.sender}
        else:
            (recipient,) = sent.expected
            assert (recipient in A) != (sent.sender in A)


def test_what_does_not_arrive_is_counted_as_lost():
    _, ledger = talk(loss=0.3)
    account = ledger.account()
    assert 0 < account.lost < account.expected
    assert account.delivered + account.lost == account.expected


def test_nobody_whispers_before_a_far_phone_has_announced_itself():
    chats, ledger = talk(joined=False)
    assert ledger.account(PRIVATE).messages == 0
    assert ledger.account(PUBLIC).lost > 0
    assert all(chat.far_peers(phone) == {} for chat, names in zip(chats, (A, B), strict=True) for phone in names)


def test_far_phones_are_known_by_name_after_their_announce():
    chats, _ = talk(until=20.0)
    assert set(chats[0].far_peers("a1")) == set(B)
    assert set(chats[1].far_peers("b1")) == set(A)


def test_talking_stops_at_its_end():
    _, ledger = talk(until=10.0)
    start = min(sent.at for sent in ledger.messages.values())
    assert max(sent.at for sent in ledger.messages.values()) - start < 10.0


def test_a_talk_that_is_cut_short_is_over_at_once():
    island, ledger = flooding_island(A, 1), Ledger()
    chat = Chat(island, ledger, Random(0), A)
    chat.start(60.0)
    island.advance(20.0)
    said = len(ledger)
    assert said > 5
    chat.start(island.now)
    island.advance(60.0)
    assert len(ledger) == said
