"""Looks at the machine, as an ordinary user: everything the examination of the radio starts from."""

import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from gateway.doctor.facts import AdapterFacts, RadioFacts, Recovery
from hw.attachment import attachment, bluetooth_device
from hw.bluez.installed import is_installed
from hw.bluez.settings import read_settings
from hw.board import Board, read_board
from hw.clock import EARLIEST, Source, vouched_by
from hw.coexistence import wifi_neighbours
from hw.nl80211 import WifiInterface, wifi_interfaces
from hw.rfkill import bluetooth_switches

CONNECT_TIMEOUT_S = 2.0


async def gather_radio(
    recovery_socket: Path,
    *,
    gateway_runs: bool,
    root: Path = Path("/"),
    bus_address: str | None = None,
    wifi: Callable[[], list[WifiInterface] | None] = wifi_interfaces,
    clock: Callable[[Path], Source | None] = vouched_by,
    wall: Callable[[], float] = time.time,
) -> RadioFacts:
    """Return what can be seen; never raises for anything that is missing.

    Args:
        recovery_socket: where the recovery service should listen.
        gateway_runs: whether a gateway answers on the control socket.
        root: where ``sys``, ``proc``, ``etc`` and ``run`` are.
        bus_address: D-Bus address instead of the system bus.
        wifi: lists the Wi-Fi interfaces, None if that cannot be asked.
        clock: says who vouches for the time of day.
        wall: unix seconds.

    """
    board, interfaces = read_board(root), wifi()
    facts = RadioFacts(
        installed=is_installed(),
        switches=tuple(bluetooth_switches(root)),
        settings=read_settings(root),
        board=board,
        clock=clock(root),
        clock_set=wall() >= EARLIEST,
        recovery=recovery_at(recovery_socket),
        gateway_runs=gateway_runs,
    )
    if not facts.installed:
        return facts
    facts = await _with_bluez(facts, bus_address)
    return replace(facts, adapters=tuple(_with_surroundings(one, interfaces, board, root) for one in facts.adapters))


def recovery_at(path: Path) -> Recovery:
    """Return whether the recovery service can be asked; connecting is all that is tried, which changes nothing."""
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(CONNECT_TIMEOUT_S)
            probe.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        return Recovery.ABSENT
    except OSError:
        return Recovery.CLOSED
    return Recovery.READY


async def _with_bluez(facts: RadioFacts, bus_address: str | None) -> RadioFacts:
    from hw.bluez.abilities import survey  # noqa: PLC0415 -- dbus-fast is an extra
    from hw.bluez.errors import BluetoothUnavailableError  # noqa: PLC0415

    try:
        found = await survey(bus_address)
    except BluetoothUnavailableError as error:
        return replace(facts, trouble=(error.sentence, error.remedy))
    adapters = tuple(
        AdapterFacts(
            name=one.name,
            address=one.address,
            powered=one.powered,
            discovering=one.discovering,
            roles=one.roles,
            advertisements_free=one.advertisements_free,
            core_version=one.core_version,
            refused=one.refused,
        )
        for one in found
    )
    return replace(facts, adapters=adapters, bluez=next((one.bluez for one in found if one.bluez is not None), None))


def _with_surroundings(adapter: AdapterFacts, interfaces: list[WifiInterface] | None, board: Board, root: Path) -> AdapterFacts:
    wifi = None if interfaces is None else tuple(wifi_neighbours(adapter.name, interfaces, board, root))
    return replace(adapter, attachment=attachment(bluetooth_device(adapter.name, root)), wifi=wifi)
