"""What counts as news, and how often."""

import json
from dataclasses import replace

import msgspec
import pytest

from gateway.mesh.effects import PeerLost, PublicMessage
from gateway.mesh.records import HistoryKept
from gateway.status import MeshSummary
from gateway.telemetry.limits import MQTT_COUNT_RATE, MQTT_EVENT_BURST, MQTT_EVENT_RATE
from gateway.telemetry.mqtt.news import SOS_S, Event, Kind, News, Pseudonyms
from gateway.wire.board import URGENT, BoardPost, encode_board
from gateway.wire.packet import Packet, encode
from gateway.wire.types import MessageType
from tests.telemetry.sights import SECRETS, seen, status
from transports.link import TransportState

POST = BoardPost(b"p" * 16, "u4pruy", "bridge is out", b"k" * 32, "Ada", 1, 2, 0, b"s" * 64)


def kept(post: BoardPost) -> HistoryKept:
    frame = encode(Packet(MessageType.BOARD, 7, 1, b"s" * 8, encode_board(post)))
    return HistoryKept(MessageType.BOARD, b"i" * 16, frame, 10)


def changed(**changes: object) -> list[Event]:
    """What is news of a gateway that was well before."""
    news = News()
    assert news.of_status(status(), 0.0) == []
    return news.of_status(status(**changes), 10.0)


def transport(name: str, **changes: object) -> dict:
    transports = dict(status().transports)
    return transports | {name: msgspec.structs.replace(transports[name], **changes)}


def test_a_peer_is_news_without_a_word_about_who_it_is():
    event = News().of_effect(seen(), 0.0)
    assert event == Event(Kind.PEER_SEEN, {"event_type": "peer_seen", "direct": True})
    assert not [secret for secret in SECRETS if secret in json.dumps(dict(event.data))]
    assert News().of_effect(PeerLost(b"a" * 8, "left"), 0.0) == Event(Kind.PEER_LOST, {"event_type": "peer_lost"})


def test_a_crowd_that_comes_at_once_is_counted():
    news = News()
    events = [news.of_effect(seen(), 0.0) for _ in range(int(MQTT_EVENT_BURST) + 4)]
    assert events[-4:] == [None] * 4
    assert news.of_effect(seen(), 1 / MQTT_EVENT_RATE).data["more"] == 4
    assert "more" not in news.of_effect(seen(), 3 / MQTT_EVENT_RATE).data


def test_an_urgent_post_on_the_board_is_a_call_for_help_for_a_while():
    news = News()
    assert news.of_effect(kept(POST), 0.0) is None
    assert not news.is_sos(0.0)
    assert news.of_effect(kept(replace(POST, flags=URGENT)), 5.0) == Event(Kind.SOS, {"event_type": "sos"})
    assert news.is_sos(5.0 + SOS_S - 1)
    assert not news.is_sos(5.0 + SOS_S)


@pytest.mark.parametrize("effect", [HistoryKept(MessageType.BOARD, b"i" * 16, b"\x01junk", 1), PublicMessage(b"i", b"s", 1, "hi")])
def test_everything_else_is_no_news(effect):
    assert News().of_effect(effect, 0.0) is None


def test_a_transport_that_comes_or_goes_is_news():
    up = changed(transports=transport("libp2p", state=TransportState.UP))
    assert up == [Event(Kind.TRANSPORT_UP, {"event_type": "transport_up", "transport": "libp2p"})]
    (down,) = changed(transports=transport("ble", state=TransportState.DOWN))
    assert (down.kind, down.data["transport"]) == (Kind.TRANSPORT_DOWN, "ble")


def test_an_adapter_that_was_recovered_is_news():
    (event,) = changed(transports=transport("ble", counters={"recoveries": 2}))
    assert (event.kind, event.data["count"]) == (Kind.ADAPTER_RECOVERED, 2)


def test_what_happens_all_the_time_is_told_as_a_sum():
    news = News()
    news.of_status(status(), 0.0)
    (first,) = news.of_status(status(shed_frames=9), 5.0)
    assert (first.kind, first.data["count"]) == (Kind.QUEUE_FULL_REJECT, 5)
    assert news.of_status(status(shed_frames=12), 10.0) == []
    (later,) = news.of_status(status(shed_frames=14), 6.0 + 1 / MQTT_COUNT_RATE)
    assert later.data["count"] == 5


def test_copies_are_told_of_too():
    (event,) = changed(mesh=MeshSummary(1, (), {}, {"duplicate": 47}))
    assert event == Event(Kind.DUPLICATE_DROP, {"event_type": "duplicate_drop", "count": 7})


def test_pseudonyms_last_a_day_and_a_run():
    names = Pseudonyms(b"s" * 16)
    assert names.of("aa", "2026-01-01") == names.of("aa", "2026-01-01")
    assert (
        len(
            {
                names.of("aa", "2026-01-01"),
                names.of("aa", "2026-01-02"),
                names.of("ab", "2026-01-01"),
                Pseudonyms(b"t").of("aa", "2026-01-01"),
            }
        )
        == 4
    )
