"""A node that holds no mail takes none, says why, and does not pretend; what it only relays is none of its business."""

from gateway.errors import Reason
from gateway.mesh.records import Decided, LetterKept, Verb
from gateway.wire.courier import encode_courier
from gateway.wire.types import MessageType
from tests.mesh.mail import sealed
from tests.mesh.nodes import id_of
from tests.mesh.playbook import QUIET, Play


def test_a_letter_left_with_it_is_refused_and_the_record_says_why() -> None:
    play = Play(QUIET)
    ada, ben = play.neighbor("a", "ada"), play.node("ben")
    frame = ada.packet(MessageType.COURIER, encode_courier(sealed(ada, ben, "hi")), to=play.me.peer_id)
    play.hear("a", frame)
    play.wait(30)
    assert play.drops() == {Reason.MAIL_OFF.value: 1}
    assert [(one.verb, one.reason) for one in play.seen(Decided) if one.subject == id_of(frame)] == [(Verb.REFUSED, Reason.MAIL_OFF)]
    assert not play.seen(LetterKept)
    assert play.mesh.office is None


def test_a_letter_for_another_courier_is_passed_on() -> None:
    play = Play(QUIET)
    ada, ben = play.neighbor("a", "ada"), play.neighbor("b", "ben")
    frame = ada.packet(MessageType.COURIER, encode_courier(sealed(ada, ben, "hi")), to=ben.peer_id)
    play.hear("a", frame)
    play.wait(1)
    assert play.links_of(frame) == ["b"]
