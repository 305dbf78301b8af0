"""A connection between two stations: connection events, supervision timeout, and a pace like that of a real link.

Nothing runs while there is nothing to carry: the next connection event is armed by what waits for it.
"""

import asyncio
import math
import struct
from collections import deque
from typing import TYPE_CHECKING, Any

from bumble import hci, ll
from bumble.controller import Connection
from bumble.core import PhysicalTransport

if TYPE_CHECKING:
    from tests.rig.air import Air
    from tests.rig.controllers import Station

INTERVAL_S, TIMEOUT_S = 0.001_25, 0.01  # units of connection interval and supervision timeout
PACKET_S = 0.002_5  # one full packet and its acknowledgement on the 1M PHY
UNESTABLISHED_INTERVALS = 6  # a new link without a packet in so many intervals is called failed (Core 5.4, Vol 6, Part B, 4.5.2)
JUST_NOW = 1e-6  # of an interval: what is lost when seconds are added up
FIRST, MORE = 0b10, 0b01  # packet boundary flags from controller to host


def after(anchor: float, interval: float, now: float) -> float:
    """The next of the moments that are intervals apart, the one that is just now left out."""
    return anchor + (math.floor((now - anchor) / interval + JUST_NOW) + 1) * interval


class LinkEnd(Connection):
    """One station's end of a link."""

    controller: "Station"
    link: "AirLink"
    __eq__, __hash__ = object.__eq__, object.__hash__

    def send_ll_control_pdu(self, packet: ll.ControlPdu) -> None:
        """Send a control packet to the other end."""
        self.link.control(self, packet)


class AirLink:
    """Both ends, and what is under way between them.

    Args:
        air: where it is.
        central: who connects, with its pending HCI command.
        peripheral: who advertises.

    """

    def __init__(self, air: "Air", central: "Station", peripheral: "Station") -> None:
        pending: Any = central.pending_le_connection
        public = pending.own_address_type == hci.OwnAddressType.PUBLIC
        addresses = (central.public_address if public else central.random_address, peripheral.advertiser.address)
        self.air = air
        self.interval: int = pending.connection_interval_min
        self.timeout: int = pending.supervision_timeout
        self.ends = (
            self._end(central, hci.Role.CENTRAL, *addresses),
            self._end(peripheral, hci.Role.PERIPHERAL, *reversed(addresses)),
        )
        self._anchor = air.loop.time()
        self._open = set(self.ends)
        self._data: dict[LinkEnd, deque[bytes]] = {end: deque() for end in self.ends}
        self._controls: deque[tuple[LinkEnd, ll.ControlPdu]] = deque()
        self._event: asyncio.TimerHandle | None = None
        self._supervision: asyncio.TimerHandle | None = None

    def _end(self, station: "Station", role: hci.Role, own: hci.Address, peer: hci.Address) -> LinkEnd:
        handle = station.allocate_connection_handle()
        return LinkEnd(station, handle, role, own, peer, self, PhysicalTransport.LE, hci.HCI_Connection_Complete_Event.LinkType.ACL)  # type: ignore[arg-type]

    def open(self, established: bool) -> None:
        """Tell both hosts; a link that is not established fails at the central a moment later, and the peripheral never hears of it."""
        central, peripheral = self.ends
        central.controller.opened(central)
        if established:
            peripheral.controller.opened(peripheral)
            self.look()
        else:
            self._open.discard(peripheral)
            failed = hci.HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR
            self.air.loop.call_later(UNESTABLISHED_INTERVALS * self.interval * INTERVAL_S, self._close, central, failed)

    @property
    def up(self) -> bool:
        """Whether packets can cross just now."""
        return len(self._open) == 2 and self.air.reaches(self.ends[0].controller, self.ends[1].controller)

    def other(self, end: LinkEnd) -> LinkEnd:
        """The other end."""
        return self.ends[1] if end is self.ends[0] else self.ends[0]

    def send(self, end: LinkEnd, packet: bytes) -> None:
        """Take one ACL packet from a host; the host may send another when this one has crossed."""
        self._data[end].append(packet)
        self._arm()

    def control(self, end: LinkEnd, packet: ll.ControlPdu) -> None:
        """Take a control packet."""
        self._controls.append((end, packet))
        self._arm()

    def terminate(self, end: LinkEnd, reason: int) -> None:
        """Say goodbye; who does not hear it finds out by the supervision timeout."""
        other = self.other(end)
        if other in self._open and self.up:
            self._open.discard(end)
            self.air.loop.call_later(self.interval * INTERVAL_S, self._close, other, reason)

    def left(self, end: LinkEnd) -> None:
        """One end is gone."""
        self._open.discard(end)
        self._data[end].clear()
        self.look()

    def look(self) -> None:
        """See whether the ends reach each other still."""
        if self.up:
            if self._supervision is not None:
                self._supervision.cancel()
                self._supervision = None
            self._arm()
        elif not self._open:
            self.air.links.discard(self)
            for timer in (self._supervision, self._event):
                if timer is not None:
                    timer.cancel()
        elif self._supervision is None:
            self._supervision = self.air.loop.call_later(self.timeout * TIMEOUT_S, self._time_out)

    def _time_out(self) -> None:
        for end in tuple(self._open):
            self._close(end, hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)

    def _close(self, end: LinkEnd, reason: int) -> None:
        end.controller.on_le_disconnected(end, reason)

    def _arm(self) -> None:
        if self._event is None and self.up:
            interval, loop = self.interval * INTERVAL_S, self.air.loop
            self._event = loop.call_at(after(self._anchor, interval, loop.time()), self._connection_event)

    def _connection_event(self) -> None:
        self._event = None
        if not self.up:
            return
        while self._controls:
            end, control = self._controls.popleft()
            other = self.other(end)
            other.controller.on_ll_control_pdu(other.peer_address, control)
        room = max(1, int(self.interval * INTERVAL_S / PACKET_S))
        for end in self.ends:
            waiting = self._data[end]
            count = min(room, len(waiting))
            for _ in range(count):
                _carry(waiting.popleft(), self.other(end))
            if count:
                end.controller.tell(struct.pack("<BBBBHH", hci.HCI_EVENT_PACKET, 0x13, 5, 1, end.handle, count))
        if any(self._data.values()) or self._controls:
            self._arm()


def _carry(packet: bytes, end: LinkEnd) -> None:
    flags = MORE if struct.unpack_from("<H", packet, 1)[0] >> 12 & 0b11 == MORE else FIRST
    end.controller.tell(struct.pack("<BH", packet[0], end.handle | flags << 12) + packet[3:])
