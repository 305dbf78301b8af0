"""Which commands are carried out: those that are of now, allowed, served, and in the right form."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.mqtt import Verb
from gateway.telemetry.limits import (
    MAX_MQTT_ANSWERS,
    MAX_MQTT_COMMAND,
    MAX_MQTT_TEXT,
    MAX_MQTT_TRANSACTION,
    MQTT_COMMAND_AGE_S,
    MQTT_COMMAND_BURST,
    MQTT_SEND_BURST,
)
from gateway.telemetry.mqtt.commands import Admission, answered
from gateway.telemetry.mqtt.values import Order

WALL = 1_767_000_000.0


def judge(payload: object, verb: str = "bridge", *, retained: bool = False, wall: float | None = WALL, admission: Admission | None = None):
    raw = payload if isinstance(payload, bytes) else payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()
    return (admission or Admission(tuple(Verb), tuple(Verb))).judge(verb, raw, retained, 0.0, wall)


@pytest.mark.parametrize(
    ("verb", "payload", "value"),
    [
        ("bridge", "OFF", "off"),
        ("bridge", " on\n", "on"),
        ("bridge", {"value": "ON"}, "on"),
        ("bridge", {"value": False}, "off"),
        ("restart", "", ""),
        ("restart", "PRESS", ""),
        ("rescan", {}, ""),
        ("send", "Water at the school", "Water at the school"),
        ("send", {"value": "two\nlines"}, "two\nlines"),
    ],
)
def test_bare_values_and_objects_are_understood(verb, payload, value):
    assert judge(payload, verb) == Order(Verb(verb), value)


@pytest.mark.parametrize(
    ("verb", "payload"),
    [
        ("bridge", ""),
        ("bridge", "perhaps"),
        ("bridge", b"\xff\xfe"),
        ("bridge", "{"),
        ("bridge", '{"value": "ON", "value2": 1}'),
        ("bridge", {"value": 3}),
        ("bridge", {"value": "ON", "at": "yesterday"}),
        ("bridge", '{"value":' + "[" * 2000),
        ("restart", "now"),
        ("restart", {"value": True}),
        ("send", "   "),
        ("send", "bell\a"),
        ("send", {"value": True}),
    ],
)
def test_what_has_not_the_form_of_a_command_is_refused(verb, payload):
    assert judge(payload, verb)["code"] == "malformed"


@pytest.mark.parametrize(
    ("verb", "payload"),
    [
        ("bridge", b" " * (MAX_MQTT_COMMAND + 1)),
        ("send", "x" * (MAX_MQTT_TEXT + 1)),
        ("bridge", {"value": "ON", "transaction": "t" * (MAX_MQTT_TRANSACTION + 1)}),
    ],
)
def test_what_is_too_long_is_refused(verb, payload):
    assert judge(payload, verb)["code"] == "oversized"


def test_the_longest_that_may_be_is_taken():
    assert isinstance(judge("x" * MAX_MQTT_TEXT, "send"), Order)
    assert isinstance(judge({"value": "ON", "transaction": "t" * MAX_MQTT_TRANSACTION}), Order)


def test_a_retained_command_is_never_carried_out():
    assert judge("OFF", retained=True)["code"] == "retained"


@pytest.mark.parametrize("verb", ["", "shutdown", "bridge/", "BRIDGE", "policy/reload", "backup"])
def test_an_unknown_command_is_refused(verb):
    assert judge("ON", verb)["code"] == "unknown"


def test_a_command_the_operator_does_not_allow_is_refused_before_anything_is_read():
    assert judge(b"\xff", admission=Admission((Verb.RESTART,), tuple(Verb)))["code"] == "not_allowed"


def test_a_command_nobody_serves_is_refused():
    assert judge("ON", admission=Admission(tuple(Verb), (Verb.RESTART,)))["code"] == "not_served"


@pytest.mark.parametrize(
    ("times", "code"),
    [
        ({"at": WALL - MQTT_COMMAND_AGE_S}, "stale"),
        ({"at": WALL - 1e9}, "stale"),
        ({"at": WALL + MQTT_COMMAND_AGE_S + 1}, "early"),
        ({"expires": WALL}, "stale"),
        ({"at": WALL, "expires": WALL - 5}, "stale"),
    ],
)
def test_a_command_of_another_time_is_refused_with_its_transaction(times, code):
    answer = judge({"value": "ON", "transaction": "t1", **times})
    assert (answer["status"], answer["code"], answer["transaction"]) == ("error", code, "t1")


def test_a_command_of_now_is_taken():
    made = {"value": "ON", "at": WALL - MQTT_COMMAND_AGE_S + 1, "expires": WALL + 1}
    assert isinstance(judge(made), Order)


def test_without_a_clock_a_command_with_a_time_is_refused_and_one_without_is_taken():
    assert judge({"value": "ON", "at": WALL}, wall=None)["code"] == "no_clock"
    assert isinstance(judge("ON", wall=None), Order)


def test_a_transaction_that_comes_twice_is_carried_out_once_and_answered_twice():
    admission = Admission(tuple(Verb), tuple(Verb))
    command = {"value": "ON", "transaction": "t1"}
    order = judge(command, admission=admission)
    assert judge(command, admission=admission) is None  # not answered yet
    admission.close(order, answered({"bridge": "on"}, "t1"))
    assert judge(command, admission=admission) == {"status": "ok", "data": {"bridge": "on"}, "transaction": "t1"}
    assert isinstance(judge({"value": "", "transaction": "t1"}, "restart", admission=admission), Order)  # another verb
    assert admission.taken == 2


def test_only_so_many_transactions_are_remembered():
    admission = Admission(tuple(Verb), tuple(Verb))
    for number in range(MAX_MQTT_ANSWERS + 1):
        payload = json.dumps({"value": "ON", "transaction": str(number)}).encode()
        admission.judge("bridge", payload, False, number * 10.0, WALL)
    assert isinstance(admission.judge("bridge", b'{"value":"ON","transaction":"0"}', False, 1e6, WALL), Order)
    assert admission.judge("bridge", b'{"value":"ON","transaction":"9"}', False, 1e6, WALL) is None


def test_commands_beyond_the_budget_are_not_even_answered():
    admission = Admission(tuple(Verb), tuple(Verb))
    answers = [judge("perhaps", admission=admission) for _ in range(int(MQTT_COMMAND_BURST) + 3)]
    assert answers[-3:] == [None] * 3
    assert (admission.turned_away, admission.ignored) == (MQTT_COMMAND_BURST, 3)


def test_notices_have_a_budget_of_their_own_because_air_time_is_scarce():
    admission = Admission(tuple(Verb), tuple(Verb))
    answers = [judge("hello", "send", admission=admission) for _ in range(int(MQTT_SEND_BURST) + 1)]
    assert [isinstance(answer, Order) for answer in answers] == [True] * int(MQTT_SEND_BURST) + [False]
    assert answers[-1]["code"] == "rate"


@given(st.binary(max_size=600), st.sampled_from([verb.value for verb in Verb]), st.booleans())
def test_whatever_comes_it_is_an_order_or_an_answer(payload, verb, retained):
    assert isinstance(judge(payload, verb, retained=retained), Order | dict)
