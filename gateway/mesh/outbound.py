"""Which links a frame goes to, in how many pieces, and when each piece leaves."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256

from gateway.errors import Reason
from gateway.limits import FRAGMENT_CHUNK, FRAGMENT_OVERHEAD, MAX_FRAGMENTS_SENT, MAX_PACED
from gateway.mesh.effects import Effect, Priority, SendFrame
from gateway.mesh.flows import Flow, Flows
from gateway.mesh.links import Link, Links
from gateway.mesh.timers import Timers
from gateway.mesh.traffic import Traffic
from gateway.wire.fragment import chunk_size, split
from gateway.wire.packet import peek, route_of
from gateway.wire.types import MessageType
from transports.link import LinkId

FRAGMENT_SPACING_S = 0.03  # seconds between the fragments of one broadcast (iOS)
CUT_LIMIT = FRAGMENT_CHUNK + FRAGMENT_OVERHEAD  # bytes: fragments are no larger where a link would take more

Drops = dict[Reason, int]
"""Why packets were refused or not sent, and how many."""

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


@dataclass(slots=True)
class Piece:
    """Something that waits for its turn, and the frame it is all or a part of."""

    send: SendFrame
    whole: bytes
    flow: Flow | None


class Outbound:
    """Chooses links, cuts frames to their MTU and paces the pieces.

    Args:
        links: the local links.
        randbytes: source of fragment IDs.
        drops: where frames that cannot be sent are counted.
        relay_to_all: see `gateway.mesh.settings.MeshSettings`.

    Attributes:
        timers: the pieces whose time has not come.
        traffic: what was put on links.

    """

    def __init__(self, links: Links, randbytes: Callable[[int], bytes], drops: Drops, *, relay_to_all: bool) -> None:
        self._links = links
        self.timers: Timers[Piece] = Timers()
        self.traffic = Traffic()
        self._flows = Flows()
        self._randbytes = randbytes
        self._drops = drops
        self._relay_to_all = relay_to_all

    def toward(self, message_type: int, packet_id: bytes, recipient: bytes | None, came_from: Link | None = None) -> tuple[LinkId, ...]:
        """Return the links for a packet: the recipient's own if there is one, else the flood, never back to where it came from."""
        if recipient is not None:
            direct = self._links.to_peer(recipient)
            if direct is not None:
                return (direct,) if came_from is None or recipient != came_from.peer_id else ()
        links = self._links.flood(came_from)
        if self._relay_to_all or recipient is not None or message_type in _TO_EVERY_LINK:
            return links
        return subset(links, packet_id)

    def emit(
        self,
        effects: list[Effect],
        links: tuple[LinkId, ...],
        frame: bytes,
        priority: Priority,
        now: float,
        flow: Flow | None = None,
        source: LinkId | None = None,
    ) -> None:
        """Append what puts `frame` on those of `links` that are up, in paced fragments where it does not fit.

        Args:
            effects: where it is appended.
            links: where the frame should go.
            frame: one whole packet.
            priority: its class on a busy link.
            now: seconds.
            flow: its conversation, if it has one: nothing of that overtakes anything else of it.
            source: the link it came by, where it is passed on.

        """
        known = self._links
        if flow is None and len(frame) <= known.smallest_mtu and (links is known.floods.get(source) or all(map(known.is_up, links))):
            if links:  # nearly always: a broadcast that fits everywhere
                effects.append(SendFrame(links, frame, priority, b"", source))
                self.traffic.say(frame, len(links))
            return
        whole: list[LinkId] = []
        small: list[Link] = []
        for link_id in links:
            link = self._links.get(link_id)
            if link is None:
                continue
            if len(frame) <= link.mtu:
                whole.append(link_id)
            else:
                small.append(link)
        if whole:
            to = links if len(whole) == len(links) else tuple(whole)
            self._put(effects, [SendFrame(to, frame, priority, b"", source)], frame, now, flow)
        if small:
            pieces = Priority.BULK if priority > Priority.DIRECTED else priority
            self._put(effects, self._cut(small, frame, pieces, source), frame, now, flow)

    def due(self, now: float) -> list[SendFrame]:
        """Take out the pieces whose time has come and whose links are still there."""
        if now < self.timers.first:
            return []
        pieces = [kept for piece in self.timers.due(now) if (kept := self._still_possible(piece.send)).links]
        for piece in pieces:
            self.traffic.say(piece.frame, len(piece.links))
        return pieces

    def move(self, gone: LinkId, to: Link, effects: list[Effect], now: float) -> None:
        """Let what was to leave over a link that is gone leave over another to the same peer.

        What is in pieces begins anew: the last ones may have gone down with the link, and the other may want smaller ones.
        """
        moved = [piece for piece in self.timers if gone in piece.send.links]
        rest = [tuple(link for link in piece.send.links if link not in (gone, to.id)) for piece in moved]
        fits = all(piece.send.frame is piece.whole and len(piece.whole) <= to.mtu for piece in moved)
        for piece, links in zip(moved, rest, strict=True):
            piece.send = replace(piece.send, links=(*links, to.id) if fits else links)
        if not fits:
            last = {id(piece.whole): index for index, piece in enumerate(moved)}
            for piece in (moved[index] for index in sorted(last.values())):  # each after what was complete before it
                self.emit(effects, (to.id,), piece.whole, piece.send.priority, now, piece.flow, piece.send.source)

    @property
    def waiting(self) -> int:
        """Frames whose time has not come."""
        return len(self.timers)

    def _put(self, effects: list[Effect], sends: list[SendFrame], whole: bytes, now: float, flow: Flow | None) -> None:
        """Spread the pieces of one frame over time, the last not before the frames ahead of it are complete."""
        behind = flow is not None and self._flows.busy(flow, now)
        if not sends or ((behind or len(sends) > 1) and self._is_full(len(sends))):
            return
        end = now + (len(sends) - 1) * FRAGMENT_SPACING_S
        if flow is not None and (behind or len(sends) > 1):
            end = self._flows.end(flow, end)
        if not behind:
            first = sends.pop(0)
            effects.append(first)
            self.traffic.say(first.frame, len(first.links))
        for index, send in enumerate(reversed(sends)):
            self.timers.set(end - index * FRAGMENT_SPACING_S, Piece(send, whole, flow))

    def _is_full(self, more: int) -> bool:
        if len(self.timers) + more <= MAX_PACED:
            return False
        self._drops[Reason.QUEUE_FULL] += 1
        return True

    def _cut(self, small: list[Link], frame: bytes, priority: Priority, source: LinkId | None) -> list[SendFrame]:
        """Return the fragments of a frame for the links that are too small for it, as far as it can be done."""
        header = peek(frame)
        hops = len(route_of(frame, header) or ())
        able = [link for link in small if chunk_size(header, min(link.mtu, CUT_LIMIT), hops) * MAX_FRAGMENTS_SENT >= len(frame)]
        pieces: list[bytes] = []
        if able and header.type != MessageType.FRAGMENT:  # nobody takes a fragment of a fragment
            pieces = split(frame, fragment_id=self._randbytes(8), limit=min(CUT_LIMIT, *(link.mtu for link in able)))
            able = [link for link in able if len(pieces[0]) <= link.mtu]
        if len(able) < len(small) or not pieces:
            self._drops[Reason.OVERSIZED] += 1
        links = tuple(link.id for link in able)
        return [SendFrame(links, piece, priority, b"", source) for piece in pieces] if links else []

    def _still_possible(self, send: SendFrame) -> SendFrame:
        links = tuple(id_ for id_ in send.links if (link := self._links.get(id_)) is not None and len(send.frame) <= link.mtu)
        return send if len(links) == len(send.links) else replace(send, links=links)


def subset(links: tuple[LinkId, ...], packet_id: bytes) -> tuple[LinkId, ...]:
    """Return the links a phone relays a broadcast to: about log2 of them, the same for every copy."""
    count = len(links)
    if count <= 2:
        return links
    chosen = min(count, (count - 1).bit_length() + 1)
    key = packet_id.hex()
    return tuple(sorted(links, key=lambda link: sha256(f"{key}::{link}".encode()).digest())[:chosen])
