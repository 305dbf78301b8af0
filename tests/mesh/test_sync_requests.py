"""Gossip sync: what this node asks for, whom and when."""

from gateway.limits import MAX_SYNC_PEERS
from gateway.mesh.history import History
from gateway.mesh.peers import PeerTable
from gateway.mesh.settings import MeshSettings
from gateway.mesh.sync import FILTER_BYTES, ROUNDS, Sync, types_in, types_mask
from gateway.wire import gcs
from gateway.wire.packet import decode, peek
from gateway.wire.signing import verify
from gateway.wire.sync import RequestSync, decode_request_sync
from gateway.wire.types import MessageType
from tests.mesh.nodes import Node, id_of, wall_ms
from tests.mesh.playbook import QUIET, Play, Sent, fill

ASKING = MeshSettings(jitter=False)
TALK, PIECES, THINGS = (kinds for _, kinds in ROUNDS)


def requests(play: Play, link: str | None = None) -> list[Sent]:
    return play.sent(link, MessageType.REQUEST_SYNC)


def asked(sent: Sent) -> RequestSync:
    return decode_request_sync(decode(sent.frame).payload)


def test_a_new_neighbour_is_asked_after_five_seconds() -> None:
    play = Play(MeshSettings(sync_period=1_000))
    play.wait(1)
    play.neighbor("a", "ada")
    play.wait(4.9)
    assert requests(play) == []
    play.wait(0.2)
    (sent,) = requests(play)
    assert (sent.link, sent.at, sent.ttl, sent.header.recipient_id) == ("a", 6, 0, None)
    assert verify(sent.frame, play.me.identity.signing_public)
    assert types_in(asked(sent).types or 0) == TALK


def test_a_link_that_goes_down_before_is_not() -> None:
    play = Play(MeshSettings(sync_period=1_000), links=["a"])
    play.down("a")
    play.wait(10)
    assert requests(play) == []


def test_every_round_asks_for_what_its_turn_it_is() -> None:
    play = Play(ASKING)
    play.neighbor("a", "ada")
    play.wait(6)
    play.forget().wait(240)
    kinds = [asked(sent).types for sent in requests(play)]
    assert 14 <= kinds.count(types_mask(TALK)) <= 18  # every 15 seconds
    assert 6 <= kinds.count(types_mask(PIECES)) <= 9  # every 30
    assert 3 <= kinds.count(types_mask(THINGS)) <= 4  # every 60


def test_a_peer_with_two_links_is_asked_over_one() -> None:
    play = Play(ASKING)
    ada = play.neighbor("a", "ada")
    play.up("a2")
    play.hear("a2", ada.announce())
    play.wait(6)
    play.forget().wait(15)
    assert {sent.link for sent in requests(play)} == {"a"}


def test_a_node_that_does_not_sync_asks_nobody() -> None:
    play = Play(QUIET, links=["a"])
    play.wait(60)
    assert requests(play) == []


def test_it_names_what_it_has() -> None:
    play = Play(ASKING)
    ada = play.neighbor("a", "ada")
    message = ada.say("hello")
    play.hear("a", message)
    play.wait(6)
    request = asked(requests(play)[0])
    assert gcs.contains(request.filter, id_of(message))
    assert gcs.contains(request.filter, id_of(ada.announce(age=6)))
    assert request.since_ms is None


def test_a_full_request_fits_one_ble_frame() -> None:
    play = Play(ASKING)
    play.neighbor("a", "ada")
    fill(play, 400)
    play.forget().wait(6)
    (sent,) = requests(play, "a")
    assert len(sent.frame) <= 512
    assert asked(sent).since_ms is not None


def test_what_did_not_fit_is_older_than_since() -> None:
    history = History()
    sync = Sync(history, PeerTable(bytes(8), verify))
    ada = Node("ada")
    frames = [ada.say(str(number), age=float(number * 7 % 1_000)) for number in range(1_000)]  # in no order at all
    for frame in frames:
        history.add(frame, peek(frame), id_of(frame), 0.0, wall_ms(0))
    request = decode_request_sync(sync.request((MessageType.MESSAGE,), 0.0))
    assert request.since_ms is not None
    newer = [frame for frame in frames if peek(frame).timestamp_ms >= request.since_ms]
    assert 300 < len(newer) < 400
    assert all(gcs.contains(request.filter, id_of(frame)) for frame in newer)
    assert len(request.filter.data) <= FILTER_BYTES


def test_what_came_late_does_not_make_it_ask_for_everything_again() -> None:
    answering, asking = (Sync(History(), PeerTable(bytes(8), verify)) for _ in range(2))
    ada = Node("ada")
    frames = [ada.say(str(number), age=number / 10) for number in range(900)]
    late = ada.say("late", age=20_000)
    for sync in (answering, asking):
        for frame in (*reversed(frames), late):
            sync._history.add(frame, peek(frame), id_of(frame), 0.0, wall_ms(0))
    request = decode_request_sync(asking.request((MessageType.MESSAGE,), 0.0))
    assert answering.answer(request, 0.0) == []


def test_a_crowd_is_not_asked_for_its_announces() -> None:
    def believe(_frame: bytes, _key: bytes, _header: object) -> bool:
        return True

    play = Play(links=["a", "b"], verify=believe)
    people = [Node(f"node{number}", play.clock).announce(ttl=5) for number in range(MAX_SYNC_PEERS + 1)]
    play.hear("a", *people[: MAX_SYNC_PEERS // 2])
    play.hear("b", *people[MAX_SYNC_PEERS // 2 : MAX_SYNC_PEERS])
    sync = Sync(History(), play.mesh.peers)
    assert types_in(decode_request_sync(sync.request(TALK, play.now)).types) == TALK
    play.hear("b", people[-1])
    assert types_in(decode_request_sync(sync.request(TALK, play.now)).types) == tuple(kind for kind in TALK if kind != MessageType.ANNOUNCE)


def test_a_request_is_built_anew_only_when_something_has_changed() -> None:
    history = History()
    sync = Sync(history, PeerTable(bytes(8), verify))
    first = sync.request(THINGS, 0.0)
    assert sync.request(THINGS, 1.0) is first
    frame = Node("ada").packet(MessageType.FILE, b"file")
    history.add(frame, peek(frame), id_of(frame), 0.0, wall_ms(0))
    assert sync.request(THINGS, 2.0) != first
    assert len(sync._built) == 1


def test_types_are_bits() -> None:
    assert types_mask(TALK) == 0b100_0000_0011
    assert types_in(0b11) == (MessageType.ANNOUNCE, MessageType.MESSAGE)
    assert types_in(1 << 63) == ()
    assert types_mask((0x7F,)) == 0
