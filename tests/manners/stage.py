"""Gateways among phones with manners, each link in the role a test asks for."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

from gateway.bridge.engine import BridgeMode, GatewayEngine
from gateway.mesh.effects import Effect, Heard, PrivateMessage, PublicMessage, SendFrame
from gateway.mesh.engine import Mesh
from gateway.mesh.events import MeshEvent, Say, Whisper
from gateway.mesh.identity import Identity
from gateway.mesh.settings import MeshSettings
from gateway.testing.manners import Manners, Refused, Role
from gateway.testing.manners_phones import MannerlyPhone, new_mannerly_phone
from gateway.testing.topology import chain
from gateway.testing.way import LinkProfile
from gateway.testing.world import World
from gateway.wire.announce import Announce, encode_announce
from gateway.wire.packet import Header, Packet, encode, peek
from gateway.wire.signing import sign
from gateway.wire.types import PADDED_TYPES, MessageType
from transports.link import FrameReceived, LinkId

BACK = "back"  # the ether of links that the gateway dialled; on `radio` the phones did
GATEWAY = MeshSettings(nickname="gateway", reads_mail=False)


@dataclass(frozen=True)
class Seen:
    """One frame at one end of a link."""

    at: float
    link: LinkId
    frame: bytes

    @property
    def header(self) -> Header:
        return peek(self.frame)


class Tap:
    """Writes down what goes into an engine and comes out of it; `misses` names frames that get lost before."""

    def __init__(self, engine) -> None:
        self.engine = engine
        self.heard: list[Seen] = []
        self.sent: list[Seen] = []
        self.effects: list[tuple[float, Effect]] = []
        self.misses: Callable[[bytes], bool] = lambda _frame: False

    def handle(self, event: MeshEvent, now: float) -> list[Effect]:
        if isinstance(event, FrameReceived):
            if self.misses(event.frame):
                return []
            self.heard.append(Seen(now, event.link, event.frame))
        effects = self.engine.handle(event, now)
        for effect in effects:
            self.effects.append((now, effect))
            if isinstance(effect, SendFrame):
                self.sent += [Seen(now, link, effect.frame) for link in effect.links]
        return effects

    def next_wakeup(self) -> float | None:
        return self.engine.next_wakeup()


class Author:
    """Somebody with keys who is not there in person: makes real packets, stamped with the time of a world."""

    def __init__(self, world: World, name: str) -> None:
        self.name = name
        self.identity = Identity.generate(Random(f"author/{name}").randbytes)
        self.peer_id = self.identity.peer_id
        self._world = world

    def announce(self, **fields) -> bytes:
        announce = Announce(self.name, self.identity.noise_public, self.identity.signing_public, **fields)
        return self.packet(MessageType.ANNOUNCE, encode_announce(announce))

    def say(self, text: str, **fields) -> bytes:
        return self.packet(MessageType.MESSAGE, text.encode(), **fields)

    def packet(self, kind: int, payload: bytes, *, to: bytes | None = None, ttl: int = 6, age: float = 0.0, signed=True, **fields) -> bytes:
        stamp = int((self._world.now + self._world.offset - age) * 1000)
        packet = Packet(kind, ttl, stamp, self.peer_id, payload, recipient_id=to, **fields)
        return sign(packet, self.identity.signing_key) if signed else encode(packet, padded=kind in PADDED_TYPES)


def role_of(link: LinkId) -> Role:
    """A phone's side of a link."""
    return Role.PERIPHERAL if link.startswith(f"{BACK}:") else Role.CENTRAL


class Stage:
    """A world with one gateway per island, joined in a chain.

    Args:
        islands: their names, which are the names of the gateways.
        settings: of the gateways.
        clock_set: whether the gateways know the time.
        joined: whether there are links between them.

    """

    def __init__(
        self, *islands: str, seed: int | str = 1, settings: MeshSettings = GATEWAY, clock_set: bool = True, joined: bool = True
    ) -> None:
        self.world = World(seed, ignore=(Heard,), report=lambda _: None)
        self.back = self.world.add_ether(BACK)
        self.taps: dict[str, Tap] = {}
        self.gateways: dict[str, GatewayEngine] = {}
        self.phones: dict[str, MannerlyPhone] = {}
        for name in islands or ("hut",):
            rng = Random(f"{seed}/{name}")
            mesh = Mesh(Identity.generate(rng.randbytes), rng, settings)
            self.gateways[name] = GatewayEngine(mesh, BridgeMode.OPEN)
            self._add(name, self.gateways[name], mesh.identity.peer_id, clock_set=clock_set)
        if joined and len(self.gateways) > 1:
            self.world.connect_sites(chain(list(self.gateways)))

    @property
    def now(self) -> float:
        return self.world.now

    @property
    def gateway(self) -> GatewayEngine:
        """The only gateway, or the first."""
        return next(iter(self.gateways.values()))

    def ios(self, name: str, **options) -> MannerlyPhone:
        return self._phone("ios", name, **options)

    def android(self, name: str, **options) -> MannerlyPhone:
        return self._phone("android", name, **options)

    def connect(self, phone: str, gateway: str = "hut", role: Role = Role.CENTRAL, *, mtu: int = 512, **profile) -> None:
        """Give a phone a link to a gateway; `role` is the phone's."""
        ether = self.back if role is Role.PERIPHERAL else self.world.radio
        ether.connect(phone, gateway, self.now, LinkProfile(mtu=mtu, **profile))

    def part(self, phone: str, gateway: str = "hut", role: Role = Role.CENTRAL) -> None:
        (self.back if role is Role.PERIPHERAL else self.world.radio).disconnect(phone, gateway, self.now)

    def run(self, seconds: float) -> None:
        self.world.run_for(seconds)

    def say(self, name: str, text: str) -> None:
        self.world.inject(name, Say(text))

    def whisper(self, name: str, to: str, message_id: str, text: str = "psst") -> None:
        self.world.inject(name, Whisper(self.phones[to].peer_id, message_id, text))

    def heard(self, name: str) -> list[str]:
        """The public messages a phone has shown, in order."""
        return [message.text for message in self.world.seen(PublicMessage, name)]

    def whispered(self, name: str) -> list[str]:
        """The IDs of the private messages a phone has shown, in order."""
        return [message.message_id for message in self.world.seen(PrivateMessage, name)]

    def arrived(self, name: str, kind: int | None = None) -> list[Seen]:
        """What came to a phone (or gateway) over its links."""
        return [seen for seen in self.taps[name].heard if kind is None or seen.frame[1] == kind]

    def sent(self, name: str, kind: int | None = None) -> list[Seen]:
        return [seen for seen in self.taps[name].sent if kind is None or seen.frame[1] == kind]

    def refused(self, *names: str) -> list[Refused]:
        """What phones would not take; of all phones unless they are named."""
        return [refused for name in names or self.phones for refused in self.phones[name].engine.refused]

    def drops(self, gateway: str = "hut") -> dict[str, int]:
        return dict(self.gateways[gateway].mesh.status(self.now).drops)

    def known(self, gateway: str = "hut") -> set[str]:
        """Nicknames of the peers a gateway has a direct link to."""
        return {peer.nickname for peer in self.gateways[gateway].mesh.status(self.now).peers if peer.direct}

    def author(self, name: str, near: str) -> Author:
        """Make somebody a hop behind a phone, whose announce the phone's gateway has heard."""
        author = Author(self.world, name)
        self.hand(near, author.announce())
        return author

    def hand(self, near: str, *frames: bytes) -> None:
        """Let frames come to a gateway over the link of a phone, as if that passed them on."""
        for frame in frames:
            self.world.inject(self._gateway_of(near), FrameReceived(self.world.radio.link(self._gateway_of(near), near), frame))

    def hand_slowly(self, near: str, frames: Iterable[bytes], pause: float = 0.01) -> None:
        """Do so one by one; returns when the last is there."""
        for frame in frames:
            self.hand(near, frame)
            self.run(pause)

    def give(self, phone: str, data: bytes, role: Role = Role.CENTRAL) -> None:
        """Let a phone be written to or notified by its gateway, whatever that is."""
        ether = self.back if role is Role.PERIPHERAL else self.world.radio
        self.world.inject(phone, FrameReceived(ether.link(phone, self._gateway_of(phone)), data))

    def kept(self, name: str, kind: int) -> list[bytes]:
        """The public packets of one type that a phone or a gateway has kept."""
        engine = self.phones[name].engine.mesh if name in self.phones else self.gateways[name].mesh
        return [kept.frame for kept in engine.kept(self.now) if kept.frame[1] == kind]

    def _gateway_of(self, phone: str) -> str:
        return next(name for pair in (*self.world.radio.pairs(), *self.back.pairs()) if phone in pair for name in pair if name != phone)

    def _phone(self, platform, name: str, *, at: str | None = "hut", role: Role = Role.CENTRAL, **profile) -> MannerlyPhone:
        phone = new_mannerly_phone(platform, name, Random(f"{self.world.seed}/{name}"), role_of)
        self.phones[name] = phone
        self._add(name, phone.engine, phone.peer_id)
        if at is not None:
            self.connect(name, at if at in self.gateways else next(iter(self.gateways)), role, **profile)
        return phone

    def _add(self, name: str, engine: GatewayEngine | Manners, peer_id: bytes, *, clock_set: bool = True) -> None:
        self.taps[name] = Tap(engine)
        self.back.attach(name, now=self.now)
        self.world.add(name, self.taps[name], address=peer_id, clock_set=clock_set)
