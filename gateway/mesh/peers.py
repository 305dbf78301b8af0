"""Who is there: peers with a verified announce, and the signing keys pinned to their IDs.

A peer ID is proved by the hash of the Noise key; the signing key is trusted on first use
and pinned: a later announce of the same ID with another signing key is refused (spec
section 1). Pins outlive the peer, so that a returning peer is recognised and a message that
overtakes its sender's next announce can still be verified.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from gateway.errors import Reason
from gateway.limits import MAX_ANNOUNCE_AGE_S, MAX_PEERS, PEER_REACHABLE_S, REMOTE_PEER_REACHABLE_S
from gateway.mesh.pins import Pins
from gateway.mesh.records import KeyPinned
from gateway.wire.announce import Announce, decode_announce, peer_id_of
from gateway.wire.packet import Header, payload_of

Verify = Callable[[bytes, bytes, Header], bool]
"""``verify(frame, public_key, header)``: does the signature over the received bytes hold?"""

NEVER = float("-inf")


@dataclass(slots=True)
class Peer:
    """One node with a verified announce."""

    peer_id: bytes
    announce: Announce
    frame: bytes  # the announce as received, to be offered in sync answers
    packet_id: bytes
    timestamp_ms: int  # of the announce
    announced_at: float  # when it was heard, or made if it came in answer to a sync request
    local_at: float = NEVER  # when it was last within reach of this island's radio
    remote_at: float = NEVER  # last announced through another site
    speaks_v2: bool = False

    def is_local(self, now: float) -> bool:
        """Say whether the peer is reachable over the local mesh."""
        return now - self.local_at < PEER_REACHABLE_S

    def is_remote(self, now: float) -> bool:
        """Say whether another site has announced the peer lately."""
        return now - self.remote_at < REMOTE_PEER_REACHABLE_S


class PeerTable:
    """Peers by ID, least recently announced forgotten first, and the pins.

    Args:
        own_id: this node's peer ID.
        verify: signature check, see `Verify`.
        pins: signing keys remembered from earlier, by peer ID.
        max_age: seconds an announce may be old.

    """

    def __init__(
        self, own_id: bytes, verify: Verify, pins: Mapping[bytes, bytes] | None = None, *, max_age: float = MAX_ANNOUNCE_AGE_S
    ) -> None:
        self._max_age = max_age
        self._own_id = own_id
        self._verify = verify
        self._peers: OrderedDict[bytes, Peer] = OrderedDict()
        self.pins = Pins(pins)
        self.pinned: KeyPinned | None = None  # by the last announce that was accepted, if that is to be written down

    def __len__(self) -> int:
        return len(self._peers)

    def __iter__(self) -> Iterator[Peer]:
        return iter(self._peers.values())

    def get(self, peer_id: bytes) -> Peer | None:
        """Return the peer with this ID, if it is known and not expired."""
        return self._peers.get(peer_id)

    def signing_key(self, peer_id: bytes) -> bytes | None:
        """Return the pinned Ed25519 key of an ID, also of a peer that is gone."""
        return self.pins.key_of(peer_id)

    def remember(self, pins: Iterable[KeyPinned]) -> None:
        """Take back the keys pinned before a restart; whoever claimed such an ID with another key meanwhile is nobody."""
        for peer_id in self.pins.restore(pins):
            self._peers.pop(peer_id, None)

    def accept(self, frame: bytes, header: Header, packet_id: bytes, now: float, wall_ms: int, *, local: bool) -> Peer | Reason:
        """Check an announce in full and take it in.

        One in answer to a sync request (TTL 0) counts from when it was made: an old one proves
        its author's key, but not that the author is still there.

        Args:
            frame: the whole packet as received.
            header: its header.
            packet_id: its ID.
            now: seconds.
            wall_ms: the same moment in milliseconds since the epoch.
            local: it was heard on this island's radio.

        Returns:
            The peer, or why the announce is refused; call `shrink` afterwards.

        Raises:
            DecodeError: the payload is no announce.

        """
        age = max(0, wall_ms - header.timestamp_ms) / 1000
        if age > self._max_age:
            return Reason.STALE
        announce = decode_announce(payload_of(frame, header))
        if header.sender_id == self._own_id or peer_id_of(announce.noise_public_key) != header.sender_id:
            return Reason.IDENTITY
        pinned = self.pins.key_of(header.sender_id)
        if pinned is not None and pinned != announce.signing_public_key:
            return Reason.IDENTITY
        if not self._verify(frame, announce.signing_public_key, header):
            return Reason.SIGNATURE
        self.pinned = self.pins.pin(header.sender_id, announce.signing_public_key, wall_ms)
        if header.ttl == 0 and age >= PEER_REACHABLE_S:
            return Reason.STALE
        heard_at = now - age if header.ttl == 0 else now
        peer = self._peers.get(header.sender_id)
        if peer is None:
            peer = self._peers[header.sender_id] = Peer(header.sender_id, announce, frame, packet_id, header.timestamp_ms, heard_at)
        elif header.timestamp_ms >= peer.timestamp_ms:
            peer.announce, peer.frame, peer.packet_id = announce, frame, packet_id
            peer.timestamp_ms, peer.announced_at = header.timestamp_ms, heard_at
            self._peers.move_to_end(header.sender_id)
        if local:
            peer.local_at = max(peer.local_at, heard_at)
        else:
            peer.remote_at = max(peer.remote_at, heard_at)
        return peer

    def shrink(self) -> list[Peer]:
        """Drop and return the peers above `MAX_PEERS`, least recently announced first."""
        return [self._peers.popitem(last=False)[1] for _ in range(len(self._peers) - MAX_PEERS)]

    def within_reach(self, peer_ids: Iterable[bytes], now: float) -> None:
        """Note that these peers are there now, whether they announce themselves or not."""
        for peer_id in peer_ids:
            peer = self._peers.get(peer_id)
            if peer is not None:
                peer.local_at = now

    def forget(self, peer_id: bytes) -> Peer | None:
        """Drop a peer (it left); its pin stays."""
        return self._peers.pop(peer_id, None)

    def expire(self, now: float) -> list[Peer]:
        """Drop and return every peer neither this island nor another has heard of lately."""
        lost = [peer for peer in self._peers.values() if not peer.is_local(now) and not peer.is_remote(now)]
        for peer in lost:
            del self._peers[peer.peer_id]
        return lost

    def edges(self, now: float, direct: Iterable[bytes]) -> dict[bytes, set[bytes]]:
        """Return the mutually announced neighbour edges fresher than a minute, ours included."""
        claims: dict[bytes, set[bytes]] = {self._own_id: set(direct)}
        for peer in self._peers.values():
            if now - peer.announced_at < PEER_REACHABLE_S:
                claims[peer.peer_id] = set(peer.announce.neighbors)
        return {a: {b for b in claimed if a in claims.get(b, ())} for a, claimed in claims.items()}
