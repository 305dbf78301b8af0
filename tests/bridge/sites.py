"""Gateways joined by wires of their own making: every frame on every link is there to be looked at."""

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from random import Random
from types import MappingProxyType

from gateway.bridge.engine import BridgeMode, GatewayEngine
from gateway.bridge.place import Place
from gateway.limits import MAX_TTL
from gateway.mesh.effects import CloseLink, SendFrame
from gateway.mesh.engine import Mesh
from gateway.mesh.events import ClockSet, Tick
from gateway.mesh.identity import Identity
from gateway.mesh.settings import MeshSettings
from gateway.wire.announce import Announce, encode_announce
from gateway.wire.packet import Packet, encode, peek
from gateway.wire.signing import sign
from gateway.wire.types import Capability as Serves
from gateway.wire.types import MessageType
from transports.link import Capability, FrameReceived, LinkDown, LinkId, LinkUp

VECTORS = Path(__file__).parent.parent / "vectors" / "bitchat"
EPOCH = 1_800_000_000  # unix seconds at the tests' time 0
RADIO = LinkId("radio:phone")
NEAR = Capability.LOCAL | Capability.BROADCAST
FAR = Capability.WIDE_AREA | Capability.DIRECTED


def vectors(group: str) -> list[dict]:
    return json.loads((VECTORS / f"{group}.json").read_text())["vectors"]


def known_identities() -> dict[str, Identity]:
    """The identities every golden packet was made with, by peer ID."""
    return {
        vector["peer_id"]: Identity(bytes.fromhex(vector["noise_static_private"]), bytes.fromhex(vector["ed25519_seed"]))
        for vector in vectors("identity")
        if "noise_static_private" in vector
    }


@dataclass
class Author:
    """Somebody who makes real, signed packets."""

    identity: Identity
    now_ms: int = EPOCH * 1000

    def announce(self, nickname: str = "author") -> bytes:
        payload = encode_announce(Announce(nickname, self.identity.noise_public, self.identity.signing_public))
        return self.signed(MessageType.ANNOUNCE, payload)

    def say(self, text: str) -> bytes:
        return self.signed(MessageType.MESSAGE, text.encode())

    def signed(self, kind: int, payload: bytes, recipient: bytes | None = None) -> bytes:
        return sign(self._packet(kind, payload, recipient), self.identity.signing_key)

    def bare(self, kind: int, payload: bytes, recipient: bytes | None = None) -> bytes:
        return encode(self._packet(kind, payload, recipient))

    def _packet(self, kind: int, payload: bytes, recipient: bytes | None) -> Packet:
        self.now_ms += 1
        return Packet(
            type=kind, ttl=MAX_TTL, timestamp_ms=self.now_ms, sender_id=self.identity.peer_id, payload=payload, recipient_id=recipient
        )


@dataclass
class Site:
    """One gateway, one radio link, and what came out of each."""

    engine: GatewayEngine
    air: list[bytes] = field(default_factory=list)
    notices: list[object] = field(default_factory=list)
    closed: list[CloseLink] = field(default_factory=list)
    links: dict[LinkId, tuple["Site", LinkId]] = field(default_factory=dict)
    outlets: dict[LinkId, Callable[[bytes], None]] = field(default_factory=dict)  # where frames for other links go

    def heard(self, kind: int) -> list[bytes]:
        """Frames of one type on the air, the gateway's own left out."""
        own = self.engine.site_id
        return [frame for frame in self.air if frame[1] == kind and peek(frame).sender_id != own]


class Sites:
    """Any number of gateways; frames between them arrive at once and in order."""

    def __init__(
        self,
        *names: str,
        mode: BridgeMode = BridgeMode.OPEN,
        seed: int = 7,
        place: Place | None = None,
        identities: Mapping[str, Identity] = MappingProxyType({}),
        carries_mail: bool = False,
    ) -> None:
        self.now = 0.0
        self.crossings: list[tuple[str, str, bytes]] = []
        self._waiting: deque[tuple[Site, FrameReceived]] = deque()
        self.sites: dict[str, Site] = {}
        for index, name in enumerate(names):
            rng = Random(f"{seed}/{index}")
            identity = identities.get(name) or Identity.generate(rng.randbytes)
            serves = (place or Place()).capabilities if mode is BridgeMode.CONSENT else Serves(0)
            settings = MeshSettings(
                nickname=name, jitter=False, sync=False, capabilities=serves, reads_mail=not carries_mail, carries_mail=carries_mail
            )
            mesh = Mesh(identity, rng, settings)
            self.sites[name] = Site(GatewayEngine(mesh, mode, place))
            self.give(name, ClockSet(float(EPOCH)))
            self.give(name, LinkUp(RADIO, 1_300_000, NEAR))

    def __getitem__(self, name: str) -> Site:
        return self.sites[name]

    def set_clock(self, unix: float) -> None:
        for name in self.sites:
            self.give(name, ClockSet(unix - self.now))

    def join(self, a: str, b: str) -> None:
        self[a].links[LinkId(f"site:{b}")] = (self[b], LinkId(f"site:{a}"))
        self[b].links[LinkId(f"site:{a}")] = (self[a], LinkId(f"site:{b}"))
        self._handle(self[a], LinkUp(LinkId(f"site:{b}"), 1_310_720, FAR, peer=b))
        self.give(b, LinkUp(LinkId(f"site:{a}"), 1_310_720, FAR, peer=a))

    def near(self, a: str, b: str) -> None:
        """Let two gateways hear each other's radio: they stand on one island."""
        for one, other in ((a, b), (b, a)):
            self[one].outlets[LinkId(f"radio:{other}")] = self._hearing(other, LinkId(f"radio:{one}"))
        for one, other in ((a, b), (b, a)):
            self.give(one, LinkUp(LinkId(f"radio:{other}"), 1_300_000, NEAR))

    def _hearing(self, name: str, link: LinkId) -> Callable[[bytes], None]:
        return lambda frame: self.later(name, FrameReceived(link, frame))

    def part(self, a: str, b: str) -> None:
        for one, other in ((a, b), (b, a)):
            del self[one].links[LinkId(f"site:{other}")]
            self.give(one, LinkDown(LinkId(f"site:{other}"), "cut"))

    def run(self, seconds: float) -> None:
        """Let so much time pass, waking whoever asked for it."""
        end = self.now + seconds
        while (due := min((site.engine.next_wakeup() or inf) for site in self.sites.values())) <= end:
            self.now = max(self.now, due)
            for name, site in self.sites.items():
                if (site.engine.next_wakeup() or inf) <= self.now:
                    self.give(name, Tick())
        self.now = end

    def radio(self, name: str, frame: bytes) -> None:
        """A phone next to one gateway sends a frame."""
        self.give(name, FrameReceived(RADIO, frame))

    def from_site(self, name: str, other: str, data: bytes) -> None:
        """Another site sends this, whatever it is."""
        self.give(name, FrameReceived(LinkId(f"site:{other}"), data))

    def later(self, name: str, received: FrameReceived) -> None:
        """A frame arrives once what is under way now is done."""
        self._waiting.append((self[name], received))

    def give(self, name: str, event: object) -> None:
        self._handle(self[name], event)
        while self._waiting:
            site, received = self._waiting.popleft()
            self._handle(site, received)

    def _handle(self, site: Site, event: object) -> None:
        for effect in site.engine.handle(event, self.now):
            match effect:
                case SendFrame(links=links, frame=frame):
                    for link in links:
                        if link == RADIO:
                            site.air.append(frame)
                        elif link in site.links:
                            other, back = site.links[link]
                            self.crossings.append((self._name(site), self._name(other), frame))
                            self._waiting.append((other, FrameReceived(back, frame)))
                        elif link in site.outlets:
                            site.outlets[link](frame)
                case CloseLink():
                    site.closed.append(effect)
                case _:
                    site.notices.append(effect)

    def _name(self, site: Site) -> str:
        return next(name for name, known in self.sites.items() if known is site)
