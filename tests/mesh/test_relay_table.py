"""The flood policy of the phones, as a table and through the whole engine."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.mesh.relay import decide
from gateway.mesh.settings import MeshSettings
from gateway.wire.board import URGENT
from gateway.wire.fragment import Fragment, encode_fragment
from gateway.wire.types import MessageType, type_name
from tests.mesh.nodes import Node, board
from tests.mesh.playbook import Play

FILE = Path(__file__).parent.parent / "vectors" / "bitchat" / "relay_decisions.json"
VECTORS: list[dict[str, Any]] = json.loads(FILE.read_text())["vectors"]
PLAIN = [v for v in VECTORS if not v.keys() & {"recipient_is_self", "sender_is_self"}]
ELSEWHERE = b"elsewher"
JITTERY = MeshSettings(sync=False)


def label(vector: dict[str, Any]) -> str:
    return f"{type_name(vector['type'])}-{'directed' if vector['directed'] else 'broadcast'}-ttl{vector['ttl']}-{vector['degree']}peers"


def frame_for(node: Node, vector: dict[str, Any], recipient: bytes) -> bytes:
    kind, ttl = vector["type"], vector["ttl"]
    if kind == MessageType.ANNOUNCE:
        return node.announce(ttl=ttl)
    payload = b"something"
    if kind == MessageType.BOARD:
        payload = board(node)
    elif kind == MessageType.FRAGMENT:
        payload = encode_fragment(Fragment(bytes(8), 0, 2, MessageType.MESSAGE, b"half"))
    return node.packet(kind, payload, ttl=ttl, to=recipient if vector["directed"] else None)


def crowd(degree: int) -> tuple[Play, Node]:
    """An engine with this many links, and a sender hops away behind the first of them."""
    play = Play(JITTERY, links=[f"link{number}" for number in range(degree)])
    return play, play.node("sender")


def test_the_vectors_are_all_there() -> None:
    assert (len(VECTORS), len(PLAIN)) == (386, 384)


@pytest.mark.parametrize("kind", sorted({vector["type"] for vector in PLAIN}), ids=type_name)
def test_the_table_is_the_phones_table(kind: int) -> None:
    for vector in (v for v in PLAIN if v["type"] == kind):
        decision = decide(kind, vector["ttl"], vector["degree"], directed=vector["directed"])
        assert decision == (vector["relay"], vector["new_ttl"], tuple(vector["delay_ms"])), label(vector)


@pytest.mark.parametrize("degree", [1, 3, 6, 12])
def test_the_engine_does_what_the_table_says(degree: int) -> None:
    play, sender = crowd(degree)
    others = sorted(f"link{number}" for number in range(1, degree))
    for vector in (v for v in PLAIN if v["degree"] == degree):
        play.hear("link0", sender.announce(ttl=1))
        play.wait(1)
        heard_at, frame = play.now, frame_for(sender, vector, ELSEWHERE)
        play.forget().hear("link0", frame)
        play.wait(1)
        assert play.links_of(frame) == (others if vector["relay"] else []), label(vector)
        low, high = vector["delay_ms"]
        for copy in play.copies(frame):
            assert copy.ttl == vector["new_ttl"], label(vector)
            assert low <= round((copy.at - heard_at) * 1000, 6) <= high, label(vector)


def test_what_is_addressed_to_this_node_goes_no_further() -> None:
    vector = next(v for v in VECTORS if v.get("recipient_is_self"))
    play, sender = crowd(vector["degree"])
    frame = sender.packet(vector["type"], b"sealed", ttl=vector["ttl"], to=play.me.peer_id)
    play.hear("link0", frame)
    play.wait(0.5)
    assert bool(play.copies(frame)) is vector["relay"]


def test_nor_does_what_this_node_can_answer() -> None:
    play, sender = crowd(3)
    frame = sender.packet(MessageType.PING, bytes(9), to=play.me.peer_id, signed=False)
    play.hear("link0", frame)
    play.wait(0.5)
    assert len(play.sent(kind=MessageType.PONG)) == 3
    assert play.copies(frame) == []


def test_this_nodes_own_packet_goes_no_further_when_it_comes_back() -> None:
    vector = next(v for v in VECTORS if v.get("sender_is_self"))
    play, _ = crowd(vector["degree"])
    frame = play.me.packet(vector["type"], b"mine", ttl=vector["ttl"])
    play.hear("link0", frame)
    play.wait(0.5)
    assert bool(play.copies(frame)) is vector["relay"]


@pytest.mark.parametrize(("flags", "ttl"), [(0, 5), (URGENT, 6)])
def test_an_urgent_notice_travels_as_far_as_an_announce(flags: int, ttl: int) -> None:
    play, sender = crowd(4)
    play.hear("link0", sender.announce())
    frame = sender.packet(MessageType.BOARD, board(sender, flags))
    play.hear("link0", frame)
    play.wait(0.5)
    assert {copy.ttl for copy in play.copies(frame)} == {ttl}


def test_jitter_is_different_every_time() -> None:
    play, sender = crowd(2)
    play.hear("link0", sender.announce())
    play.wait(0.5)
    frames = [sender.say(f"message {number}") for number in range(20)]
    play.hear("link0", *frames)
    play.wait(0.5)
    assert len({play.copies(frame)[0].at for frame in frames}) == 20


def test_without_jitter_a_relay_leaves_at_once() -> None:
    play = Play(MeshSettings(jitter=False, sync=False), links=["a", "b"])
    sender = play.stranger("a", "sender")
    frame = sender.say("now")
    play.hear("a", frame)
    assert [copy.at for copy in play.copies(frame)] == [play.now]
