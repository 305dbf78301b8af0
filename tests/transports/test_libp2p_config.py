from pathlib import Path
from typing import Any

import pytest

from transports.libp2p.address import parse_listen, parse_peer
from transports.libp2p.config import Libp2pConfig
from transports.libp2p.identity import peer_id_of
from transports.limits import MAX_MEMBERS, MAX_PEER_ADDRESSES

KEY = Path("libp2p.key")
ALICE = peer_id_of(b"a" * 32)
BOB = peer_id_of(b"b" * 32)
AT_ALICE = f"/dns4/alice.example/tcp/4001/p2p/{ALICE}"


def test_a_gateway_that_listens_and_calls_is_accepted() -> None:
    config = Libp2pConfig(KEY, listen=("/ip4/192.0.2.1/tcp/4001", "/ip6/::1/tcp/0"), members=(ALICE, BOB), peers=(AT_ALICE,))
    assert not config.gossip


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"listen": ("192.0.2.1:4001",)}, "is not an address such as"),
        ({"listen": ("/ip4/192.0.2.1/udp/4001/quic-v1",)}, "is not an address such as"),
        ({"listen": ("/dns4/gate.example/tcp/4001",)}, "give an IP address"),
        ({"listen": (f"/ip4/192.0.2.1/tcp/4001/p2p/{ALICE}",)}, "leave out the /p2p/"),
        ({"listen": ("/ip4/192.0.2.256/tcp/4001",)}, "is not an ip4 address"),
        ({"listen": ("/ip6/192.0.2.1/tcp/4001",)}, "is not an ip6 address"),
        ({"listen": ("/ip4/192.0.2.1/tcp/65536",)}, "is not a TCP port"),
        ({"listen": ("/ip4/192.0.2.1/tcp/٤",)}, "is not a TCP port"),
        ({"listen": ("/onion3/abc/tcp/1",)}, "only /ip4"),
        ({"listen": ("/ip4/192.0.2.1/tcp/1", "/ip4/192.0.2.1/tcp/1")}, "listed twice"),
        ({"listen": ()}, "nothing to do"),
        ({"members": ("alice",)}, "is not the ID of a gateway"),
        ({"members": (ALICE,) * (MAX_MEMBERS + 1)}, "more than the 64"),
        ({"peers": (AT_ALICE,)}, "not among the members"),
        ({"peers": ("/dns4/alice.example/tcp/4001",), "members": (ALICE,)}, "does not say whom to expect"),
        ({"peers": (f"/ip4/192.0.2.1/tcp/0/p2p/{ALICE}",), "members": (ALICE,)}, "port 0"),
        ({"peers": (f"/dns4/-x-/tcp/1/p2p/{ALICE}",), "members": (ALICE,)}, "is not a host name"),
        ({"peers": ("/ip4/192.0.2.1/tcp/1/p2p/12D3KooWnobody",), "members": (ALICE,)}, "is not the ID of a gateway"),
        ({"peers": (AT_ALICE,) * (MAX_PEER_ADDRESSES + 1), "members": (ALICE,)}, "more than the 128"),
        ({"outage_grace_s": -1.0}, "grace"),
        ({"stall_s": 0.0}, "one write"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as error:
        Libp2pConfig(KEY, **settings)
    assert str(error.value).endswith(".") or str(error.value).endswith("….")


def test_addresses_are_read_and_written_alike() -> None:
    assert str(parse_peer(AT_ALICE)) == AT_ALICE
    assert str(parse_listen("/ip6/2001:db8:0:0::1/tcp/1")) == "/ip6/2001:db8::1/tcp/1"
