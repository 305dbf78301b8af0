"""The composition root: the one module that knows everybody.

It builds a gateway out of a configuration and runs it until it is told to stop.
"""

import asyncio
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Any

from msgspec import structs

from gateway import admin
from gateway.admin.sentences import short
from gateway.bridge.carriers import Place
from gateway.bridge.engine import BridgeMode, GatewayEngine
from gateway.bridge.trunks import Trunks
from gateway.config import Config
from gateway.config.rules import members_of_websocket
from gateway.errors import ConfigError
from gateway.limits import MAX_NICKNAME
from gateway.mesh.effects import Effect
from gateway.mesh.engine import Mesh
from gateway.mesh.events import ClockSet, Offer, SwitchBridge
from gateway.mesh.identity import Identity
from gateway.mesh.settings import MeshSettings
from gateway.runtime.clock import NOT_SET, TimeOfDay
from gateway.runtime.keeping import Keeping
from gateway.runtime.keyfile import load_identity
from gateway.runtime.pump import Pump
from gateway.runtime.steering import Steering
from gateway.runtime.supervise import Supervised
from gateway.status import GatewayStatus, describe
from gateway.store.store import Store, open_store
from transports.libp2p.config import Libp2pConfig
from transports.libp2p.identity import IdentityError
from transports.libp2p.transport import Libp2pTransport
from transports.link import Capability, Transport
from transports.websocket.config import WebSocketConfig
from transports.websocket.errors import CertificateError
from transports.websocket.transport import WebSocketTransport

if TYPE_CHECKING:
    from gateway.telemetry.mqtt.service import Mqtt
    from transports.ble.transport import BleTransport

OPEN_MARK = " (open bridge)"
"""Follows the nickname while the bridge is open, so that everybody on the air can see it."""

NO_CELL = (
    "The bridge is closed, because nobody has told it where it stands.",
    'Set bridge.cell to the geohash of this place, 6 characters such as "u4pruy"; or set bridge.mode to "off".',
)

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
        ConfigError: the keys of this gateway cannot be used.

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
        transports: list[Transport] = [*radios, *(one for one in (self.radio, self.libp2p, self.websocket) if one is not None)]
        self._reaches_sites = any(Capability.WIDE_AREA in transport.capabilities for transport in transports)
        announced = place if self._reaches_sites else Place()  # phones deposit with whoever announces a cell: only where it leads somewhere

        def settings(on: bool) -> MeshSettings:
            return shown(config.gateway.nickname, mode if on else BridgeMode.OFF, announced)

        self.steering = Steering(
            config.gateway.state_dir / "bridge-off", lambda on: offered(settings(on)), report, has_bridge=mode is not BridgeMode.OFF
        )
        self.engine = GatewayEngine(Mesh(self.identity, self._rng, settings(not self.steering.is_off)), mode, place)
        if self.steering.is_off:
            self.engine.handle(SwitchBridge(on=False), 0.0)
        self.trunks = Trunks(self.engine, config.transports.order, self._rng.randbytes)
        self._keeping = Keeping(self._open_store, self._wall_ms, report, self._names)
        self._mqtt = self._telemetry()
        self._supervised = [Supervised(transport, self._rng, report) for transport in transports]
        self._pump: Pump | None = None
        self._time: TimeOfDay | None = None
        self._started = 0.0
        self._was_silent = False

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then say goodbye on the radio and close every link.

        A transport that fails is started again. Anything that escapes the engine is raised
        here at once: whoever started the gateway starts a sound one.
        """
        loop = asyncio.get_running_loop()
        self._started = loop.time()
        pump = self._pump = Pump(self.trunks, self._take_notice)
        self.steering.begin(pump.send, stop)
        self._time = TimeOfDay(self._set_clock, self._trusted)
        self._time.look(self._started)
        if not self._time.is_known:
            self._report(" ".join(NOT_SET))
            self._was_silent = True
        async with admin.serve(self.config.control.socket, self.status, self.radio, self._keeping.recorder):
            keeping = asyncio.create_task(self._keeping.run(pump.send), name="store")
            tasks = [asyncio.create_task(self._time.keep(), name="clock")]
            tasks += [asyncio.create_task(self._serve(one, pump), name=one.transport.name) for one in self._supervised]
            if self._mqtt is not None:
                tasks.append(asyncio.create_task(self._mqtt.run(), name="mqtt"))
            stopping = asyncio.create_task(stop.wait(), name="stop")
            try:
                ends: list[asyncio.Future[Any]] = [*tasks, keeping, stopping, pump.broken]
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                if not pump.broken.done():
                    pump.carry_out(self.trunks.leave(loop.time()), loop.time())
                    await asyncio.sleep(GOODBYE_S)
            finally:
                for task in (stopping, *tasks):
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                pump.stop()
                keeping.cancel()  # after everything that may still have something to be kept
                await asyncio.gather(keeping, return_exceptions=True)
            for ended in (pump.broken, keeping, *tasks):
                if ended.done() and not ended.cancelled():
                    ended.result()  # raises what broke it

    def status(self) -> GatewayStatus:
        """Return a snapshot for the page, the command line and programs."""
        now = asyncio.get_running_loop().time()
        waiting, shed = (self._pump.waiting_bytes, self._pump.shed) if self._pump is not None else (0, 0)
        shed += self.trunks.counters["refused"]
        transports = [one.status() for one in self._supervised]
        troubles = [] if self.trouble is None else [self.trouble]
        if self._time is not None and not self._time.is_known:
            troubles.append(NOT_SET)
        if self.engine.mode is BridgeMode.CONSENT and self.engine.is_closed and self._reaches_sites:
            troubles.append(NO_CELL)
        troubles += self._keeping.troubles
        if self._mqtt is not None:
            troubles += self._mqtt.troubles(now, now - self._started)
        snapshot = describe(
            self.engine, transports, troubles, waiting, shed, now - self._started, now, self.trunks, self._keeping.summary()
        )
        return snapshot if self._mqtt is None else structs.replace(snapshot, mqtt=self._mqtt.summary())

    async def _serve(self, one: Supervised, pump: Pump) -> None:
        if Capability.WIDE_AREA in one.transport.capabilities:
            await self._keeping.settle()
        await one.run(pump.post_to(one.transport))

    def _take_notice(self, effect: Effect, now: float) -> None:
        self._keeping.take(effect, now)
        if self._mqtt is not None:
            self._mqtt.take(effect, now)
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

    def _telemetry(self) -> "Mqtt | None":
        if not self.config.mqtt.enabled:
            return None
        if find_spec("paho") is None:
            raise ConfigError("Meshgate was installed without MQTT. Install it with: pip install 'meshgate[telemetry]'")
        from gateway.telemetry.mqtt.assembly import assemble  # noqa: PLC0415 -- paho-mqtt is an extra

        return assemble(
            self.config,
            self.identity,
            self.steering,
            self.radio,
            status=self.status,
            wall_ms=self._wall_ms,
            is_near=self._is_near,
            report=self._report,
            rng=self._rng,
        )

    def _is_near(self, peer_id: bytes) -> bool:
        peer = self.engine.mesh.peers.get(peer_id)
        return peer is not None and peer.is_local(asyncio.get_running_loop().time())

    def _libp2p(self) -> Libp2pTransport | None:
        chosen = self.config.transports.libp2p
        if not chosen.enabled:
            return None
        if find_spec("libp2p") is None:
            raise ConfigError("Meshgate was installed without libp2p. Install it with: pip install 'meshgate[libp2p]'")
        config = Libp2pConfig(identity_path=chosen.identity_file, listen=chosen.listen, members=chosen.members, peers=chosen.peers)
        try:
            return Libp2pTransport(config, self._rng, self._note_libp2p)
        except IdentityError as error:
            raise ConfigError(str(error)) from error

    def _note_libp2p(self, level: str, sentence: str) -> None:
        """Report what the operator should read; what the library says to its developers names peers, and never ends."""
        if level != "debug":
            self._report(f"libp2p {level}: {sentence}")

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
            return WebSocketTransport(config, self._rng, lambda level, sentence: self._report(f"websocket {level}: {sentence}"))
        except (IdentityError, CertificateError) as error:
            raise ConfigError(str(error)) from error


def shown(nickname: str, mode: BridgeMode, place: Place) -> MeshSettings:
    """Return how a gateway behaves on the mesh, and with it what it announces there."""
    if mode is BridgeMode.CONSENT:
        return MeshSettings(nickname=nickname, reads_mail=False, capabilities=place.capabilities, bridge_geohash=place.cell or None)
    return MeshSettings(nickname=marked(nickname) if mode is BridgeMode.OPEN else nickname, reads_mail=False)


def offered(settings: MeshSettings) -> Offer:
    """Return the event that makes a running node announce what these settings say."""
    return Offer(settings.nickname, settings.capabilities, settings.bridge_geohash)


def marked(nickname: str) -> str:
    """Return a nickname with the mark of the open bridge, cut short where both do not fit an announce."""
    room = MAX_NICKNAME - len(OPEN_MARK.encode())
    return nickname.encode()[:room].decode(errors="ignore") + OPEN_MARK
