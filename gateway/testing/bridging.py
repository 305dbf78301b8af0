"""A virtual phone with BitChat's bridge switched on, as iOS plays it without internet of its own.

Of everything it says in public it signs a copy for the bridge and deposits that with a
gateway it hears; copies from other islands it shows marked as bridged. Its radio message
goes out as ever and bears no mark.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from gateway.bridge.events import examine_copy
from gateway.errors import DecodeError
from gateway.mesh.effects import Effect, Heard, PublicMessage
from gateway.mesh.engine import Mesh
from gateway.mesh.events import MeshEvent
from gateway.mesh.speaker import OWN
from gateway.wire.carrier import Direction, NostrCarrier, encode_carrier
from gateway.wire.nostr import MESSAGE_KIND, PRESENCE_KIND, NostrEvent, bridge_key, encode_event, geohash_chat_key, stable_message_id
from gateway.wire.nostr_signing import is_authentic, sign_event
from gateway.wire.packet import payload_of
from gateway.wire.types import Capability, MessageType


@dataclass(frozen=True, slots=True)
class Bridged:
    """A phone heard a message of another island that a gateway put down; `is_new` the first time it is shown."""

    event_id: str
    text: str
    gateway: bytes  # peer ID of whoever put it down
    packet_id: bytes
    is_new: bool


@dataclass(frozen=True, slots=True)
class Author:
    """Somebody who signs events; the keys follow from one seed, one for each cell."""

    seed: bytes
    nickname: str

    def message(self, cell: str, sender_id: bytes, timestamp_ms: int, text: str, fresh: bytes) -> NostrEvent:
        """Return the bridge copy of a public message."""
        hint = ("m", stable_message_id(sender_id, timestamp_ms, text), sender_id.hex(), str(timestamp_ms))
        tags = (("r", cell), ("n", self.nickname), hint)
        return sign_event(MESSAGE_KIND, tags, text, timestamp_ms // 1000, bridge_key(self.seed, cell), fresh)

    def presence(self, cell: str, created_at: int, fresh: bytes) -> NostrEvent:
        """Return the event that says "somebody is here"."""
        return sign_event(PRESENCE_KIND, (("r", cell),), "", created_at, bridge_key(self.seed, cell), fresh)

    def channel_message(self, channel: str, created_at: int, text: str, fresh: bytes) -> NostrEvent:
        """Return a message for a geohash channel."""
        tags = (("g", channel), ("n", self.nickname))
        return sign_event(MESSAGE_KIND, tags, text, created_at, geohash_chat_key(self.seed, channel), fresh)


def carrier(direction: Direction, place: str, event: NostrEvent) -> bytes:
    """Return the payload of the carrier packet around an event."""
    return encode_carrier(NostrCarrier(direction, place, encode_event(event)))


class BridgingPhone:
    """An engine around a phone's mesh engine.

    Args:
        mesh: the phone.
        rng: randomness of its own.
        cell: where the phone knows itself to be; without, it uses the cell a gateway announces.

    Attributes:
        nearby_only: while set, nothing it says is signed for the bridge.
        deposits: events deposited, by their text.

    """

    def __init__(self, mesh: Mesh, rng: Random, cell: str | None = None) -> None:
        self.mesh = mesh
        self.nearby_only = False
        self.deposits: dict[str, NostrEvent] = {}
        self._rng = rng
        self._cell = cell
        self._author = Author(rng.randbytes(32), mesh.settings.nickname)
        self._shown: set[str] = set()
        self._radio: set[str] = set()

    def handle(self, event: MeshEvent, now: float) -> Sequence[object]:
        """Take one event, as `Mesh.handle` does."""
        effects = self.mesh.handle(event, now)
        told: list[object] = []
        for effect in effects:
            if isinstance(effect, PublicMessage):
                self._radio.add(stable_message_id(effect.sender_id, effect.timestamp_ms, effect.text))
        for heard in [effect for effect in effects if isinstance(effect, Heard)]:
            if heard.header.type == MessageType.MESSAGE and heard.link == OWN:
                self._compose(heard, effects, now)
            elif heard.header.type == MessageType.NOSTR_CARRIER and heard.header.recipient_id is None:
                told += self._bridged(heard, now)
        return [*effects, *told]

    def next_wakeup(self) -> float | None:
        """Return when the mesh wants a `Tick`."""
        return self.mesh.next_wakeup()

    def _compose(self, heard: Heard, effects: list[Effect], now: float) -> None:
        gateways = [
            peer
            for peer in self.mesh.peers
            if peer.is_local(now) and Capability.BRIDGE in Capability(peer.announce.capabilities or 0) and peer.announce.bridge_geohash
        ]
        if self.nearby_only or not gateways:
            return
        gateway = gateways[0]
        cell = self._cell or gateway.announce.bridge_geohash or ""
        text = payload_of(heard.frame, heard.header).decode()
        event = self._author.message(cell, heard.header.sender_id, heard.header.timestamp_ms, text, self._rng.randbytes(32))
        self.deposits[text] = event
        self.mesh.carry(carrier(Direction.TO_BRIDGE, cell, event), gateway.peer_id, effects, now)

    def _bridged(self, heard: Heard, now: float) -> list[Bridged]:
        wall_ms = self.mesh.wall_ms(now)
        try:
            carried = examine_copy(payload_of(heard.frame, heard.header), wall_ms or 0)
        except DecodeError:
            return []
        event = carried.event
        if not carried.is_message or not is_authentic(event):
            return []
        is_new = event.event_id not in self._shown and carried.hint.decode() not in self._radio
        self._shown.add(event.event_id)
        return [Bridged(event.event_id, event.content, heard.header.sender_id, heard.packet_id, is_new)]
