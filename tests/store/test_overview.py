"""What became of messages, a page at a time."""

from gateway.store.decisions import Decision
from gateway.store.inquiry import KNOWN_AS
from gateway.store.overview import LOAD, MOST_ROWS, page_of
from tests.store.stores import NOW, writing


def note(store, subject, verb="heard", detail=""):
    store.decisions.add(Decision(subject, NOW, "radio", verb, detail=detail))


def every_page(store, limit, wanted=lambda _trail: True):
    found, place = [], None
    while True:
        page = page_of(store, place, limit, wanted)
        found += [trail.subject for trail in page.trails]
        assert len(page.trails) <= limit
        if page.next is None:
            return found
        place = page.next


def test_each_message_is_listed_once_where_it_was_dealt_with_last(tmp_path):
    with writing(tmp_path / "store.db") as store:
        for number in range(30):
            note(store, f"{number:032x}")
        for number in (3, 7):
            note(store, f"{number:032x}", "sent")
        order = [7, 3, *(number for number in reversed(range(30)) if number not in (3, 7))]
        for limit in (1, 4, 100):
            assert every_page(store, limit) == [f"{number:032x}" for number in order]


def test_the_other_names_of_a_message_are_no_messages_of_their_own(tmp_path):
    with writing(tmp_path / "store.db") as store:
        note(store, "aa" * 16)
        note(store, "aa" * 16, KNOWN_AS, "bb" * 16)
        note(store, "bb" * 16, KNOWN_AS, "aa" * 16)
        note(store, "bb" * 16, "deposited")
        assert every_page(store, 10) == ["bb" * 16]


def test_a_search_in_vain_ends_after_so_many_rows_and_says_where_to_go_on(tmp_path):
    with writing(tmp_path / "store.db") as store:
        for number in range(MOST_ROWS + LOAD + 10):
            note(store, "aa" * 16 if number else "cc" * 16)
        first = page_of(store, None, 5, lambda trail: trail.subject == "cc" * 16)
        assert (first.trails, first.next is None) == ((), False)
        assert every_page(store, 5, lambda trail: trail.subject == "cc" * 16) == ["cc" * 16]
