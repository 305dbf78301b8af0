import msgspec
import pytest

from gateway.bridge.open import OPEN_NOTICE
from gateway.status import Problem, Severity, sentence
from tests.admin.documents import document
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
    problems = [Problem("There is no Bluetooth adapter.", "Plug one in."), Problem("Port 4001 is taken.", "")]
    assert sentence(3, 1, 0, problems) == "There is no Bluetooth adapter."


def test_a_notice_is_nothing_wrong() -> None:
    notice = Problem("Somebody cannot be reached.", "Check it.", severity=Severity.NOTICE)
    assert sentence(1, 1, 0, [notice]) == "1 phone near. Linked to 1 site. Nothing is waiting."
    assert msgspec.structs.replace(document(), problems=(notice,)).is_well
    assert not document(troubles=[("There is no Bluetooth adapter.", "Plug one in.")]).is_well


def test_the_document_has_every_figure_where_it_belongs() -> None:
    status = document(waiting=5)
    assert status.sentence == "No phone is near. Linked to 1 site. 5 bytes are waiting for busy links."
    assert (status.uptime_s, status.waiting_bytes, status.shed_frames, status.problems) == (12.3, 5, 3, ())
    assert (status.bridge.mode.value, status.bridge.sites, status.bridge.notice) == ("open", 1, OPEN_NOTICE)
    assert len(status.peer_id) == 16
    radio = status.transports["radio"]
    assert (radio.state, radio.sentence, radio.links, radio.addresses) == (TransportState.UP, "2 links.", 2, ("here",))
    assert radio.counters == {"frames_in": 7}
