"""Courier mail as a gateway holds it: who may leave it, how much of it, until when, and who gets it."""

from dataclasses import replace
from random import Random

import pytest

from gateway.errors import Reason
from gateway.limits import (
    HANDOVER_BYTES,
    HANDOVER_SETTLE_S,
    MAIL_AGAIN_S,
    MAIL_BURST,
    MAIL_STORE_S,
    MAX_MAIL_LIFETIME_MS,
    MAX_MAIL_PER_REGULAR,
    MAX_MAIL_PER_STRANGER,
    PRESENCE_AGAIN_S,
    PRESENCE_TIMEOUT_S,
)
from gateway.mesh.engine import Mesh
from gateway.mesh.events import ClockSet, LetterStored, Remember
from gateway.mesh.letters import letter_of
from gateway.mesh.records import Decided, LetterEnded, LetterKept, Verb
from gateway.wire.courier import decode_courier
from gateway.wire.packet import payload_of, peek
from gateway.wire.types import MessageType
from tests.mesh.cast import Cast
from tests.mesh.mail import CARRIER, DAY_S, MAIL, Counter, opened, sealed
from tests.mesh.nodes import EPOCH, Node, wall_ms

SETTLED_S = HANDOVER_SETTLE_S + 6.0  # with the next round of housekeeping


@pytest.fixture
def post() -> Counter:
    return Counter()


@pytest.fixture
def ada(post: Counter) -> Node:
    return post.neighbor("a", "ada")


@pytest.fixture
def ben(post: Counter) -> Node:
    return post.node("ben")


def verbs(post: Counter, name: bytes) -> list[str]:
    return [one.verb for one in post.seen(Decided) if one.subject == name and one.verb is not Verb.KNOWN_AS]


class TestDeposits:
    """Who may leave what."""

    def test_a_letter_is_taken_from_a_neighbour_and_held_once_it_is_on_the_disk(self, post: Counter, ada: Node, ben: Node) -> None:
        post.is_slow = True
        name = post.deposit("a", ada, sealed(ada, ben, "hello"))
        assert [kept.name for kept in post.seen(LetterKept)] == [name]
        assert verbs(post, name) == []
        post.meet("b", ben)
        assert post.sent("b", MessageType.NOISE_HANDSHAKE) == []
        post.do(LetterStored(name))
        assert verbs(post, name) == [Verb.HELD]
        assert post.office.counts == {"taken": 1}

    def test_one_that_the_disk_does_not_take_is_not_held(self, post: Counter, ada: Node, ben: Node) -> None:
        post.refuses = Reason.STORE
        name = post.deposit("a", ada, sealed(ada, ben, "hello"))
        assert verbs(post, name) == [Verb.REFUSED]
        assert post.office.refused == {Reason.STORE: 1}
        assert len(post.office.bag) == 0

    def test_one_the_disk_says_nothing_of_is_given_up(self, post: Counter, ada: Node, ben: Node) -> None:
        post.is_slow = True
        name = post.deposit("a", ada, sealed(ada, ben, "hello"))
        post.wait(MAIL_STORE_S + 6)
        assert verbs(post, name) == [Verb.REFUSED]
        assert len(post.office.bag) == 0

    @pytest.mark.parametrize("ttl", [6, 0])
    def test_somebody_hops_away_leaves_nothing(self, post: Counter, ada: Node, ben: Node, ttl: int) -> None:
        post.deposit("a", ada, sealed(ada, ben, "hello"), ttl=ttl)
        assert post.seen(LetterKept) == []
        assert post.drops() == {"misdirected": 1}

    def test_nobody_leaves_anything_over_the_link_of_somebody_else(self, post: Counter, ada: Node, ben: Node) -> None:
        eve = post.neighbor("e", "eve")
        post.deposit("e", ada, sealed(ada, ben, "hello"))
        post.deposit("a", eve, sealed(eve, ben, "hello"))
        assert post.seen(LetterKept) == []

    def test_nobody_leaves_anything_unsigned_or_unannounced(self, post: Counter, ada: Node, ben: Node) -> None:
        post.up("x")
        post.deposit("x", post.node("nobody"), sealed(ada, ben, "hello"))
        assert post.seen(LetterKept) == []
        assert post.drops() == {"unknown_sender": 1}

    def test_a_letter_to_another_phone_is_only_relayed(self, post: Counter, ada: Node, ben: Node) -> None:
        post.meet("b", ben)
        post.deposit("a", ada, sealed(ada, ben, "hello"), to=ben.peer_id)
        assert post.seen(LetterKept) == []
        assert len(post.handed("b", ben)) == 1

    def test_a_letter_to_the_gateway_itself_is_refused_because_nobody_reads_it(self, post: Counter, ada: Node) -> None:
        name = post.deposit("a", ada, sealed(ada, post.me, "hello, box"))
        assert verbs(post, name) == [Verb.REFUSED]
        assert post.office.refused == {Reason.UNREAD: 1}

    def test_a_letter_that_is_over_or_wants_more_than_a_day_and_an_hour_is_refused(self, post: Counter, ada: Node, ben: Node) -> None:
        post.deposit("a", ada, sealed(ada, ben, "over", lifetime_s=0))
        post.deposit("a", ada, sealed(ada, ben, "for ever", lifetime_s=MAX_MAIL_LIFETIME_MS / 1000 + 1))
        post.deposit("a", ada, sealed(ada, ben, "just so", lifetime_s=MAX_MAIL_LIFETIME_MS / 1000))
        assert post.office.refused == {Reason.EXPIRED: 1, Reason.WINDOW: 1}
        assert len(post.office.bag) == 1

    def test_a_node_that_carries_no_mail_takes_none(self, ada: Node, ben: Node) -> None:
        post = Counter(replace(MAIL, carries_mail=False))
        ada = post.neighbor("a", "ada")
        post.deposit("a", ada, sealed(ada, ben, "hello"))
        assert post.seen(LetterKept) == []

    def test_before_the_clock_is_set_there_is_no_mail(self, ben: Node) -> None:
        post = Counter(clock_set=False)
        ada = post.neighbor("a", "ada")
        post.deposit("a", ada, sealed(ada, ben, "hello"))
        assert post.seen(LetterKept) == []

    def test_the_same_letter_again_is_known_whoever_brings_it(self, post: Counter, ada: Node, ben: Node) -> None:
        envelope = sealed(ada, ben, "hello")
        eve = post.neighbor("e", "eve")
        post.deposit("a", ada, replace(envelope, copies=2))
        post.deposit("e", eve, envelope)  # the original came after a copy of it
        (letter,) = post.office.bag
        assert (letter.copies, letter.depositor) == (4, ada.peer_id)
        assert post.kept[letter.name].copies == 4
        assert post.office.counts["known"] == 1

    def test_the_same_content_with_another_end_is_another_letter_so_nobody_can_cut_its_life_short(
        self, post: Counter, ada: Node, ben: Node
    ) -> None:
        envelope = sealed(ada, ben, "hello")
        eve = post.neighbor("e", "eve")
        post.deposit("e", eve, replace(envelope, expiry_ms=wall_ms(1)))
        post.wait(7)
        post.deposit("a", ada, envelope)
        assert [letter.envelope.expiry_ms for letter in post.office.bag] == [envelope.expiry_ms]


class TestQuotas:
    """The newest is refused, and the record says so."""

    def test_a_stranger_has_a_few_and_somebody_known_for_a_day_has_more(self, ben: Node) -> None:
        ada = Node("ada")
        for pins, most in (({}, MAX_MAIL_PER_STRANGER), ({ada.peer_id: ada.identity.signing_public}, MAX_MAIL_PER_REGULAR)):
            post = Counter(pins=pins)
            ada = post.neighbor("a", "ada")
            names = []
            for number in range(most + 1):
                post.wait(6)  # a letter every five seconds is what one link may bring
                names.append(post.deposit("a", ada, sealed(ada, ben, f"number {number}", post.now)))
            assert len(post.office.bag) == most
            assert verbs(post, names[-1]) == [Verb.REFUSED]
            assert post.office.refused == {Reason.QUOTA_PEER: 1}

    def test_what_is_held_is_never_thrown_out_for_what_comes(self, post: Counter, ada: Node, ben: Node) -> None:
        names = [post.deposit("a", ada, sealed(ada, ben, f"number {number}")) for number in range(MAX_MAIL_PER_STRANGER + 1)]
        assert [letter.name for letter in post.office.bag] == names[:-1]

    def test_one_link_brings_only_so_many_at_once_whoever_it_says_it_is(self, post: Counter, ada: Node, ben: Node) -> None:
        for number in range(int(MAIL_BURST) + 3):
            post.deposit("a", ada, sealed(ada, ben, f"number {number}", lifetime_s=0))
        assert post.drops()["rate"] == 3

    def test_a_place_that_is_free_again_is_given_to_the_next(self, post: Counter, ada: Node, ben: Node) -> None:
        for number in range(MAX_MAIL_PER_STRANGER):
            post.deposit("a", ada, sealed(ada, ben, f"number {number}", lifetime_s=30))
        post.wait(36)
        name = post.deposit("a", ada, sealed(ada, ben, "one more", post.now))
        assert verbs(post, name) == [Verb.HELD]


class TestHandover:
    """Whoever a letter is for gets it, once, and nobody else."""

    def test_it_is_handed_over_as_soon_as_the_recipient_has_proved_to_be_there(self, post: Counter, ada: Node, ben: Node) -> None:
        name = post.deposit("a", ada, sealed(ada, ben, "hello"))
        post.wait(3600)
        post.meet("b", ben)
        post.wait(SETTLED_S)
        assert post.read("b", ben) == ["hello"]
        assert verbs(post, name) == [Verb.HELD, Verb.HANDED_OVER, Verb.DELIVERED]
        assert decode_courier(post.handed("b", ben)[0]).copies == 1
        assert post.ended == {name: LetterEnded(name, None)}

    def test_what_was_delivered_is_not_delivered_again_whoever_brings_it(self, post: Counter, ada: Node, ben: Node) -> None:
        envelope = sealed(ada, ben, "hello")
        post.deposit("a", ada, envelope)
        post.meet("b", ben)
        post.wait(SETTLED_S)
        post.neighbor("e", "eve")
        post.deposit("e", post.node("eve"), envelope)
        post.hear("b", ben.announce())
        post.wait(SETTLED_S)
        assert post.read("b", ben) == ["hello"]

    def test_a_letter_in_many_pieces_comes_in_and_goes_out_whole(self, post: Counter, ada: Node, ben: Node) -> None:
        envelope = replace(sealed(ada, ben, "hello"), ciphertext=bytes(range(256)) * 60)
        post.deposit("a", ada, envelope)
        post.meet("b", ben)
        post.wait(SETTLED_S)
        assert [decode_courier(payload).ciphertext for payload in post.handed("b", ben)] == [envelope.ciphertext]

    def test_a_tag_of_yesterday_or_tomorrow_matches_and_no_other(self, post: Counter, ada: Node, ben: Node) -> None:
        for days in (-2, -1, 0, 1, 2):
            tagged = sealed(ada, ben, f"{days}", days * DAY_S)
            post.deposit("a", ada, replace(tagged, expiry_ms=wall_ms(DAY_S)))
        post.meet("b", ben)
        post.wait(SETTLED_S)
        assert sorted(post.read("b", ben)) == ["-1", "0", "1"]

    def test_an_announce_alone_hands_over_nothing_for_good(self, post: Counter, ada: Node, ben: Node) -> None:
        name = post.deposit("a", ada, sealed(ada, ben, "hello"))
        post.meet("b", ben, proves=False)  # played back by somebody else
        post.wait(SETTLED_S)
        assert post.read("b", ben) == []
        assert name in post.kept

    def test_an_answer_over_another_link_proves_nothing(self, post: Counter, ada: Node, ben: Node) -> None:
        post.deposit("a", ada, sealed(ada, ben, "hello"))
        post.meet("b", ben, proves=False)
        post.answer("b", ben, over="a")
        assert post.read("b", ben) == []

    def test_an_answer_by_somebody_else_proves_nothing(self, post: Counter, ada: Node, ben: Node) -> None:
        post.deposit("a", ada, sealed(ada, ben, "hello"))
        post.meet("b", ben, proves=False)
        eve = post.node("eve")
        eve.peer_id = ben.peer_id  # her key, his name
        post.answer("b", eve)
        assert post.read("b", ben) == []
        post.answer("b", ben)  # the right one still counts
        assert post.read("b", ben) == ["hello"]

    def test_who_does_not_prove_it_gets_a_copy_now_and_then_and_the_letter_stays(self, post: Counter, ada: Node, ben: Node) -> None:
        name = post.deposit("a", ada, sealed(ada, ben, "hello"))
        post.meet("b", ben, proves=False)
        post.wait(PRESENCE_TIMEOUT_S)
        post.hear("b", ben.announce())
        post.wait(30)
        post.hear("b", ben.announce())
        assert post.read("b", ben) == ["hello"]
        assert name in post.kept
        post.wait(MAIL_AGAIN_S)
        post.hear("b", ben.announce())  # it is asked once more
        post.wait(PRESENCE_TIMEOUT_S)
        post.hear("b", ben.announce())
        assert post.read("b", ben) == ["hello"] * 2

    def test_who_did_not_prove_it_is_asked_again_after_a_while(self, post: Counter, ada: Node, ben: Node) -> None:
        post.deposit("a", ada, sealed(ada, ben, "hello"))
        post.meet("b", ben, proves=False)
        for _ in range(6):
            post.wait(9)
            post.hear("b", ben.announce())
        assert len(post.sent("b", MessageType.NOISE_HANDSHAKE)) == 1
        post.wait(PRESENCE_AGAIN_S - 54)
        post.hear("b", ben.announce())
        assert len(post.sent("b", MessageType.NOISE_HANDSHAKE)) == 2

    def test_nobody_is_asked_who_has_no_mail(self, post: Counter, ada: Node, ben: Node) -> None:
        post.deposit("a", ada, sealed(ada, ben, "hello"))
        post.meet("c", post.node("carla"))
        assert post.sent("c", MessageType.NOISE_HANDSHAKE) == []

    def test_towards_somebody_hops_away_a_copy_goes_at_ever_longer_intervals(self, post: Counter, ada: Node, ben: Node) -> None:
        name = post.deposit("a", ada, sealed(ada, ben, "hello"))
        times = []
        post.up("b")
        for _ in range(200):
            before = len(post.handed("b", ben))
            post.hear("b", ben.announce(ttl=5))
            if len(post.handed("b", ben)) > before:
                times.append(post.now)
            post.wait(30)
        assert times == [0.0, MAIL_AGAIN_S, 3 * MAIL_AGAIN_S, 7 * MAIL_AGAIN_S]
        assert name in post.kept

    def test_a_link_that_goes_down_at_once_puts_it_back(self, post: Counter, ada: Node, ben: Node) -> None:
        name = post.deposit("a", ada, sealed(ada, ben, "hello"))
        post.meet("b", ben)
        post.down("b")
        assert verbs(post, name) == [Verb.HELD, Verb.HANDED_OVER, Verb.TAKEN_BACK]
        post.wait(SETTLED_S)
        assert name in post.kept
        post.meet("b", ben)
        post.wait(SETTLED_S)
        assert name in post.ended

    def test_a_link_that_goes_down_later_does_not(self, post: Counter, ada: Node, ben: Node) -> None:
        name = post.deposit("a", ada, sealed(ada, ben, "hello"))
        post.meet("b", ben)
        post.wait(SETTLED_S)
        post.down("b")
        assert name in post.ended

    def test_a_heap_of_mail_goes_out_little_by_little(self, post: Counter, ben: Node) -> None:
        for sender in ("ada", "eve", "fay"):
            node = post.neighbor(sender, sender)
            for number in range(2):
                envelope = sealed(node, ben, f"{sender} {number}")
                post.deposit(sender, node, replace(envelope, ciphertext=sender.encode() * 4_000 + bytes((number,))))
        post.meet("b", ben)
        post.wait(3)
        assert sum(map(len, post.handed("b", ben))) <= HANDOVER_BYTES + 12_000
        post.wait(3 * SETTLED_S)
        assert len(post.handed("b", ben)) == 6
        assert len(post.office.bag) == 0

    def test_a_session_with_the_gateway_is_still_nobody_s(self, post: Counter, ada: Node, ben: Node) -> None:
        post.deposit("a", ada, sealed(ada, ben, "hello"))
        post.meet("b", ben)
        assert len(post.sent("b", MessageType.NOISE_HANDSHAKE)) == 1  # and no third message
        post.forget().hear("b", ben.packet(MessageType.NOISE_HANDSHAKE, bytes(32), to=post.me.peer_id, signed=False))
        assert post.sent("b", MessageType.NOISE_HANDSHAKE) == []
        assert post.drops()["unread"] == 1


class TestCopies:
    """Spray and wait: each courier gets half of what is left, once."""

    def test_each_courier_gets_half_until_one_is_left(self, post: Counter, ada: Node, ben: Node) -> None:
        name = post.deposit("a", ada, sealed(ada, ben, "hello", copies=8))
        given = []
        for courier in ("carla", "dora", "eve", "fay"):
            node = post.node(courier)
            post.meet(courier, node, capabilities=CARRIER)
            given += [decode_courier(payload).copies for payload in post.handed(courier, node)]
        assert given == [4, 2, 1]
        assert post.kept[name].copies == 1
        assert post.kept[name].holders == tuple(post.node(courier).peer_id for courier in ("carla", "dora", "eve"))

    def test_a_courier_gets_one_copy_however_often_it_comes(self, post: Counter, ada: Node, ben: Node) -> None:
        post.deposit("a", ada, sealed(ada, ben, "hello"))
        carla = post.node("carla")
        for _ in range(3):
            post.meet("c", carla, capabilities=CARRIER)
            post.wait(60)
        assert len(post.handed("c", carla)) == 1

    def test_whoever_left_it_and_whoever_it_is_for_get_no_copy_to_carry(self, post: Counter, ben: Node) -> None:
        ada = post.node("ada")
        post.meet("a", ada, capabilities=CARRIER)
        name = post.deposit("a", ada, sealed(ada, ben, "hello"))
        post.meet("a", ada, capabilities=CARRIER)
        post.meet("b", ben, capabilities=CARRIER)
        assert post.handed("a", ada) == []
        assert [decode_courier(payload).copies for payload in post.handed("b", ben)] == [1]
        assert post.kept[name].copies == 4

    def test_phones_that_carry_no_mail_get_none(self, post: Counter, ada: Node, ben: Node) -> None:
        post.deposit("a", ada, sealed(ada, ben, "hello"))
        post.meet("c", post.node("android"), capabilities=0)
        assert post.handed("c", post.node("android")) == []

    def test_a_courier_that_does_not_prove_it_gets_none(self, post: Counter, ada: Node, ben: Node) -> None:
        post.deposit("a", ada, sealed(ada, ben, "hello"))
        post.meet("c", post.node("carla"), capabilities=CARRIER, proves=False)
        post.wait(PRESENCE_TIMEOUT_S)
        post.hear("c", post.node("carla").announce(capabilities=CARRIER))
        assert post.handed("c", post.node("carla")) == []

    def test_the_original_played_again_after_a_copy_was_given_brings_no_copies_back(self, post: Counter, ada: Node, ben: Node) -> None:
        envelope = sealed(ada, ben, "hello")
        name = post.deposit("a", ada, envelope)
        post.meet("c", post.node("carla"), capabilities=CARRIER)
        post.wait(1)
        post.deposit("a", ada, envelope)
        assert post.kept[name].copies == 2


class TestEnds:
    """A day, by a clock somebody vouches for."""

    def test_a_letter_is_given_up_when_its_time_is_over_and_the_record_says_so(self, post: Counter, ada: Node, ben: Node) -> None:
        name = post.deposit("a", ada, sealed(ada, ben, "hello", lifetime_s=3600))
        post.wait(3599)
        assert name in post.kept
        post.wait(7)
        assert verbs(post, name) == [Verb.HELD, Verb.DROPPED]
        assert post.office.dead == {Reason.EXPIRED: 1}
        post.meet("b", ben)
        assert post.read("b", ben) == []

    def test_before_the_clock_is_set_nothing_is_given_up(self, post: Counter, ada: Node, ben: Node) -> None:
        post.deposit("a", ada, sealed(ada, ben, "hello", lifetime_s=3600))
        again = Counter(clock_set=False, seed=2)
        again.do(Remember((), letters=tuple(post.kept.values())))
        again.wait(2 * 3600)
        assert len(again.office.bag) == 1
        again.do(ClockSet(EPOCH))
        again.kept = dict(post.kept)
        again.wait(6)
        assert len(again.office.bag) == 0


class TestRestart:
    """Killed and started again, it knows everything it has said it holds."""

    def test_what_was_held_is_handed_over_and_counted_as_before(self, post: Counter, ada: Node, ben: Node) -> None:
        name = post.deposit("a", ada, sealed(ada, ben, "hello"))
        post.meet("c", post.node("carla"), capabilities=CARRIER)
        again = Counter(seed=2)
        again.kept = dict(post.kept)
        again.do(Remember((), letters=tuple(post.kept.values())))
        assert again.seen(LetterKept) == []
        again.meet("c", again.node("carla"), capabilities=CARRIER)
        assert again.handed("c", again.node("carla")) == []  # has one
        again.meet("b", again.node("ben"))
        again.wait(SETTLED_S)
        assert again.read("b", ben) == ["hello"]
        assert name in again.ended

    def test_what_had_ended_is_not_taken_again(self, post: Counter, ada: Node, ben: Node) -> None:
        envelope = sealed(ada, ben, "hello")
        post.deposit("a", ada, envelope)
        post.meet("b", ben)
        post.wait(SETTLED_S)
        again = Counter(seed=2)
        again.do(Remember((), ended=tuple(post.ended.values())))
        ada = again.neighbor("a", "ada")
        again.deposit("a", ada, envelope)
        assert again.seen(LetterKept) == []

    def test_what_the_store_alone_knows_to_have_ended_is_not_held(self, post: Counter, ada: Node, ben: Node) -> None:
        post.refuses = Reason.DUPLICATE
        post.deposit("a", ada, sealed(ada, ben, "hello"))
        assert len(post.office.bag) == 0
        assert post.office.refused == {}

    def test_quotas_count_what_was_held_before(self, post: Counter, ada: Node, ben: Node) -> None:
        for number in range(MAX_MAIL_PER_STRANGER):
            post.deposit("a", ada, sealed(ada, ben, f"number {number}"))
        again = Counter(seed=2)
        again.do(Remember((), letters=tuple(post.kept.values())))
        ada = again.neighbor("a", "ada")
        again.deposit("a", ada, sealed(ada, ben, "one more"))
        assert again.office.refused == {Reason.QUOTA_PEER: 1}

    def test_a_letter_of_another_version_is_left_alone(self) -> None:
        again = Counter()
        again.do(Remember((), letters=(LetterKept(bytes(16), b"no envelope", bytes(16), wall_ms(9)),)))
        assert len(again.office.bag) == 0


def test_a_phone_as_it_is_proves_itself_and_gets_its_letter_and_no_session() -> None:
    cast = Cast("gate", "ben")
    cast.engines["gate"] = Mesh(Node("gate").identity, Random("gate"), MAIL)
    cast.do("gate", ClockSet(EPOCH))
    letter = letter_of(sealed(Node("ada"), Node("ben"), "hello"), depositor=bytes(8))
    cast.do("gate", Remember((), letters=(letter.record(),)))
    cast.join("gate", "ben")
    cast.wait(60)
    payloads = [payload_of(frame, peek(frame)) for frame in cast.frames("gate", "ben", MessageType.COURIER)]
    assert [opened(Node("ben"), payload) for payload in payloads] == ["hello"]
    assert LetterEnded(letter.name, None) in cast.seen("gate", LetterEnded)
    assert not cast["ben"]._private.sessions.is_established(cast.id("gate"))
