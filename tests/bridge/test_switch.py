"""A bridge that is switched off and on again while it runs."""

from random import Random

import pytest

from gateway.bridge.engine import BridgeMode
from gateway.errors import Reason
from gateway.mesh.events import CatchUpSite, Offer, SwitchBridge
from gateway.mesh.identity import Identity
from gateway.wire.announce import decode_announce
from gateway.wire.packet import decode, peek
from gateway.wire.types import Capability, MessageType
from tests.bridge.islands import introduced, joined
from tests.bridge.sites import Author, Sites


@pytest.fixture
def ada() -> Author:
    return Author(Identity.generate(Random(1).randbytes))


def test_nothing_crosses_either_way_while_it_is_off_and_then_again(ada: Author) -> None:
    sites = Sites("A", "B")
    sites.join("A", "B")
    sites.radio("A", ada.announce())
    sites.give("B", SwitchBridge(on=False))
    sites.radio("A", ada.say("not now"))
    assert sites["B"].engine.is_switched_off
    assert sites["B"].engine.is_closed
    assert sites["B"].heard(MessageType.MESSAGE) == []
    assert sites["B"].engine.drops[Reason.BRIDGE_OFF] == 1
    ben = Author(Identity.generate(Random(2).randbytes))
    sites.radio("B", ben.announce())
    sites.radio("B", ben.say("nor this"))
    assert sites["A"].heard(MessageType.MESSAGE) == []
    sites.give("B", SwitchBridge(on=True))
    assert not sites["B"].engine.is_switched_off
    sites.radio("A", ada.say("now"))
    assert len(sites["B"].heard(MessageType.MESSAGE)) == 1


def test_a_site_that_came_while_it_was_off_is_answered_when_it_is_on_again(ada: Author) -> None:
    sites = Sites("A", "B")
    sites.give("A", SwitchBridge(on=False))
    sites.join("A", "B")
    sites.radio("A", ada.announce())
    assert sites["B"].heard(MessageType.ANNOUNCE) == []
    sites.give("A", SwitchBridge(on=True))
    assert len(sites["B"].heard(MessageType.ANNOUNCE)) == 1
    sites.radio("A", ada.say("hello"))
    assert len(sites["B"].heard(MessageType.MESSAGE)) == 1


def test_switching_on_opens_no_more_than_the_configuration_lets_through(ada: Author) -> None:
    sites = Sites("A", "B", mode=BridgeMode.OFF)
    sites.join("A", "B")
    sites.give("A", SwitchBridge(on=True))
    sites.radio("A", ada.announce())
    assert sites["B"].heard(MessageType.ANNOUNCE) == []
    assert not sites["A"].engine.is_switched_off


def test_what_is_announced_changes_with_it() -> None:
    sites = Sites("A")
    sites.run(2.0)
    sites["A"].air.clear()
    sites.give("A", Offer("A (closed)", int(Capability.BRIDGE), "u4pruy"))
    (frame,) = [frame for frame in sites["A"].air if peek(frame).type == MessageType.ANNOUNCE]
    announce = decode_announce(decode(frame).payload)
    assert (announce.nickname, announce.capabilities, announce.bridge_geohash) == ("A (closed)", Capability.BRIDGE, "u4pruy")


def test_a_member_that_asks_for_what_it_missed_is_told_nothing_while_it_is_off() -> None:
    sites = joined("AB")
    ada = introduced(sites, "A", 1)
    ada.deposit(sites, "A", ada.copy(sites, "before"))
    sites.give("A", SwitchBridge(on=False))
    before = len(sites.crossings)
    sites.give("A", CatchUpSite("B", 0))
    assert len(sites.crossings) == before
    sites.give("A", SwitchBridge(on=True))
    sites.give("A", CatchUpSite("B", 0))
    assert len(sites.crossings) > before
