"""Who is asked to prove that it is there, how often, and which answer counts."""

from random import Random

import pytest

from gateway.limits import (
    MAX_HANDSHAKE_FAILURES,
    MAX_PRESENCE,
    PRESENCE_AGAIN_S,
    PRESENCE_BURST,
    PRESENCE_RATE,
    PRESENCE_TIMEOUT_S,
)
from gateway.session.noise import Handshake, public_key_of
from gateway.session.presence import Presence
from gateway.wire.announce import peer_id_of


class Phone:
    def __init__(self, name: str) -> None:
        self._rng = Random(name)
        self.private = self._rng.randbytes(32)
        self.peer_id = peer_id_of(public_key_of(self.private))

    def answer(self, question: bytes) -> bytes:
        handshake = Handshake(initiator=False, static_private=self.private, ephemeral=self._rng.randbytes(32))
        handshake.read(question)
        return handshake.write()


@pytest.fixture
def presence() -> Presence:
    return Presence(Random("own").randbytes(32), Random("ephemeral").randbytes)


@pytest.fixture
def ben() -> Phone:
    return Phone("ben")


def asked(presence: Presence, phone: Phone, now: float = 0.0) -> bytes:
    question = presence.ask(phone.peer_id, now)
    assert question is not None
    return question


def test_the_owner_of_the_key_proves_it_and_once(presence: Presence, ben: Phone) -> None:
    answer = ben.answer(asked(presence, ben))
    assert presence.proves(ben.peer_id, answer, 1.0)
    assert not presence.proves(ben.peer_id, answer, 1.0)


def test_an_answer_to_another_question_proves_nothing(presence: Presence, ben: Phone) -> None:
    answer = ben.answer(asked(presence, ben))
    asked(presence, ben, PRESENCE_AGAIN_S)
    assert not presence.proves(ben.peer_id, answer, PRESENCE_AGAIN_S)


def test_nobody_else_can_answer_and_trying_spoils_nothing(presence: Presence, ben: Phone) -> None:
    question = asked(presence, ben)
    assert not presence.proves(ben.peer_id, Phone("eve").answer(question), 1.0)
    assert not presence.proves(ben.peer_id, bytes(96), 1.0)
    assert not presence.proves(ben.peer_id, b"short", 1.0)
    assert presence.proves(ben.peer_id, ben.answer(question), 1.0)


def test_only_so_many_wrong_answers_are_looked_at(presence: Presence, ben: Phone) -> None:
    question = asked(presence, ben)
    for _ in range(MAX_HANDSHAKE_FAILURES):
        assert not presence.proves(ben.peer_id, bytes(96), 1.0)
    assert not presence.proves(ben.peer_id, ben.answer(question), 1.0)


def test_an_answer_that_comes_late_proves_nothing(presence: Presence, ben: Phone) -> None:
    answer = ben.answer(asked(presence, ben))
    assert not presence.has_failed(ben.peer_id, PRESENCE_TIMEOUT_S - 0.1)
    assert presence.has_failed(ben.peer_id, PRESENCE_TIMEOUT_S)
    assert not presence.proves(ben.peer_id, answer, PRESENCE_TIMEOUT_S + 0.1)


def test_nobody_is_asked_again_at_once_unless_its_link_was_new(presence: Presence, ben: Phone) -> None:
    asked(presence, ben)
    assert presence.ask(ben.peer_id, PRESENCE_AGAIN_S - 0.1) is None
    presence.forget(ben.peer_id)
    asked(presence, ben, PRESENCE_AGAIN_S - 0.1)


def test_only_so_many_are_asked_in_a_second_and_remembered(presence: Presence) -> None:
    questions = [presence.ask(number.to_bytes(8), 0.0) for number in range(int(PRESENCE_BURST) + 3)]
    assert sum(question is not None for question in questions) == PRESENCE_BURST
    later = 5 / PRESENCE_RATE
    assert sum(presence.ask((1000 + number).to_bytes(8), later) is not None for number in range(10)) == 5
    assert len(presence) == MAX_PRESENCE
