"""Which links a frame goes to, and in how many pieces."""

from collections.abc import Callable
from hashlib import sha256

from gateway.limits import FRAGMENT_CHUNK, FRAGMENT_OVERHEAD
from gateway.mesh.effects import Effect, Priority, SendFrame
from gateway.mesh.links import Links
from gateway.mesh.timers import Timers
from gateway.wire.fragment import split
from gateway.wire.types import MessageType
from transports.link import LinkId

FRAGMENT_SPACING_S = 0.03  # seconds between the fragments of one broadcast (iOS)

PRIORITIES: dict[int, Priority] = {
    MessageType.NOISE_HANDSHAKE: Priority.DIRECTED,
    MessageType.NOISE_ENCRYPTED: Priority.DIRECTED,
    MessageType.COURIER: Priority.DIRECTED,
    MessageType.PING: Priority.DIRECTED,
    MessageType.PONG: Priority.DIRECTED,
    MessageType.REQUEST_SYNC: Priority.SYNC,
    MessageType.VOICE: Priority.VOICE,
    MessageType.FRAGMENT: Priority.BULK,
    MessageType.FILE: Priority.BULK,
}
"""Every type not listed is `Priority.PUBLIC`."""

_TO_EVERY_LINK = frozenset({MessageType.ANNOUNCE, MessageType.FRAGMENT, MessageType.REQUEST_SYNC})


class Outbound:
    """Chooses links and cuts frames to their MTU.

    Args:
        links: the local links.
        later: where fragments wait for their turn.
        randbytes: source of fragment IDs.
        relay_to_all: see `gateway.mesh.settings.MeshSettings`.

    """

    def __init__(self, links: Links, later: Timers[SendFrame], randbytes: Callable[[int], bytes], *, relay_to_all: bool) -> None:
        self._links = links
        self._later = later
        self._randbytes = randbytes
        self._relay_to_all = relay_to_all

    def toward(self, message_type: int, packet_id: bytes, recipient: bytes | None, ingress: LinkId | None = None) -> tuple[LinkId, ...]:
        """Return the links for a packet: the recipient's own if there is one, else the flood, never back to the ingress."""
        if recipient is not None:
            direct = self._links.to_peer(recipient)
            if direct is not None:
                return (direct,) if direct != ingress else ()
        links = self._links.one_each
        if ingress is not None:
            came_from = self._links.get(ingress)
            back = self._links.to_peer(came_from.peer_id) if came_from is not None and came_from.peer_id is not None else None
            links = tuple(link for link in links if link not in (ingress, back))
        if self._relay_to_all or recipient is not None or message_type in _TO_EVERY_LINK:
            return links
        return subset(links, packet_id)

    def emit(self, effects: list[Effect], links: tuple[LinkId, ...], frame: bytes, priority: Priority, now: float) -> None:
        """Append what puts `frame` on `links`, in paced fragments where it does not fit."""
        if not links:
            return
        mtu = min(link.mtu for id_ in links if (link := self._links.get(id_)) is not None)
        if len(frame) <= mtu:
            effects.append(SendFrame(links, frame, priority))
            return
        limit = min(mtu, FRAGMENT_CHUNK + FRAGMENT_OVERHEAD)
        for index, piece in enumerate(split(frame, fragment_id=self._randbytes(8), limit=limit)):
            send = SendFrame(links, piece, Priority.BULK if priority > Priority.DIRECTED else priority)
            if index == 0:
                effects.append(send)
            else:
                self._later.set(now + index * FRAGMENT_SPACING_S, send)


def subset(links: tuple[LinkId, ...], packet_id: bytes) -> tuple[LinkId, ...]:
    """Return the links a phone relays a broadcast to: about log2 of them, the same for every copy."""
    count = len(links)
    if count <= 2:
        return links
    chosen = min(count, (count - 1).bit_length() + 1)
    key = packet_id.hex()
    return tuple(sorted(links, key=lambda link: sha256(f"{key}::{link}".encode()).digest())[:chosen])
