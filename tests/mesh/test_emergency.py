"""What goes ahead of everything else, and how a stranger is kept from having that for free."""

import pytest

from gateway.limits import (
    EMERGENCY_BURST,
    EMERGENCY_ORIGIN_BURST,
    EMERGENCY_ORIGIN_RATE,
    EMERGENCY_RATE,
    MAX_EMERGENCY_ORIGINS,
)
from gateway.mesh.effects import Priority
from gateway.mesh.emergency import Emergencies
from gateway.mesh.events import Say
from gateway.wire.board import URGENT
from gateway.wire.types import MessageType
from tests.mesh.nodes import LONG, Node, board, forged
from tests.mesh.playbook import Play


@pytest.fixture
def play() -> Play:
    return Play(links=["a", "b", "c"])


def post(node: Node, content: str = "notice", flags: int = URGENT) -> bytes:
    return node.packet(MessageType.BOARD, board(node, flags, content=content), ttl=5)


def classes(play: Play, link: str = "c") -> list[Priority]:
    return [sent.priority for sent in play.sent(link, MessageType.BOARD)]


def test_an_urgent_board_post_is_an_emergency_and_another_is_not(play: Play) -> None:
    ada = play.stranger("a", "ada")
    play.hear("a", post(ada, "the bridge is down"), post(ada, "a lost hat", flags=0))
    assert classes(play) == [Priority.EMERGENCY, Priority.PUBLIC]


def test_one_that_is_not_its_authors_goes_no_further(play: Play) -> None:
    ada = play.stranger("a", "ada")
    play.hear("a", forged(post(ada)), forged(post(play.node("nobody"))))
    assert classes(play) == []


def test_one_sender_has_a_few_and_more_after_a_while(play: Play) -> None:
    ada, few = play.stranger("a", "ada"), int(EMERGENCY_ORIGIN_BURST)
    play.hear("a", *(post(ada, f"help {number}") for number in range(few + 3)))
    assert classes(play) == [Priority.EMERGENCY] * few + [Priority.PUBLIC] * 3
    assert play.mesh.status(play.now).counters["emergencies_demoted"] == 3
    play.wait(1 / EMERGENCY_ORIGIN_RATE)
    play.forget().hear("a", post(ada, "help at last"), post(ada, "and again"))
    assert classes(play) == [Priority.EMERGENCY, Priority.PUBLIC]


def test_ever_new_senders_use_up_what_their_link_has_and_nobody_elses(play: Play) -> None:
    many = [play.stranger("a", f"eve {number}") for number in range(10)]
    ada = play.stranger("b", "ada")
    play.hear("a", *(post(eve) for eve in many))
    assert classes(play).count(Priority.EMERGENCY) == int(EMERGENCY_BURST)
    play.forget().hear("b", post(ada))
    assert classes(play) == [Priority.EMERGENCY]
    play.wait(1 / EMERGENCY_RATE)
    play.forget().hear("a", *(post(eve, "again") for eve in many[:3]))
    assert classes(play).count(Priority.EMERGENCY) <= 1


def test_all_other_islands_together_have_as_much_as_one_link(play: Play) -> None:
    for number in range(int(EMERGENCY_BURST) + 2):
        far = play.node(f"far {number}")
        play.inject(far.announce())
        assert play.inject(post(far)) is None
    assert classes(play) == [Priority.EMERGENCY] * int(EMERGENCY_BURST) + [Priority.PUBLIC] * 2


def test_senders_with_an_allowance_of_their_own_are_bounded() -> None:
    emergencies = Emergencies()
    for number in range(3 * MAX_EMERGENCY_ORIGINS):
        emergencies.admit(number.to_bytes(8, "big"), None, 0.0)
    assert len(emergencies._origins) == MAX_EMERGENCY_ORIGINS
    assert emergencies.demoted == 3 * MAX_EMERGENCY_ORIGINS - int(EMERGENCY_BURST)


def test_an_alert_of_our_own_is_an_emergency_also_in_pieces(play: Play) -> None:
    play.do(Say("the water is rising", urgent=True))
    play.do(Say("good morning"))
    assert [sent.priority for sent in play.sent("c", MessageType.MESSAGE)] == [Priority.EMERGENCY, Priority.PUBLIC]
    play.forget().do(Say(LONG, urgent=True))
    play.wait(1.0)
    pieces = play.sent("c", MessageType.FRAGMENT)
    assert len(pieces) > 1
    assert {piece.priority for piece in pieces} == {Priority.EMERGENCY}
