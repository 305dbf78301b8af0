"""Where the two apps write differently: the gateway's choice, and that of a phone that is not ours."""

from dataclasses import replace

import pytest

from gateway.limits import MAX_ANNOUNCE_AGE_S, MAX_SKEW_S
from gateway.mesh.dialect import PLAIN, Dialect
from gateway.mesh.effects import PublicMessage
from gateway.mesh.events import Say
from gateway.wire.announce import Announce, encode_announce
from gateway.wire.packet import decode
from gateway.wire.types import BROADCAST, MessageType
from tests.mesh.nodes import NOTHING
from tests.mesh.playbook import QUIET, Play


def speaking(**choices) -> Play:
    return Play(replace(QUIET, dialect=replace(PLAIN, **choices), capabilities=1 << 8), links=["a", "b"])


@pytest.mark.parametrize("everybody", [None, BROADCAST])
def test_a_public_message_names_everybody_as_it_is_told(everybody: bytes | None) -> None:
    play = speaking(everybody=everybody)
    play.do(Say("hello"))
    assert [sent.header.recipient_id for sent in play.sent("a", MessageType.MESSAGE)] == [everybody]
    assert [sent.header.recipient_id for sent in play.sent(kind=MessageType.ANNOUNCE)] == [None] * len(play.sent(kind=MessageType.ANNOUNCE))


@pytest.mark.parametrize("order", ["ios", "android"])
def test_an_announce_is_in_the_order_it_is_told(order) -> None:
    play = speaking(announce_order=order)
    ada = play.neighbor("a", "ada")
    play.wait(2)
    play.forget().up("late")
    me = play.me.identity
    said = Announce("gateway", me.noise_public, me.signing_public, (ada.peer_id,), capabilities=1 << 8)
    assert decode(play.sent("late")[0].frame).payload == encode_announce(said, order=order)


@pytest.mark.parametrize("marks", [True, False])
def test_answers_are_marked_or_not_and_have_no_hops_left(marks: bool) -> None:
    play = speaking(marks_answers=marks)
    ada = play.neighbor("a", "ada")
    play.hear("a", ada.say("hello"))
    ben = play.neighbor("b", "ben")
    play.forget().hear("b", ben.ask(NOTHING))
    answers = [sent.header for sent in play.sent("b") if sent.ttl == 0]
    assert {header.type for header in answers} == {MessageType.ANNOUNCE, MessageType.MESSAGE}
    assert {header.is_rsr for header in answers} == {marks}


@pytest.mark.parametrize("skew", [MAX_SKEW_S, float("inf")])
def test_time_is_judged_or_not(skew: float) -> None:
    play = speaking(max_skew=skew)
    ada = play.node("ada")
    for age in (10_000, -10_000):
        play.hear("a", ada.announce(age=age), ada.say(f"{age}", age=age))
    assert len(play.seen(PublicMessage)) == (0 if skew == MAX_SKEW_S else 2)


def test_an_announce_too_old_for_everybody_else_is_known_where_time_is_not_judged() -> None:
    play = speaking(max_skew=float("inf"))
    play.hear("a", play.node("ada").announce(age=MAX_ANNOUNCE_AGE_S + 1))
    assert play.directs() == {"ada"}


@pytest.mark.parametrize("relays", [True, False])
def test_others_are_passed_on_or_not(relays: bool) -> None:
    play = speaking(relays=relays)
    frame = play.stranger("a", "ada").say("hello")
    play.hear("a", frame)
    assert bool(play.copies(frame)) is relays


def test_the_gateway_chooses_what_both_apps_understand() -> None:
    assert Dialect() == PLAIN == Play().mesh.settings.dialect
    assert (PLAIN.everybody, PLAIN.announce_order, PLAIN.marks_answers, PLAIN.max_skew, PLAIN.relays) == (
        None,
        "ios",
        True,
        MAX_SKEW_S,
        True,
    )
