"""Source routes: following those of others, and choosing our own."""

import pytest

from gateway.limits import MAX_PEERS, MAX_ROUTE_HOPS
from gateway.mesh.effects import PrivateMessage, Receipt
from gateway.mesh.events import Ping, Whisper
from gateway.mesh.routes import ANSWER_S, REST_S, Unanswered, next_hop, plan
from gateway.mesh.settings import MeshSettings
from gateway.wire.packet import decode, peek
from gateway.wire.signing import verify
from gateway.wire.types import MessageType
from tests.mesh.cast import Cast
from tests.mesh.playbook import Play, Sent

A, B, C, D, E, F, G = (bytes((letter,) * 8) for letter in b"ABCDEFG")


def graph(*edges: tuple[bytes, bytes]) -> dict[bytes, set[bytes]]:
    made: dict[bytes, set[bytes]] = {}
    for one, other in edges:
        made.setdefault(one, set()).add(other)
        made.setdefault(other, set()).add(one)
    return made


def anybody(_peer: bytes) -> bool:
    return True


class TestPlanning:
    """Breadth first over edges both ends have announced."""

    def test_the_fewest_hops_are_chosen(self) -> None:
        assert plan(graph((A, B), (B, C), (C, D), (B, E), (E, F), (F, D)), A, D, anybody) == (B, C)

    def test_neighbours_need_no_route(self) -> None:
        assert plan(graph((A, B)), A, B, anybody) is None

    def test_there_may_be_none(self) -> None:
        assert plan(graph((A, B), (C, D)), A, D, anybody) is None
        assert plan({}, A, D, anybody) is None

    def test_a_hop_must_be_able_to_forward_but_the_ends_need_not(self) -> None:
        edges = graph((A, B), (B, D), (A, C), (C, E), (E, D))
        assert plan(edges, A, D, {C, E}.__contains__) == (C, E)

    def test_it_has_at_most_four_hops(self) -> None:
        line = graph((A, B), (B, C), (C, D), (D, E), (E, F), (F, G))
        assert plan(line, A, F, anybody) == (B, C, D, E)
        assert len(plan(line, A, F, anybody) or ()) == MAX_ROUTE_HOPS
        assert plan(line, A, G, anybody) is None

    def test_the_same_picture_gives_the_same_route(self) -> None:
        assert plan(graph((A, C), (A, B), (C, D), (B, D)), A, D, anybody) == (B,)


class TestNextHop:
    """Where a routed packet goes from here."""

    def test_to_the_one_after_us(self) -> None:
        assert next_hop((A, B, C), A, D) == B
        assert next_hop((A, B, C), B, D) == C

    def test_from_the_last_to_the_recipient(self) -> None:
        assert next_hop((A, B, C), C, D) == D

    def test_to_the_first_if_we_are_not_named(self) -> None:
        assert next_hop((A, B), E, D) == A

    def test_nowhere_if_a_hop_is_named_twice(self) -> None:
        assert next_hop((A, B, A), A, D) is None


class TestFollowing:
    """Routed packets of others."""

    @pytest.fixture
    def play(self) -> Play:
        play = Play(links=["in"])
        for name in ("ben", "cleo", "dora"):
            play.neighbor(name)
        return play

    def go(self, play: Play, *route: str, to: str = "far", ttl: int = 7, link: str = "in") -> list[str]:
        play.wait(0.001)
        hops = [play.me if name == "me" else play.node(name) for name in route]
        frame = play.node("ada").seal("along a route", play.node(to).peer_id, ttl=ttl, route=hops)
        play.hear(link, frame)
        assert {copy.ttl for copy in play.copies(frame)} <= {ttl - 1}
        return play.links_of(frame)

    def test_it_goes_to_the_hop_after_this_node_alone(self, play: Play) -> None:
        assert self.go(play, "other", "me", "cleo") == ["cleo"]

    def test_from_the_last_hop_it_goes_to_the_recipient(self, play: Play) -> None:
        assert self.go(play, "other", "me", to="dora") == ["dora"]

    def test_who_is_not_on_the_route_tries_its_first_hop(self, play: Play) -> None:
        assert self.go(play, "ben", "cleo") == ["ben"]

    def test_it_is_flooded_where_the_next_hop_is_not_connected(self, play: Play) -> None:
        assert self.go(play, "me", "other") == ["ben", "cleo", "dora"]
        assert self.go(play, "other", "cleo") == ["ben", "cleo", "dora"]

    def test_it_is_flooded_where_it_would_go_back(self, play: Play) -> None:
        assert self.go(play, "ben", "cleo", link="ben") == ["cleo", "dora", "in"]

    def test_it_does_not_go_back_over_another_link_either(self, play: Play) -> None:
        play.up("ben2")
        play.hear("ben2", play.node("ben").announce())
        assert self.go(play, "me", "ben", link="ben2") == ["cleo", "dora", "in"]

    def test_a_route_that_names_a_hop_twice_is_dropped(self, play: Play) -> None:
        assert self.go(play, "me", "ben", "me") == []
        assert play.drops() == {"route": 1}

    @pytest.mark.parametrize("ttl", [0, 1])
    def test_it_ends_with_its_hops(self, play: Play, ttl: int) -> None:
        assert self.go(play, "me", "ben", ttl=ttl) == []

    def test_a_route_on_a_broadcast_means_nothing(self, play: Play) -> None:
        frame = play.node("ada").packet(0x7F, b"x", route=[play.node("ben")])
        play.hear("in", frame)
        assert play.links_of(frame) == ["ben", "cleo", "dora"]


def whispers(play: Play) -> list[Sent]:
    return [sent for sent in play.sent() if sent.frame[1] in (MessageType.NOISE_HANDSHAKE, MessageType.NOISE_ENCRYPTED)]


class TestChoosing:
    """Routes for what this node says itself."""

    @pytest.fixture
    def play(self) -> Play:
        """A line: this node, Ben, Cleo, Dora; Ben and Cleo have been seen speaking version 2."""
        play = Play(links=["b", "x"])
        self.announce(play)
        return play

    def announce(self, play: Play, *, silent: str = "", v2: bool = True) -> None:
        me, ben, cleo, dora = (play.me, *map(play.node, ("ben", "cleo", "dora")))
        around = {ben: (me, cleo), cleo: (ben, dora), dora: (cleo,)}
        for node, neighbors in around.items():
            ttl = 7 if node is ben else 5
            named = [] if node.name == silent else [neighbor.peer_id for neighbor in neighbors]
            play.hear("b", node.announce(ttl=ttl, neighbors=named))
            if v2 and node is not dora:
                play.hear("b", node.packet(MessageType.FILE, b"file", ttl=ttl, version=2))

    def test_a_whisper_takes_the_way_everybody_has_announced(self, play: Play) -> None:
        play.forget().do(Whisper(play.node("dora").peer_id, "ID", "hello"))
        (sent,) = whispers(play)
        packet = decode(sent.frame)
        assert sent.link == "b"
        assert (packet.version, packet.ttl) == (2, 7)
        assert packet.route == (play.node("ben").peer_id, play.node("cleo").peer_id)
        assert verify(sent.frame, play.me.identity.signing_public)

    def test_so_does_a_ping(self, play: Play) -> None:
        play.forget().do(Ping(play.node("dora").peer_id))
        (sent,) = play.sent(kind=MessageType.PING)
        assert (sent.link, len(decode(sent.frame).route or ())) == ("b", 2)

    def test_a_neighbour_needs_no_route(self, play: Play) -> None:
        play.forget().do(Whisper(play.node("ben").peer_id, "ID", "hello"))
        (sent,) = whispers(play)
        assert (sent.link, decode(sent.frame).version, decode(sent.frame).route) == ("b", 1, None)

    def test_it_floods_where_one_end_does_not_confirm_an_edge(self) -> None:
        play = Play(links=["b", "x"])
        self.announce(play, silent="cleo")
        play.forget().do(Whisper(play.node("dora").peer_id, "ID", "hello"))
        assert sorted(sent.link for sent in whispers(play)) == ["b", "x"]

    def test_it_floods_where_a_hop_was_never_seen_speaking_version_2(self) -> None:
        play = Play(links=["b", "x"])
        self.announce(play, v2=False)
        play.forget().do(Whisper(play.node("dora").peer_id, "ID", "hello"))
        assert sorted(sent.link for sent in whispers(play)) == ["b", "x"]

    def test_it_floods_where_the_picture_is_older_than_a_minute(self, play: Play) -> None:
        play.wait(59)
        play.hear("b", play.node("dora").say("still here", ttl=5), play.node("cleo").say("me too", ttl=5))
        play.wait(2)
        play.forget().do(Whisper(play.node("dora").peer_id, "ID", "hello"))
        assert sorted(sent.link for sent in whispers(play)) == ["b", "x"]

    def test_a_route_nobody_answers_is_left_for_a_minute(self, play: Play) -> None:
        dora = play.node("dora").peer_id
        play.do(Whisper(dora, "ID", "hello"))
        play.forget().wait(ANSWER_S + 1)
        assert {(sent.link, peek(sent.frame).has_route) for sent in whispers(play)} == {("b", False), ("x", False)}
        self.announce(play)
        play.wait(REST_S - 2)
        self.announce(play)
        play.forget().do(Ping(dora))
        assert {peek(sent.frame).has_route for sent in play.sent(kind=MessageType.PING)} == {False}
        play.wait(2)
        play.forget().do(Ping(dora))
        assert {peek(sent.frame).has_route for sent in play.sent(kind=MessageType.PING)} == {True}
        play.wait(ANSWER_S)
        play.forget().do(Ping(dora))
        assert {peek(sent.frame).has_route for sent in play.sent(kind=MessageType.PING)} == {False}

    def test_an_answer_keeps_the_route_in_use(self, play: Play) -> None:
        dora = play.node("dora")
        play.do(Ping(dora.peer_id))
        play.hear("b", dora.packet(MessageType.PONG, bytes(9), to=play.me.peer_id, signed=False))
        play.wait(ANSWER_S + 1)
        play.forget().do(Ping(dora.peer_id))
        assert {peek(sent.frame).has_route for sent in play.sent(kind=MessageType.PING)} == {True}

    def test_what_it_remembers_is_bounded(self) -> None:
        unanswered = Unanswered()
        for number in range(MAX_PEERS + 3):
            unanswered.sent(number.to_bytes(8), 0.0)
        assert len(unanswered) == MAX_PEERS
        assert not unanswered.failed((0).to_bytes(8), ANSWER_S)
        assert unanswered.failed((3).to_bytes(8), ANSWER_S)


def test_a_conversation_runs_along_a_line_of_version_2_speakers() -> None:
    cast = Cast("a", "b", "c", "d", settings=MeshSettings(jitter=False, sync=False))
    cast.line("a", "b", "c", "d")
    cast.wait(40)
    for name in ("b", "c"):  # they have sent files, say
        for other in cast.engines.values():
            peer = other.peers.get(cast.id(name))
            if peer is not None:
                peer.speaks_v2 = True
    cast.do("a", Whisper(cast.id("d"), "ID", "hello"))
    cast.wait(5)
    assert cast.seen("d", PrivateMessage) == [PrivateMessage(cast.id("a"), "ID", "hello")]
    assert cast.seen("a", Receipt) == [Receipt(cast.id("d"), "ID", "delivered")]
    routed = cast.frames("b", "c", MessageType.NOISE_ENCRYPTED) + cast.frames("c", "b", MessageType.NOISE_ENCRYPTED)
    assert {len(decode(frame).route or ()) for frame in routed} == {2}
