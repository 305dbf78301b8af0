"""What the log of changes keeps, for how long, and that much of one thing pushes out nothing of another."""

import pytest

from gateway.limits import AUDIT_BURST, AUDIT_LIFETIME_MS, AUDIT_RATE, MAX_AUDIT_DETAIL, MAX_AUDIT_ROWS
from gateway.store.audit import Action, Actor, AuditLog, Change
from tests.store.stores import NOW, opened, writing


@pytest.fixture
def store(tmp_path):
    with writing(tmp_path / "store.db") as one:
        yield one


def change(number=0, action=Action.BRIDGE_SWITCHED, **more):
    return Change(NOW + number, Actor.MQTT, action, **more)


def details(log, *arguments):
    return [row.detail for row in log.page(*arguments)]


def test_a_change_is_told_as_it_was_noted_and_survives_a_restart(tmp_path):
    noted = Change(None, Actor.CONTROL_SOCKET, Action.WIPE_ASKED, "all", uid=1000, left_out=3)
    with writing(tmp_path / "store.db") as store:
        store.audit.add(noted)
    with opened(tmp_path / "store.db") as store:
        (row,) = store.audit.page(9)
    assert (row.at_ms, row.actor, row.action, row.detail, row.uid, row.left_out) == (None, "control_socket", "wipe_asked", "all", 1000, 3)


def test_the_latest_come_first_a_page_at_a_time(store):
    for number in range(5):
        store.audit.add(change(number, detail=str(number)))
    assert details(store.audit, 2) == ["4", "3"]
    last = store.audit.page(2)[-1].seq
    assert details(store.audit, 9, last) == ["2", "1", "0"]
    assert details(store.audit, 9, 1) == []


def test_a_number_is_never_given_twice_so_that_nobody_who_reads_on_misses_a_row(store):
    store.audit.add(change())
    (first,) = store.audit.page(1)
    store.audit.prune(NOW + AUDIT_LIFETIME_MS + 1)
    store.audit.add(change())
    assert store.audit.page(1)[0].seq > first.seq


def test_of_one_action_the_oldest_give_way_and_other_actions_keep_theirs(store):
    log = AuditLog(store.database, capacity=10)
    for number in range(4):
        log.add(change(number, Action.POLICY_CHANGED, detail=f"rules {number}"))
    for number in range(100):
        log.add(change(number, detail=str(number)))
    rows = log.page(999)
    assert [row.detail for row in rows if row.action == Action.BRIDGE_SWITCHED] == [str(number) for number in range(99, 89, -1)]
    assert len([row for row in rows if row.action == Action.POLICY_CHANGED]) == 4


def test_a_week_of_flooding_fits_what_is_kept_of_one_action():
    assert AUDIT_BURST + 7 * 24 * 3600 * AUDIT_RATE <= MAX_AUDIT_ROWS


def test_it_forgets_after_its_time_and_not_what_has_none(store):
    store.audit.add(change(0, detail="old"))
    store.audit.add(change(1, detail="young"))
    store.audit.add(Change(None, Actor.SYSTEM, Action.GATEWAY_STARTED, "some time"))
    assert store.audit.prune(NOW + AUDIT_LIFETIME_MS) == 0
    assert store.audit.prune(NOW + AUDIT_LIFETIME_MS + 1) == 1
    assert details(store.audit, 9) == ["some time", "young"]


def test_a_detail_that_is_too_long_is_cut(store):
    store.audit.add(change(detail="x" * 1_000))
    assert details(store.audit, 1) == ["x" * MAX_AUDIT_DETAIL]


def test_the_upkeep_of_the_store_looks_after_it(tmp_path):
    with writing(tmp_path / "store.db") as store:
        store.audit.add(change())
    with opened(tmp_path / "store.db") as store:
        store.prune(NOW + AUDIT_LIFETIME_MS + 1)
        assert store.audit.page(9) == []
