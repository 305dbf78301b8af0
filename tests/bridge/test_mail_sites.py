"""A letter left at one site is delivered at another, once, and every site on the way keeps it until then."""

from dataclasses import replace

import pytest

from gateway.bridge.engine import BridgeMode
from gateway.bridge.mail import News, split_news
from gateway.bridge.place import Place
from gateway.bridge.policy import Action, Policy, Rule
from gateway.bridge.policy import Kind as Sort
from gateway.errors import DecodeError, Reason
from gateway.limits import MAIL_OFFER_S, MAX_ENDED_MAIL, MAX_MAIL_PER_SITE, MAX_MAIL_ROUND_BYTES, SITE_MAIL_BURST
from gateway.mesh.events import Remember
from gateway.mesh.letters import letter_of
from gateway.mesh.records import Decided, Verb
from gateway.wire import envelope as wire
from gateway.wire.courier import encode_courier
from gateway.wire.envelope import Envelope, Kind
from tests.bridge.mail import Post
from tests.mesh.mail import sealed


@pytest.fixture
def two() -> Post:
    post = Post("A", "B")
    post.join("A", "B")
    return post


def verbs(post: Post, site: str, letter: bytes) -> list[str]:
    told = [one for one in post[site].notices if isinstance(one, Decided) and one.subject == letter]
    return [one.verb for one in told if one.verb is not Verb.KNOWN_AS]


def given(post: Post, source: str, body: bytes, *, kind: Kind = Kind.MAIL, name: bytes = bytes(16)) -> bytes:
    """What a site that checks nothing would send."""
    origin = post[source].engine.site_id
    return wire.encode(Envelope(name, kind, origin, (origin,), 0, 2**60, body))


def test_it_follows_its_recipient_and_is_delivered_once(two: Post) -> None:
    letter = two.letter("A")
    two.run(3600)
    ben = two.phone("ben")
    two.stay("B", ben)
    assert two.read("B", ben) == ["hello"]
    assert len(two.sent("A", "B", Kind.MAIL)) == 1
    assert two.news("B", "A") == [News.HELD, News.DELIVERED]
    assert two.disks == {"A": {}, "B": {}}
    assert verbs(two, "A", letter) == [Verb.HELD, Verb.SENT, Verb.SITE_HOLDS, Verb.DELIVERED]
    assert verbs(two, "B", letter) == [Verb.HELD, Verb.HANDED_OVER, Verb.DELIVERED]
    two.run(90)
    two.stay("A", ben)
    assert two.read("A", ben) == []


def test_nothing_is_sent_while_nobody_knows_where_the_recipient_is(two: Post) -> None:
    two.letter("A")
    two.stay("B", two.phone("carla"))
    assert two.sent("A", "B", Kind.MAIL) == []


def test_a_letter_goes_to_the_site_of_its_recipient_and_to_no_other() -> None:
    post = Post("A", "B", "C")
    post.join("A", "B")
    post.join("A", "C")
    post.letter("A")
    post.stay("B", post.phone("ben"))
    assert len(post.sent("A", "B", Kind.MAIL)) == 1
    assert post.sent("A", "C", Kind.MAIL) == []


def test_it_goes_over_a_site_between_which_keeps_it_too_until_it_was_delivered() -> None:
    post = Post("A", "B", "C")
    post.join("A", "B")
    post.join("B", "C")
    letter = post.letter("A")
    ben = post.phone("ben")
    post.come("C", ben)
    assert set(post.disks["B"]) == {letter}
    post.stay("C", ben, 90)
    assert post.read("C", ben) == ["hello"]
    assert post.disks == {"A": {}, "B": {}, "C": {}}
    assert post.news("B", "A") == [News.HELD, News.DELIVERED]


def test_a_site_whose_disk_takes_nothing_says_so_and_the_letter_stays_where_it_is(two: Post) -> None:
    two.refuses["B"] = Reason.STORE
    letter = two.letter("A")
    ben = two.phone("ben")
    two.stay("B", ben, MAIL_OFFER_S)
    assert two.news("B", "A") == [News.FULL]
    assert set(two.disks["A"]) == {letter}
    two.refuses.clear()
    two.stay("B", ben, 2 * MAIL_OFFER_S)
    assert two.read("B", ben) == ["hello"]


def test_who_is_here_gets_it_here_and_the_other_site_is_told(two: Post) -> None:
    letter = two.letter("A")
    ben = two.phone("ben")
    two.come("B", ben, proves=False)
    assert set(two.disks["B"]) == {letter}
    two.run(400)  # gone from there
    two.stay("A", ben)
    assert two.read("A", ben) == ["hello"]
    assert two.disks == {"A": {}, "B": {}}
    assert two.news("A", "B") == [News.DELIVERED]


def test_what_was_delivered_while_the_sites_were_apart_is_told_when_they_meet(two: Post) -> None:
    letter = two.letter("A")
    ben = two.phone("ben")
    two.come("B", ben, proves=False)
    two.part("A", "B")
    two.run(61)
    two.stay("B", ben)
    assert set(two.disks["A"]) == {letter}
    two.join("A", "B")
    assert two.disks["A"] == {}
    two.run(400)
    two.stay("A", ben)
    assert two.read("A", ben) == []


def test_a_site_that_was_restarted_still_tells_what_it_has_delivered(two: Post) -> None:
    two.letter("A")
    ben = two.phone("ben")
    two.come("B", ben, proves=False)
    two.part("A", "B")
    two.run(61)
    two.stay("B", ben)
    again = Post("A", "B", identities={name: two[name].engine.mesh.identity for name in "AB"})
    again.disks["A"] = two.disks["A"]
    again.give("A", Remember((), letters=tuple(two.disks["A"].values())))
    again.give("B", Remember((), ended=tuple(two.ended["B"].values())))
    again.join("A", "B")
    assert again.disks["A"] == {}


def test_two_sites_bring_the_same_letter_and_both_are_told() -> None:
    post = Post("A", "B", "C")
    post.join("A", "C")
    post.join("B", "C")
    letter = post.letter("A")
    ada = post.phone("ada")
    post.leave("B", ada, sealed(ada, post.phone("ben"), "hello", post.now))
    ben = post.phone("ben")
    post.stay("C", ben, 90)
    assert post.read("C", ben) == ["hello"]
    assert set(post.ended["A"]) == set(post.ended["B"]) == {letter}


def test_a_ring_of_sites_carries_it_once_to_each() -> None:
    post = Post("A", "B", "C")
    for pair in ("AB", "BC", "CA"):
        post.join(*pair)
    post.letter("A")
    ben = post.phone("ben")
    post.stay("C", ben, 120)
    assert post.read("C", ben) == ["hello"]
    assert sum(len(post.sent(a, b, Kind.MAIL)) for a in "ABC" for b in "ABC") <= 2
    assert not any(post.disks.values())


@pytest.mark.parametrize("mode", [BridgeMode.CONSENT, BridgeMode.OFF])
def test_no_mail_crosses_in_consent_mode_or_while_the_bridge_is_off(mode: BridgeMode) -> None:
    post = Post("A", "B", mode=mode, place=Place("u4pruy"))
    post.join("A", "B")
    post.letter("A")
    post.stay("B", post.phone("ben"))
    assert post.sent("A", "B", Kind.MAIL) == []
    envelope = sealed(post.phone("ada"), post.phone("ben"), "hello", copies=1)
    post.from_site("B", "A", given(post, "A", encode_courier(envelope), name=letter_of(envelope).name))
    assert post.disks["B"] == {}
    assert post["B"].engine.drops[Reason.NO_CONSENT if mode is BridgeMode.CONSENT else Reason.BRIDGE_OFF] == 1


def test_a_site_that_knows_no_mail_is_sent_none(two: Post) -> None:
    (site,) = two["A"].engine.sites.all()
    site.kinds -= {Kind.MAIL, Kind.NEWS}
    two.letter("A")
    two.stay("B", two.phone("ben"))
    assert two.sent("A", "B", Kind.MAIL) == []


class TestRules:
    """The operator's rules hold for letters as for any packet."""

    def test_a_rule_keeps_letters_here(self, two: Post) -> None:
        two["A"].engine.gate.use(Policy(Action.ALLOW, (Rule("no mail", Action.DENY, kinds=frozenset({Sort.COURIER})),)))
        letter = two.letter("A")
        two.stay("B", two.phone("ben"))
        assert two.sent("A", "B", Kind.MAIL) == []
        assert set(two.disks["A"]) == {letter}
        assert two["A"].engine.drops[Reason.POLICY] == 1

    def test_a_rule_keeps_letters_out_and_the_site_hears_that_there_is_no_room_for_them(self, two: Post) -> None:
        two["B"].engine.gate.use(Policy(Action.ALLOW, (Rule("no mail", Action.DENY, kinds=frozenset({Sort.COURIER})),)))
        letter = two.letter("A")
        two.stay("B", two.phone("ben"))
        assert two.news("B", "A") == [News.FULL]
        assert two.disks["B"] == {}
        assert set(two.disks["A"]) == {letter}
        assert two.office("B").refused == {Reason.POLICY: 1}


class TestMaliciousSites:
    """A member of the federation can be wrong, or worse."""

    def test_its_word_that_a_letter_was_delivered_counts_only_if_it_was_given_that_letter(self, two: Post) -> None:
        letter = two.letter("A")
        for news in News:
            two.from_site("A", "B", given(two, "B", bytes((news,)) + letter, kind=Kind.NEWS))
        assert set(two.disks["A"]) == {letter}
        assert two["A"].engine.drops[Reason.UNSOLICITED] == len(News)

    def test_a_letter_under_another_name_or_that_is_none_is_refused(self, two: Post) -> None:
        envelope = sealed(two.phone("ada"), two.phone("ben"), "hello", copies=1)
        two.from_site("B", "A", given(two, "A", encode_courier(envelope), name=bytes(16)))
        two.from_site("B", "A", given(two, "A", b"no envelope"))
        assert two["B"].engine.drops[Reason.ENVELOPE] == two["B"].engine.drops[Reason.TLV] == 1
        assert two.disks["B"] == {}

    def test_one_site_fills_its_own_share_and_hears_that_it_is_full(self, two: Post) -> None:
        ada, ben = two.phone("ada"), two.phone("ben")
        envelope = sealed(ada, ben, "hello", copies=1)
        for number in range(MAX_MAIL_PER_SITE + 2):
            one = replace(envelope, recipient_tag=number.to_bytes(16))
            two.from_site("B", "A", given(two, "A", encode_courier(one), name=letter_of(one).name))
            two.run(0.5)
        assert len(two.disks["B"]) == MAX_MAIL_PER_SITE
        assert two.office("B").refused == {Reason.QUOTA_SITE: 2}
        assert two.news("B", "A")[-2:] == [News.FULL] * 2

    def test_one_site_brings_only_so_many_at_once(self, two: Post) -> None:
        envelope = sealed(two.phone("ada"), two.phone("ben"), "hello", copies=1)
        for _ in range(int(SITE_MAIL_BURST) + 5):
            two.from_site("B", "A", given(two, "A", encode_courier(envelope), name=letter_of(envelope).name))
        assert two["B"].engine.drops[Reason.RATE] == 5

    def test_a_letter_that_is_over_is_refused_for_good(self, two: Post) -> None:
        envelope = sealed(two.phone("ada"), two.phone("ben"), "hello", copies=1, lifetime_s=0)
        two.from_site("B", "A", given(two, "A", encode_courier(envelope), name=letter_of(envelope).name))
        assert two.news("B", "A") == [News.REFUSED]


def test_a_site_gets_only_so_much_at_once(two: Post) -> None:
    ada, ben = two.phone("ada"), two.phone("ben")
    size = 16_000
    for number in range(MAX_MAIL_ROUND_BYTES // size + 4):
        envelope = replace(sealed(ada, ben, "hello", two.now), ciphertext=number.to_bytes(2) * (size // 2), copies=1)
        letter = letter_of(envelope, via=b"elsewher")
        effects: list = []
        two.office("A").take(letter, effects, two.now, int((two.now + 1_800_000_000) * 1000))
        two.disks["A"][letter.name] = letter.record()
        letter.stored_by = None
    two.come("B", ben, proves=False)
    assert sum(len(one.body) for one in two.sent("A", "B", Kind.MAIL)) <= MAX_MAIL_ROUND_BYTES
    two.run(15)
    two.come("B", ben, proves=False)
    assert len(two.sent("A", "B", Kind.MAIL)) == MAX_MAIL_ROUND_BYTES // size + 4


def test_a_word_of_a_newer_version_is_skipped_and_nonsense_is_refused() -> None:
    assert split_news(bytes((99,)) + bytes(16) + bytes((2,)) + b"n" * 16) == [(News.DELIVERED, b"n" * 16)]
    for body, reason in ((bytes(16), Reason.ENVELOPE), (bytes(17 * (MAX_ENDED_MAIL + 1)), Reason.OVERSIZED)):
        with pytest.raises(DecodeError) as caught:
            split_news(body)
        assert caught.value.reason is reason
