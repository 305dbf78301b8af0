"""Where packets of others go, and in which order."""

from itertools import pairwise

import pytest

from gateway.limits import MAX_PENDING_RELAYS
from gateway.mesh.effects import Heard, Priority
from gateway.mesh.flows import Flows
from gateway.mesh.outbound import subset
from gateway.mesh.pending import PendingRelay, PendingRelays
from gateway.mesh.settings import MeshSettings
from gateway.wire.packet import with_ttl
from gateway.wire.types import BROADCAST, MessageType
from tests.mesh.nodes import board, forged, noise
from tests.mesh.playbook import NO_SYNC, Play
from transports.link import LinkId


def test_a_relay_never_goes_back_where_it_came_from() -> None:
    play = Play(links=["a", "b", "c"])
    frame = play.stranger("a", "ada").say("hello")
    play.hear("b", frame)
    assert play.links_of(frame) == ["a", "c"]


def test_nor_over_another_link_to_the_same_peer() -> None:
    play = Play(links=["a2", "b"])
    ada = play.neighbor("a", "ada")
    play.hear("a2", ada.announce())
    for link in ("a", "a2"):
        frame = ada.say(f"over {link}")
        play.hear(link, frame)
        assert play.links_of(frame) == ["b"]


def test_a_peer_with_two_links_gets_one_copy() -> None:
    play = Play(links=["a2", "b"])
    ada = play.neighbor("a", "ada")
    play.hear("a2", ada.announce())
    frame = play.stranger("b", "ben").say("hello")
    play.hear("b", frame)
    assert play.links_of(frame) == ["a"]
    play.down("a")
    again = play.node("ben").say("hello again")
    play.hear("b", again)
    assert play.links_of(again) == ["a2"]


def test_a_link_nobody_is_bound_to_gets_everything() -> None:
    play = Play(links=["b", "c"])
    ada = play.neighbor("a", "ada")
    frame = ada.say("hello")
    play.hear("a", frame)
    assert play.links_of(frame) == ["b", "c"]


def test_a_directed_packet_goes_to_its_recipient_alone() -> None:
    play = Play(links=["a", "c"])
    ben = play.neighbor("b", "ben")
    frame = play.node("ada").seal("secret", ben.peer_id)
    play.hear("a", frame)
    assert play.links_of(frame) == ["b"]


def test_a_directed_packet_to_somebody_far_goes_everywhere_else() -> None:
    play = Play(links=["a", "b", "c"])
    frame = play.node("ada").seal("secret", b"far away")
    play.hear("a", frame)
    assert play.links_of(frame) == ["b", "c"]


def test_a_packet_for_the_peer_that_brought_it_goes_nowhere() -> None:
    play = Play(links=["b", "a2"])
    ada = play.neighbor("a", "ada")
    play.hear("a2", ada.announce())
    for link in ("a", "a2"):
        frame = play.node("cleo").seal(f"over {link}", ada.peer_id)
        play.hear(link, frame)
        assert play.copies(frame) == []


@pytest.mark.parametrize("kind", [0x00, 0x2A, 0x2C, 0x7F, 0xFF])
@pytest.mark.parametrize("recipient", [None, BROADCAST, b"far away"])
def test_unknown_types_are_passed_on_as_they_are(kind: int, recipient: bytes | None) -> None:
    play = Play(links=["a", "b"])
    frame = play.node("ada").packet(kind, b"of tomorrow", to=recipient, signed=False) + b"and what comes after"
    play.hear("a", frame)
    assert [sent.frame for sent in play.sent("b", kind)] == [with_ttl(frame, 6)]
    assert [effect for effect in play.seen(Heard) if effect.header.type == kind] == []


@pytest.mark.parametrize("kind", [MessageType.FILE, MessageType.BOARD, MessageType.VOICE, MessageType.LEAVE])
def test_what_phones_do_not_pass_on_unverified_stops_here(kind: int) -> None:
    play = Play(links=["a", "b"])
    ada, stranger = play.stranger("a", "ada"), play.node("stranger")
    frames = [forged(ada.packet(kind, b"forged")), stranger.packet(kind, b"unknown"), ada.packet(kind, b"bare", signed=False)]
    play.forget().hear("a", *frames)
    assert play.done == []


@pytest.mark.parametrize(
    "kind", [MessageType.MESSAGE, MessageType.GROUP, MessageType.PREKEYS, MessageType.COURIER, MessageType.NOSTR_CARRIER]
)
def test_what_phones_pass_on_unverified_goes_on_but_is_not_taken(kind: int) -> None:
    play = Play(links=["a", "b"])
    ada, stranger = play.stranger("a", "ada"), play.node("stranger")
    frames = [
        forged(ada.packet(kind, b"forged", to=b"far away")),
        stranger.packet(kind, b"unknown", to=b"far away"),
        ada.packet(kind, b"bare", to=b"far away", signed=False),
    ]
    play.forget().hear("a", *frames)
    assert [sent.frame for sent in play.sent()] == [with_ttl(frame, 6) for frame in frames]
    assert play.seen(Heard) == []


def test_a_notice_whose_own_signature_is_wrong_stops_here() -> None:
    play = Play(links=["a", "b"])
    ada = play.stranger("a", "ada")
    payload = board(ada)
    for bad in (payload[:-1] + bytes((payload[-1] ^ 1,)), payload[:20]):
        frame = ada.packet(MessageType.BOARD, bad)
        play.hear("a", frame)
        assert play.copies(frame) == []
    assert play.mesh.kept(play.now) == []


@pytest.mark.parametrize(("recipient", "offered"), [(None, [False]), (BROADCAST, [])])
def test_an_unsigned_carrier_for_everybody_is_passed_on_and_offered_only_if_it_names_nobody(recipient: bytes | None, offered: list) -> None:
    play = Play(links=["a", "b"])
    frame = play.node("gate").packet(MessageType.NOSTR_CARRIER, b"event", to=recipient, signed=False)
    play.forget().hear("a", frame)
    assert play.links_of(frame) == ["b"]
    assert [heard.verified for heard in play.seen(Heard)] == offered


def test_a_foreign_sealed_packet_is_offered_to_the_bridge_unverified() -> None:
    play = Play(links=["a", "b"])
    frame = play.node("ada").seal("secret", b"far away")
    play.forget().hear("a", frame)
    assert [(heard.frame, heard.verified) for heard in play.seen(Heard)] == [(frame, False)]


class TestOrder:
    """Packets of one conversation do not overtake each other, whatever their jitter."""

    @pytest.mark.parametrize("seed", range(5))
    def test_sealed_packets_keep_their_order(self, seed: int) -> None:
        play = Play(NO_SYNC, links=["a", "b"], seed=seed)
        ada = play.node("ada")
        frames = []
        for number in range(30):
            kind = MessageType.NOISE_HANDSHAKE if number % 3 == 0 else MessageType.NOISE_ENCRYPTED
            frames.append(ada.packet(kind, number.to_bytes(4), to=b"far away", signed=False))
            play.hear("a", frames[-1])
            play.wait(0.003)
        play.wait(1)
        assert [sent.frame for sent in play.sent("b") if sent.header.sender_id == ada.peer_id] == [with_ttl(frame, 6) for frame in frames]

    def test_their_fragments_do_too(self) -> None:
        play = Play(NO_SYNC, links=["a", "b"])
        ada = play.node("ada")
        pieces = [
            piece for number in range(9) for piece in ada.cut(ada.seal(str(number) * 600, b"far away"), fragment_id=bytes((number,) * 8))
        ]
        play.hear("a", *pieces)
        play.wait(1)
        assert [sent.frame for sent in play.sent("b", MessageType.FRAGMENT)] == [with_ttl(piece, 6) for piece in pieces]

    @pytest.mark.parametrize("seed", range(5))
    def test_nothing_somebody_says_overtakes_the_announce_before_it(self, seed: int) -> None:
        play = Play(NO_SYNC, links=["a", "b"], seed=seed)
        ada, ben = play.node("ada"), play.stranger("a", "ben")
        play.wait(1)
        play.forget().hear("a", ada.announce(ttl=5), *[ada.say(str(number)) for number in range(20)], ben.say("meanwhile"))
        play.wait(1)
        order = [sent.header for sent in play.sent("b")]
        assert next(header.type for header in order if header.sender_id == ada.peer_id) == MessageType.ANNOUNCE
        assert len(order) == 22

    def test_public_messages_need_not(self) -> None:
        play = Play(NO_SYNC, links=["a", "b"])
        ada = play.stranger("a", "ada")
        frames = [ada.say(str(number)) for number in range(20)]
        play.hear("a", *frames)
        play.wait(1)
        relayed = [frames.index(with_ttl(sent.frame, 7)) for sent in play.sent("b", MessageType.MESSAGE)]
        assert sorted(relayed) == list(range(20)) != relayed

    def test_the_memory_of_conversations_is_bounded(self) -> None:
        flows = Flows()
        for number in range(MAX_PENDING_RELAYS + 3):
            flows.end((number.to_bytes(8), b"far away"), 5.0)
        assert len(flows) == MAX_PENDING_RELAYS
        assert not flows.busy(((0).to_bytes(8), b"far away"), 1.0)
        assert flows.busy(((3).to_bytes(8), b"far away"), 1.0)


class TestPending:
    """Relays waiting for their jitter."""

    def test_there_is_room_for_so_many(self) -> None:
        play = Play(NO_SYNC, links=[f"link{number}" for number in range(8)])
        node = play.node("ada")
        frames = [node.packet(0x7F, number.to_bytes(4), signed=False) for number in range(MAX_PENDING_RELAYS + 10)]
        for index, frame in enumerate(frames):
            play.hear(f"link{index % 8}", frame)
        assert play.drops()["queue_full"] == 10
        play.wait(1)
        assert play.mesh.relayed == MAX_PENDING_RELAYS
        assert play.mesh.next_wakeup() is not None  # life goes on

    def test_relays_that_were_called_off_take_room_until_their_time(self) -> None:
        relays = PendingRelays()
        for number in range(MAX_PENDING_RELAYS):
            relays.add(PendingRelay(number.to_bytes(4), (LinkId("a"),), b"", Priority.PUBLIC), 1.0)
            relays.overheard(number.to_bytes(4), LinkId("a"), cancel=True)
        assert relays.full
        assert list(relays.due(1.0)) == []
        assert not relays.full

    def test_a_packet_forgotten_and_received_anew_breaks_nothing(self) -> None:
        relays = PendingRelays()
        for at in (1.0, 2.0):
            relays.add(PendingRelay(b"id", (LinkId("a"),), b"", Priority.PUBLIC), at)
        assert len(list(relays.due(3.0))) == 2
        assert len(relays) == 0

    def test_a_relay_whose_links_have_gone_down_is_forgotten(self) -> None:
        play = Play(NO_SYNC, links=["a", "b", "c"])
        frame = play.stranger("a", "ada").say("hello")
        play.hear("a", frame)
        play.down("b")
        play.wait(1)
        assert play.links_of(frame) == ["c"]
        again = play.node("ada").say("again")
        play.hear("a", again)
        play.down("c")
        play.wait(1)
        assert play.copies(again) == []


class TestSubset:
    """Phones relay broadcasts over some of their links only."""

    PHONE = MeshSettings(sync=False, jitter=False, relay_to_all=False)

    @pytest.mark.parametrize(("links", "chosen"), [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (8, 4), (9, 5), (16, 5), (17, 6)])
    def test_about_log2_of_the_links_are_used(self, links: int, chosen: int) -> None:
        names = tuple(LinkId(str(number)) for number in range(links))
        assert len(subset(names, b"packet")) == chosen
        assert set(subset(names, b"packet")) <= set(names)
        assert subset(names, b"packet") == subset(names, b"packet")

    def test_different_packets_use_different_links(self) -> None:
        names = tuple(LinkId(str(number)) for number in range(8))
        assert len({frozenset(subset(names, bytes((number,)))) for number in range(50)}) > 10

    def test_announces_and_fragments_go_everywhere(self) -> None:
        play = Play(self.PHONE, links=[f"link{number}" for number in range(10)])
        ada = play.node("ada")
        announce, message = ada.announce(ttl=5), ada.say("x" * 300)
        piece = ada.cut(message)[0]
        play.hear("link0", announce, message, piece)
        assert [len(play.copies(frame)) for frame in (announce, message, piece)] == [9, 5, 9]

    def test_a_directed_packet_goes_everywhere(self) -> None:
        play = Play(self.PHONE, links=[f"link{number}" for number in range(10)])
        frame = play.node("ada").seal("secret", b"far away")
        play.hear("link0", frame)
        assert len(play.copies(frame)) == 9


@pytest.mark.parametrize(
    ("kind", "to", "priority"),
    [
        (MessageType.NOISE_ENCRYPTED, b"far away", Priority.DIRECTED),
        (MessageType.FILE, b"far away", Priority.BULK),
        (MessageType.FILE, None, Priority.BULK),
    ],
)
def test_a_sealed_packet_in_pieces_is_of_the_class_of_its_session(kind: int, to: bytes | None, priority: Priority) -> None:
    play = Play(links=["a", "b"])
    ada = play.node("ada")
    pieces = ada.cut(ada.packet(kind, noise(400), to=to, signed=False))
    play.hear("a", *pieces)
    assert {sent.priority for sent in play.sent("b", MessageType.FRAGMENT)} == {priority}


def test_sealed_packets_go_first_on_a_busy_link_and_bulk_last() -> None:
    play = Play(links=["a", "b"])
    ada = play.stranger("a", "ada")
    frames = [
        ada.say("hello"),
        ada.seal("secret", b"far away"),
        ada.packet(MessageType.FILE, b"file"),
        ada.packet(MessageType.VOICE, b"voice"),
    ]
    play.hear("a", *frames)
    priorities = [play.copies(frame)[0].priority for frame in frames]
    assert priorities == [Priority.PUBLIC, Priority.DIRECTED, Priority.BULK, Priority.VOICE]
    assert all(more < less for more, less in pairwise(sorted(priorities)))
