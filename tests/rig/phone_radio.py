"""The radio of a simulated phone: a Bumble host in both roles, as a transport that a `Pump` can drive.

    the phone calls      advertisement heard, connect, MTU, discover, subscribe      frames leave as write commands
    the phone is called  advertisement shown, connected, MTU granted, subscribed to  frames leave as notifications

One packet per write and per notification. Nothing runs while nothing happens: no scan when there are
links enough, no advertisement when there is no room for another, no timer that only looks.
"""

import asyncio
import contextlib
from collections import Counter
from random import Random

from bumble import hci
from bumble.device import Connection, Device, DeviceConfiguration

from gateway.testing.ether import RADIO
from tests.rig.controllers import Station
from tests.rig.phone_caller import Caller
from tests.rig.phone_connect import GONE, disconnect
from tests.rig.phone_host import new_device
from tests.rig.phone_links import PhoneLinks
from tests.rig.phone_listener import Listener
from tests.rig.phone_platform import PhoneOptions, PhoneRole
from tests.rig.phone_profile import advertisement, resolvable_address, scan_response, static_address
from tests.rig.phone_tasks import end_all, whole
from transports.link import LinkId, Post, TransportState, TransportStatus


class PhoneRadio:
    """Links of one phone with its neighbours on the air.

    Args:
        name: prefix of its link names.
        controller: its controller, already on the air.
        options: see `PhoneOptions`.
        tag: its peer ID, shown in the scan response by platforms that do.
        rng: decides its addresses.

    """

    capabilities = RADIO

    def __init__(self, name: str, controller: Station, options: PhoneOptions, tag: bytes, rng: Random) -> None:
        self.name = name
        self.options = options
        self.counters: Counter[str] = Counter()
        self.links = PhoneLinks(name, options.platform.burst, self.counters, self._neighbour)
        self._controller = controller
        self._tag = tag if options.platform.tagged else b""
        self._rng = rng
        self._irk = rng.randbytes(16)
        self._device: Device | None = None
        self._listener = Listener(options, self.links, self.counters)
        self._caller = Caller(options, self._tag, self.links, self.counters)
        self._closing: set[asyncio.Task[None]] = set()

    async def run(self, post: Post) -> None:
        """Serve until cancelled."""
        device = await whole(self._power_on())
        self.links.post = post
        tasks: list[asyncio.Task[None]] = []
        if PhoneRole.PERIPHERAL in self.options.role:
            tasks.append(asyncio.create_task(self._listener.advertise(device)))
        if PhoneRole.CENTRAL in self.options.role:
            tasks.append(asyncio.create_task(self._caller.seek(device)))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            await end_all(tasks)
            await whole(self._end(device))
        for task in tasks:
            if not task.cancelled():
                task.result()

    def send(self, link: LinkId, frame: bytes) -> bool:
        """Hand over one frame; see `transports.link`."""
        chosen = self.links.get(link)
        if chosen is None or not chosen.up:
            return False
        if len(frame) > chosen.mtu:
            raise ValueError(f"{len(frame)} bytes for a link that takes {chosen.mtu}")
        return chosen.send(frame)

    def close(self, link: LinkId, why: str) -> None:
        """Drop a link; its `LinkDown` follows."""
        chosen = self.links.get(link)
        if chosen is not None:
            self.counters["closed"] += 1
            task = asyncio.create_task(disconnect(chosen.connection), name=why)
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def status(self) -> TransportStatus:
        """A snapshot."""
        links = list(self.links)
        up = sum(link.up for link in links)
        running = self._device is not None
        here = {key: sum(getattr(link, key) for link in links) for key in ("frames_in", "frames_out")}
        return TransportStatus(
            name=self.name,
            state=TransportState.UP if running else TransportState.DOWN,
            sentence=f"Phone radio with {up} links." if running else "Phone radio is off.",
            links=up,
            counters={**self.counters, **{key: self.counters[key] + value for key, value in here.items()}},
        )

    @property
    def address(self) -> str:
        """The address it shows now, empty while it is off."""
        return str(self._device.random_address) if self._device is not None else ""

    async def rotate(self) -> None:
        """Show another address from now on; links that are up stay on the old one."""
        device = self._running()
        async with self._caller.lock, self._listener.lock:
            await device.stop_advertising()
            address = self._next_address()
            await device.send_sync_command(hci.HCI_LE_Set_Random_Address_Command(random_address=address))
            device.random_address = address
            self.counters["rotations"] += 1
        self._listener.changed()

    async def be_silent(self, silent: bool = True) -> None:
        """Leave the air, links and all, or come back to it."""
        device = self._running()
        self._listener.silent = self._caller.silent = silent
        self._listener.changed()
        self._caller.changed()
        if silent:
            async with self._caller.lock, self._listener.lock:
                await device.stop_advertising()
                await self._disconnect_all(device)

    async def _power_on(self) -> Device:
        config = DeviceConfiguration(name="", address=self._next_address(), irk=self._irk, advertising_data=advertisement())
        config.scan_response_data = scan_response(self._tag)
        config.advertising_interval_min = config.advertising_interval_max = self.options.pace.advertise_ms
        device = new_device(self._controller, config)
        self._listener.equip(device)
        device.on(device.EVENT_CONNECTION, self._connected)
        await device.power_on()
        self._device = device
        return device

    async def _end(self, device: Device) -> None:
        with contextlib.suppress(*GONE):
            await device.stop_advertising()
            await self._disconnect_all(device)
        self.links.end()
        await device.power_off()
        self._device = None

    async def _disconnect_all(self, device: Device) -> None:
        await asyncio.gather(*map(disconnect, tuple(device.connections.values())))

    def _running(self) -> Device:
        if self._device is None:
            raise RuntimeError(f"the radio of {self.name} does not run")
        return self._device

    def _next_address(self) -> hci.Address:
        return resolvable_address(self._irk, self._rng) if self.options.rotates else static_address(self._rng)

    def _neighbour(self, connection: Connection) -> str:
        ends = (end for end in self._controller.ends if end.handle == connection.handle)
        return next((end.link.other(end).controller.name for end in ends), "")

    def _connected(self, connection: Connection) -> None:
        self.counters["connections"] += 1
        connection.on(connection.EVENT_DISCONNECTION, lambda reason: self._disconnected(connection, reason))
        for asked in (connection.EVENT_SECURITY_REQUEST, connection.EVENT_PAIRING_START):
            connection.on(asked, self._pairing_asked)
        self._listener.changed()
        self._caller.changed()

    def _disconnected(self, connection: Connection, reason: int) -> None:
        link = self.links.of(connection)
        if link is not None:
            self.links.down(link, hci.HCI_Constant.error_name(reason))
        self._listener.changed()
        self._caller.dropped(connection.peer_address)

    def _pairing_asked(self, *_details: object) -> None:
        self.counters["pairing_asked"] += 1
