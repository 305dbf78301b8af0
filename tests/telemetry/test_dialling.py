"""Which broker is asked next, when, and in which version."""

from random import Random

from gateway.config.mqtt import Broker
from gateway.telemetry.mqtt.dialling import Dialling
from gateway.telemetry.mqtt.values import Dial, Trouble, Version
from transports.backoff import Backoff
from transports.limits import BACKOFF_CAP_S

ONE, TWO = Broker("one", None), Broker("two", 1884)


def dialling(*brokers: Broker) -> Dialling:
    return Dialling(brokers, Backoff(Random(3)))


def test_the_brokers_of_a_cluster_are_tried_in_turn_and_again():
    dial = dialling(ONE, TWO)
    asked = []
    for _ in range(4):
        asked.append(dial.next.broker.host)
        dial.failed(Trouble.UNREACHABLE, dial.due)
    assert asked == ["one", "two", "one", "two"]


def test_waits_grow_to_a_cap_and_begin_anew_after_a_line_that_held():
    dial = dialling(ONE)
    waits, now = [], 0.0
    for _ in range(200):
        dial.failed(Trouble.UNREACHABLE, now)
        waits.append(dial.due - now)
        now = dial.due
    assert max(waits) > BACKOFF_CAP_S / 2
    assert max(waits) <= BACKOFF_CAP_S
    dial.works()
    dial.lost(now)
    assert dial.due - now <= 1.0


def test_a_broker_without_mqtt_5_is_asked_in_3_1_1_at_once_and_then_kept_to_it():
    dial = dialling(ONE, TWO)
    dial.failed(Trouble.VERSION, 5.0)
    assert (dial.next, dial.due) == (Dial(ONE, Version.V311), 5.0)
    dial.lost(9.0)
    assert dial.next == Dial(TWO, Version.V5)
    dial.failed(Trouble.UNREACHABLE, 10.0)
    assert dial.next == Dial(ONE, Version.V311)


def test_a_broker_that_fails_in_both_versions_is_asked_in_5_again_next_time():
    dial = dialling(ONE)
    dial.failed(Trouble.LOST, 0.0)
    dial.failed(Trouble.LOST, 0.0)
    assert dial.next == Dial(ONE, Version.V5)
    assert dial.due >= 0.0


def test_a_wrong_password_is_not_a_reason_for_another_version():
    dial = dialling(ONE)
    for trouble in (Trouble.REFUSED, Trouble.TLS, Trouble.UNREACHABLE, Trouble.SILENT, Trouble.WRONG_ID, Trouble.TAKEN):
        dial.failed(trouble, 0.0)
        assert dial.next.version is Version.V5
