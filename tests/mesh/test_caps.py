"""What strangers can make grow, pushed past its cap. Other caps are tested beside what they bound."""

from itertools import islice

from gateway.errors import Reason
from gateway.limits import INFLATE_BURST, MAX_LINKS, MAX_PEERS, MAX_PINS, MAX_SEEN, MAX_SYNC_ANSWERS, MAX_UNPROVEN
from gateway.mesh.effects import CloseLink, PeerLost, PeerSeen
from gateway.mesh.identity import Identity
from gateway.mesh.peers import PeerTable
from gateway.mesh.sync import Sync
from gateway.wire.announce import Announce, encode_announce, peer_id_of
from gateway.wire.packet import Packet, encode, peek
from gateway.wire.types import MessageType
from tests.mesh.nodes import id_of, wall_ms
from tests.mesh.playbook import Play


def believe(_frame: bytes, _key: bytes, _header: object) -> bool:
    return True


def sybil(number: int, now: float = 0.0, ttl: int = 5) -> bytes:
    """The announce of somebody made up, for tests that do not check signatures."""
    noise = number.to_bytes(32)
    payload = encode_announce(Announce(f"sybil {number}", noise, noise))
    return encode(Packet(MessageType.ANNOUNCE, ttl, wall_ms(now), peer_id_of(noise), payload))


def crowd(play: Play, count: int) -> None:
    """So many announces over all links in turn, as fast as the budgets allow."""
    links = sorted(play.mtus)
    for number in range(count):
        play.hear(links[number % len(links)], sybil(number))


def test_peers_are_bounded_and_those_that_make_room_are_lost() -> None:
    play = Play(verify=believe, links=[f"link{number}" for number in range(8)])
    crowd(play, MAX_PEERS + 3)
    assert len(play.mesh.peers) == MAX_PEERS
    assert len(play.seen(PeerSeen)) == MAX_PEERS + 3
    assert play.seen(PeerLost) == [PeerLost(peer_id_of(number.to_bytes(32)), "too many peers") for number in range(3)]


def test_a_peer_that_goes_on_announcing_itself_does_not_make_room() -> None:
    play = Play(verify=believe, links=[f"link{number}" for number in range(8)])
    crowd(play, MAX_PEERS)
    play.wait(1)
    play.hear("link0", sybil(0, play.now))
    play.hear("link0", sybil(MAX_PEERS))
    assert play.mesh.peers.get(peer_id_of((0).to_bytes(32))) is not None
    assert play.mesh.peers.get(peer_id_of((1).to_bytes(32))) is None


def test_pins_are_bounded_and_the_ones_unused_longest_go() -> None:
    table = PeerTable(b"own peer", believe, {number.to_bytes(8): bytes(32) for number in range(MAX_PINS + 5)})
    assert len(table.pins) == MAX_PINS
    assert table.signing_key((4).to_bytes(8)) is None
    frame = sybil(1)
    table.accept(frame, peek(frame), id_of(frame), 0.0, wall_ms(0), local=True)
    assert len(table.pins) == MAX_PINS
    assert table.signing_key((5).to_bytes(8)) is None


def test_links_are_bounded() -> None:
    play = Play(links=[f"link{number}" for number in range(MAX_LINKS)])
    assert play.up("one more") == [CloseLink("one more", "too many links")]
    assert play.hear("one more", sybil(1)) == []
    assert play.mesh.status(play.now).links == MAX_LINKS
    play.down("link0")
    play.up("another")
    assert play.mesh.status(play.now).links == MAX_LINKS


def test_a_link_that_comes_up_twice_counts_once() -> None:
    play = Play()
    ada = play.neighbor("a", "ada")
    play.up("a")
    assert play.mesh.status(play.now).links == 1
    assert play.mesh._links.direct_peers == ()
    play.wait(1)
    play.hear("a", ada.announce())
    play.down("a")
    assert play.mesh._links.direct_peers == ()


def test_links_that_come_and_go_leave_nothing_behind() -> None:
    play = Play()
    for number in range(1_000):
        play.up(f"link{number}")
        play.down(f"link{number}")
    assert len(play.mesh._chores._at) <= 4
    assert play.mesh._links.flood(None) == ()


def test_packets_seen_are_bounded() -> None:
    play = Play(verify=believe, links=[f"link{number}" for number in range(30)])
    node = play.node("ada")
    stream = (node.packet(0x7F, number.to_bytes(4), ttl=1, signed=False) for number in range(MAX_SEEN + MAX_UNPROVEN))
    for link in sorted(play.mtus):
        play.hear(link, *islice(stream, 400))
    assert play.mesh.status(play.now).counters["seen"] == MAX_SEEN
    assert len(play.mesh._seen._unproven) == MAX_UNPROVEN


def test_budgets_for_sync_answers_are_bounded() -> None:
    sync = Sync(Play().mesh._speaker.history, PeerTable(b"own peer", believe))
    for number in range(MAX_PEERS + 10):
        assert sync.may_answer(number.to_bytes(8), 0.0)
    assert len(sync._budgets) == MAX_PEERS
    assert [sync.may_answer(b"somebody", 0.0) for _ in range(MAX_SYNC_ANSWERS + 1)] == [True] * MAX_SYNC_ANSWERS + [False]


def test_an_identity_keeps_its_keys_to_itself() -> None:
    identity = Identity(bytes(range(32)), bytes(range(32, 64)))
    assert bytes(range(32)).hex() not in repr(identity)
    assert "private" not in repr(identity)


def test_one_link_makes_us_inflate_only_so_much() -> None:
    play = Play(links=["bomber", "friend"])
    text = b"a" * 400_000  # a few hundred bytes on the wire
    frames = [encode(Packet(0x7A, 3, wall_ms(0.0) + number, b"stranger", text, version=2)) for number in range(8)]
    assert all(len(frame) < 512 for frame in frames)
    for frame in frames:
        play.hear("bomber", frame)
    affordable = int(INFLATE_BURST // len(text))
    assert play.drops()[Reason.RATE.value] == len(frames) - affordable
    play.hear("friend", encode(Packet(0x7A, 3, wall_ms(0.0), b"somebody", b"b" * 4_000, version=2)))
    assert play.drops()[Reason.RATE.value] == len(frames) - affordable
