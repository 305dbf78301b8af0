"""What consent mode makes of the configuration: what is announced on the air, and what the status says."""

from pathlib import Path

import pytest

from gateway.app import Gateway
from gateway.assembly.announced import shown
from gateway.assembly.checks import NO_CELL
from gateway.bridge.engine import BridgeMode
from gateway.bridge.place import Place
from gateway.config import load
from gateway.mesh.effects import SendFrame
from gateway.mesh.events import ClockSet
from gateway.wire.announce import Announce, decode_announce
from gateway.wire.packet import decode
from gateway.wire.types import Capability as Serves
from transports.link import Capability, LinkId, LinkUp

NEAR = Capability.LOCAL | Capability.BROADCAST
LINKED = "transports.libp2p.enabled=true"


def gateway_with(directory: Path, *overrides: str) -> Gateway:
    settings = [f"gateway.state_dir={directory}", f"control.socket={directory}/control.sock", "page.enabled=false", *overrides]
    return Gateway(load(None, {}, settings).config, [])


def announced(gateway: Gateway) -> Announce:
    """What a phone hears when it links to the gateway."""
    gateway.engine.handle(ClockSet(1_800_000_000.0), 0.0)
    effects = gateway.engine.handle(LinkUp(LinkId("radio:phone"), 512, NEAR), 0.0)
    (sent,) = [effect for effect in effects if isinstance(effect, SendFrame)]
    return decode_announce(decode(sent.frame).payload)


def test_a_gateway_that_leads_somewhere_announces_its_cell_and_that_it_takes_deposits(tmp_path: Path) -> None:
    announce = announced(gateway_with(tmp_path, "bridge.cell=u4pruy", LINKED))
    assert (announce.capabilities, announce.bridge_geohash) == (Serves.BRIDGE, "u4pruy")


def test_channels_are_announced_where_they_are_served(tmp_path: Path) -> None:
    announce = announced(gateway_with(tmp_path, "bridge.cell=u4pruy", 'bridge.geohash_channels=["u4"]', LINKED))
    assert announce.capabilities == Serves.BRIDGE | Serves.GATEWAY


@pytest.mark.parametrize(
    "overrides",
    [
        ("bridge.cell=u4pruy",),
        (LINKED,),
        ("bridge.cell=u4pruy", "bridge.mode=off", LINKED),
        ("bridge.cell=u4pruy", "bridge.mode=open", LINKED),
    ],
    ids=["leads nowhere", "no cell", "off", "open"],
)
def test_nobody_is_asked_for_deposits_that_would_go_nowhere(tmp_path: Path, overrides: tuple[str, ...]) -> None:
    announce = announced(gateway_with(tmp_path, *overrides))
    assert (announce.capabilities, announce.bridge_geohash) == (None, None)


async def test_a_bridge_that_does_not_know_its_place_is_closed_and_says_what_to_do(tmp_path: Path) -> None:
    status = gateway_with(tmp_path, LINKED).status()
    assert (status.bridge.mode, status.bridge.is_closed) == (BridgeMode.CONSENT, True)
    assert status.sentence == NO_CELL[0]
    assert [(problem.sentence, problem.remedy) for problem in status.problems] == [NO_CELL]


async def test_that_is_no_problem_where_there_is_nothing_to_bridge_to(tmp_path: Path) -> None:
    status = gateway_with(tmp_path).status()
    assert status.bridge.is_closed
    assert status.problems == ()


async def test_a_bridge_that_knows_its_place_says_which(tmp_path: Path) -> None:
    status = gateway_with(tmp_path, "bridge.cell=u4pruy", 'bridge.geohash_channels=["u4"]', LINKED).status()
    assert not status.bridge.is_closed
    assert (status.bridge.consent.cell, status.bridge.consent.channels) == ("u4pruy", ("u4",))
    assert status.problems == ()


def test_only_the_open_bridge_is_marked_in_the_nickname() -> None:
    place = Place("u4pruy")
    assert [shown("Hut", mode, place).nickname for mode in BridgeMode] == ["Hut", "Hut", "Hut (open bridge)"]
