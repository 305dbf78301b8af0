"""Everything that is known of one ID, under all its names."""

from gateway.limits import MAX_WHY_NAMES
from gateway.mesh.records import Verb
from gateway.store.decisions import _LOAD, Decision
from gateway.store.history import Kept
from gateway.store.inquiry import KNOWN_AS, trail_of, wanted_prefix
from gateway.wire.types import MessageType
from tests.store.stores import HOUR, NOW, message, opened, writing

PACKET, MESSAGE, EVENT = "aa" * 16, "bb" * 16, "cc" * 16


def note(store, subject, verb, at=0, detail=""):
    store.decisions.add(Decision(subject, NOW + at, "radio", verb, detail=detail))


def same(store, one, other):
    note(store, one, KNOWN_AS, detail=other)
    note(store, other, KNOWN_AS, detail=one)


def test_the_verb_is_the_one_that_is_recorded():
    assert KNOWN_AS == Verb.KNOWN_AS


def test_whichever_name_is_asked_for_the_whole_story_is_told_in_order(tmp_path):
    with writing(tmp_path / "store.db") as store:
        note(store, PACKET, "heard")
        same(store, PACKET, MESSAGE)
        same(store, EVENT, MESSAGE)
        note(store, EVENT, "deposited")
        note(store, PACKET, "refused")
    with opened(tmp_path / "store.db") as store:
        for subject in (PACKET, MESSAGE, EVENT):
            trail = trail_of(store, subject)
            assert {trail.subject, *trail.names} == {PACKET, MESSAGE, EVENT}
            assert [one.verb for one in trail.decisions] == ["heard", "deposited", "refused"]


def test_somebody_who_gives_one_thing_a_thousand_names_is_not_followed_further_than_a_few(tmp_path):
    with writing(tmp_path / "store.db") as store:
        for number in range(4 * MAX_WHY_NAMES):
            same(store, PACKET, f"{number:032x}")
        assert trail_of(store, PACKET).names == tuple(f"{number:032x}" for number in range(MAX_WHY_NAMES))


def test_what_is_kept_or_on_its_way_is_told(tmp_path):
    with writing(tmp_path / "store.db") as store:
        note(store, PACKET, "heard")
        same(store, PACKET, MESSAGE)
        store.history.add(Kept(MessageType.MESSAGE, bytes.fromhex(PACKET), b"frame", NOW + HOUR), NOW)
        store.spool.accept(message("7F3A-UUID"), NOW)
        assert trail_of(store, MESSAGE).kept_until_ms == NOW + HOUR
        assert trail_of(store, PACKET).progress is None
        assert trail_of(store, "7f3a-uuid").progress.id == b"7F3A-UUID"


def test_a_nostr_event_id_is_cut_to_what_travels_between_sites():
    assert wanted_prefix(" " + EVENT.upper() + "DD" * 16) == EVENT
    assert wanted_prefix(EVENT + "d") == EVENT
    assert wanted_prefix("AbC") == "abc"
    assert wanted_prefix("12D3KooW" + "z" * 44) == "12d3koow" + "z" * 44


def test_the_latest_come_first_and_each_once_however_much_was_done_with_one(tmp_path):
    with writing(tmp_path / "store.db") as store:
        for subject in ("old", "chatty", "new"):
            note(store, subject, "heard")
        for _ in range(2 * _LOAD):
            note(store, "chatty", "sent")
        assert store.decisions.latest(5) == ["chatty", "new", "old"]
        assert store.decisions.latest(2) == ["chatty", "new"]
        assert store.decisions.latest(0) == []
