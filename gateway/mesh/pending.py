"""Relays waiting out their jitter, in which an overheard copy can cancel them."""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.limits import MAX_PENDING_RELAYS
from gateway.mesh.effects import Priority
from gateway.mesh.flows import Flow, Flows
from gateway.mesh.timers import Timers
from transports.link import LinkId


@dataclass(slots=True)
class PendingRelay:
    """One packet waiting; `links` is empty once the relay is pointless."""

    packet_id: bytes
    links: tuple[LinkId, ...]
    frame: bytes
    priority: Priority
    flow: Flow | None = None
    author: bytes = b""  # who says it, where it is said to everybody
    announces: bool = False
    source: LinkId | None = None  # where it came from


class PendingRelays:
    """At most `MAX_PENDING_RELAYS` packets by ID, due one by one."""

    def __init__(self) -> None:
        self.timers: Timers[PendingRelay] = Timers()
        self._by_id: dict[bytes, PendingRelay] = {}
        self._flows = Flows()
        self._announces = Flows()

    def __len__(self) -> int:
        return len(self._by_id)

    @property
    def full(self) -> bool:
        """Whether there is no room for another."""
        return len(self.timers) >= MAX_PENDING_RELAYS

    def add(self, relay: PendingRelay, at: float) -> None:
        """Let a packet wait until `at`, or longer if an earlier packet of its flow does, or an announce of its author.

        Nobody believes, and Android does not even pass on, what somebody says whose announce has not come.
        """
        author = relay.author, b""
        if relay.flow is not None:
            at = self._flows.end(relay.flow, at)
        elif relay.announces:
            at = self._announces.end(author, at)
        else:
            at = max(at, self._announces.until(author))
        self._by_id[relay.packet_id] = relay
        self.timers.set(at, relay)

    def overheard(self, packet_id: bytes, link: LinkId, *, cancel: bool) -> bool:
        """Note that a neighbour has the packet too; returns whether our relay is off.

        A copy over a link we were not going to use says nothing about those we were: it may
        be the sender repeating itself, or a neighbour in search of the recipient beside us.

        Args:
            packet_id: the packet.
            link: where the copy came from; it needs none of ours.
            cancel: drop the relay altogether, because others cover the area.

        """
        relay = self._by_id.get(packet_id)
        if relay is None or link not in relay.links:
            return False
        relay.links = () if cancel else tuple(other for other in relay.links if other != link)
        if relay.links:
            return False
        del self._by_id[packet_id]
        return True

    def move(self, gone: LinkId, to: LinkId) -> None:
        """Let what was to leave over a link that is gone leave over another."""
        for relay in self.timers:
            if gone in relay.links:
                relay.links = (*(link for link in relay.links if link not in (gone, to)), to)

    def due(self, now: float) -> Iterator[PendingRelay]:
        """Take out what has waited long enough and still has somewhere to go."""
        for relay in self.timers.due(now):
            if relay.links:
                self._by_id.pop(relay.packet_id, None)  # a packet forgotten and received anew waits twice
                yield relay
