"""What ``meshgate audit`` prints for a person; the running gateway is asked in tests/app."""

import pytest

from gateway.admin.audit import AuditDocument, change_document
from gateway.cli.audit import print_changes
from gateway.store.audit import Action, Actor, Change

SWITCHED = change_document(Change(1_750_000_000_000, Actor.MQTT, Action.BRIDGE_SWITCHED, "off", left_out=9))
STARTED = change_document(Change(None, Actor.SYSTEM, Action.GATEWAY_STARTED))


def test_a_line_says_when_by_which_way_and_what(capsys: pytest.CaptureFixture) -> None:
    print_changes(AuditDocument((SWITCHED, STARTED), None, 0))
    head, switched, started = capsys.readouterr().out.splitlines()
    assert head.split() == ["AT", "BY", "WHAT"]
    assert switched.startswith("2025-06-1")
    assert switched.endswith("mqtt    The bridge was switched over MQTT: off. 9 more before it were not noted.")
    assert started.split(maxsplit=4) == ["time", "not", "known", "system", "The gateway started."]


def test_that_there_are_more_is_said_and_so_is_that_there_is_nothing(capsys: pytest.CaptureFixture) -> None:
    print_changes(AuditDocument((STARTED,), 7, 0))
    assert capsys.readouterr().out.endswith("There are more: give a larger --last.\n")
    print_changes(AuditDocument((), None, 0))
    assert capsys.readouterr().out == "Nothing was changed yet.\n"
