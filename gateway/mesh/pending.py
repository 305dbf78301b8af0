"""Relays waiting out their jitter, in which an overheard copy can cancel them."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.limits import MAX_PENDING_RELAYS
from gateway.mesh.effects import Priority
from gateway.mesh.timers import Timers
from transports.link import LinkId

Flow = tuple[bytes, bytes | None]
"""Sender and recipient of a Noise session, whose packets must keep their order."""


@dataclass(slots=True)
class PendingRelay:
    """One packet waiting; `links` is empty once the relay is pointless."""

    packet_id: bytes
    links: tuple[LinkId, ...]
    frame: bytes
    priority: Priority


class PendingRelays:
    """At most `MAX_PENDING_RELAYS` packets by ID, due one by one."""

    def __init__(self) -> None:
        self._timers: Timers[PendingRelay] = Timers()
        self._by_id: dict[bytes, PendingRelay] = {}
        self._flows: OrderedDict[Flow, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_id)

    @property
    def full(self) -> bool:
        """Whether there is no room for another."""
        return len(self._by_id) >= MAX_PENDING_RELAYS

    def add(self, relay: PendingRelay, at: float, flow: Flow | None) -> None:
        """Let a packet wait until `at`, or longer if an earlier packet of its flow does."""
        if flow is not None:
            at = max(at, self._flows.get(flow, at))
            self._flows[flow] = at
            self._flows.move_to_end(flow)
            if len(self._flows) > MAX_PENDING_RELAYS:
                self._flows.popitem(last=False)
        self._by_id[relay.packet_id] = relay
        self._timers.set(at, relay)

    def overheard(self, packet_id: bytes, link: LinkId, *, cancel: bool) -> bool:
        """Note that a neighbour has sent the packet too; returns whether our relay is off.

        Args:
            packet_id: the packet.
            link: where the copy came from; it needs none of ours.
            cancel: drop the relay altogether, because others cover the area.

        """
        relay = self._by_id.get(packet_id)
        if relay is None:
            return False
        relay.links = () if cancel else tuple(other for other in relay.links if other != link)
        if relay.links:
            return False
        del self._by_id[packet_id]
        return True

    def due(self, now: float) -> Iterator[PendingRelay]:
        """Take out what has waited long enough and still has somewhere to go."""
        for relay in self._timers.due(now):
            if relay.links:
                del self._by_id[relay.packet_id]
                yield relay

    def next_at(self) -> float | None:
        """Return when the next packet is due."""
        return self._timers.next_at()
