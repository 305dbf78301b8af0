"""Which relays may be named, and how."""

import pytest

from transports.limits import MAX_RELAYS
from transports.nostr.address import parse_relay
from transports.nostr.config import NostrConfig
from transports.nostr.pace import Pace
from transports.nostr.protocol import Filter

ASKED = (Filter((20_000,), "r", ("u4pruy",), 900, 200),)


@pytest.mark.parametrize(
    ("text", "place", "url"),
    [
        ("wss://relay.example", "relay.example", "wss://relay.example"),
        ("wss://RELAY.example/", "relay.example", "wss://relay.example"),
        ("wss://relay.example:443", "relay.example", "wss://relay.example"),
        ("wss://relay.example:8443/nostr", "relay.example:8443/nostr", "wss://relay.example:8443/nostr"),
        ("wss://[2001:DB8::1]:7000", "[2001:db8::1]:7000", "wss://[2001:db8::1]:7000"),
        ("wss://192.0.2.7", "192.0.2.7", "wss://192.0.2.7"),
        ("ws://127.0.0.1:7000", "127.0.0.1:7000", "ws://127.0.0.1:7000"),
        ("ws://[::1]:7000", "[::1]:7000", "ws://[::1]:7000"),
        ("ws://localhost:7000", "localhost:7000", "ws://localhost:7000"),
    ],
)
def test_an_address_of_a_relay(text: str, place: str, url: str) -> None:
    address = parse_relay(text)
    assert (address.place, address.url) == (place, url)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ws://relay.example", "would not be encrypted"),
        ("ws://192.168.1.2", "would not be encrypted"),
        ("ws://127.0.0.1.example", "would not be encrypted"),
        ("https://relay.example", "not the address of a relay"),
        ("relay.example", "not the address of a relay"),
        ("wss://user:word@relay.example", "not the address of a relay"),
        ("wss://relay.example?key=secret", "not the address of a relay"),
        ("wss://relay.example#part", "not the address of a relay"),
        ("wss://relay.example/a b", "not the address of a relay"),
        ("wss://relay.example:0", "not a TCP port"),
        ("wss://relay.example:70000", "not a TCP port"),
        ("wss://300.1.2.3", "neither an IP address nor a host name"),
        ("wss://-relay", "neither an IP address nor a host name"),
        ("wss://[::1::2]", "neither an IP address nor a host name"),
        ("wss://" + "a" * 300, "at most"),
    ],
)
def test_what_is_no_address_of_a_relay_is_told_in_a_sentence(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_relay(text)


def test_a_relay_is_named_once_however_it_is_written() -> None:
    with pytest.raises(ValueError, match="twice"):
        NostrConfig(("wss://relay.example", "wss://Relay.example:443/"), ASKED)


def test_there_are_neither_none_nor_too_many() -> None:
    with pytest.raises(ValueError, match="no relay is named"):
        NostrConfig((), ASKED)
    with pytest.raises(ValueError, match="are more than"):
        NostrConfig(tuple(f"wss://relay{number}.example" for number in range(MAX_RELAYS + 1)), ASKED)
    assert NostrConfig(tuple(f"wss://relay{number}.example" for number in range(MAX_RELAYS)), ASKED)


def test_something_must_be_asked_for() -> None:
    with pytest.raises(ValueError, match="needs a filter"):
        NostrConfig(("wss://relay.example",), ())


def test_a_pace_lets_a_burst_through_and_then_its_rate() -> None:
    pace = Pace(2.0, 3.0)
    assert [pace.wait(0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert pace.wait(0.5) == 0.0
    assert pace.wait(0.5) == 0.5
    assert [pace.wait(100.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    for wrong in ((0.0, 1.0), (1.0, 0.5)):
        with pytest.raises(ValueError, match="positive"):
            Pace(*wrong)
