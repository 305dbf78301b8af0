"""The composition root: the one module that knows everybody.

It builds a gateway out of a configuration and runs it until it is told to stop.
"""

import asyncio
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Any

from gateway import admin
from gateway.admin.sentences import short
from gateway.admin.wipe import WipeDocument
from gateway.bridge.carriers import Place
from gateway.bridge.engine import BridgeMode, GatewayEngine
from gateway.bridge.tickets import Refusal
from gateway.bridge.trunks import Trunks
from gateway.config import Config
from gateway.config.policy import default_policy_file
from gateway.config.rules import members_of_websocket
from gateway.errors import ConfigError
from gateway.limits import EVENT_AGE_S, MAX_EVENTS_KEPT, MAX_NICKNAME, MAX_SOFTWARE
from gateway.mesh.effects import Effect, SiteMet, SiteParted, SiteSpoke
from gateway.mesh.engine import Mesh
from gateway.mesh.events import ClockSet
from gateway.mesh.identity import Identity
from gateway.mesh.settings import MeshSettings
from gateway.runtime.bookfile import BookFile
from gateway.runtime.clock import NOT_SET, TimeOfDay
from gateway.runtime.doors import Doors, configured
from gateway.runtime.erase import erase
from gateway.runtime.federation import Federation, found_membership
from gateway.runtime.federation_desk import FederationDesk
from gateway.runtime.keeping import Keeping
from gateway.runtime.keyfile import load_identity
from gateway.runtime.pump import Pump
from gateway.runtime.rulebook import Rulebook
from gateway.runtime.supervise import Supervised
from gateway.status import GatewayStatus, QueuesSummary, describe, describe_queues
from gateway.store.store import Store, open_store
from gateway.wire.federation import Hello, Status
from gateway.wire.nostr import MESSAGE_KIND, PRESENCE_KIND
from hw.clock import LastTime
from transports.libp2p.config import Libp2pConfig
from transports.libp2p.identity import IdentityError, load_seed
from transports.libp2p.transport import Libp2pTransport
from transports.link import Capability, Transport
from transports.nostr.config import NostrConfig
from transports.nostr.protocol import Filter
from transports.nostr.transport import NostrTransport
from transports.websocket.config import WebSocketConfig
from transports.websocket.errors import CertificateError
from transports.websocket.transport import WebSocketTransport

if TYPE_CHECKING:
    from transports.ble.transport import BleTransport

OPEN_MARK = " (open bridge)"
"""Follows the nickname while the bridge is open, so that everybody on the air can see it."""

NO_CELL = (
    "The bridge is closed, because nobody has told it where it stands.",
    'Set bridge.cell to the geohash of this place, 6 characters such as "u4pruy"; or set bridge.mode to "off".',
)

ELSEWHERE = Capability.WIDE_AREA | Capability.RELAY
"""What leads to other islands."""

GOODBYE_S = 0.2  # seconds the last words have to leave the radio before it goes


class Gateway:
    """A running gateway.

    Args:
        config: what the operator decided.
        radios: transports of the local mesh; none means there is no radio.
        bluetooth: whether to use the Bluetooth adapters as well; needs the extra ``ble``.
        trouble: why there is no radio and what to do, for the status; None if nothing is amiss.
        trusted: whether somebody vouches for this machine's time of day; while nobody does, the gateway is silent.
        notice: told everything the engine reports beside frames.
        report: told one sentence per change of state, for the log.
        rng: randomness; cryptographic unless a test says otherwise.

    Raises:
        ConfigError: the keys of this gateway, or the operator's rules, cannot be used.

    """

    def __init__(
        self,
        config: Config,
        radios: Sequence[Transport],
        *,
        bluetooth: bool = False,
        trouble: tuple[str, str] | None = None,
        trusted: Callable[[], bool] = lambda: True,
        notice: Callable[[Effect, float], None] = lambda _effect, _now: None,
        report: Callable[[str], None] = lambda _sentence: None,
        rng: Random | None = None,
    ) -> None:
        self.config = config
        self.trouble = trouble
        self._trusted = trusted
        self._notice = notice
        self._report = report
        self._rng = rng or SystemRandom()
        self.identity: Identity = load_identity(config.gateway.state_dir / "identity.key")
        mode = BridgeMode(config.bridge.mode.value)
        place = Place(config.bridge.cell, frozenset(config.bridge.geohash_channels))
        self.radio = self._bluetooth() if bluetooth else None
        self.libp2p = self._libp2p()
        self.websocket = self._websocket()
        self.nostr = self._nostr(place)
        transports: list[Transport] = [*radios, *(one for one in (self.radio, self.libp2p, self.websocket, self.nostr) if one is not None)]
        self._reaches_sites = any(transport.capabilities & ELSEWHERE for transport in transports)
        announced = place if self._reaches_sites else Place()  # phones deposit with whoever announces a cell: only where it leads somewhere
        mesh = Mesh(self.identity, self._rng, shown(config.gateway.nickname, mode, announced))
        self.engine = GatewayEngine(mesh, mode, place, lambda peer: self.federation is None or self.federation.may_be_told(peer))
        self.engine.consent.uplink.is_expected = self.nostr is not None
        self.federation = self._federation()
        self.trunks = Trunks(self.engine, config.transports.order, self._rng.randbytes)
        self._rulebook = Rulebook(
            config.policy.file,
            needed=config.policy.file != default_policy_file(config.gateway.state_dir),
            use=self.engine.gate.use,
            report=report,
        )
        self._keeping = Keeping(self._open_store, self._wall_ms, report, self._names)
        self._supervised = [Supervised(transport, self._rng, report) for transport in transports]
        self._pump: Pump | None = None
        self._time: TimeOfDay | None = None
        self._started = 0.0
        self._was_silent = False
        self._wiping = asyncio.Event()
        self._wiped: asyncio.Future[WipeDocument] | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then say goodbye on the radio and close every link.

        A transport that fails is started again. Anything that escapes the engine is raised
        here at once: whoever started the gateway starts a sound one.
        """
        loop = asyncio.get_running_loop()
        self._started = loop.time()
        pump = self._pump = Pump(self.trunks, self._take_notice)
        self._time = TimeOfDay(self._set_clock, self._trusted, last=LastTime(self.config.gateway.state_dir / "clock"))
        self._time.look(self._started)
        if not self._time.is_known:
            self._report(" ".join(NOT_SET))
            self._was_silent = True
        if self.federation is not None:
            self.federation.start(pump.send)
        async with admin.serve(
            self.config.control.socket, self.status, self.radio, self._keeping.recorder, self._rulebook, self._desk, self.wipe
        ):
            keeping = asyncio.create_task(self._keeping.run(pump.send), name="store")
            tasks = [asyncio.create_task(self._time.keep(), name="clock"), asyncio.create_task(self._rulebook.keep(), name="policy")]
            tasks += [asyncio.create_task(self._serve(one, pump), name=one.transport.name) for one in self._supervised]
            if self.federation is not None:
                tasks.append(asyncio.create_task(self.federation.run(), name="federation"))
            stopping = [asyncio.create_task(one.wait(), name="stop") for one in (stop, self._wiping)]
            try:
                ends: list[asyncio.Future[Any]] = [*tasks, keeping, *stopping, pump.broken]
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                if not pump.broken.done():
                    pump.carry_out(self.trunks.leave(loop.time()), loop.time())
                    await asyncio.sleep(GOODBYE_S)
            finally:
                for task in (*stopping, *tasks):
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                pump.stop()
                keeping.cancel()  # after everything that may still have something to be kept
                await asyncio.gather(keeping, return_exceptions=True)
                if self._wiped is not None:  # nobody writes any more
                    self._wiped.set_result(await asyncio.to_thread(erase, self.config))
            for ended in (pump.broken, keeping, *tasks):
                if ended.done() and not ended.cancelled():
                    ended.result()  # raises what broke it

    def reload(self) -> None:
        """Read the operator's rules again, now; what is wrong with them is reported, and then those in force stay."""
        self._rulebook.read()

    async def wipe(self) -> WipeDocument:
        """End, erase what this gateway knows, and say what was erased; whoever is started next is somebody else."""
        if self._wiped is None:
            self._wiped = asyncio.get_running_loop().create_future()
            self._wiping.set()
        return await asyncio.shield(self._wiped)

    @property
    def is_wiped(self) -> bool:
        """Whether `run` ended because of `wipe`."""
        return self._wiping.is_set()

    def status(self) -> GatewayStatus:
        """Return a snapshot for the page, the command line and programs."""
        now = asyncio.get_running_loop().time()
        queues = QueuesSummary() if self._pump is None else describe_queues(self._pump.queues, self._pump.shed)
        transports = [one.status() for one in self._supervised]
        troubles = [] if self.trouble is None else [self.trouble]
        if self._time is not None and not self._time.is_known:
            troubles.append(NOT_SET)
        if self.engine.mode is BridgeMode.CONSENT and self.engine.is_closed and self._reaches_sites:
            troubles.append(NO_CELL)
        if self._rulebook.trouble is not None:
            troubles.append(self._rulebook.trouble)
        troubles += self._keeping.troubles
        if self.federation is not None and self.federation.trouble:
            troubles.append((self.federation.trouble, "Make room on the disk, or see that it can be written."))
        return describe(self.engine, transports, troubles, queues, now - self._started, now, self.trunks, self._keeping.summary())

    async def _serve(self, one: Supervised, pump: Pump) -> None:
        if one.transport.capabilities & ELSEWHERE:
            await self._keeping.settle()
        await one.run(pump.post_to(one.transport))

    def _take_notice(self, effect: Effect, now: float) -> None:
        if isinstance(effect, SiteMet | SiteParted | SiteSpoke):
            if self.federation is not None:
                self.federation.take(effect)
            return
        self._keeping.take(effect, now)
        self._notice(effect, now)

    def _names(self) -> dict[str, str]:
        """What people call the sites: by the nickname each has announced, or by its identity."""
        names = {}
        for site in self.engine.sites.all():
            gateway = self.engine.mesh.peers.get(site.site_id)
            identity = site.link.partition(":")[2]
            called = f"site {short(identity)}" if gateway is None else gateway.announce.nickname
            names[site.site_id.hex()] = names[identity] = called
        return names

    def _open_store(self, distrust: bool) -> Store:
        return open_store(self.config.gateway.state_dir / "store.db", self._rng, distrust=distrust)

    def _wall_ms(self) -> int | None:
        return self.engine.mesh.wall_ms(asyncio.get_running_loop().time())

    def _set_clock(self, event: ClockSet) -> None:
        if self._was_silent:
            self._was_silent = False
            self._report("The clock is set: phones take this gateway's packets from now on.")
        if self._pump is not None:
            self._pump.send(event)
            self._keeping.clock_set()
            if self.federation is not None:
                self.federation.look()

    def _federation(self) -> Federation | None:
        """Make the room for the federation, and the desk at which the operator asks; without a way to other sites there is neither."""
        gated = {one.name: one for one in (self.libp2p, self.websocket) if one is not None}
        self._desk: FederationDesk | None = None
        if not gated:
            return None
        chosen = self.config.transports
        doors = Doors(
            gated,
            {
                "libp2p": configured(chosen.libp2p.members, chosen.libp2p.peers, "/p2p/"),
                "websocket": configured(members_of_websocket(self.config), chosen.websocket.peers, "#"),
            },
        )
        file = BookFile(self.config.gateway.state_dir / "federation.book")
        hello = Hello(1, 1, self.identity.peer_id, f"meshgate {version('meshgate')}"[:MAX_SOFTWARE])
        membership = found_membership(load_seed(chosen.libp2p.identity_file), file.load(), hello, doors.configured)
        room = Federation(membership, file, doors, self._unix, self._how, self._report)
        self._desk = FederationDesk(room, self._rng.randbytes, self._nicknames, self._listening, doors.configured)
        return room

    async def _judge(self, peer: str, ticket: bytes) -> str:
        return Refusal.FOREIGN_ISSUER.value if self.federation is None else await self.federation.judge(peer, ticket)

    def _answered(self, peer: str, word: str) -> None:
        if self.federation is not None:
            self.federation.told(peer, word)

    def _unix(self) -> int | None:
        wall_ms = self._wall_ms()
        return None if wall_ms is None else wall_ms // 1000

    def _how(self) -> Status:
        now = asyncio.get_running_loop().time()
        phones = sum(peer.is_local(now) for peer in self.engine.mesh.peers)
        waiting = self.trunks.waiting_bytes + (self._pump.waiting_bytes if self._pump is not None else 0)
        return Status(phones, len(self.engine.sites), waiting, int(now - self._started))

    def _nicknames(self) -> dict[str, str]:
        """What the linked sites call themselves, as far as they have announced it here."""
        found = {}
        for site in self.engine.sites.all():
            gateway = self.engine.mesh.peers.get(site.site_id)
            if gateway is not None:
                found[site.peer] = gateway.announce.nickname.removesuffix(OPEN_MARK)
        return found

    def _listening(self) -> list[str]:
        """Where the transports listen, and where they will as soon as they run."""
        chosen = self.config.transports
        found: list[str] = []
        if self.libp2p is not None:
            found += self.libp2p.status().addresses or chosen.libp2p.listen
        if self.websocket is not None:
            found += self.websocket.status().addresses or (f"wss://{address}" for address in chosen.websocket.listen)
        return found

    def _bluetooth(self) -> "BleTransport":
        from hw.bluez.adapters import parse_wish  # noqa: PLC0415 -- dbus-fast and bleak are an extra
        from transports.ble.config import BleConfig  # noqa: PLC0415
        from transports.ble.transport import BleTransport  # noqa: PLC0415

        chosen = self.config.radio
        config = BleConfig(
            wishes=tuple(map(parse_wish, chosen.adapters)),
            max_central=chosen.max_dialled,
            max_peripheral=chosen.max_accepted,
            tag=self.identity.peer_id if chosen.announce_peer_id else b"",
            helper_socket=chosen.recovery_socket,
        )
        return BleTransport(config, self._rng, self._report)

    def _libp2p(self) -> Libp2pTransport | None:
        chosen = self.config.transports.libp2p
        if not chosen.enabled:
            return None
        if find_spec("libp2p") is None:
            raise ConfigError("Meshgate was installed without libp2p. Install it with: pip install 'meshgate[libp2p]'")
        config = Libp2pConfig(identity_path=chosen.identity_file, listen=chosen.listen, members=chosen.members, peers=chosen.peers)
        try:
            return Libp2pTransport(config, self._rng, self._note_libp2p, judge=self._judge, told=self._answered)
        except IdentityError as error:
            raise ConfigError(str(error)) from error

    def _note_libp2p(self, level: str, sentence: str) -> None:
        """Report what the operator should read; what the library says to its developers names peers, and never ends."""
        if level != "debug":
            self._report(f"libp2p {level}: {sentence}")

    def _note_websocket(self, level: str, sentence: str) -> None:
        self._report(f"websocket {level}: {sentence}")

    def _websocket(self) -> WebSocketTransport | None:
        chosen = self.config.transports.websocket
        if not chosen.enabled:
            return None
        config = WebSocketConfig(
            identity_path=self.config.transports.libp2p.identity_file,  # one identity, so that two links are known to lead to one site
            certificate_path=chosen.certificate_file,
            key_path=chosen.key_file,
            listen=chosen.listen,
            members=members_of_websocket(self.config),
            peers=chosen.peers,
            authorities=chosen.authority_files,
        )
        try:
            return WebSocketTransport(config, self._rng, self._note_websocket, judge=self._judge, told=self._answered)
        except (IdentityError, CertificateError) as error:
            raise ConfigError(str(error)) from error

    def _nostr(self, place: Place) -> NostrTransport | None:
        chosen = self.config.transports.nostr
        if not chosen.enabled:
            return None
        config = NostrConfig(chosen.relays, asked_of_relays(place))
        return NostrTransport(config, self._rng, self._unix, lambda level, sentence: self._report(f"nostr {level}: {sentence}"))


def asked_of_relays(place: Place) -> tuple[Filter, ...]:
    """Return what relays are asked for, as phones with a bridge ask: the cell and its neighbours, and the channels served."""
    window, limit = int(EVENT_AGE_S), MAX_EVENTS_KEPT
    cells = Filter((MESSAGE_KIND, PRESENCE_KIND), "r", tuple(sorted(place.near)), window, limit)
    channels = Filter((MESSAGE_KIND,), "g", tuple(sorted(place.channels)), window, limit)
    return (cells, channels) if place.channels else (cells,)


def shown(nickname: str, mode: BridgeMode, place: Place) -> MeshSettings:
    """Return how a gateway behaves on the mesh, and with it what it announces there."""
    if mode is BridgeMode.CONSENT:
        return MeshSettings(nickname=nickname, reads_mail=False, capabilities=place.capabilities, bridge_geohash=place.cell or None)
    return MeshSettings(nickname=marked(nickname) if mode is BridgeMode.OPEN else nickname, reads_mail=False)


def marked(nickname: str) -> str:
    """Return a nickname with the mark of the open bridge, cut short where both do not fit an announce."""
    room = MAX_NICKNAME - len(OPEN_MARK.encode())
    return nickname.encode()[:room].decode(errors="ignore") + OPEN_MARK
