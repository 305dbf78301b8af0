from pathlib import Path
from typing import Any

import pytest

from transports.libp2p.identity import is_peer_id, peer_id_from, peer_id_of, public_key_of
from transports.limits import MAX_MEMBERS, MAX_PEER_ADDRESSES
from transports.websocket.address import PATH, parse_listen, parse_peer
from transports.websocket.config import WebSocketConfig

ALICE = peer_id_of(b"a" * 32)
BOB = peer_id_of(b"b" * 32)
AT_ALICE = f"wss://alice.example:8443#{ALICE}"


def made(**settings: Any) -> WebSocketConfig:
    return WebSocketConfig(Path("key"), Path("crt"), Path("tls"), **settings)


def test_a_gateway_that_listens_and_calls_is_accepted() -> None:
    config = made(listen=("0.0.0.0:8443", "[::]:8443", "127.0.0.1:0"), members=(ALICE, BOB), peers=(AT_ALICE,))
    assert config.authorities == ()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"listen": ("8443",)}, "neither an IP address nor a host name"),
        ({"listen": ("192.0.2.1",)}, "names no port"),
        ({"listen": ("gate.example:8443",)}, "give an IP address"),
        ({"listen": ("::1:8443",)}, "is not an address such as"),
        ({"listen": ("[::1:8443",)}, "is not an address such as"),
        ({"listen": ("[192.0.2.1]:8443",)}, "is not an IPv6 address"),
        ({"listen": ("192.0.2.256:8443",)}, "neither an IP address nor a host name"),
        ({"listen": ("192.0.2.1:65536",)}, "is not a TCP port"),
        ({"listen": ("192.0.2.1:٤",)}, "is not an address such as"),
        ({"listen": ("192.0.2.1:1", "192.0.2.1:1")}, "listed twice"),
        ({"listen": ()}, "nothing to do"),
        ({"members": ("alice",)}, "is not the ID of a gateway"),
        ({"members": (ALICE,) * (MAX_MEMBERS + 1)}, "more than the 64"),
        ({"peers": (AT_ALICE,)}, "not among the members"),
        ({"peers": ("wss://alice.example:8443",), "members": (ALICE,)}, "does not say whom to expect"),
        ({"peers": (f"ws://alice.example:8443#{ALICE}",), "members": (ALICE,)}, "would not be encrypted"),
        ({"peers": (f"http://alice.example#{ALICE}",), "members": (ALICE,)}, "would not be encrypted"),
        ({"peers": (f"https://alice.example#{ALICE}",), "members": (ALICE,)}, "is not an address such as"),
        ({"peers": (f"alice.example:8443#{ALICE}",), "members": (ALICE,)}, "is not an address such as"),
        ({"peers": (f"wss://alice.example:0#{ALICE}",), "members": (ALICE,)}, "port 0"),
        ({"peers": (f"wss://alice.example/elsewhere#{ALICE}",), "members": (ALICE,)}, "is not an address such as"),
        ({"peers": (f"wss://user@alice.example#{ALICE}",), "members": (ALICE,)}, "is not an address such as"),
        ({"peers": (f"wss://alice.example?x=1#{ALICE}",), "members": (ALICE,)}, "is not an address such as"),
        ({"peers": (f"wss://-x-#{ALICE}",), "members": (ALICE,)}, "neither an IP address nor a host name"),
        ({"peers": ("wss://alice.example#12D3KooWnobody",), "members": (ALICE,)}, "is not the ID of a gateway"),
        ({"peers": (AT_ALICE,) * (MAX_PEER_ADDRESSES + 1), "members": (ALICE,)}, "more than the 128"),
        ({"outage_grace_s": -1.0}, "grace"),
        ({"stall_s": 0.0}, "one write"),
        ({"hello_s": 0.0}, "a hello"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as error:
        made(**settings)
    assert str(error.value).endswith(".") or str(error.value).endswith("….")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (AT_ALICE, "wss://alice.example:8443"),
        (f"wss://alice.example#{ALICE}", "wss://alice.example:443"),
        (f"wss://alice.example/#{ALICE}", "wss://alice.example:443"),
        (f"wss://alice.example{PATH}#{ALICE}", "wss://alice.example:443"),
        (f"wss://192.0.2.1:8443#{ALICE}", "wss://192.0.2.1:8443"),
        (f"wss://[2001:db8:0:0::1]:8443#{ALICE}", "wss://[2001:db8::1]:8443"),
    ],
)
def test_an_address_is_read_and_written(text: str, url: str) -> None:
    address = parse_peer(text)
    assert address.url == url + PATH
    assert address.peer_id == ALICE
    assert parse_peer(str(address)) == address


def test_an_address_to_listen_on_is_read_and_written() -> None:
    assert str(parse_listen("[2001:db8:0:0::1]:1")) == "[2001:db8::1]:1"
    assert str(parse_listen("0.0.0.0:8443")) == "0.0.0.0:8443"


def test_a_peer_id_is_its_key_and_the_reverse() -> None:
    assert peer_id_from(public_key_of(ALICE)) == ALICE
    with pytest.raises(ValueError, match="not the ID of a gateway"):
        public_key_of(ALICE[:-1])
    assert not is_peer_id(ALICE[:-1])
