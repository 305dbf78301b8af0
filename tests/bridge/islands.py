"""Sites in consent mode, and somebody who deposits on one of them."""

from random import Random

from gateway.bridge.engine import BridgeMode
from gateway.bridge.gate import Subject
from gateway.bridge.place import Place
from gateway.bridge.policy import Kind as Sort
from gateway.bridge.policy import Mode
from gateway.bridge.shelf import Shelved
from gateway.errors import Reason
from gateway.mesh.identity import Identity
from gateway.testing.bridging import Author as Signer
from gateway.testing.bridging import carrier
from gateway.wire import envelope as wire
from gateway.wire.carrier import Direction, decode_carrier
from gateway.wire.envelope import Envelope, Kind
from gateway.wire.nostr import NostrEvent, decode_event
from gateway.wire.packet import decode, peek
from gateway.wire.types import MessageType
from tests.bridge.sites import EPOCH, Author, Site, Sites

CELL = "u4pruy"
CHANNEL = "u4pru"
PLACE = Place(CELL, frozenset({CHANNEL}))
TURN_S = 2.0  # longer than any jitter, shorter than a second gateway's turn


class Depositor:
    """A phone next to some gateways: its packets are its peer's, its events its author's."""

    def __init__(self, seed: int, nickname: str = "ada") -> None:
        rng = Random(seed)
        self.packets = Author(Identity.generate(rng.randbytes))
        self.events = Signer(rng.randbytes(32), nickname)
        self._rng = rng

    @property
    def peer_id(self) -> bytes:
        return self.packets.identity.peer_id

    def copy(self, sites: Sites, text: str, *, cell: str = CELL, age: float = 0.0) -> NostrEvent:
        """The bridge copy of something said `age` seconds ago."""
        said_ms = int((EPOCH + sites.now - age) * 1000)
        return self.events.message(cell, self.peer_id, said_ms, text, self._rng.randbytes(32))

    def deposit(self, sites: Sites, name: str, event: NostrEvent, *, cell: str = CELL, way: Direction = Direction.TO_BRIDGE) -> bytes:
        """Deposit an event with a gateway; returns the packet."""
        return self.hand_in(sites, name, carrier(way, cell, event))

    def hand_in(self, sites: Sites, name: str, payload: bytes) -> bytes:
        """The same with any payload."""
        self.packets.now_ms = max(self.packets.now_ms, int((EPOCH + sites.now) * 1000))
        frame = self.packets.signed(MessageType.NOSTR_CARRIER, payload, sites[name].engine.site_id)
        sites.radio(name, frame)
        return frame


def introduced(sites: Sites, name: str, seed: int) -> Depositor:
    """A depositor whose announce a gateway has heard."""
    depositor = Depositor(seed, f"phone {seed}")
    sites.radio(name, depositor.packets.announce())
    return depositor


def islands(*names: str, **options: object) -> Sites:
    """Sites that are in consent mode and know their place."""
    return Sites(*names, **{"mode": BridgeMode.CONSENT, "place": PLACE, **options})


def joined(*pairs: str, **options: object) -> Sites:
    """Islands linked in these pairs, each two letters."""
    sites = islands(*sorted(set("".join(pairs))), **options)
    for a, b in pairs:
        sites.join(a, b)
    return sites


def carriers_of(site: Site) -> list[tuple[Direction, NostrEvent]]:
    """What a gateway put on its radio by itself, in order."""
    own = site.engine.site_id
    frames = [frame for frame in site.air if frame[1] == MessageType.NOSTR_CARRIER and peek(frame).sender_id == own]
    carriers = [decode_carrier(decode(frame).payload) for frame in frames]
    return [(one.direction, decode_event(one.event)) for one in carriers]


def put_down(site: Site) -> list[NostrEvent]:
    """The events among them."""
    return [event for _, event in carriers_of(site)]


def crossings(sites: Sites, *kinds: Kind) -> list[Envelope]:
    """Envelopes of these kinds that went from site to site."""
    envelopes = [wire.decode(data) for _, _, data in sites.crossings]
    return [envelope for envelope in envelopes if envelope.kind in kinds]


def enveloped(event: NostrEvent, origin: bytes, *, way: Direction = Direction.TO_BRIDGE, cell: str = CELL, **fields: object) -> bytes:
    """What a site that checks nothing would send."""
    values = {
        "packet_id": bytes.fromhex(event.event_id)[:16],
        "kind": Kind.EVENT,
        "origin": origin,
        "seen": (origin,),
        "created_ms": 0,
        "expires_ms": (event.created_at + 900) * 1000,
        "body": carrier(way, cell, event),
    }
    return wire.encode(Envelope(**{**values, **fields}))


def drops(site: Site) -> dict[Reason, int]:
    """Why the bridge of a site refused things, and how many."""
    return {reason: count for reason, count in site.engine.drops.items() if count}


def copy_packet(author: Author, event: NostrEvent, *, direction: Direction = Direction.FROM_BRIDGE, cell: str = CELL) -> bytes:
    """A packet with which another gateway puts an event down."""
    return author.bare(MessageType.NOSTR_CARRIER, carrier(direction, cell, event))


def shelved(name: bytes, *, is_told: bool = True) -> Shelved:
    """An event as it is kept for sites that may lack it."""
    what = Subject(name, Sort.CARRIER, bytes(8), 1, directed=False, signed=True, mode=Mode.CONSENT)
    return Shelved(Envelope(name, Kind.EVENT, bytes(8), (), 0, 1, b""), what, b"", is_told=is_told)
