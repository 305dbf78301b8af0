"""Two adapters of one gateway hear each other: a link to ourselves is found out and given up."""

import pytest

from gateway.limits import MAX_TTL
from gateway.mesh.effects import CloseLink, SendFrame
from gateway.mesh.events import Say
from gateway.mesh.settings import MeshSettings
from gateway.wire.packet import as_sync_answer, with_ttl
from gateway.wire.types import MessageType
from tests.mesh.nodes import forged
from tests.mesh.playbook import NO_SYNC, Play

GIVEN_UP = "this is ourselves"


def closed(play: Play) -> list[tuple[str, str]]:
    return [(effect.link, effect.why) for effect in play.seen(CloseLink)]


def own_announce(play: Play) -> bytes:
    """What this node itself sent last."""
    return play.sent(kind=MessageType.ANNOUNCE)[-1].frame


def test_our_own_direct_announce_closes_the_link_it_comes_over() -> None:
    play = Play(links=["a", "b"])
    play.hear("a", own_announce(play))
    assert closed(play) == [("a", GIVEN_UP)]
    assert play.drops() == {"own": 1}


def test_it_is_said_exactly_once_per_link_however_long_the_link_takes_to_go() -> None:
    play = Play(links=["a", "b", "c"])
    frame = own_announce(play)
    for link in ("a", "b", "a", "b", "a"):
        play.hear(link, frame, play.node("ada").say("hello"))
    assert closed(play) == [("a", GIVEN_UP), ("b", GIVEN_UP)]


def test_nothing_goes_out_or_comes_in_over_it_any_more() -> None:
    play = Play(links=["a", "b"])
    play.hear("a", own_announce(play))
    play.forget()
    play.hear("a", play.node("ada").announce())
    play.do(Say("hello"))
    play.wait(60)
    assert play.sent("a") == []
    assert [peer.nickname for peer in play.mesh.status(play.now).peers] == []
    assert play.mesh.status(play.now).links == 1


def test_the_end_of_such_a_link_is_nothing_new_and_it_may_come_up_again_as_another() -> None:
    play = Play(links=["a"])
    play.hear("a", own_announce(play))
    play.mtus["a"] = 512
    assert play.down("a") == []
    ada = play.neighbor("a", "ada")
    assert play.directs() == {"ada"}
    assert ada.peer_id in {peer.peer_id for peer in play.mesh.peers}


def test_no_question_goes_to_ourselves() -> None:
    play = Play(MeshSettings(jitter=False, sync_period=1_000), links=["a"])
    play.forget().hear("a", own_announce_of(play))
    play.wait(10)
    assert play.sent(kind=MessageType.REQUEST_SYNC) == []


def own_announce_of(play: Play) -> bytes:
    return play.me.announce(nickname="gateway")


def test_an_announce_that_came_in_fragments_tells_us_too() -> None:
    play = Play(MeshSettings(nickname="".join(chr(number) for number in range(0x100, 0x170)), sync=False))
    play.up("small", mtu=182)
    play.wait(1)
    play.hear("small", *[sent.frame for sent in play.sent("small", MessageType.FRAGMENT)])
    assert closed(play) == [("small", GIVEN_UP)]


@pytest.mark.parametrize("ttl", [0, 1, MAX_TTL - 1])
def test_what_others_passed_on_of_ours_closes_nothing(ttl: int) -> None:
    play = Play(NO_SYNC, links=["a"])
    play.hear("a", with_ttl(own_announce(play), ttl), as_sync_answer(own_announce(play)))
    assert closed(play) == []


def test_what_we_said_ourselves_closes_nothing_by_itself() -> None:
    play = Play(links=["a"])
    play.do(Say("hello"))
    (said,) = play.sent(kind=MessageType.MESSAGE)
    play.hear("a", said.frame)
    assert closed(play) == []


def test_whoever_shows_our_own_id_as_a_neighbour_is_left_even_if_it_cannot_sign() -> None:
    play = Play(links=["a"])
    play.hear("a", forged(own_announce(play)))
    assert closed(play) == [("a", GIVEN_UP)]


def test_the_announce_of_somebody_else_closes_nothing() -> None:
    play = Play(links=["a"])
    play.hear("a", play.node("ada").announce())
    assert closed(play) == []
    assert not [effect for _, effect in play.record if isinstance(effect, SendFrame) and effect.frame[1] == MessageType.LEAVE]
