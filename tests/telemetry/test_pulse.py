"""The watchdog, the conditions and the thread through the logs, in whole gateways in virtual time."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway import app
from gateway.mesh.events import Say
from gateway.telemetry.health import Name
from gateway.telemetry.pulse import STORE_PATIENCE_S
from hw.systemd.notify import Notifier
from tests.hw.feeling import felt
from tests.telemetry.world import LINE, Site, VirtualTimeOfDay, until
from tests.testing.virtual_loop import run
from tests.transports.ble.air import Air
from tests.transports.ble.machine import Machine
from tests.transports.ble.scene import OWN
from transports.loopback import LoopbackHub

WATCHDOG_S = 60


class Manager:
    """What systemd would read."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.setblocking(False)
        self.notifier = Notifier({"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": str(WATCHDOG_S * 1_000_000)})

    def told(self) -> list[str]:
        """Everything since the last call."""
        found = []
        try:
            while True:
                found.append(self.socket.recv(4096).decode())
        except BlockingIOError:
            return found


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    one = Manager(tmp_path / "notify")
    yield one
    one.socket.close()


@pytest.fixture(autouse=True)
def virtual_time_of_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "TimeOfDay", VirtualTimeOfDay)


def play(scene: Callable[[], object]) -> None:
    run(scene())


def test_systemd_is_told_of_the_beginning_the_state_and_the_end(tmp_path: Path, manager: Manager) -> None:
    async def scene() -> None:
        site = Site(tmp_path, "west", LoopbackHub(capabilities=LINE), ("Ada",), notifier=manager.notifier)
        site.start()
        await asyncio.sleep(100)
        told = manager.told()
        assert "READY=1" in told
        assert "STATUS=1 phone near. Not linked to any site. Nothing is waiting." in told
        assert 6 <= told.count("WATCHDOG=1") <= 8
        assert sum(one.startswith("STATUS=") for one in told) < 10
        await site.end()
        assert manager.told()[0] == "STOPPING=1"

    play(scene)


def test_the_watchdog_starves_when_the_store_gets_nothing_done(tmp_path: Path, manager: Manager) -> None:
    async def scene() -> None:
        site = Site(tmp_path, "west", LoopbackHub(capabilities=LINE), ("Ada",), notifier=manager.notifier)
        site.start()
        await asyncio.sleep(30)
        release, gateway = asyncio.Event(), site.gateway
        sound = gateway._keeping.writer._in_thread

        async def stuck(*arguments) -> None:
            await release.wait()
            await sound(*arguments)

        gateway._keeping.writer._in_thread = stuck
        await asyncio.sleep(STORE_PATIENCE_S + 20)
        assert gateway.health.holds(Name.PROGRESS_STALLED, "store")
        assert not gateway.status().is_well
        manager.told()
        await asyncio.sleep(100)
        assert "WATCHDOG=1" not in manager.told()
        release.set()
        await asyncio.sleep(30)
        assert not gateway.health.holds(Name.PROGRESS_STALLED, "store")
        assert "WATCHDOG=1" in manager.told()
        await site.end()

    play(scene)


def test_the_watchdog_starves_when_the_radio_goes_round_no_more(tmp_path: Path, manager: Manager) -> None:
    async def scene() -> None:
        machine = Machine(Air(), OWN)
        site = Site(tmp_path, "west", LoopbackHub(capabilities=LINE), ("Ada",), notifier=manager.notifier, machine=machine)
        site.start()
        await asyncio.sleep(300)
        assert "WATCHDOG=1" in manager.told()
        assert not site.gateway.health.holds_any(Name.PROGRESS_STALLED)
        hung = asyncio.get_running_loop().create_future()

        async def hang(*_arguments) -> None:
            await hung

        site.gateway.radio._governor._assign = hang
        await asyncio.sleep(300)
        assert site.gateway.health.holds(Name.PROGRESS_STALLED, "radio")
        manager.told()
        await asyncio.sleep(100)
        assert "WATCHDOG=1" not in manager.told()
        await site.end()

    play(scene)


def test_without_an_adapter_the_radio_still_goes_round(tmp_path: Path, manager: Manager) -> None:
    async def scene() -> None:
        machine = Machine(Air())
        site = Site(tmp_path, "west", LoopbackHub(capabilities=LINE), ("Ada",), notifier=manager.notifier, machine=machine)
        site.start()
        await asyncio.sleep(600)
        assert not site.gateway.health.holds_any(Name.PROGRESS_STALLED)
        assert site.gateway.health.holds(Name.TRANSPORT_DOWN, "ble")
        assert not site.gateway.health.is_ready
        await site.end()

    play(scene)


def test_a_message_has_one_id_in_the_logs_of_every_gateway_it_passes(tmp_path: Path) -> None:
    async def scene() -> None:
        hub = LoopbackHub(capabilities=LINE)
        west, east = Site(tmp_path, "west", hub, ("Ada", "Bela")), Site(tmp_path, "east", hub, ("Dina",))
        for site in (west, east):
            site.start()
        await until(lambda: len(west.gateway.engine.mesh.peers) >= 4 and len(east.gateway.engine.mesh.peers) >= 4)
        west.radio.command("Ada", Say("Is there anybody at the lake?"))
        await asyncio.sleep(5)
        told = {}
        for site in (west, east):
            for entry in site.entries:
                if entry["event"] == "message" and "message" in entry:
                    told.setdefault(entry["message"], set()).add((site.name, entry["verb"]))
        (crossed,) = [verbs for verbs in told.values() if ("east", "on_air") in verbs]
        assert {("west", "heard"), ("west", "sent"), ("west", "acknowledged"), ("east", "arrived"), ("east", "on_air")} <= crossed
        written = west.written.getvalue() + east.written.getvalue()
        names = [peer.hex() for site in (west, east) for peer in site.island.names_by_peer]
        assert not [name for name in (*names, "lake", "Ada", "Bela", "Dina") if name in written]
        for site in (west, east):
            await site.end()

    play(scene)


def test_a_condition_is_one_entry_when_it_begins_and_one_when_it_is_over(tmp_path: Path) -> None:
    async def scene() -> None:
        site = Site(tmp_path, "west", LoopbackHub(capabilities=LINE), ("Ada",))
        site.start()
        await asyncio.sleep(40)
        site.vitals = felt(celsius=90.0)
        await asyncio.sleep(120)
        site.vitals = felt(celsius=40.0)
        await asyncio.sleep(60)
        entries = [entry for entry in site.entries if entry.get("condition") == "too_hot"]
        assert [(entry["event"], entry["level"]) for entry in entries] == [("condition_raised", "warning"), ("condition_cleared", "info")]
        assert entries[1]["lasted_s"] >= 90
        await site.end()

    play(scene)


def test_a_transport_that_clings_to_its_work_does_not_keep_a_stop_beyond_ten_seconds(tmp_path: Path) -> None:
    async def scene() -> None:
        site = Site(tmp_path, "west", LoopbackHub(capabilities=LINE), ("Ada",))
        release = asyncio.Event()

        async def cling(_post) -> None:
            while not release.is_set():
                try:
                    await release.wait()
                except asyncio.CancelledError:
                    continue

        site.line.run = cling
        site.start()
        await asyncio.sleep(5)
        began = asyncio.get_running_loop().time()
        await site.end()
        assert asyncio.get_running_loop().time() - began < 10
        release.set()
        await asyncio.sleep(5)

    play(scene)
