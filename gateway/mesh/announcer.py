"""When this node says who it is, and what it says."""

from dataclasses import replace
from random import Random

from gateway.limits import MAX_NEIGHBORS, MAX_NICKNAME, MAX_TTL
from gateway.mesh.identity import Identity
from gateway.mesh.relay import DENSE_DEGREE
from gateway.mesh.settings import MeshSettings
from gateway.wire.announce import NEIGHBORS, Announce, encode_announce
from gateway.wire.packet import Packet
from gateway.wire.signing import sign
from gateway.wire.tlv import tlv8
from gateway.wire.types import PEER_ID_SIZE, SIGNATURE_SIZE, MessageType

ALONE_S = 4.0
CONNECTED_S = (15.0, 4.0)  # period and spread, seconds (iOS)
DENSE_S = (30.0, 8.0)
FLOOR_S = 1.0  # a fresh announce at most this often; a new link gets the last one again
HEADER_SIZE = 22  # bytes of a version 1 packet without recipient


class Announcer:
    """Makes this node's announces and knows when the next is due."""

    def __init__(self, identity: Identity, settings: MeshSettings, rng: Random) -> None:
        self._identity = identity
        self._settings = settings
        self._rng = rng
        self._frame = b""
        self._room = 0
        self._made_at = float("-inf")
        self.nickname = settings.nickname

    def period(self, degree: int) -> float:
        """Return the seconds to the next announce for this number of connected peers."""
        if degree == 0:
            return ALONE_S
        middle, spread = DENSE_S if degree >= DENSE_DEGREE else CONNECTED_S
        return middle + self._rng.uniform(-spread, spread)

    def frame(self, neighbors: tuple[bytes, ...], room: int, wall_ms: int, now: float) -> bytes:
        """Return a signed direct announce, a new one at most every `FLOOR_S`.

        It leaves out neighbours as far as it must to stay within `room` bytes: an announce that
        arrives in fragments does not count as direct and would never bind the link.
        """
        if now - self._made_at < FLOOR_S and room >= self._room:
            return self._frame
        payload = self._payload(())
        spare = room - HEADER_SIZE - SIGNATURE_SIZE - len(payload) - len(tlv8(NEIGHBORS, b""))
        named = neighbors[: max(0, min(MAX_NEIGHBORS, spare // PEER_ID_SIZE))]
        packet = Packet(
            type=MessageType.ANNOUNCE,
            ttl=MAX_TTL,
            timestamp_ms=wall_ms,
            sender_id=self._identity.peer_id,
            payload=self._payload(named) if named else payload,
        )
        self._frame, self._room, self._made_at = sign(packet, self._identity.signing_key), room, now
        return self._frame

    def rename(self, nickname: str) -> None:
        """Use another nickname, from a fresh announce on; raises ValueError for more than 255 bytes of UTF-8."""
        if len(nickname.encode()) > MAX_NICKNAME:
            raise ValueError(f"a nickname has at most {MAX_NICKNAME} bytes")
        self.nickname = nickname
        self.forget()

    def offer(self, nickname: str, capabilities: int, bridge_geohash: str | None) -> None:
        """Announce other things, from a fresh announce on; raises ValueError as `rename` does."""
        self.rename(nickname)
        self._settings = replace(self._settings, capabilities=capabilities, bridge_geohash=bridge_geohash)

    def forget(self) -> None:
        """Make the next announce a fresh one (the nickname or the time of day changed)."""
        self._made_at = float("-inf")

    def _payload(self, neighbors: tuple[bytes, ...]) -> bytes:
        return encode_announce(
            Announce(
                nickname=self.nickname,
                noise_public_key=self._identity.noise_public,
                signing_public_key=self._identity.signing_public,
                neighbors=neighbors,
                capabilities=self._settings.capabilities or None,
                bridge_geohash=self._settings.bridge_geohash,
            ),
            order=self._settings.dialect.announce_order,
        )
