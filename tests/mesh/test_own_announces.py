"""When this node says who it is, to whom, and what it says."""

from collections.abc import Sequence
from itertools import pairwise

import pytest

from gateway.limits import MAX_NEIGHBORS
from gateway.mesh.effects import Heard
from gateway.mesh.events import Ping, Rename, Say, Whisper
from gateway.mesh.settings import MeshSettings
from gateway.wire.announce import Announce, decode_announce
from gateway.wire.packet import decode
from gateway.wire.signing import verify
from gateway.wire.types import Capability, MessageType
from tests.mesh.nodes import EPOCH, wall_ms
from tests.mesh.playbook import QUIET, Play, Sent


def announces(play: Play) -> list[Sent]:
    return play.sent(kind=MessageType.ANNOUNCE)


def said(sent: Sent) -> Announce:
    return decode_announce(decode(sent.frame).payload)


def pauses(moments: Sequence[float]) -> list[float]:
    return [round(later - earlier, 6) for earlier, later in pairwise(moments)]


def test_it_is_direct_signed_and_of_now() -> None:
    play = Play(MeshSettings(nickname="Hill", capabilities=Capability.BRIDGE, bridge_geohash="u4pruy", sync=False))
    play.wait(2)
    play.up("a")
    sent = announces(play)[0]
    assert (sent.ttl, sent.header.timestamp_ms, sent.header.recipient_id) == (7, wall_ms(2), None)
    assert verify(sent.frame, play.me.identity.signing_public)
    assert (said(sent).nickname, said(sent).capabilities, said(sent).bridge_geohash) == ("Hill", Capability.BRIDGE, "u4pruy")


def test_a_new_link_is_greeted_at_once_and_alone() -> None:
    play = Play(links=["a"])
    play.wait(2)
    play.forget().up("b")
    assert [sent.link for sent in announces(play)] == ["b"]


def test_links_that_come_up_together_get_the_same_announce() -> None:
    play = Play()
    play.wait(2)
    play.up("a", "b")
    play.wait(0.9)
    play.up("c")
    assert len({sent.frame for sent in announces(play)}) == 1
    play.wait(0.2)
    play.up("d")
    assert len({sent.frame for sent in announces(play)}) == 2


def test_alone_it_announces_itself_to_the_bridge_every_four_seconds() -> None:
    play = Play()
    play.wait(20)
    moments = [at for at, effect in play.record if isinstance(effect, Heard)]
    assert pauses(moments) == [4.0] * 5


@pytest.mark.parametrize(("links", "low", "high"), [(1, 11, 19), (5, 11, 19), (6, 22, 38), (9, 22, 38)])
def test_in_company_it_announces_itself_less_often(links: int, low: float, high: float) -> None:
    play = Play(links=[f"link{number}" for number in range(links)])
    play.wait(50)
    play.forget().wait(2_000)
    between = pauses([sent.at for sent in announces(play) if sent.link == "link0"])
    assert min(between) >= low
    assert max(between) <= high
    assert max(between) - min(between) > (high - low) / 2


def test_a_periodic_announce_goes_over_every_link_also_two_of_one_peer() -> None:
    play = Play(links=["b"])
    ada = play.neighbor("a", "ada")
    play.hear("b", ada.announce())
    play.forget().wait(19)
    assert sorted(sent.link for sent in announces(play)) == ["a", "b"]


def test_it_names_its_neighbours_and_at_most_ten() -> None:
    play = Play()
    nodes = [play.neighbor(f"link{number}") for number in range(MAX_NEIGHBORS + 2)]
    play.wait(2)
    play.forget().up("late")
    assert said(announces(play)[0]).neighbors == tuple(node.peer_id for node in nodes[:MAX_NEIGHBORS])


def test_it_names_fewer_neighbours_where_a_link_would_have_to_cut_it() -> None:
    play = Play()
    nodes = [play.neighbor(f"link{number}") for number in range(5)]
    play.wait(2)
    play.forget().up("small", mtu=190)
    (sent,) = announces(play)
    assert 182 < len(sent.frame) <= 190
    assert said(sent).neighbors == tuple(node.peer_id for node in nodes[: len(said(sent).neighbors)]) != ()


def test_a_small_link_does_not_get_the_long_announce_of_a_moment_ago() -> None:
    play = Play()
    for number in range(5):
        play.neighbor(f"link{number}")
    play.wait(2)
    play.forget().up("large")
    play.up("small", mtu=182)
    assert [len(sent.frame) <= 182 for sent in announces(play)] == [False, True]


def test_a_long_nickname_goes_out_in_fragments_rather_than_not_at_all() -> None:
    play = Play(MeshSettings(nickname="".join(chr(number) for number in range(0x100, 0x170)), sync=False))
    play.up("small", mtu=182)
    play.wait(1)
    assert len(play.sent("small", MessageType.FRAGMENT)) >= 2


def test_a_new_name_is_announced_at_once() -> None:
    play = Play(links=["a"])
    play.forget().do(Rename("Valley"))
    assert [said(sent).nickname for sent in announces(play)] == ["Valley"]


def test_a_name_too_long_to_announce_changes_nothing() -> None:
    play = Play(links=["a"])
    with pytest.raises(ValueError, match="255"):
        play.do(Rename("é" * 128))
    play.forget().wait(20)
    assert {said(sent).nickname for sent in announces(play)} == {"gateway"}


def test_nothing_is_sent_before_the_time_of_day_is_known() -> None:
    play = Play(MeshSettings(), links=["a"], clock_set=False)
    ada = play.node("ada")
    for event in (Say("hello"), Ping(ada.peer_id), Whisper(ada.peer_id, "ID", "hello"), Rename("Valley")):
        play.do(event)
    play.hear("a", ada.announce(), ada.say("hello"))
    play.wait(120)
    assert play.sent() == []
    assert play.mesh.leave(play.now) == []


def test_what_was_refused_for_want_of_a_clock_is_welcome_later() -> None:
    play = Play(links=["a"], clock_set=False)
    frame = play.node("ada").announce()
    play.hear("a", frame)
    assert play.drops() == {"clock": 1}
    play.set_clock()
    play.hear("a", frame)
    assert len(play.mesh.peers) == 1


def test_once_the_time_of_day_is_known_every_link_is_greeted() -> None:
    play = Play(links=["a", "b"], clock_set=False)
    play.set_clock()
    assert sorted(sent.link for sent in announces(play)) == ["a", "b"]


def test_a_clock_that_steps_is_announced_at_once_with_the_new_time() -> None:
    play = Play(QUIET, links=["a"])
    play.forget().set_clock(EPOCH + 500)
    assert [sent.header.timestamp_ms for sent in announces(play)] == [wall_ms(500)]


def test_goodbye_goes_to_everybody_once() -> None:
    play = Play(links=["b", "c"])
    ada = play.neighbor("a", "ada")
    play.hear("b", ada.announce())
    play.forget()._carry_out(play.mesh.leave(play.now))
    assert [sent.link for sent in play.sent(kind=MessageType.LEAVE)] == ["c", "a"]
