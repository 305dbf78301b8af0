"""The conversation with a broker, in virtual time and without one."""

from random import Random

import pytest

from gateway.config.mqtt import Broker
from gateway.telemetry.limits import MAX_MQTT_INFLIGHT, MAX_MQTT_OUTBOX, MAX_MQTT_PEERS
from gateway.telemetry.mqtt.session import BIRTH_S, PATIENCE_S, Session
from gateway.telemetry.mqtt.values import (
    Acknowledged,
    Arrived,
    Dial,
    HangUp,
    LineDown,
    LineUp,
    Order,
    Report,
    Send,
    Trouble,
    Version,
)
from tests.telemetry.sights import BROKER, DIAL_V5, DIAL_V311, TOPICS, connect, paths, session, settle

HOUR_S = 3600.0


def filled() -> Session:
    """A session that has said everything a gateway says at first."""
    one = session()
    one.describe(b"{}")
    one.keep("info", b"info")
    one.keep("state", b"state")
    one.keep("health", b"health")
    return one


def reports(actions: list[object]) -> list[str]:
    return [action.sentence for action in actions if isinstance(action, Report)]


def test_everything_is_told_before_the_gateway_is_called_online():
    sent = connect(filled())
    assert paths(sent) == [TOPICS.discovery, *(TOPICS.at(path) for path in ("info", "state", "health", "status"))]
    assert sent[-1].message.payload == b"online"
    assert all(send.message.retain for send in sent)


def test_everything_is_told_again_in_that_order_to_a_broker_that_comes_back():
    one = filled()
    first = connect(one)
    one.handle(LineDown(Trouble.LOST), 100.0, None)
    one.keep("state", b"newer")
    again = connect(one, 200.0)
    assert paths(again) == paths(first)
    assert again[2].message.payload == b"newer"


def test_a_gateway_that_ends_says_so_and_hangs_up_politely_and_dials_no_more():
    one = filled()
    connect(one)
    (send,) = one.end(10.0)
    assert (send.message.topic, send.message.payload) == (TOPICS.at("status"), b"offline")
    assert one.handle(Acknowledged(send.token), 10.0, None) == [HangUp()]
    assert one.handle(LineDown(Trouble.LOST), 11.0, None) == []
    assert one.run_due(1e6) == []
    assert one.dialled is None


def test_a_goodbye_waits_for_the_greeting_before_it():
    """Two states of one topic are never on their way at once, so `offline` follows the acknowledgement of `online`."""
    one = filled()
    one.run_due(0.0)
    sends = {send.message.payload: send for send in one.handle(LineUp(), 0.0, None) if isinstance(send, Send)}
    assert one.end(0.1) == []
    (goodbye,) = one.handle(Acknowledged(sends[b"online"].token), 0.2, None)
    assert goodbye.message.payload == b"offline"
    assert one.handle(Acknowledged(goodbye.token), 0.3, None) == [HangUp()]


def test_a_gateway_that_ends_while_it_dials_hangs_up_at_once():
    one = filled()
    one.run_due(0.0)
    assert one.end(0.1) == [HangUp()]


def test_news_waits_for_a_broker_and_arrives_in_order():
    one = filled()
    for number in range(40):
        one.tell("event/x", str(number).encode(), 0.0, 60)
    sent = connect(one)
    assert [send.message.payload for send in sent if "event" in send.message.topic] == [str(number).encode() for number in range(40)]


def test_home_assistant_that_starts_is_told_again_after_a_few_seconds():
    one = filled()
    connect(one)
    assert one.handle(Arrived(TOPICS.birth, b"online", False), 50.0, None) == []
    at = one.next_wakeup(50.0)
    assert BIRTH_S[0] <= at - 50.0 <= BIRTH_S[1]
    assert one.run_due(at - 0.01) == []
    sent = [send for send in one.run_due(at) if isinstance(send, Send)]
    assert paths(sent) == [TOPICS.discovery, TOPICS.at("state"), TOPICS.at("status")]


@pytest.mark.parametrize(("payload", "retained"), [(b"offline", False), (b"online", True), (b"\xff", False)])
def test_home_assistant_that_ends_or_started_long_ago_is_told_nothing(payload, retained):
    one = filled()
    connect(one)
    one.handle(Arrived(TOPICS.birth, payload, retained), 50.0, None)
    assert one.run_due(50.0 + BIRTH_S[1]) == []


def test_a_command_becomes_an_order_and_a_bad_one_an_answer():
    one = filled()
    connect(one)
    assert [action for action in one.handle(Arrived(TOPICS.at("cmd/bridge"), b"OFF", False), 1.0, None) if isinstance(action, Order)]
    (answer,) = (action for action in one.handle(Arrived(TOPICS.at("cmd/bridge"), b"huh", False), 2.0, None) if isinstance(action, Send))
    assert answer.message.topic == TOPICS.at("response/bridge")
    assert b"malformed" in answer.message.payload
    assert not answer.message.retain


def test_an_unknown_command_is_answered_under_a_name_that_cannot_do_harm():
    one = filled()
    connect(one)
    answers = []
    for verb in ("shut/down", "x" * 500, "a#b", "ü"):
        answers += [action for action in one.handle(Arrived(TOPICS.at(f"cmd/{verb}"), b"", False), 1.0, None) if isinstance(action, Send)]
    assert paths(answers) == [TOPICS.at("response/shut/down"), *[TOPICS.at("response/unknown")] * 3]


@pytest.mark.parametrize("topic", ["meshgate/00000000/cmd/bridge", "meshgate/4f3a9c01/state", "elsewhere", "meshgate/4f3a9c01/cmd"])
def test_what_is_for_somebody_else_is_counted_and_nothing_else(topic):
    one = filled()
    connect(one)
    assert one.handle(Arrived(topic, b"OFF", False), 1.0, None) == []
    assert one.strays == 1


def test_a_broker_that_acknowledges_nothing_is_given_up_and_nothing_is_lost():
    one = filled()
    one.run_due(0.0)
    one.handle(LineUp(), 0.0, None)
    one.tell("event/x", b"kept", 1.0, 60)
    assert one.run_due(PATIENCE_S - 1) != [HangUp(Trouble.SILENT)]
    actions = one.run_due(PATIENCE_S)
    assert actions[0] == HangUp(Trouble.SILENT)
    assert not one.is_up
    sent = connect(one, one.next_wakeup(PATIENCE_S))
    assert b"kept" in [send.message.payload for send in sent]
    assert TOPICS.at("status") in paths(sent)


def test_a_broker_that_never_answers_is_given_up():
    one = filled()
    one.run_due(0.0)
    assert one.next_wakeup(0.0) == PATIENCE_S
    assert one.run_due(PATIENCE_S)[0] == HangUp(Trouble.SILENT)


def test_a_broker_without_mqtt_5_is_asked_in_3_1_1_without_a_word():
    one = filled()
    assert one.run_due(0.0) == [DIAL_V5]
    assert one.handle(LineDown(Trouble.VERSION), 0.0, None) == [DIAL_V311]
    assert one.handle(LineUp(), 0.0, None)[0] == Report("MQTT: connected to broker.example.")
    assert one.dialled.version is Version.V311


def test_a_broker_that_is_away_is_told_of_once_and_then_that_it_is_back():
    one = session(brokers=(BROKER, Broker("other", None)))
    told, now = [], 0.0
    for _ in range(5):
        told += reports(one.run_due(now))
        told += reports(one.handle(LineDown(Trouble.UNREACHABLE, "connection refused"), now, None))
        now = one.next_wakeup(now)
    assert told == ["MQTT: The broker broker.example cannot be reached: connection refused. It is tried again."]
    one.run_due(now)
    assert reports(one.handle(LineUp(), now, None)) == ["MQTT: connected to other."]


def test_subscriptions_the_broker_refuses_are_told_of():
    one = filled()
    one.run_due(0.0)
    assert any("no command arrives" in sentence for sentence in reports(one.handle(LineUp((TOPICS.commands,)), 0.0, None)))


def test_a_token_the_broker_has_made_up_changes_nothing():
    one = filled()
    connect(one)
    assert one.handle(Acknowledged(123_456), 1.0, None) == []
    assert one.handle(LineUp(), 1.0, None) == []  # nor does a second answer


def test_peers_that_go_are_removed_from_the_broker():
    one = filled()
    connect(one)
    one.keep_peer("aabbccdd", b"{}")
    settle(one, one.run_due(1.0), 1.0)
    one.drop_peer("aabbccdd", 2.0)
    (send,) = settle(one, one.run_due(2.0), 2.0)
    assert (send.message.topic, send.message.payload, send.message.retain) == (TOPICS.at("peer/aabbccdd/state"), b"", True)
    assert one.peers == ()


def test_peers_an_earlier_run_has_left_behind_are_removed():
    one = filled()
    connect(one)
    one.keep_peer("mine", b"{}")
    settle(one, one.run_due(1.0), 1.0)
    assert one.handle(Arrived(TOPICS.at("peer/mine/state"), b"{}", True), 2.0, None) == []
    (send,) = settle(one, one.handle(Arrived(TOPICS.at("peer/left/state"), b"{}", True), 2.0, None), 2.0)
    assert (send.message.topic, send.message.payload) == (TOPICS.at("peer/left/state"), b"")
    assert one.handle(Arrived(TOPICS.at("peer/left/state"), b"", False), 2.0, None) == []  # our own words, coming back


def test_of_a_crowd_only_so_many_peers_get_a_topic():
    one = session()
    for number in range(MAX_MQTT_PEERS + 10):
        one.keep_peer(f"{number:08x}", b"{}")
    assert len(one.peers) == MAX_MQTT_PEERS


def test_discovery_that_is_switched_off_removes_the_device():
    one = session()
    one.describe(b"")
    sent = connect(one)
    assert (sent[0].message.topic, sent[0].message.payload, sent[0].message.retain) == (TOPICS.discovery, b"", True)


@pytest.mark.parametrize("seed", range(5))
def test_an_hour_with_a_broker_that_flaps_loses_no_news_and_no_state(seed):
    """Lines end at random moments, before and after acknowledgements; the broker forgets what it kept each time."""
    print(f"seed {seed}")
    rng, one = Random(seed), filled()
    kept: dict[str, bytes] = {}
    heard: list[bytes] = []
    said, dials, now, told, flying, ends_at = 0, [], 0.0, [], [], 0.0

    def do(actions: list[object]) -> None:
        nonlocal ends_at
        for action in actions:
            if isinstance(action, Dial):
                dials.append(now)
                kept.clear()
                flying.clear()
                ends_at = now + rng.expovariate(1 / 8)
                if rng.random() < 0.3:
                    do(one.handle(LineDown(Trouble.UNREACHABLE), now, None))
                else:
                    do(one.handle(LineUp(), now, None))
            elif isinstance(action, Send):
                flying.append(action)
                assert len(flying) <= MAX_MQTT_INFLIGHT
            elif isinstance(action, Report):
                told.append(action.sentence)

    while now < HOUR_S:
        now += 0.5
        if rng.random() < 0.2:
            one.tell("event/x", str(said).encode(), now, 600)
            said += 1
        one.keep("state", str(int(now)).encode())
        do(one.run_due(now))
        while flying and rng.random() < 0.8:
            send = flying.pop(0)
            if send.message.retain:
                kept[send.message.topic] = send.message.payload
            else:
                heard.append(send.message.payload)
            do(one.handle(Acknowledged(send.token), now, None))
        if one.is_up and now >= ends_at:
            do(one.handle(LineDown(rng.choice([Trouble.LOST, Trouble.SILENT, Trouble.GARBAGE, Trouble.TAKEN])), now, None))
    while not one.is_up:
        now += 1.0
        do(one.run_due(now))
    while flying:
        send = flying.pop(0)
        if send.message.retain:
            kept[send.message.topic] = send.message.payload
        else:
            heard.append(send.message.payload)
        do(one.handle(Acknowledged(send.token), now, None))
    assert list(dict.fromkeys(heard)) == [str(number).encode() for number in range(said)]  # each, in order; some may come twice
    assert one.outbox.dropped == 0
    assert kept[TOPICS.at("status")] == b"online"
    assert kept[TOPICS.discovery] == b"{}"
    assert int(kept[TOPICS.at("state")]) == int(HOUR_S)
    assert one.connections > 30
    assert len(dials) < HOUR_S / 2  # the back-off holds
    assert len(told) <= 2 * one.connections + 1


def test_an_hour_without_a_broker_keeps_the_latest_news_within_the_cap():
    one = filled()
    for second in range(int(HOUR_S)):
        one.tell("event/x", str(second).encode(), float(second), 600)
        one.run_due(float(second))
    assert len(one.outbox) <= MAX_MQTT_OUTBOX + 4
    one.handle(LineDown(Trouble.UNREACHABLE), HOUR_S, None)
    events = [send.message.payload for send in connect(one, HOUR_S + 100) if "event" in send.message.topic]
    assert events[-1] == b"3599"
    assert len(events) == MAX_MQTT_OUTBOX
