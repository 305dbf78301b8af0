"""When this node says who it is, and what it says."""

from random import Random

from gateway.limits import MAX_NEIGHBORS, MAX_TTL
from gateway.mesh.identity import Identity
from gateway.mesh.relay import DENSE_DEGREE
from gateway.mesh.settings import MeshSettings
from gateway.wire.announce import Announce, encode_announce
from gateway.wire.packet import Packet
from gateway.wire.signing import sign
from gateway.wire.types import MessageType

ALONE_S = 4.0
CONNECTED_S = (15.0, 4.0)  # period and spread, seconds (iOS)
DENSE_S = (30.0, 8.0)
FLOOR_S = 1.0  # a fresh announce at most this often; a new link gets the last one again


class Announcer:
    """Makes this node's announces and knows when the next is due."""

    def __init__(self, identity: Identity, settings: MeshSettings, rng: Random) -> None:
        self._identity = identity
        self._settings = settings
        self._rng = rng
        self._frame = b""
        self._made_at = float("-inf")
        self.nickname = settings.nickname

    def period(self, degree: int) -> float:
        """Return the seconds to the next announce for this number of connected peers."""
        if degree == 0:
            return ALONE_S
        middle, spread = DENSE_S if degree >= DENSE_DEGREE else CONNECTED_S
        return middle + self._rng.uniform(-spread, spread)

    def frame(self, neighbors: tuple[bytes, ...], wall_ms: int, now: float) -> bytes:
        """Return a signed direct announce, a new one at most every `FLOOR_S`."""
        if now - self._made_at < FLOOR_S:
            return self._frame
        announce = Announce(
            nickname=self.nickname,
            noise_public_key=self._identity.noise_public,
            signing_public_key=self._identity.signing_public,
            neighbors=neighbors[:MAX_NEIGHBORS],
            capabilities=self._settings.capabilities or None,
            bridge_geohash=self._settings.bridge_geohash,
        )
        packet = Packet(
            type=MessageType.ANNOUNCE,
            ttl=MAX_TTL,
            timestamp_ms=wall_ms,
            sender_id=self._identity.peer_id,
            payload=encode_announce(announce),
        )
        self._frame, self._made_at = sign(packet, self._identity.signing_key), now
        return self._frame

    def forget(self) -> None:
        """Make the next announce a fresh one (the nickname changed)."""
        self._made_at = float("-inf")
