import pytest

from gateway.status import Problem, sentence
from tests.admin.documents import BROKEN, RADIO, document
from transports.link import TransportState


@pytest.mark.parametrize(
    ("phones", "sites", "waiting", "words"),
    [
        (0, 0, 0, "No phone is near. Not linked to any site. Nothing is waiting."),
        (1, 1, 1, "1 phone near. Linked to 1 site. 1 byte is waiting for busy links."),
        (2, 3, 999, "2 phones near. Linked to 3 sites. 999 bytes are waiting for busy links."),
        (12, 2, 64_512, "12 phones near. Linked to 2 sites. 65 kB are waiting for busy links."),
    ],
)
def test_the_sentence_counts_as_people_do(phones: int, sites: int, waiting: int, words: str) -> None:
    assert sentence(phones, sites, waiting, []) == words


def test_what_is_wrong_comes_first_and_the_first_wrong_thing_is_the_sentence() -> None:
    assert sentence(3, 1, 0, ["There is no Bluetooth adapter.", "Port 4001 is taken."]) == "There is no Bluetooth adapter."


def test_the_document_has_every_figure_where_it_belongs() -> None:
    status = document(waiting=5)
    assert status.sentence == "No phone is near. Linked to 1 site. 5 bytes are waiting for busy links."
    assert (status.uptime_s, status.waiting_bytes, status.shed_frames, status.problems) == (12.3, 5, 3, ())
    assert (status.bridge.mode.value, status.bridge.sites) == ("open", 1)
    assert len(status.peer_id) == 16
    radio = status.transports["radio"]
    assert (radio.state, radio.sentence, radio.links, radio.addresses) == (TransportState.UP, "2 links.", 2, ("here",))
    assert radio.counters == {"frames_in": 7}


def test_a_radio_that_is_missing_and_a_transport_that_is_down_are_problems_in_that_order() -> None:
    status = document(RADIO, BROKEN, troubles=[("There is no Bluetooth adapter.", "Plug one in.")])
    assert status.problems == (
        Problem("There is no Bluetooth adapter.", "Plug one in."),
        Problem("Port 4001 is taken.", "Choose another port."),
    )
    assert status.sentence == "There is no Bluetooth adapter."


def test_only_what_is_down_is_a_problem() -> None:
    assert document(RADIO).problems == ()
    assert document(BROKEN).sentence == "Port 4001 is taken."
