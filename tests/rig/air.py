"""The air: which stations there are, who reaches whom and how loudly, and who hears whose advertisements.

Everything happens by events. An advertisement is sent only when it would make a difference to somebody within reach: a scan that has not
heard it yet, or a connection attempt that waits for it; so an hour in which nothing changes costs nothing.
"""

import asyncio
from itertools import product
from random import Random
from typing import Any

from bumble import core, hci, ll
from bumble.link import LocalLink

from tests.rig.air_links import AirLink, after
from tests.rig.controllers import Station

RSSI = -60  # dBm between two stations of which nobody said otherwise
ADVERTISING_DELAY_S = 0.01  # random addition to every advertising interval


class Air(LocalLink):
    """Stations that may hear each other."""

    def __init__(self, seed: str = "air") -> None:
        super().__init__()
        self.loop = asyncio.get_running_loop()
        self.stations: dict[str, Station] = {}
        self.links: set[AirLink] = set()
        self._rng = Random(seed)
        self._cut: set[frozenset[str]] = set()
        self._faint: set[frozenset[str]] = set()
        self._rssi: dict[frozenset[str], int] = {}
        self._islands: dict[str, str] = {}
        self._due: dict[Station, asyncio.TimerHandle] = {}
        self._sent: dict[Station, float] = {}

    # Who is there

    def add_controller(self, controller: Any) -> None:
        """Put a station on the air; its name must be free."""
        if controller.name in self.stations:
            raise ValueError(f"there is a station {controller.name!r} already")
        self.stations[controller.name] = controller
        super().add_controller(controller)

    def remove_controller(self, controller: Any) -> None:
        """Take it away without a word; the other ends of its links notice by their supervision timeout."""
        if self.stations.get(controller.name) is controller:
            del self.stations[controller.name]
            super().remove_controller(controller)
            controller.silence()
            timer = self._due.pop(controller, None)
            if timer is not None:
                timer.cancel()
            self._sent.pop(controller, None)

    # Who reaches whom

    def reaches(self, a: Station, b: Station) -> bool:
        """Whether two stations are on the air and within reach of each other."""
        if self.stations.get(a.name) is not a or self.stations.get(b.name) is not b or frozenset((a.name, b.name)) in self._cut:
            return False
        here, there = self._islands.get(a.name), self._islands.get(b.name)
        return here is None or there is None or here == there

    def rssi(self, a: Station, b: Station) -> int:
        """How loudly they hear each other, in dBm."""
        return self._rssi.get(frozenset((a.name, b.name)), RSSI)

    def set_contact(
        self, some: list[str], others: list[str], *, up: bool | None = None, rssi: int | None = None, connects: bool | None = None
    ) -> None:
        """Change what is between every one of some and every one of others; None leaves it as it is.

        Args:
            some: names of stations, of today or later.
            others: the same.
            up: whether they reach each other.
            rssi: how loudly.
            connects: False: they hear each other's advertisements, but no connection comes about.

        """
        for pair in {frozenset(pair) for pair in product(some, others) if pair[0] != pair[1]}:
            if up is not None:
                (self._cut.discard if up else self._cut.add)(pair)
            if connects is not None:
                (self._faint.discard if connects else self._faint.add)(pair)
            if rssi is not None:
                self._rssi[pair] = rssi
        self._changed()

    def set_island(self, names: list[str], island: str | None) -> None:
        """Put stations on an island: they reach nobody on another one. None: they reach all again."""
        for name in names:
            if island is None:
                self._islands.pop(name, None)
            else:
                self._islands[name] = island
        self._changed()

    def forget_places(self) -> None:
        """Let all stations reach each other again, as loudly as at first."""
        for what in (self._cut, self._faint, self._rssi, self._islands):
            what.clear()
        self._changed()

    def _changed(self) -> None:
        for link in tuple(self.links):
            link.look()
        for station in self.stations.values():
            self.shown(station)

    # Who hears whose advertisements

    def shown(self, station: Station) -> None:
        """Note that a station shows something, or something else."""
        if station.advertiser.enabled and station not in self._due and self._is_awaited(station):
            now, last = self.loop.time(), self._sent.get(station)
            when = now if last is None else after(last, station.advertiser.interval, now)
            self._due[station] = self.loop.call_at(when + self._rng.uniform(0, ADVERTISING_DELAY_S), self._transmit, station)

    def listens(self, _station: Station) -> None:
        """Note that a station began to listen."""
        for other in self.stations.values():
            self.shown(other)

    def _is_awaited(self, station: Station) -> bool:
        return station.mute is None and not station.hung and any(other.awaits(station) for other in self._around(station))

    def _around(self, station: Station) -> list[Station]:
        return [other for other in self.stations.values() if other is not station and self.reaches(station, other)]

    def _transmit(self, station: Station) -> None:
        del self._due[station]
        if station.advertiser.enabled and station.mute is None and not station.hung:
            self._sent[station] = self.loop.time()
            for other in self._around(station):
                other.hear(station, self.rssi(station, other))
            self.shown(station)

    # Connections

    def connect(self, central: Station, peripheral: Station) -> None:
        """Make a link, or let the attempt fail as it fails on a real air."""
        link = AirLink(self, central, peripheral)
        caller = link.ends[0].self_address
        has_room = len(peripheral.ends) < peripheral.max_links and caller not in peripheral.le_connections
        self.links.add(link)
        link.open(established=has_room and frozenset((central.name, peripheral.name)) not in self._faint)

    def send_acl_data(
        self, sender_controller: Any, destination_address: hci.Address, transport: core.PhysicalTransport, data: bytes
    ) -> None:
        """Refuse Bumble's own way between controllers: `AirLink` is the only one."""
        raise NotImplementedError

    def send_ll_control_pdu(self, sender_address: hci.Address, receiver_address: hci.Address, packet: ll.ControlPdu) -> None:
        """Refuse it too."""
        raise NotImplementedError
