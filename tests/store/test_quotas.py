"""Every quota of the spool: what comes when it is used up is refused, told so, and harms nobody else."""

from contextlib import suppress

import pytest

from gateway import limits
from gateway.errors import Reason
from gateway.store import quotas
from gateway.store.message import Accepted, State
from gateway.store.quotas import Class, Quota
from tests.store.stores import NOW, message, opened, writing

FRESH = Accepted(State.QUEUED, fresh=True)


@pytest.fixture
def spool(tmp_path):
    with writing(tmp_path / "store.db") as store:
        yield store.spool


def push(spool, count, *, size=1, label="", **names):
    """Accept so many; returns the refusals."""
    answers = []
    for number in range(count):
        changes = {name: value(number) if callable(value) else value for name, value in names.items()}
        answers.append(spool.accept(message(f"{label}{number}", body=bytes(size), **changes), NOW))
    return [answer for answer in answers if isinstance(answer, Reason)]


def somebody(number):
    return f"peer{number}".encode()


def test_one_peer_may_have_so_many_waiting(spool):
    assert push(spool, limits.MAX_SPOOL_PER_ORIGIN + 1, recipient=somebody) == [Reason.QUOTA_PEER]
    assert spool.accept(message("another's", origin=b"cem-----"), NOW) == FRESH


def test_one_peer_may_have_so_many_bytes_waiting(spool):
    half = limits.MAX_SPOOL_BYTES_PER_ORIGIN // 2
    assert push(spool, 2, size=half) == []
    assert push(spool, 1, label="more") == [Reason.QUOTA_PEER]


def test_for_one_peer_so_many_may_wait_whoever_wrote_them(spool):
    assert push(spool, limits.MAX_SPOOL_PER_RECIPIENT + 1, origin=somebody) == [Reason.QUOTA_PEER]
    assert spool.accept(message("another's", recipient=b"cem-----"), NOW) == FRESH


def test_for_one_peer_so_many_bytes_may_wait(spool):
    quarter = limits.MAX_SPOOL_BYTES_PER_RECIPIENT // 4
    assert push(spool, 5, size=quarter, origin=somebody) == [Reason.QUOTA_PEER]


@pytest.mark.parametrize("side", ["via", "site"])
def test_of_one_site_and_for_one_site_so_many_may_wait(spool, side):
    names = {"origin": somebody, "recipient": b"", side: b"hall"}
    assert push(spool, limits.MAX_SPOOL_PER_SITE + 1, **names) == [Reason.QUOTA_SITE]
    assert spool.accept(message("another's"), NOW) == FRESH


@pytest.mark.parametrize("side", ["via", "site"])
def test_of_one_site_and_for_one_site_so_many_bytes_may_wait(spool, side):
    twelfth = limits.MAX_SPOOL_BYTES_PER_SITE // 12
    assert push(spool, 13, size=twelfth, origin=somebody, recipient=b"", **{side: b"hall"}) == [Reason.QUOTA_SITE]


def test_the_classes_have_the_caps_of_the_table():
    assert {
        Class.EMERGENCY: Quota(limits.MAX_SPOOL_EMERGENCY, limits.MAX_SPOOL_EMERGENCY_BYTES),
        Class.DIRECTED: Quota(limits.MAX_SPOOL_DIRECTED, limits.MAX_SPOOL_DIRECTED_BYTES),
        Class.PUBLIC: Quota(limits.MAX_SPOOL_PUBLIC, limits.MAX_SPOOL_PUBLIC_BYTES),
        Class.BULK: Quota(limits.MAX_SPOOL_BULK, limits.MAX_SPOOL_BULK_BYTES),
    } == quotas.CLASSES


@pytest.mark.parametrize("service", [Class.EMERGENCY, Class.BULK])
def test_of_one_class_so_many_may_wait_and_the_others_have_room_of_their_own(spool, service):
    count = quotas.CLASSES[service].messages + 1
    assert push(spool, count, service=service, origin=somebody, recipient=somebody) == [Reason.QUOTA_CLASS]
    assert push(spool, 1, label="other") == []


@pytest.mark.parametrize("service", [Class.DIRECTED, Class.PUBLIC])
def test_the_larger_classes_end_as_well(spool, monkeypatch, service):
    monkeypatch.setitem(quotas.CLASSES, service, Quota(3, 1_000))
    assert push(spool, 4, service=service) == [Reason.QUOTA_CLASS]


@pytest.mark.parametrize("service", list(Class))
def test_of_one_class_so_many_bytes_may_wait(spool, service):
    room = quotas.CLASSES[service].bytes
    assert push(spool, 33, size=room // 32, service=service, origin=somebody, recipient=somebody) == [Reason.QUOTA_CLASS]


def test_what_has_ended_uses_up_nothing(spool):
    push(spool, limits.MAX_SPOOL_PER_ORIGIN)
    spool.delivered(b"0", NOW)
    assert push(spool, 2, label="more") == [Reason.QUOTA_PEER]


def test_what_is_nobodys_has_no_quota_but_that_of_its_class(spool):
    assert push(spool, 2 * limits.MAX_SPOOL_PER_RECIPIENT, origin=b"", recipient=b"") == []


def test_a_refusal_changes_nothing_and_may_be_an_acceptance_later(spool):
    push(spool, limits.MAX_SPOOL_PER_ORIGIN)
    before = spool.tally()
    assert push(spool, 1, label="more") == [Reason.QUOTA_PEER]
    assert (spool.tally(), spool.get(b"more0")) == (before, None)
    spool.delivered(b"0", NOW)
    assert push(spool, 1, label="more") == []


def test_quotas_hold_across_a_restart(tmp_path):
    with writing(tmp_path / "store.db") as store:
        push(store.spool, limits.MAX_SPOOL_PER_ORIGIN)
    with opened(tmp_path / "store.db") as store, store.database.transaction(durable=True):
        assert push(store.spool, 1, label="more") == [Reason.QUOTA_PEER]


def test_what_was_undone_uses_up_nothing(tmp_path):
    with opened(tmp_path / "store.db") as store:
        for _ in range(2):
            with suppress(ZeroDivisionError), store.database.transaction(durable=True):
                assert push(store.spool, limits.MAX_SPOOL_PER_ORIGIN) == []
                raise ZeroDivisionError
        with store.database.transaction(durable=True):
            with suppress(ZeroDivisionError), store.database.step():
                assert push(store.spool, limits.MAX_SPOOL_PER_ORIGIN) == []
                raise ZeroDivisionError
            assert push(store.spool, limits.MAX_SPOOL_PER_ORIGIN + 1) == [Reason.QUOTA_PEER]
