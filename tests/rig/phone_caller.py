"""The side of a phone that calls: it listens for advertisements, connects, and subscribes."""

import asyncio
import contextlib
import struct
from collections import Counter

from bumble import att, hci
from bumble.device import Advertisement, Connection, Device

from tests.rig.phone_candidates import Candidate, Candidates
from tests.rig.phone_connect import CANCEL_S, GONE, NoConnectionError, connect, disconnect
from tests.rig.phone_links import PhoneLinks
from tests.rig.phone_platform import PhoneOptions
from tests.rig.phone_profile import CCCD, CHARACTERISTIC, SERVICE, hear
from tests.rig.phone_tasks import whole


class SessionEndedError(Exception):
    """A connection that became no link; the text says why, in the word the counter has."""


class Caller:
    """Looks for neighbours and calls them, one at a time, while there are too few links.

    Args:
        options: see `PhoneOptions`.
        tag: the phone's own, empty where the platform has none.
        links: where links go.
        counters: where everything that happens is counted.

    """

    def __init__(self, options: PhoneOptions, tag: bytes, links: PhoneLinks, counters: Counter[str]) -> None:
        self.silent = False
        self.lock = asyncio.Lock()  # held while scanning or calling
        self._options = options
        self._tag = tag
        self._links = links
        self._counters = counters
        self._own_address = hci.OwnAddressType.PUBLIC if options.two_addresses else hci.OwnAddressType.RANDOM
        self._candidates = Candidates()
        self._changed = asyncio.Event()  # the number of links, or `silent`
        self._found = asyncio.Event()  # an advertiser was heard

    def changed(self) -> None:
        """Look again whether another link is wanted."""
        self._changed.set()
        self._found.set()

    def dropped(self, address: hci.Address) -> None:
        """Leave a neighbour alone for a while whose connection went down."""
        self._candidates.hold(address, _now() + self._options.pace.hold_dropped)
        self.changed()

    async def seek(self, device: Device) -> None:
        """Seek until cancelled."""
        device.on(device.EVENT_ADVERTISEMENT, self._heard)
        pace = self._options.pace
        while True:
            while not self._wants_more(device):
                self._changed.clear()
                await self._changed.wait()
            async with self.lock:
                chosen = await self._scan(device)
                if chosen is not None:
                    await self._call(device, chosen)
            await asyncio.sleep(pace.between_dials if chosen is not None else pace.scan_off)

    def _wants_more(self, device: Device) -> bool:
        pace, platform = self._options.pace, self._options.platform
        central = sum(connection.role == hci.Role.CENTRAL for connection in device.connections.values())
        enough = platform.max_links if pace.enough is None else pace.enough
        return not self.silent and central < platform.max_central and len(device.connections) < enough

    async def _scan(self, device: Device) -> Candidate | None:
        """Listen for a while, or until somebody is there who may be called."""
        await whole(device.start_scanning(filter_duplicates=True))
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._options.pace.scan_on):
                    while self._wants_more(device):
                        linked = {connection.peer_address for connection in device.connections.values()}
                        tags = self._links.tags | ({self._tag} if self._tag else set())
                        chosen = self._candidates.best(_now(), linked, tags)
                        if chosen is not None:
                            return chosen
                        self._found.clear()
                        await self._found.wait()
        finally:
            await whole(device.stop_scanning())
        return None

    def _heard(self, advertisement: Advertisement) -> None:
        heard = hear(advertisement.data)
        if heard.is_bitchat and advertisement.is_connectable:
            self._counters["heard"] += 1
            self._counters["heard_names"] += heard.names
            self._counters["heard_tags"] += bool(heard.tag)
            tag = heard.tag if self._options.platform.tagged else b""
            self._candidates.heard(advertisement.address, tag, advertisement.rssi, _now())
            self._found.set()

    async def _call(self, device: Device, candidate: Candidate) -> None:
        """Turn an advertiser into a link; whatever goes wrong costs it some time of being left alone."""
        self._counters["calls"] += 1
        pace = self._options.pace
        connection = None
        try:
            async with asyncio.timeout(pace.connect_timeout + CANCEL_S + pace.session_timeout):
                connection = await connect(device, candidate.address, pace.connect_timeout, self._own_address)
                await self._open(connection, candidate)
        except asyncio.CancelledError:  # Bumble cancels a pending request when its connection goes
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            self._counters["failed_dropped"] += 1
        except (SessionEndedError, NoConnectionError) as error:
            self._counters[f"failed_{error}"] += 1
        except GONE:
            self._counters["failed_connect" if connection is None else "failed_session"] += 1
        else:
            return
        self._candidates.hold(candidate.address, _now() + pace.hold_failed)
        if connection is not None:
            await disconnect(connection)

    async def _open(self, connection: Connection, candidate: Candidate) -> None:
        """MTU, service, characteristic, CCCD, subscription: in the order and with the pauses of the platform."""
        await asyncio.sleep(self._options.platform.mtu_wait)
        client = connection.gatt_client
        await client.request_mtu(self._options.att_mtu)
        services = await client.discover_service(SERVICE)
        if not services:
            raise SessionEndedError("no_service")
        characteristics = await client.discover_characteristics([CHARACTERISTIC], services[0])
        if not characteristics:
            raise SessionEndedError("no_characteristic")
        characteristic = characteristics[0]
        await client.discover_descriptors(characteristic)
        cccd = characteristic.get_descriptor(CCCD)
        if cccd is None:
            raise SessionEndedError("no_cccd")

        def put(frame: bytes) -> None:
            client.send_gatt_pdu(bytes(att.ATT_Write_Command(attribute_handle=characteristic.handle, attribute_value=frame)))

        link = self._links.make(connection, "central", put)
        link.tag = candidate.tag
        client.notification_subscribers.setdefault(characteristic.handle, set()).add(lambda value: self._links.received(link, value))
        await client.write_value(cccd, struct.pack("<H", 1), with_response=True)
        if self._links.get(link.id) is None:
            raise SessionEndedError("dropped")
        self._links.announce(link)


def _now() -> float:
    return asyncio.get_running_loop().time()
