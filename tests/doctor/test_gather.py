"""What the doctor sees of a machine made up for it: files under a directory, and a BlueZ on a bus of its own."""

import socket
from pathlib import Path

import pytest

from gateway.doctor import gather
from gateway.doctor.facts import AdapterFacts, RadioFacts, Recovery
from gateway.doctor.gather import gather_radio, recovery_at
from hw.attachment import Attachment
from hw.bluez.settings import DaemonOptions
from hw.clock import EARLIEST, Source
from hw.nl80211 import WifiInterface, WifiMode
from hw.rfkill import RadioSwitch
from tests.doctor.adapters import able_bluez
from tests.hw.private_bus import NOBODY_MAY, bluez, bus, needs_daemon
from tests.hw.sysfs import pi_radios, rfkill, write

NOBODY_MAY_USE = '<deny send_destination="org.bluez" send_interface="org.bluez.Adapter1"/>'
NOW = EARLIEST + 1_000_000.0


async def seen(root: Path, address: str = "unix:path=/nowhere/bus", **changes) -> RadioFacts:
    ways = {"wifi": lambda: [WifiInterface("wlan0", WifiMode.STATION, 2437)], "clock": lambda _root: Source.RTC, "wall": lambda: NOW}
    return await gather_radio(root / "recover.sock", gateway_runs=False, root=root, bus_address=address, **(ways | changes))


async def test_a_machine_with_nothing_at_all_is_seen_without_an_error(tmp_path: Path) -> None:
    facts = await seen(tmp_path, wifi=lambda: None, clock=lambda _root: None, wall=lambda: 17.0)
    assert facts.trouble is not None
    assert (facts.adapters, facts.switches, facts.bluez, facts.clock, facts.clock_set) == ((), (), None, None, False)
    assert (facts.settings.options, facts.recovery, facts.board.model) == (None, Recovery.ABSENT, "")


async def test_files_are_looked_at_also_where_no_bluez_runs(tmp_path: Path) -> None:
    write(tmp_path, "usr/lib/systemd/system/bluetooth.service", "[Service]\nExecStart=/usr/libexec/bluetooth/bluetoothd -E\n")
    write(tmp_path, "etc/bluetooth/main.conf", "[GATT]\nCache = no\n")
    write(tmp_path, "proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0")
    rfkill(tmp_path, 0, "hci0", soft=True)
    facts = await seen(tmp_path)
    assert facts.switches == (RadioSwitch("hci0", soft=True, hard=False),)
    assert facts.settings.options == DaemonOptions(experimental=True)
    assert facts.settings.get("GATT", "Cache") == "no"
    assert facts.board.model.startswith("Raspberry Pi 5")
    assert (facts.clock, facts.clock_set) == (Source.RTC, True)


async def test_without_the_extra_nobody_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "is_installed", lambda: False)
    facts = await seen(tmp_path)
    assert (facts.installed, facts.trouble) == (False, None)


@needs_daemon
async def test_an_adapter_is_seen_with_what_it_can_do_and_what_is_around_it(tmp_path: Path) -> None:
    pi_radios(tmp_path)
    write(tmp_path, "proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0")
    async with bus(tmp_path) as address, able_bluez(address):
        facts = await seen(tmp_path, address)
    assert (facts.trouble, facts.bluez) == (None, (5, 82))
    able, bare = facts.adapters
    assert (able.name, able.address, able.powered, able.discovering) == ("hci0", "00:11:22:33:44:55", True, True)
    assert able.roles == {"central", "peripheral", "central-peripheral"}
    assert (able.advertisements_free, able.core_version, able.attachment, able.refused) == (4, 9, Attachment.UART, "")
    assert able.wifi is not None
    assert [(one.name, one.is_24_ghz, one.shares_chip) for one in able.wifi] == [("wlan0", True, True)]
    assert bare == AdapterFacts("hci1", powered=False, wifi=bare.wifi)


@needs_daemon
async def test_a_bus_that_lets_us_look_but_not_use_is_found_out(tmp_path: Path) -> None:
    async with bus(tmp_path, NOBODY_MAY_USE) as address, able_bluez(address):
        facts = await seen(tmp_path, address)
    assert facts.trouble is None
    assert all(one.refused == "org.freedesktop.DBus.Error.AccessDenied" for one in facts.adapters)


@needs_daemon
async def test_a_bluez_we_may_not_ask_and_one_without_adapters_are_troubles(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    async with bus(tmp_path / "a", NOBODY_MAY) as address, able_bluez(address):
        trouble = (await seen(tmp_path, address)).trouble
        assert trouble is not None
        assert "may not talk" in trouble[0]
    async with bus(tmp_path / "b") as address:
        trouble = (await seen(tmp_path, address)).trouble
        assert trouble is not None
        assert "not running" in trouble[0]
        async with bluez(address, {}):
            trouble = (await seen(tmp_path, address)).trouble
            assert trouble is not None
            assert "no Bluetooth adapter" in trouble[0]


def test_a_recovery_service_is_there_if_somebody_listens(tmp_path: Path) -> None:
    path = tmp_path / "recover.sock"
    assert recovery_at(path) is Recovery.ABSENT
    assert recovery_at(path / "below") is Recovery.ABSENT
    with socket.socket(socket.AF_UNIX) as service:
        service.bind(str(path))
        assert recovery_at(path) is Recovery.ABSENT  # left behind by one that ended
        service.listen()
        assert recovery_at(path) is Recovery.READY
    assert recovery_at(Path("/" + "x" * 200)) is Recovery.CLOSED
