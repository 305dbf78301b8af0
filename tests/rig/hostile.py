"""Strangers who mean harm, on the same air as the phones: what one of them can do, and the book of all.

A request is ``{"op": "phone", "do": "attack", "name": ..., "kind": ..., "target": "hci0", ...}``; the kinds are the functions
of `tests.rig.hostile_centrals` and `tests.rig.hostile_peripherals`, with their options by name.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from bumble import gatt, hci
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.gatt_client import Client

from gateway.mesh.identity import Identity
from gateway.wire.announce import Announce, encode_announce
from gateway.wire.packet import Packet
from gateway.wire.signing import sign
from gateway.wire.types import MessageType
from tests.rig.controllers import Station
from tests.rig.phone_connect import GONE, NoConnectionError, connect, disconnect
from tests.rig.phone_host import new_device
from tests.rig.phone_profile import CCCD, CHARACTERISTIC, SERVICE, advertisement, static_address
from tests.rig.phone_tasks import end_all, whole

PATIENCE_S = 10.0  # for a connection
REFUSALS = (*GONE, NoConnectionError)


class Attacker:
    """One stranger: a station, a host on it, and a clock of its own.

    Args:
        name: of the station.
        station: already on the air.
        target: the station it is after.
        rng: decides what it makes up.
        wall: unix seconds.

    Attributes:
        counters: what it did, and what became of it.

    """

    def __init__(self, name: str, station: Station, target: str, rng: Random, wall: Callable[[], float]) -> None:
        self.name = name
        self.station = station
        self.rng = rng
        self.counters: Counter[str] = Counter()
        self.device: Device
        self._target = target
        self._wall = wall

    async def power_on(self, *services: gatt.Service, shown: bytes | None = None, response: bytes = b"") -> Device:
        """Start its host, with these services, showing this."""
        config = DeviceConfiguration(
            name="", address=static_address(self.rng), advertising_data=advertisement() if shown is None else shown
        )
        config.scan_response_data = response
        config.advertising_interval_min = config.advertising_interval_max = 100.0
        self.device = new_device(self.station, config)
        for service in services:
            self.device.add_service(service)
        await whole(self.device.power_on())
        return self.device

    async def new_address(self) -> None:
        """Become somebody else; only while it neither advertises nor scans nor calls."""
        address = static_address(self.rng)
        await whole(self.device.send_sync_command(hci.HCI_LE_Set_Random_Address_Command(random_address=address)))
        self.device.random_address = address
        self.counters["addresses"] += 1

    async def call(self) -> Connection:
        """Connect to the target under whatever address it shows now."""
        advertiser = self.station.air.stations[self._target].advertiser
        self.counters["calls"] += 1
        try:
            connection = await connect(self.device, advertiser.address, PATIENCE_S)
        except REFUSALS:
            self.counters["calls_refused"] += 1
            raise
        self.counters["calls_taken"] += 1
        return connection

    async def subscribe(self, connection: Connection, mtu: int = 517) -> tuple[Client, int]:
        """Do what a phone does until it may write; returns the client and the handle to write to."""
        client = connection.gatt_client
        await client.request_mtu(mtu)
        service = (await client.discover_service(SERVICE))[0]
        characteristic = (await client.discover_characteristics([CHARACTERISTIC], service))[0]
        await client.discover_descriptors(characteristic)
        client.notification_subscribers.setdefault(characteristic.handle, set()).add(self._notified)
        await client.write_value(characteristic.get_descriptor(CCCD), b"\1\0", with_response=True)
        self.counters["subscribed"] += 1
        return client, characteristic.handle

    def announce(self) -> bytes:
        """A valid announce of somebody who never was."""
        identity = Identity.generate(self.rng.randbytes)
        payload = encode_announce(Announce("nobody", identity.noise_public, identity.signing_public))
        packet = Packet(MessageType.ANNOUNCE, 7, int(self._wall() * 1000), identity.peer_id, payload)
        return sign(packet, identity.signing_key)

    async def power_off(self) -> None:
        """Leave the air."""
        device = self.device
        await device.stop_advertising()
        await asyncio.gather(*map(disconnect, tuple(device.connections.values())))
        await device.power_off()

    def _notified(self, _value: bytes) -> None:
        self.counters["notified"] += 1


class Stuck(deque[bytes]):
    """A queue that says it is empty, so that nothing is ever taken out."""

    def __len__(self) -> int:
        return 0


def stall(attacker: Attacker, connection: Connection) -> None:
    """Let the link layer acknowledge nothing any more that the other end sends, as a host that does not read makes it do."""
    end = next(end for end in attacker.station.ends if end.handle == connection.handle)
    end.link._data[end.link.other(end)] = Stuck()


Attack = Callable[..., Awaitable[None]]


class Attacks:
    """All that are under way.

    Args:
        plug: puts a new station of that name on the air.
        unplug: takes it away.
        kinds: attacks by name.
        wall: unix seconds.

    """

    def __init__(
        self, plug: Callable[[str], Station], unplug: Callable[[Station], None], kinds: dict[str, Attack], wall: Callable[[], float]
    ) -> None:
        self._plug = plug
        self._unplug = unplug
        self._kinds = kinds
        self._wall = wall
        self._running: dict[str, tuple[Attacker, asyncio.Task[None]]] = {}

    def start(self, name: str, kind: str, target: str, options: dict[str, Any]) -> None:
        """Begin an attack."""
        if kind not in self._kinds:
            raise ValueError(f"no attack {kind!r}; there are {', '.join(self._kinds)}")
        if name in self._running:
            raise ValueError(f"{name!r} is at it already")
        attacker = Attacker(name, self._plug(name), target, Random(f"attacker {name}"), self._wall)
        self._running[name] = attacker, asyncio.create_task(self._run(attacker, kind, options), name=f"attacker {name}")

    async def stop(self, name: str) -> dict[str, int]:
        """End an attack; returns its counters."""
        if name not in self._running:
            raise ValueError(f"nobody called {name!r} is at it")
        attacker, task = self._running.pop(name)
        await end_all([task])
        self._unplug(attacker.station)
        if not task.cancelled() and task.exception() is not None:
            attacker.counters["broken"] += 1
            raise RuntimeError(f"{name} broke down") from task.exception()
        return dict(attacker.counters)

    async def close(self) -> None:
        """End them all."""
        for name in tuple(self._running):
            await self.stop(name)

    def report(self) -> dict[str, dict[str, int]]:
        """What each has done so far."""
        return {name: {**attacker.counters, "over": int(task.done())} for name, (attacker, task) in self._running.items()}

    async def _run(self, attacker: Attacker, kind: str, options: dict[str, Any]) -> None:
        try:
            await self._kinds[kind](attacker, **options)
        finally:
            await whole(attacker.power_off())
