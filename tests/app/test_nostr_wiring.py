"""What the Nostr transport is given of the configuration, and what follows for everything else."""

from pathlib import Path

from gateway.app import Gateway
from gateway.assembly.links import asked_of_relays
from gateway.bridge.place import Place
from gateway.config import load
from gateway.wire.types import Capability
from tests.app.test_consent_wiring import announced
from transports.link import TransportState
from transports.nostr.protocol import Filter
from transports.nostr.report import DISCLOSED, report

ON = ("transports.nostr.enabled=true", 'transports.nostr.relays=["wss://relay.example", "ws://127.0.0.1:7000"]', "bridge.cell=u4pruy")


def gateway_with(directory: Path, *overrides: str) -> Gateway:
    settings = [f"gateway.state_dir={directory}", f"control.socket={directory}/control.sock", "page.enabled=false", *overrides]
    return Gateway(load(None, {}, settings).config, [])


def test_relays_are_asked_for_the_cell_its_eight_neighbours_and_the_channels_as_phones_ask() -> None:
    cells, channels = asked_of_relays(Place("u4pruy", frozenset({"u4", "u4p"})))
    assert len(cells.values) == 9
    assert "u4pruy" in cells.values
    assert (cells.kinds, cells.tag, cells.window_s, cells.limit) == ((20_000, 20_001), "r", 900, 200)
    assert channels == Filter((20_000,), "g", ("u4", "u4p"), 900, 200)
    assert asked_of_relays(Place("u4pruy")) == (cells,)


def test_everything_of_its_table_reaches_it(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, *ON)
    assert gateway.nostr is not None
    assert gateway.nostr._config.relays == ("wss://relay.example", "ws://127.0.0.1:7000")
    assert gateway.nostr._config.filters == asked_of_relays(Place("u4pruy"))
    assert gateway.engine.consent.uplink.is_expected


def test_it_is_off_unless_switched_on(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, "bridge.cell=u4pruy", 'transports.nostr.relays=["wss://relay.example"]')
    assert gateway.nostr is None
    assert not gateway.engine.consent.uplink.is_expected


def test_a_relay_is_somewhere_to_lead_to_so_phones_are_asked_for_deposits(tmp_path: Path) -> None:
    announce = announced(gateway_with(tmp_path, *ON))
    assert (announce.capabilities, announce.bridge_geohash) == (Capability.BRIDGE, "u4pruy")


async def test_the_time_is_the_engines_and_unknown_until_it_is_set(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, *ON)
    assert gateway.nostr is not None
    assert gateway.nostr._wall() is None


async def test_the_status_has_relays_of_their_own(tmp_path: Path) -> None:
    status = gateway_with(tmp_path, *ON).status()
    assert status.transports["nostr"].state is TransportState.DOWN
    assert (status.bridge.consent.relays, status.bridge.consent.unpublished) == (0, 0)


def test_whoever_reads_the_status_learns_what_relays_learn() -> None:
    for relays in ({"relay.example": ""}, {"relay.example": "it hung up"}, {"a.example": "", "b.example": "x", "c.example": "y"}):
        status = report(running=True, waits_for_clock=False, relays=relays, counters={})
        assert DISCLOSED in status.sentence
        assert ".." not in status.sentence
    assert report(running=True, waits_for_clock=False, relays={"a": "", "b": "it hung up", "c": "x"}, counters={}).sentence.startswith(
        "1 of 3 relays linked; b is not: it hung up, and 1 more. "
    )
    waiting = report(running=True, waits_for_clock=True, relays={"a": "not called yet"}, counters={})
    assert (waiting.state, "time of day" in waiting.sentence) == (TransportState.STARTING, True)
