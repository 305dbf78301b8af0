"""What is let in at all: time windows, budgets, answers nobody asked for."""

import pytest

from gateway.limits import (
    CROSSING_BURST,
    DIRECTED_BURST,
    DIRECTED_SHARE_BURST,
    HISTORY_LIFETIME_S,
    LINK_BURST,
    LINK_RATE,
    MAX_PONGS,
    MAX_SKEW_S,
    MAX_UNRELAYED,
    NEWCOMER_BURST,
    NEWCOMER_RATE,
    PONG_WINDOW_S,
    PREKEY_HISTORY_S,
    RELAY_BURST,
    RELAY_RATE,
    RSR_WINDOW_S,
    VERIFY_BURST,
    VERIFY_RATE,
)
from gateway.mesh.effects import Heard, Priority, PublicMessage
from gateway.mesh.settings import MeshSettings
from gateway.wire.packet import as_sync_answer, with_ttl
from gateway.wire.ping import Ping, encode_ping
from gateway.wire.types import BROADCAST, MessageType
from tests.mesh.nodes import Node, forged, noise, prekeys
from tests.mesh.playbook import Play
from transports.link import FrameReceived, LinkId

ASKING = MeshSettings(jitter=False)


def talk(node: Node, number: int) -> bytes:
    """Some 500 bytes said to everybody, which no compression makes fewer."""
    return node.packet(MessageType.MESSAGE, number.to_bytes(2) + noise(400))


def texts(play: Play) -> list[str]:
    return [message.text for message in play.seen(PublicMessage)]


@pytest.mark.parametrize(
    ("age", "taken"), [(0, True), (MAX_SKEW_S, True), (-MAX_SKEW_S, True), (MAX_SKEW_S + 0.001, False), (-MAX_SKEW_S - 0.001, False)]
)
def test_a_packet_belongs_within_two_minutes_of_now(age: float, taken: bool) -> None:
    play = Play(links=["a", "b"])
    play.wait(200)
    ada = play.stranger("a", "ada")
    frame = ada.say("hello", age=age)
    play.hear("a", frame)
    assert bool(texts(play)) is taken
    assert bool(play.copies(frame)) is taken
    assert play.drops() == ({} if taken else {"window": 1})


def test_a_refused_packet_is_not_remembered() -> None:
    play = Play(links=["a"])
    ada = play.stranger("a", "ada")
    early = ada.say("from the future", age=-MAX_SKEW_S - 5)
    play.hear("a", early)
    play.wait(10)
    play.hear("a", early)
    assert texts(play) == ["from the future"]


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"", "short"),
        (b"\x01" * 21, "short"),
        (b"\x03" + bytes(30), "version"),
        (b"\x01" + bytes(11) + b"\xff\xff" + bytes(40), "truncated"),
        (b"\x02" + bytes(11) + b"\xff\xff\xff\xff" + bytes(40), "oversized"),
        (b"\x01\x02\x07" + bytes(8) + b"\x04\x00\x0a" + bytes(8) + b"\x00\x10notzlibs", "inflate"),
    ],
)
def test_what_is_malformed_is_counted_by_its_reason(frame: bytes, reason: str) -> None:
    play = Play(links=["a"])
    assert play.hear("a", frame) == []
    assert play.drops() == {reason: 1}


def test_a_frame_over_a_link_that_is_not_up_is_nothing() -> None:
    play = Play(links=["a"])
    assert play.do(FrameReceived(LinkId("nowhere"), play.node("ada").announce())) == []
    assert play.mesh.status(play.now).counters["received"] == 0


@pytest.mark.parametrize("recipient", [None, BROADCAST])
def test_both_ways_of_writing_everybody_are_a_broadcast(recipient: bytes | None) -> None:
    play = Play(links=["a", "b"])
    ada = play.stranger("a", "ada")
    frame = ada.packet(MessageType.MESSAGE, b"hello", to=recipient)
    play.hear("a", frame)
    assert texts(play) == ["hello"]
    assert play.links_of(frame) == ["b"]
    assert len(play.mesh.kept(play.now)) == 1


def test_a_message_to_one_peer_is_no_public_message() -> None:
    play = Play(links=["a", "b"])
    ada = play.stranger("a", "ada")
    frame = ada.packet(MessageType.MESSAGE, b"for Ben", to=b"ben's id")
    play.hear("a", frame)
    assert texts(play) == []
    assert play.mesh.kept(play.now) == []
    assert play.links_of(frame) == ["b"]


class TestSyncAnswers:
    """Old packets come in only as answers to a request of ours."""

    @pytest.fixture
    def play(self) -> Play:
        play = Play(ASKING, links=["a", "b"])
        play.stranger("a", "ada")
        return play

    def test_an_answer_nobody_asked_for_is_refused(self, play: Play) -> None:
        ada = play.node("ada")
        play.hear("a", as_sync_answer(ada.say("unasked")))
        assert texts(play) == []
        assert play.drops() == {"unsolicited": 1}

    def test_an_answer_within_half_a_minute_of_our_request_may_be_old(self, play: Play) -> None:
        play.wait(6)
        play.hear("a", as_sync_answer(play.node("ada").say("of this morning", age=HISTORY_LIFETIME_S - 60)))
        assert texts(play) == ["of this morning"]

    def test_an_answer_that_is_not_marked_is_known_by_its_ttl(self, play: Play) -> None:
        play.wait(6)
        frame = with_ttl(play.node("ada").say("from an Android", age=3_000), 0)
        play.hear("a", frame)
        assert texts(play) == ["from an Android"]
        assert play.copies(frame) == []

    def test_an_old_packet_with_hops_left_is_no_answer(self, play: Play) -> None:
        play.wait(6)
        play.hear("a", play.node("ada").say("old", age=3_000), play.node("ada").say("marked", rsr=True))
        assert texts(play) == []
        assert play.drops() == {"window": 1, "unsolicited": 1}

    def test_only_the_link_that_was_asked_may_answer(self) -> None:
        play = Play(MeshSettings(jitter=False, sync_period=1_000), links=["a"])
        play.stranger("a", "ada")
        play.wait(4)
        play.up("b")
        play.wait(2)  # a has been asked, b has not
        play.hear("b", as_sync_answer(play.node("ada").say("from the wrong side", age=3_000)))
        assert texts(play) == []

    def test_after_half_a_minute_it_is_too_late(self) -> None:
        play = Play(MeshSettings(jitter=False, sync_period=1_000), links=["a"])
        play.stranger("a", "ada")
        play.wait(5)
        frames = [as_sync_answer(play.node("ada").say(text, age=3_000)) for text in ("in time", "too late")]
        play.wait(RSR_WINDOW_S)
        play.hear("a", frames[0])
        play.wait(0.1)
        play.hear("a", frames[1])
        assert texts(play) == ["in time"]

    def test_it_may_not_be_older_than_anything_that_is_kept(self, play: Play) -> None:
        play.wait(6)
        play.hear("a", as_sync_answer(play.node("ada").say("yesterday's", age=HISTORY_LIFETIME_S + 1)))
        assert texts(play) == []
        assert play.drops() == {"window": 1}

    def test_what_lives_longer_may_be_older(self, play: Play) -> None:
        play.wait(6)
        ada = play.node("ada")
        keys = ada.packet(MessageType.PREKEYS, prekeys(ada), age=PREKEY_HISTORY_S - 60)
        play.hear("a", as_sync_answer(keys))
        assert play.drops() == {}
        assert len(play.mesh.kept(play.now)) == 1

    @pytest.mark.parametrize("kind", [MessageType.VOICE, MessageType.NOISE_ENCRYPTED, MessageType.LEAVE, 0x7F])
    def test_a_type_nobody_asks_for_gets_no_grace(self, play: Play, kind: int) -> None:
        play.wait(6)
        play.forget().hear("a", as_sync_answer(play.node("ada").packet(kind, b"old", age=MAX_SKEW_S + 1)))
        assert play.done == []
        assert play.drops() == {"window": 1}

    def test_not_even_an_answer_may_be_from_the_future(self, play: Play) -> None:
        play.wait(6)
        play.hear("a", as_sync_answer(play.node("ada").say("tomorrow's", age=-MAX_SKEW_S - 1)))
        assert texts(play) == []

    def test_this_nodes_own_packets_are_refused_even_so(self, play: Play) -> None:
        play.wait(6)
        play.hear("a", as_sync_answer(play.me.say("mine")))
        assert texts(play) == []
        assert play.drops() == {"own": 1}


class TestBudgets:
    """One link cannot take all of this node's time."""

    def test_a_link_brings_so_many_packets_and_no_more(self) -> None:
        play = Play(links=["a", "b"])
        frames = [play.node("ada").packet(0x7F, number.to_bytes(4), signed=False) for number in range(int(LINK_BURST) + 50)]
        play.hear("a", *frames)
        assert play.drops()["rate"] == 50
        assert len(play.sent("b", 0x7F)) == LINK_BURST
        play.hear("b", *frames[-50:])
        assert len(play.sent("a", 0x7F)) == 50  # another link has a budget of its own, and nothing was remembered
        play.wait(1)
        play.forget().hear("a", *(play.node("ben").packet(0x7F, number.to_bytes(4), signed=False) for number in range(300)))
        assert len(play.sent("b", 0x7F)) == LINK_RATE

    def test_what_a_link_brings_beyond_its_share_is_passed_on_as_bulk(self) -> None:
        play = Play(links=["a", "b", "c"])
        loud, calm = play.stranger("a", "loud"), play.stranger("b", "calm")
        frames = [talk(loud, number) for number in range(100)]
        play.forget().hear("a", *frames)
        urgent = [sent.frame for sent in play.sent("c", MessageType.MESSAGE) if sent.priority is Priority.PUBLIC]
        assert RELAY_BURST - 2 * len(frames[0]) < sum(map(len, urgent)) <= RELAY_BURST
        assert len(play.sent("c", MessageType.MESSAGE)) == len(frames), "nothing is dropped where there is room"
        assert play.mesh.status(play.now).counters["demoted"] == len(frames) - len(urgent)
        play.forget().hear("b", calm.say("hello"))
        assert [sent.priority for sent in play.sent("c")] == [Priority.PUBLIC], "another link has a share of its own"
        play.wait(1)
        again = [talk(loud, number) for number in range(100, 160)]
        play.forget().hear("a", *again)
        urgent = [sent.frame for sent in play.sent("c", MessageType.MESSAGE) if sent.priority is Priority.PUBLIC]
        assert RELAY_RATE - len(again[0]) < sum(map(len, urgent)) <= RELAY_RATE + len(again[0])

    def test_a_conversation_keeps_its_order_and_is_cut_short_beyond_its_share(self) -> None:
        play = Play(links=["a", "b"])
        ada, ben = play.stranger("a", "ada"), play.stranger("b", "ben")
        frames = [ada.seal(number.to_bytes(2) + noise(400), ben.peer_id) for number in range(200)]
        play.forget().hear("a", *frames)
        play.wait(1)
        sent = play.sent("b", MessageType.NOISE_ENCRYPTED)
        assert {one.priority for one in sent} == {Priority.DIRECTED}
        assert [one.frame for one in sent] == [with_ttl(frame, 6) for frame in frames[: len(sent)]]
        most = DIRECTED_BURST + DIRECTED_SHARE_BURST
        assert most - 2 * len(frames[0]) < sum(len(one.frame) for one in sent) <= most
        assert play.drops()["rate"] == len(frames) - len(sent)

    def test_who_whispers_now_and_then_is_heard_beside_a_private_flood_over_the_same_link(self) -> None:
        play = Play(links=["a", "b"])
        loud, ada, ben = play.stranger("a", "loud"), play.stranger("a", "ada"), play.stranger("b", "ben")
        for second in range(5):
            flood = [loud.seal(bytes((second, number)) + noise(400), ben.peer_id) for number in range(200)]
            whisper = ada.seal(f"whisper {second}", ben.peer_id)
            play.forget().hear("a", *flood, whisper)
            play.wait(1)
            assert with_ttl(whisper, 6) in [one.frame for one in play.sent("b", MessageType.NOISE_ENCRYPTED)]

    def test_what_a_busy_link_brought_too_much_of_is_passed_on_when_another_brings_it(self) -> None:
        play = Play(links=["a", "b", "c"])
        ada, ben = play.stranger("a", "ada"), play.stranger("b", "ben")
        frames = [ada.seal(number.to_bytes(2) + noise(400), ben.peer_id) for number in range(200)]
        play.hear("a", *frames)
        play.wait(1)
        dropped = frames[-1]
        assert play.copies(dropped) == []
        play.forget().hear("c", dropped, frames[0], dropped)
        play.wait(1)
        assert [one.frame for one in play.sent("b", MessageType.NOISE_ENCRYPTED)] == [with_ttl(dropped, 6)]
        assert [heard for heard in play.seen(Heard) if heard.header.type == MessageType.NOISE_ENCRYPTED] == []

    def test_the_packets_remembered_for_another_link_are_bounded(self) -> None:
        play = Play(links=["a", "b", "c"])
        ada, ben = play.stranger("a", "ada"), play.stranger("b", "ben")
        frames = []
        while len(frames) < 3 * MAX_UNRELAYED:
            frames += [ada.seal(len(frames).to_bytes(2) + number.to_bytes(2) + noise(1_500), ben.peer_id) for number in range(100)]
            play.hear("a", *frames[-100:])
            play.wait(0.5)
        assert len(play.mesh._forwarding._unrelayed) == MAX_UNRELAYED

    def test_what_a_link_says_to_all_beyond_its_share_is_not_offered_to_other_islands(self) -> None:
        play = Play(links=["a", "b"])
        loud, calm = play.stranger("a", "loud"), play.stranger("b", "calm")
        play.forget()
        for number in range(200):
            play.hear("a", talk(loud, number))
        offered = play.seen(Heard)
        assert CROSSING_BURST - 2 * len(offered[0].frame) < sum(len(heard.frame) for heard in offered) <= CROSSING_BURST
        assert play.drops()["rate"] == 200 - len(offered)
        play.forget().hear("b", calm.say("hello"))
        play.hear("a", loud.packet(MessageType.NOISE_ENCRYPTED, b"secret", to=calm.peer_id, signed=False))
        assert len(play.seen(Heard)) == 2, "the others' talk, and what is for one alone, goes on"

    def test_copies_are_not_charged(self) -> None:
        play = Play(links=["a", "b"])
        ada = play.stranger("a", "ada")
        frame = ada.say("again and again")
        play.hear("a", *[frame] * 1_000, ada.say("something new"))
        assert texts(play) == ["again and again", "something new"]

    def test_a_link_causes_so_many_verifications_and_no_more(self) -> None:
        checked = []

        def verify(frame: bytes, key: bytes, header: object) -> bool:
            checked.append(frame)
            return True

        play = Play(links=["a", "b"], verify=verify)
        ada = play.stranger("a", "ada")
        frames = [ada.packet(MessageType.MESSAGE, number.to_bytes(4), signed=False) for number in range(int(VERIFY_BURST) + 10)]
        play.hear("a", *frames)
        assert len(checked) == VERIFY_BURST  # the announce among them
        assert play.drops()["rate"] == 11
        assert len(play.sent("b", MessageType.MESSAGE)) == len(frames)  # what could not be verified is passed on
        play.wait(1)
        checked.clear()
        play.hear("a", *[ada.packet(MessageType.MESSAGE, number.to_bytes(5), signed=False) for number in range(100)])
        assert len(checked) == VERIFY_RATE

    def test_people_nobody_has_heard_of_do_not_use_up_what_others_say_needs(self) -> None:
        checked = []

        def verify(frame: bytes, key: bytes, header: object) -> bool:
            checked.append(frame)
            return True

        play = Play(links=["a"], verify=verify)
        ada = play.stranger("a", "ada")
        play.hear("a", *(play.node(f"nobody {number}").announce(ttl=5) for number in range(int(NEWCOMER_BURST) + 20)))
        assert len(checked) == NEWCOMER_BURST
        assert play.drops()["rate"] == 21
        play.hear("a", ada.say("hello"), ada.announce(ttl=5, nickname="still Ada"))
        assert texts(play) == ["hello"]
        assert len(checked) == NEWCOMER_BURST + 2
        play.wait(1)
        checked.clear()
        play.hear("a", *(play.node(f"another {number}").announce(ttl=5) for number in range(60)))
        assert len(checked) == NEWCOMER_RATE

    def test_people_beyond_the_budget_of_a_link_go_no_further_unless_another_link_brings_them(self) -> None:
        play = Play(links=["a", "b", "c"])
        crowd = [play.node(f"nobody {number}").announce(ttl=5) for number in range(int(NEWCOMER_BURST) + 1)]
        play.hear("a", *crowd)
        play.wait(1)
        assert play.links_of(crowd[0]) == ["b", "c"]
        assert play.links_of(crowd[-1]) == []
        play.hear("b", crowd[-1])
        play.wait(1)
        assert sorted(play.links_of(crowd[-1])) == ["a", "c"]

    def test_what_one_link_had_no_budget_for_is_verified_over_another(self) -> None:
        play = Play(links=["a", "b"])
        ada = play.stranger("a", "ada")
        frames = [ada.say(f"message {number}") for number in range(int(VERIFY_BURST))]
        play.hear("a", *frames)
        assert len(texts(play)) == VERIFY_BURST - 1
        play.hear("b", *frames)
        assert len(texts(play)) == VERIFY_BURST

    def test_a_bound_link_that_repeats_its_announce_buys_none(self) -> None:
        checked = []

        def verify(frame: bytes, key: bytes, header: object) -> bool:
            checked.append(frame)
            return True

        play = Play(verify=verify)
        ada = play.neighbor("a", "ada")
        play.hear("a", *[ada.announce()] * 50)
        assert len(checked) == 1

    def test_forged_copies_buy_only_so_many_verifications(self) -> None:
        checked = []

        def verify(frame: bytes, key: bytes, header: object) -> bool:
            checked.append(frame)
            return len(checked) == 1

        play = Play(links=["a"], verify=verify)
        ada = play.stranger("a", "ada")
        play.hear("a", *[forged(ada.say("hello"))] * 50)
        assert len(checked) == 1 + 1 + 3  # the announce, the first copy, three more looks

    def test_a_link_gets_so_many_pongs_and_no_more(self) -> None:
        play = Play(links=["a", "b"])
        ada = play.neighbor("a", "ada")

        def ping(number: int, link: str = "a") -> None:
            nonce = number.to_bytes(8)
            play.hear(link, ada.packet(MessageType.PING, encode_ping(Ping(nonce, 7)), to=play.me.peer_id, signed=False))

        for number in range(MAX_PONGS + 5):
            ping(number)
        assert len(play.sent("a", MessageType.PONG)) == MAX_PONGS
        ping(100, "b")
        assert len(play.sent("a", MessageType.PONG)) == MAX_PONGS + 1
        play.wait(PONG_WINDOW_S / MAX_PONGS)
        ping(101)
        ping(102)
        assert len(play.sent("a", MessageType.PONG)) == MAX_PONGS + 2


def test_every_packet_that_is_taken_is_offered_to_the_bridge_once() -> None:
    play = Play(links=["a", "b"])
    ada = play.stranger("a", "ada")
    frame = ada.say("hello")
    play.forget().hear("a", frame, frame)
    play.hear("b", frame)
    assert [(heard.frame, heard.link, heard.verified) for heard in play.seen(Heard)] == [(frame, "a", True)]
