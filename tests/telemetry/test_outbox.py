"""What waits for a broker: state is kept and news is bounded."""

from gateway.telemetry.limits import MAX_MQTT_INFLIGHT, MAX_MQTT_OUTBOX, MAX_MQTT_OUTBOX_BYTES, MQTT_EVENT_LIFETIME_S
from gateway.telemetry.mqtt.outbox import Outbox
from gateway.telemetry.mqtt.values import Message, Send


def take_all(box: Outbox, now: float = 0.0) -> list[str]:
    """Everything that can be sent, acknowledged as it goes."""
    payloads = []
    while (send := box.take(now)) is not None:
        payloads.append(send.message.payload.decode())
        box.acknowledged(send.token)
    return payloads


def news(text: str) -> Message:
    return Message("event/x", text.encode())


def state(topic: str, text: str) -> Message:
    return Message(topic, text.encode(), retain=True)


def test_state_goes_before_news_and_only_the_latest_of_a_topic_counts():
    box = Outbox()
    box.add(news("something happened"), 0.0)
    box.keep(state("a", "old"))
    box.keep(state("b", "b"))
    box.keep(state("a", "new"))
    assert take_all(box) == ["new", "b", "something happened"]
    assert len(box) == 0


def test_what_the_broker_knows_is_not_sent_again_until_it_may_have_forgotten():
    box = Outbox()
    box.keep(state("a", "same"))
    assert take_all(box) == ["same"]
    box.keep(state("a", "same"))
    assert take_all(box) == []
    box.reconnected()
    assert take_all(box) == ["same"]
    box.say_again("a")
    box.say_again("nothing of ours")
    assert take_all(box) == ["same"]


def test_state_that_changes_on_its_way_is_sent_once_more_afterwards():
    box = Outbox()
    box.keep(state("a", "1"))
    send = box.take(0.0)
    box.keep(state("a", "2"))
    assert box.take(0.0) is None  # never two versions of one topic at once, or the broker might end with the older
    box.acknowledged(send.token)
    assert take_all(box) == ["2"]


def test_news_without_an_acknowledgement_is_sent_again_in_order_after_a_reconnection():
    box = Outbox()
    for text in "abc":
        box.add(news(text), 0.0)
    first = [box.take(0.0) for _ in range(3)]
    box.acknowledged(first[1].token)
    box.reconnected()
    box.acknowledged(first[0].token)  # of the line before: means nothing any more
    assert take_all(box) == ["a", "c"]
    assert box.published == 3


def test_no_more_is_on_its_way_than_the_cap_and_an_unknown_token_is_nothing():
    box = Outbox()
    for number in range(MAX_MQTT_INFLIGHT + 5):
        box.add(news(str(number)), 0.0)
    sent = [box.take(0.0) for _ in range(MAX_MQTT_INFLIGHT)]
    assert box.take(0.0) is None
    box.acknowledged(999_999)
    assert box.take(0.0) is None
    box.acknowledged(sent[0].token)
    assert isinstance(box.take(0.0), Send)


def test_of_too_much_news_the_oldest_gives_way_and_is_counted():
    box = Outbox()
    for number in range(MAX_MQTT_OUTBOX + 3):
        box.add(news(str(number)), 0.0)
    assert box.dropped == 3
    assert take_all(box)[0] == "3"


def test_what_is_on_its_way_does_not_give_way():
    box = Outbox()
    box.add(news("first"), 0.0)
    send = box.take(0.0)
    for number in range(MAX_MQTT_OUTBOX):
        box.add(news(str(number)), 0.0)
    assert box.dropped == 1
    box.acknowledged(send.token)
    assert take_all(box)[0] == "1"


def test_news_is_bounded_in_bytes_too():
    box = Outbox()
    quarter = MAX_MQTT_OUTBOX_BYTES // 4
    for letter in "abcdef":
        box.add(news(letter * quarter), 0.0)
    assert box.bytes <= MAX_MQTT_OUTBOX_BYTES
    assert box.dropped == 3
    box.add(news("x" * (MAX_MQTT_OUTBOX_BYTES + 1)), 0.0)
    assert box.dropped == 4
    assert [payload[0] for payload in take_all(box)] == ["d", "e", "f"]
    assert box.bytes == 0


def test_old_news_is_no_news():
    box = Outbox()
    box.add(news("old"), 0.0)
    box.add(news("young"), 10.0)
    assert take_all(box, MQTT_EVENT_LIFETIME_S) == ["young"]
    assert box.dropped == 1


def test_what_the_broker_refuses_is_counted_and_does_not_stay():
    box = Outbox()
    box.add(news("a"), 0.0)
    box.acknowledged(box.take(0.0).token, refused=True)
    assert (box.refused, box.published, len(box)) == (1, 0, 0)


def test_it_knows_since_when_it_waits_for_an_acknowledgement():
    box = Outbox()
    assert box.waiting_since() is None
    box.add(news("a"), 3.0)
    box.add(news("b"), 4.0)
    first = box.take(5.0)
    box.take(6.0)
    assert box.waiting_since() == 5.0
    box.acknowledged(first.token)
    assert box.waiting_since() == 6.0


def test_state_that_is_forgotten_is_not_sent():
    box = Outbox()
    box.keep(state("a", "1"))
    send = box.take(0.0)
    box.forget("a")
    box.acknowledged(send.token)
    box.reconnected()
    assert take_all(box) == []
