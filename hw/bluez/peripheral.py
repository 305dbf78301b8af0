"""The peripheral: phones find our advertisement, connect, subscribe to one characteristic and write to it.

One characteristic carries everything: what a phone writes is a frame to us, what we notify is a frame
to it. How they travel depends on BlueZ's version: see `hw.bluez.subscriptions`.

Source: BlueZ ``org.bluez.GattManager1`` and ``org.bluez.LEAdvertisingManager1``.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from dbus_fast.service import ServiceInterface

from hw.bluez.adapter_pace import AdapterPace
from hw.bluez.adapters import ADAPTER, ADVERTISING, Adapter
from hw.bluez.advertisement import Advertisement, TaggedAdvertisement
from hw.bluez.application import Characteristic, Service
from hw.bluez.bus import BluezBus, Change, ChangeKind
from hw.bluez.central import DEVICE, Central, PeripheralEvents, disconnect_device
from hw.bluez.errors import DISCONNECTED, NO_OWNER, NOT_READY, RELEASED, REMOVED, BluezError
from hw.bluez.limits import FAREWELL_TIMEOUT_S, REGISTER_TIMEOUT_S, SENDING_AWAY, TAG_BYTES
from hw.bluez.subscriptions import Setting, Subscriptions

__all__ = ["Central", "Peripheral", "PeripheralEvents", "Profile"]

GATT: Final = "org.bluez.GattManager1"
SOCKETS_SINCE: Final = (5, 82)  # the first BlueZ whose sockets were tried; those of 5.69 to 5.75 notify everybody


@dataclass(frozen=True, slots=True)
class Profile:
    """What is offered on the air.

    Raises:
        ValueError: the tag does not fit a scan response.

    """

    service: str  # UUID
    characteristic: str  # UUID
    tag: bytes = b""  # service data of the scan response, at most 13 bytes; empty: none
    advertise: bool = True  # False: phones that know our address may connect, nobody else learns of us

    def __post_init__(self) -> None:
        if len(self.tag) > TAG_BYTES:
            raise ValueError(f"a tag of {len(self.tag)} bytes: {TAG_BYTES} fit a scan response")


class Peripheral:
    """Offers one profile on one adapter, once: make a new one to offer it again.

    Args:
        bus: the connection to BlueZ.
        adapter: where to offer it.
        profile: what to offer.
        events: who is told.
        pace: of the adapter.

    `ready` is set while BlueZ has application and advertisement, `advertising` says that it has the latter.
    Counted: writes, notifications, shared (frames that had gone out with another phone's), refused (no room
    for a frame), malformed and unsubscribed (writes thrown away), small_mtu and turned_away (phones not taken),
    socket_lost (phones whose notify socket BlueZ closed without reason).

    """

    def __init__(
        self,
        bus: BluezBus,
        adapter: Adapter,
        profile: Profile,
        events: PeripheralEvents,
        pace: AdapterPace,
    ) -> None:
        self.ready = asyncio.Event()
        self.advertising = False
        self._bus = bus
        self._adapter = adapter
        self._profile = profile
        loop = asyncio.get_running_loop()
        self._root = bus.new_path("/org/meshgate/peripheral")
        self._subscriptions = Subscriptions(
            Setting(
                bus,
                events,
                path=f"{self._root}/service/characteristic",
                own_sockets=adapter.bluez is not None and adapter.bluez >= SOCKETS_SINCE,
                pace=pace,
                turn_away=self._turn_away,
            )
        )
        self._advertisement = ""  # path, while it is exported
        self._exports: list[tuple[str, ServiceInterface]] = []
        self._failure: asyncio.Future[None] = loop.create_future()
        self._advertising_lock = asyncio.Lock()
        self._sending_away: dict[str, asyncio.Task[None]] = {}

    @property
    def counters(self) -> Counter[str]:
        """What was counted until now."""
        return self._subscriptions.count()

    @property
    def centrals(self) -> Collection[Central]:
        """The phones that are here."""
        return self._subscriptions.centrals

    async def run(self) -> None:
        """Register everything and serve until cancelled; afterwards every central has left and nothing is registered.

        Raises:
            BluezError: BlueZ refused, withdrew what it had accepted, or is gone.

        """
        end_watch = self._bus.watch(self._on_change)
        serving = asyncio.create_task(self._serve())
        try:
            await asyncio.wait((serving, self._failure), return_when=asyncio.FIRST_COMPLETED)
            (self._failure if self._failure.done() else serving).result()
        finally:
            end_watch()
            self.ready.clear()
            self._failure.cancel()
            devices = [central.device for central in self._subscriptions.centrals]
            self._subscriptions.close("the gateway ends its service")
            try:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)
                await self._farewell(devices)
            finally:
                self._let_go()

    async def advertise_again(self) -> None:
        """Take the advertisement back and register it anew.

        Raises:
            BluezError: BlueZ refused; nothing is advertised then.

        """
        async with self._advertising_lock:
            await self._unadvertise()
            await self._advertise()

    async def _serve(self) -> None:
        if ADAPTER not in self._bus.objects.get(self._adapter.path, {}):
            raise BluezError(REMOVED, f"{self._adapter.name} is not there")
        if not self._bus.get(self._adapter.path, ADAPTER, "Powered"):
            raise BluezError(NOT_READY, f"{self._adapter.name} is switched off")
        service = f"{self._root}/service"
        self._export(service, Service(self._profile.service))
        self._export(f"{service}/characteristic", Characteristic(self._profile.characteristic, service, self._subscriptions))
        await self._call(GATT, "RegisterApplication", "oa{sv}", self._root, {})
        if self._profile.advertise:
            async with self._advertising_lock:
                await self._advertise()
        self.ready.set()
        await asyncio.Event().wait()

    async def _advertise(self) -> None:
        uuid, tag = self._profile.service, self._profile.tag
        interface = TaggedAdvertisement(uuid, self._on_release, tag) if tag else Advertisement(uuid, self._on_release)
        self._advertisement = self._bus.new_path("/org/meshgate/advertisement")
        self._export(self._advertisement, interface)
        await self._call(ADVERTISING, "RegisterAdvertisement", "oa{sv}", self._advertisement, {})
        self.advertising = True

    async def _unadvertise(self) -> None:
        path, self._advertisement = self._advertisement, ""
        self.advertising = False
        if path:
            try:
                await self._call(ADVERTISING, "UnregisterAdvertisement", "o", path)
            except BluezError as error:
                if not error.is_("DoesNotExist"):
                    raise
            finally:
                self._unexport(path)

    async def _farewell(self, devices: Collection[str]) -> None:
        """Take everything back, as far as BlueZ still listens."""
        if not self._bus.present:
            return
        with contextlib.suppress(TimeoutError):  # a BlueZ that hangs forgets us with the connection
            async with asyncio.timeout(FAREWELL_TIMEOUT_S):
                await asyncio.gather(*(disconnect_device(self._bus, device) for device in devices), return_exceptions=True)
                with contextlib.suppress(BluezError):
                    await self._unadvertise()
                with contextlib.suppress(BluezError):
                    await self._call(GATT, "UnregisterApplication", "o", self._root)

    def _let_go(self) -> None:
        self.advertising = False
        for task in self._sending_away.values():
            task.cancel()
        for path, _ in tuple(self._exports):
            self._unexport(path)

    async def _call(self, interface: str, member: str, signature: str, *body: object) -> None:
        await self._bus.call(self._adapter.path, interface, member, signature, *body, timeout=REGISTER_TIMEOUT_S)

    def _export(self, path: str, interface: ServiceInterface) -> None:
        self._bus.export(path, interface)
        self._exports.append((path, interface))

    def _unexport(self, path: str) -> None:
        for known, interface in tuple(self._exports):
            if known == path:
                self._exports.remove((known, interface))
                self._bus.unexport(known, interface)

    def _on_release(self) -> None:
        if self.advertising:
            self.advertising = False
            self._fail(RELEASED, "BlueZ has taken the advertisement off the air")

    def _on_change(self, change: Change) -> None:
        if change.kind is ChangeKind.OWNER:
            lost = not self._bus.connected
            self._fail(DISCONNECTED if lost else NO_OWNER, "the bus is lost" if lost else "the Bluetooth service has ended")
        elif change.path == self._adapter.path:
            if change.kind is ChangeKind.REMOVED and change.interface in (ADAPTER, GATT, ADVERTISING):
                self._fail(REMOVED, f"{self._adapter.name} is gone")
            elif change.interface == ADAPTER and change.values.get("Powered") is False:
                self._fail(NOT_READY, f"{self._adapter.name} was switched off")
        elif change.interface == DEVICE and (change.kind is ChangeKind.REMOVED or change.values.get("Connected") is False):
            self._subscriptions.gone(change.path)

    def _fail(self, name: str, text: str) -> None:
        if not self._failure.done():
            self._failure.set_exception(BluezError(name, text))

    def _turn_away(self, device: str) -> None:
        if device not in self._sending_away and len(self._sending_away) < SENDING_AWAY:
            self._sending_away[device] = task = asyncio.create_task(self._send_away(device))
            task.add_done_callback(lambda _: self._sending_away.pop(device))

    async def _send_away(self, device: str) -> None:
        with contextlib.suppress(BluezError):  # a device that stays connected is turned away again when it writes
            await disconnect_device(self._bus, device)
