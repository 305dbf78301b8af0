"""Which transport lets whom in and calls whom, and which addresses stand in a ticket."""

import pytest

from gateway.limits import MAX_TICKET_ADDRESSES
from gateway.runtime.doors import Doors, configured, for_ticket, with_peer, without_peer
from tests.config.support import ALICE, BOB
from transports.gate import Called, Table


class Gate:
    def __init__(self) -> None:
        self.tables: list[Table] = []

    def renew(self, table: Table) -> None:
        self.tables.append(table)


def test_each_transport_is_told_the_addresses_it_can_call_and_only_when_something_changed():
    libp2p, websocket = Gate(), Gate()
    doors = Doors({"libp2p": libp2p, "websocket": websocket}, {})
    places = {ALICE: (f"/ip4/192.0.2.7/tcp/4001/p2p/{ALICE}", f"wss://192.0.2.7:8443#{ALICE}")}
    for _ in range(2):
        doors.renew([ALICE, BOB], places, {ALICE: b"ticket"}, guests=True)
    assert libp2p.tables == [Table({ALICE: Called(places[ALICE][:1], b"ticket"), BOB: Called()}, guests=True)]
    assert websocket.tables == [Table({ALICE: Called(places[ALICE][1:], b"ticket"), BOB: Called()}, guests=True)]


def test_whom_the_operator_lists_for_one_transport_no_ticket_lets_in_over_another():
    libp2p, websocket = Gate(), Gate()
    peers = (f"/ip4/192.0.2.7/tcp/4001/p2p/{ALICE}",)
    doors = Doors({"libp2p": libp2p, "websocket": websocket}, {"libp2p": configured([ALICE], peers, "/p2p/"), "websocket": {}})
    doors.renew([ALICE, BOB], {}, {}, guests=False)
    assert libp2p.tables[-1].members == {ALICE: Called(peers), BOB: Called()}
    assert websocket.tables[-1].members == {BOB: Called()}


def test_who_is_not_admitted_is_not_let_in_though_the_configuration_lists_it():
    gate = Gate()
    Doors({"libp2p": gate}, {"libp2p": {ALICE: ()}}).renew([], {}, {}, guests=False)
    assert gate.tables[-1].members == {}


@pytest.mark.parametrize(
    ("address", "whole"),
    [("/ip4/192.0.2.7/tcp/4001", f"/ip4/192.0.2.7/tcp/4001/p2p/{ALICE}"), ("wss://gate.example:8443", f"wss://gate.example:8443#{ALICE}")],
)
def test_an_address_in_a_ticket_leads_to_its_issuer_and_to_nobody_else(address, whole):
    assert with_peer(address, ALICE) == with_peer(whole, ALICE) == whole
    assert without_peer(whole) == address
    with pytest.raises(ValueError, match="another gateway"):
        with_peer(whole, BOB)


@pytest.mark.parametrize("address", ["http://gate.example", "/ip4/192.0.2.7/udp/4001", "wss://", "", "/ip4/1.2.3.4/tcp/0"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ValueError, match=r"address|gateway|dialled|called"):
        with_peer(address, ALICE)


def test_a_ticket_names_what_others_can_call():
    listening = (
        f"/ip4/127.0.0.1/tcp/4001/p2p/{ALICE}",
        f"/ip4/192.0.2.7/tcp/4001/p2p/{ALICE}",
        f"/ip6/::1/tcp/4001/p2p/{ALICE}",
        f"wss://0.0.0.0:8443#{ALICE}",
        f"wss://[::]:8443#{ALICE}",
    )
    own = ("192.0.2.7", "2001:db8::7")
    assert for_ticket(listening, own) == ("/ip4/192.0.2.7/tcp/4001", "wss://192.0.2.7:8443", "wss://[2001:db8::7]:8443")


def test_a_ticket_names_loopback_addresses_only_where_there_is_nothing_else_and_no_port_that_is_not_known():
    assert for_ticket(["/ip4/127.0.0.1/tcp/4001", "/ip4/127.0.0.1/tcp/0", "wss://127.0.0.1:0"]) == ("/ip4/127.0.0.1/tcp/4001",)


def test_a_ticket_names_both_transports_where_there_are_more_addresses_than_it_has_room_for():
    listening = [f"/ip4/192.0.2.{number}/tcp/4001" for number in range(9)] + ["wss://192.0.2.1:8443"]
    chosen = for_ticket(listening)
    assert len(chosen) == MAX_TICKET_ADDRESSES
    assert chosen[1] == "wss://192.0.2.1:8443"
