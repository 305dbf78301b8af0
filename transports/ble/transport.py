"""The Bluetooth radio as a transport: links with whoever is near, whatever befalls the adapters."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from random import Random

from hw.bluez.adapters import BluetoothUnavailableError
from hw.bluez.steps import Step, Symptom
from transports.backoff import Backoff
from transports.ble.bluez import open_bluez
from transports.ble.config import BleConfig
from transports.ble.edge import Heard, OpenHost
from transports.ble.governor import Governor
from transports.ble.ground import Ground
from transports.ble.links import LinkTable
from transports.ble.station import CAPABILITIES
from transports.ble.status import HeardRow, RadioStatus, adapter_status, count_all, transport_status
from transports.limits import BLE_RESTART_CAP_S, BLE_SCAN_REPORT_S, BLE_SCAN_ROWS
from transports.link import LinkEvent, LinkId, Post, Sender, TransportState, TransportStatus


class BleTransport:
    """Links with whoever is in reach, named `ble:<number>`; addresses never leave this package.

    Args:
        config: what the operator decided.
        rng: source of the jitter.
        report: told a sentence for every change of state.
        open_host: how to reach the machine's Bluetooth; BlueZ by default.

    """

    name = "ble"
    capabilities = CAPABILITIES

    def __init__(
        self, config: BleConfig, rng: Random, report: Callable[[str], None] = lambda _sentence: None, open_host: OpenHost | None = None
    ) -> None:
        self._open = open_host or (lambda: open_bluez(config))
        self._report = report
        self._backoff = Backoff(rng, first=0.5, cap=BLE_RESTART_CAP_S)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_running = False
        self._tries = 0
        table = LinkTable(lambda: self._governor.own_addresses, config.tag)
        self._links = table.by_id
        self._ground = Ground(config, rng, table, lambda: 0.0, _tell_nobody, report)
        self._governor = Governor(self._ground)

    async def run(self, post: Post) -> None:
        """Serve until cancelled; a radio that does not work is reported, recovered and waited for."""
        self._loop = asyncio.get_running_loop()
        self._is_running = True
        self._ground.now, self._ground.post = self._loop.time, post
        machine = self._governor.machine
        try:
            while True:
                began = self._ground.now()
                self._tries += 1
                try:
                    why = await self._serve()
                except BluetoothUnavailableError as error:
                    self._governor.be_in(error)
                else:
                    self._report(f"The connection to the system's D-Bus was lost ({why}); it is made anew.")
                machine.note(Symptom.BUS_LOST, self._ground.now())
                if self._ground.now() - began > BLE_RESTART_CAP_S:
                    self._backoff.reset()
                await asyncio.sleep(self._backoff.next())
        finally:
            self._is_running = False
            self._ground.post = _tell_nobody

    def send(self, link: LinkId, frame: bytes) -> bool:
        """Hand over one frame; False if the link is full (a `Writable` follows) or not up (nothing follows).

        Raises:
            ValueError: the frame is empty or larger than the link's mtu.
        """
        known = self._links.get(link)
        if known is None:
            return False
        if not 0 < len(frame) <= known.mtu:
            raise ValueError(f"A frame of {len(frame)} bytes on a link with an mtu of {known.mtu}.")
        return known.way.send(frame)

    def sender(self, link: LinkId) -> Sender:
        """Return what takes the frames of a link that is up; raises `KeyError` if it is not."""
        return self._links[link].way

    def close(self, link: LinkId, why: str) -> None:
        """Drop a link; its `LinkDown` follows, and the device is left alone for a quarter of an hour."""
        if self._loop is not None:
            self._loop.call_soon(self._close, link, why)

    def status(self) -> TransportStatus:
        """A snapshot."""
        governor = self._governor
        counters = count_all(self._ground, governor.keepers, governor.ladders)
        if not self._is_running:
            return TransportStatus(self.name, TransportState.DOWN, "The Bluetooth radio is stopped.", counters=counters)
        adapters = [adapter_status(keeper, self._ground) for keeper in governor.keepers]
        status = transport_status(self.name, adapters, governor.machine, governor.trouble, governor.missing)
        return replace(status, counters=counters)

    @property
    def turns(self) -> int:
        """How often it has gone round looking after its adapters, or tried to: while it runs this grows every few seconds."""
        return self._tries + self._governor.turns

    def radio(self) -> RadioStatus:
        """Everything about the adapters, for a person at the box."""
        governor = self._governor
        adapters = tuple(adapter_status(keeper, self._ground) for keeper in governor.keepers)
        return RadioStatus(adapters, governor.missing, tuple(governor.machine.history), tuple(governor.machine.recoveries))

    async def scan_report(self, seconds: float) -> tuple[HeardRow, ...]:
        """Listen for so long, at most 60 seconds, and list who is on the air, strongest first."""
        ground, until = self._ground, self._ground.now() + min(max(seconds, 0.0), BLE_SCAN_REPORT_S)
        heard: dict[str, tuple[Heard, int]] = {}

        def note(one: Heard) -> None:
            if one.address in heard or len(heard) < BLE_SCAN_ROWS:
                heard[one.address] = (one, heard.get(one.address, (one, 0))[1] + 1)

        ground.surveys.append(note)
        try:
            for keeper in self._governor.keepers:
                if keeper.station is not None and keeper.station.search is not None:
                    keeper.station.search.survey(until)
            await asyncio.sleep(until - self._ground.now())
        finally:
            ground.surveys.remove(note)
        rows = [
            HeardRow(one.device.split("/")[-2], one.is_random, one.rssi, one.tag.hex(), times, ground.table.is_taken(one))
            for one, times in heard.values()
        ]
        return tuple(sorted(rows, key=lambda row: -row.rssi))

    async def reset(self, adapter: str | None, step: Step = Step.POWER_CYCLE) -> tuple[str, ...]:
        """Take a step of the recovery ladder because a person wants it, for one adapter or for all; how it went, in sentences."""
        keepers = [keeper for keeper in self._governor.keepers if adapter in (None, keeper.name)]
        if not keepers:
            return (f"There is no adapter {adapter} in use." if adapter else "There is no Bluetooth adapter in use.",)
        return tuple([await keeper.ask(step) for keeper in keepers])

    async def _serve(self) -> str:
        """Connect to the machine's Bluetooth and use it until the connection is lost; returns why it was."""
        host = await self._open()
        try:
            self._governor.machine.well(self._ground.now())
            self._governor.be_in(None)
            return await self._governor.run(host)
        finally:
            await host.close()

    def _close(self, link: LinkId, why: str) -> None:
        known = self._ground.table.get(link)
        if known is None:
            return
        for keeper in self._governor.keepers:
            if keeper.station is not None and keeper.name == known.adapter:
                keeper.station.close(known, why)


def _tell_nobody(_event: LinkEvent) -> None:
    """Stand in for whoever is told what happens, while nobody listens."""
