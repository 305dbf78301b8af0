"""The kernel's adapters: each is a station on the air behind /dev/vhci."""

import asyncio
import contextlib
import os

from tests.rig.air import Air
from tests.rig.controllers import Station

VENDOR_PACKET, PRIMARY = 0xFF, 0x00  # first packet to /dev/vhci, and its answer with the adapter's index
LONGEST = 2048


class VirtualHci:
    """One open /dev/vhci: the kernel's end of a station's HCI."""

    def __init__(self, station: Station) -> None:
        self.index: int | None = None
        self._station = station
        self._file = os.open("/dev/vhci", os.O_RDWR | os.O_NONBLOCK)
        station.set_packet_sink(self)
        asyncio.get_running_loop().add_reader(self._file, self._readable)
        os.write(self._file, bytes((VENDOR_PACKET, PRIMARY)))

    def on_packet(self, packet: bytes) -> None:
        """Give one packet to the kernel; it takes none for an adapter that is switched off."""
        with contextlib.suppress(OSError):
            os.write(self._file, packet)

    def close(self) -> None:
        """Pull the adapter out."""
        asyncio.get_running_loop().remove_reader(self._file)
        self._station.set_packet_sink(None)
        os.close(self._file)

    def _readable(self) -> None:
        packet = os.read(self._file, LONGEST)
        if packet and packet[0] == VENDOR_PACKET:
            self.index = int.from_bytes(packet[2:4], "little")
        elif packet:
            self._station.on_packet(packet)


class Adapters:
    """The sockets that adapters are plugged into: hci0 and up."""

    def __init__(self, air: Air, count: int) -> None:
        self._air = air
        self._count = count
        self._sockets: list[VirtualHci | None] = []
        for _ in range(count):
            self.plug()

    def plug(self, socket: int | None = None) -> str:
        """Plug an adapter in, into an empty socket of before or into a new one; its name on the air.

        Raises:
            ValueError: there is one in it already.

        """
        if socket is None:
            socket = len(self._sockets)
            self._sockets.append(None)
        if self._sockets[socket] is not None:
            raise ValueError(f"hci{socket} is plugged in")
        name = f"hci{socket}"
        station = Station(name, self._air, f"F0:F1:F2:F3:F4:{socket:02X}")
        self._sockets[socket] = VirtualHci(station)
        return name

    def unplug(self, socket: int) -> None:
        """Pull it out.

        Raises:
            ValueError: there is none in it.

        """
        adapter = self._sockets[socket]
        if adapter is None:
            raise ValueError(f"hci{socket} is not plugged in")
        self._sockets[socket] = None
        adapter.close()
        self._air.remove_controller(self._air.stations[f"hci{socket}"])

    def restore(self) -> None:
        """Have in again what was plugged in at first, and nothing else; what hangs is changed for a new one."""
        for socket, adapter in enumerate(self._sockets):
            if adapter is not None and (socket >= self._count or self._air.stations[f"hci{socket}"].hung):
                self.unplug(socket)
        for socket in range(self._count):
            if self._sockets[socket] is None:
                self.plug(socket)

    def index(self, name: str) -> int | None:
        """The kernel's number of an adapter, None for other stations."""
        for socket, adapter in enumerate(self._sockets):
            if adapter is not None and name == f"hci{socket}":
                return adapter.index
        return None
