"""The composition root: the one module that knows everybody.

It builds a gateway out of a configuration and runs it until it is told to stop.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Any

from msgspec import structs

from gateway import admin
from gateway.admin.requests import answers
from gateway.admin.restart import Restarting
from gateway.assembly import links
from gateway.assembly.announced import offered, shown
from gateway.assembly.api import Api
from gateway.assembly.broker import mqtt
from gateway.assembly.checks import checks
from gateway.assembly.federating import federation
from gateway.assembly.links import ELSEWHERE
from gateway.assembly.names import names
from gateway.assembly.page import page
from gateway.bridge.engine import BridgeMode, GatewayEngine
from gateway.bridge.place import Place
from gateway.bridge.policy import Policy
from gateway.bridge.tickets import Refusal
from gateway.bridge.trunks import Trunks
from gateway.config import Config
from gateway.config.editing import ConfigFile
from gateway.config.policy import default_policy_file
from gateway.mesh.effects import Effect, SiteMet, SiteParted, SiteSpoke
from gateway.mesh.engine import Mesh
from gateway.mesh.events import ClockSet, SwitchBridge
from gateway.mesh.identity import Identity
from gateway.mesh.settings import MeshSettings
from gateway.runtime.backups import Backups
from gateway.runtime.clock import NOT_SET, TimeOfDay
from gateway.runtime.federation import Federation
from gateway.runtime.federation_desk import FederationDesk
from gateway.runtime.keeping import Keeping
from gateway.runtime.keyfile import load_identity
from gateway.runtime.pump import Pump
from gateway.runtime.reload import Reloads
from gateway.runtime.rulebook import Rulebook
from gateway.runtime.steering import NOTE_FILE, Steering
from gateway.runtime.supervise import Supervised
from gateway.runtime.wiping import Wiping
from gateway.status import GatewayStatus, QueuesSummary, describe, describe_queues
from gateway.store.audit import Action, Actor
from gateway.store.store import Store, open_store
from gateway.telemetry.events import Event, Level, in_sentences
from gateway.telemetry.figures import Parts
from gateway.telemetry.health import Health
from gateway.telemetry.logs import Logs
from gateway.telemetry.meter import Meter
from gateway.telemetry.observe import Observed
from gateway.telemetry.pulse import logging_changes, watch
from gateway.telemetry.reporter import Reporter
from gateway.telemetry.ring import Ring
from gateway.wire.federation import Status
from hw.clock import LastTime
from hw.systemd.notify import Notifier
from hw.vitals import Vitals, read_vitals
from transports.link import Transport

if TYPE_CHECKING:
    from gateway.telemetry.mqtt.service import Mqtt
    from transports.ble.transport import BleTransport

GOODBYE_S = 0.2  # seconds the last words have to leave the radio before it goes
FAREWELL_S = 6.0  # seconds the transports have to end their links; the store has the rest of the ten a stop may take
THE_RULES = "the policy"
"""What people are told that the operator's rules are, where settings are read anew."""


class Gateway:
    """A running gateway.

    Args:
        config: what the operator decided.
        radios: transports of the local mesh; none means there is no radio.
        bluetooth: whether to use the Bluetooth adapters as well; needs the extra ``ble``.
        trouble: why there is no radio and what to do, for the status; None if nothing is amiss.
        trusted: whether somebody vouches for this machine's time of day; while nobody does, the gateway is silent.
        notice: told everything the engine reports beside frames.
        report: told one sentence per change of state, where nobody wants entries.
        logs: takes one entry per change of state; it is told instead of `report`.
        notifier: tells systemd; by default whatever the environment names.
        sense: reads the sensors of the machine.
        file: the configuration file that may be changed over the API, None if there is none.
        rng: randomness; cryptographic unless a test says otherwise.

    Attributes:
        health: what is wrong.
        reloads: who takes new settings while running.

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
        logs: Logs | None = None,
        notifier: Notifier | None = None,
        sense: Callable[[], Vitals] | None = None,
        file: ConfigFile | None = None,
        rng: Random | None = None,
    ) -> None:
        self.config = config
        self.trouble = trouble
        self._trusted = trusted
        self._notice = notice
        self._logs = logs
        self._ring = Ring(time.time)
        if logs is not None:
            logs.beside = self._ring.tell
        self._log = Reporter(logs.tell if logs is not None else self._ring.beside(in_sentences(report)))
        self._rng = rng or SystemRandom()
        self.identity: Identity = load_identity(config.gateway.state_dir / "identity.key")
        mode = BridgeMode(config.bridge.mode.value)
        place = Place(config.bridge.cell, frozenset(config.bridge.geohash_channels))
        self.radio = self._bluetooth() if bluetooth else None
        note = self._log.library
        self.libp2p = links.libp2p(config, self._rng, note(Event.LIBP2P), self._judge, self._answered)
        self.websocket = links.websocket(config, self._rng, note(Event.WEBSOCKET), self._judge, self._answered)
        self.nostr = links.nostr(config, place, self._rng, self._unix, note(Event.NOSTR))
        transports: list[Transport] = [*radios, *(one for one in (self.radio, self.libp2p, self.websocket, self.nostr) if one is not None)]
        self._reaches_sites = any(transport.capabilities & ELSEWHERE for transport in transports)
        announced = place if self._reaches_sites else Place()  # phones deposit with whoever announces a cell: only where it leads somewhere

        def settings(on: bool) -> MeshSettings:
            return shown(config.gateway.nickname, mode if on else BridgeMode.OFF, announced, mail=config.mail.enabled)

        self.steering = Steering(
            config.gateway.state_dir / NOTE_FILE,
            lambda on: offered(settings(on)),
            self._log.room(Event.STEERING, lambda: False),
            has_bridge=mode is not BridgeMode.OFF,
            witness=self.witness,
        )
        mesh = Mesh(self.identity, self._rng, settings(not self.steering.is_off))
        self.engine = GatewayEngine(mesh, mode, place, lambda peer: self.federation is None or self.federation.may_be_told(peer))
        if self.steering.is_off:
            self.engine.handle(SwitchBridge(on=False), 0.0)
        self.engine.consent.uplink.is_expected = self.nostr is not None
        self.federation: Federation | None
        self._desk: FederationDesk | None
        self.federation, self._desk = federation(
            config,
            self.engine,
            (self.libp2p, self.websocket),
            self._rng.randbytes,
            self._unix,
            self._how,
            self._log.room(Event.FEDERATION, lambda: self.federation is not None and self.federation.found is not None),
            self.witness,
        )
        self.trunks = Trunks(self.engine, config.transports.order, self._rng.randbytes)
        self.reloads = Reloads()
        self._rulebook = Rulebook(
            config.policy.file,
            needed=config.policy.file != default_policy_file(config.gateway.state_dir),
            use=self._go_by,
            report=self._log.room(Event.POLICY, lambda: self._rulebook.trouble is not None),
            witness=self.witness,
            left=lambda: self.engine.gate.left(asyncio.get_running_loop().time()),
        )
        self.reloads.listen(THE_RULES, self._rulebook.read_anew)
        self._keeping = Keeping(self._open_store, self._wall_ms, self._log.store, lambda: names(self.engine))
        self._supervised = [Supervised(one, self._rng, self._log.failure(one.name)) for one in transports]
        self._mqtt: Mqtt | None = mqtt(
            config,
            self.engine,
            self.steering,
            self.radio,
            status=self.status,
            now=lambda: asyncio.get_running_loop().time(),
            report=self._log.room(Event.MQTT, lambda: self._mqtt is not None and not self._mqtt.session.is_up),
            rng=self._rng,
        )
        self._pump: Pump | None = None
        self._time: TimeOfDay | None = None
        self._started = 0.0
        self._was_silent = False
        self.wiping = Wiping(config)
        writer, own = self._keeping.writer, self.identity.peer_id.hex()
        self.backups = Backups(config, file, writer, own, self._unix, self._rng.randbytes)
        self.health = Health()
        self.health.watch(logging_changes(self._log.tell))
        parts = self._parts()
        api = (config, parts, self.status, self.radio, self._desk, self._rulebook, self._ring, file, self.reload, self._rng.randbytes)
        self.api = Api(*api, self.backups)
        self._observed = Observed(
            config,
            parts,
            checks(
                trouble,
                lambda: self._time is None or self._time.is_known,
                self.engine,
                self._rulebook,
                lambda: self._keeping.troubles,
                self.federation,
                lambda: self.page,
                self._mqtt,
                self.reloads,
                started=lambda: self._started,
                reaches_sites=self._reaches_sites,
            ),
            child=lambda: self.libp2p.child_pid if self.libp2p is not None else None,
            sense=sense or (lambda: read_vitals(config.gateway.state_dir)),
            notifier=notifier or Notifier(),
            tell=self._log.tell,
            logs=logs,
        )
        keeping, wipe = self._keeping, self.wiping.wipe
        asked = answers(self.status, self.radio, keeping.recorder, self._rulebook, self._desk, wipe, keeping.auditor, self.witness)
        self._answers = {**asked, **self.api.answers(), **Restarting(self.steering.restart).answers()}
        self.page = page(
            config,
            self._rng.randbytes,
            lambda: self._wall_s(asyncio.get_running_loop().time()) if self._time is not None else None,
            self.reloads,
            self._log.room(Event.PAGE, lambda: False),
            witness=self.witness,
            answers=self._answers,
            status=self.status,
            observed=self._observed,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then say goodbye on the radio and close every link.

        A transport that fails is started again. Anything that escapes the engine is raised
        here at once: whoever started the gateway starts a sound one.
        """
        loop = asyncio.get_running_loop()
        self._started = loop.time()
        pump = self._pump = Pump(self.trunks, self._take_notice)
        self.steering.begin(pump.send, stop)
        self.wiping.begin(stop)
        self.backups.begin(stop)
        self.witness(Actor.SYSTEM, Action.GATEWAY_STARTED, f"bridge {'switched off' if self.steering.is_off else self.engine.mode.value}")
        if self.engine.mode is BridgeMode.OPEN:
            self.witness(Actor.CONFIGURATION, Action.BRIDGE_OPENED)
        self._time = TimeOfDay(self._set_clock, self._trusted, last=LastTime(self.config.gateway.state_dir / "clock"))
        self._time.look(self._started)
        self.reloads.begin(self._started)
        if not self._time.is_known:
            self._log(Level.WARNING, Event.CLOCK, " ".join(NOT_SET))
            self._was_silent = True
        if self.federation is not None:
            self.federation.start(pump.send)
        answering, rules = {**self._answers, **(self.page.resources.answers() if self.page is not None else {})}, self._rulebook
        async with admin.serve(self.config.control.socket, answering, self._observed):
            keeping = asyncio.create_task(self._keeping.run(pump.send), name="store")
            tasks = [asyncio.create_task(self._time.keep(), name="clock"), asyncio.create_task(rules.keep(), name="policy")]
            tasks += self._observed.start()
            tasks += [asyncio.create_task(self._serve(one, pump), name=one.transport.name) for one in self._supervised]
            rooms = {"api": self.api, "federation": self.federation, "page": self.page, "mqtt": self._mqtt}
            tasks += [asyncio.create_task(room.run(), name=name) for name, room in rooms.items() if room is not None]
            stopping = asyncio.create_task(stop.wait(), name="stop")
            try:
                ends: list[asyncio.Future[Any]] = [*tasks, keeping, stopping, pump.broken]
                self._observed.ready()
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                self._observed.stopping(again=self.steering.restarts)
                if not pump.broken.done():
                    pump.carry_out(self.trunks.leave(loop.time()), loop.time())
                    await asyncio.sleep(GOODBYE_S)
            finally:
                for task in (stopping, *tasks):
                    task.cancel()
                await asyncio.wait(tasks, timeout=FAREWELL_S)  # one that clings to its work must not keep the store from its end
                pump.stop()
                keeping.cancel()  # after everything that may still have something to be kept
                await asyncio.gather(keeping, return_exceptions=True)
                await self.wiping.finish()
                await self.backups.finish()
            for ended in (pump.broken, keeping, *tasks):
                if ended.done() and not ended.cancelled():
                    ended.result()  # raises what broke it

    def reload(self) -> None:
        """Have new settings taken by everybody who can do so while running: what SIGHUP asks for."""
        taken = self._observed.reload()
        self.witness(Actor.SYSTEM, Action.CONFIGURATION_RELOADED if taken else Action.CONFIGURATION_REFUSED)

    def status(self) -> GatewayStatus:
        """Return a snapshot for the page, the command line and programs."""
        now = asyncio.get_running_loop().time()
        queues = QueuesSummary() if self._pump is None else describe_queues(self._pump.queues, self._pump.shed)
        self._observed.rounds.look(now)
        transports, problems = [one.status() for one in self._supervised], self.health.problems(now)
        stored, up = self._keeping.summary(), now - self._started
        snapshot = describe(self.engine, transports, problems, queues, up, now, self.trunks, stored)
        return snapshot if self._mqtt is None else structs.replace(snapshot, mqtt=self._mqtt.summary())

    def _parts(self) -> Parts:
        """Return everything that has numbers."""
        return Parts(
            engine=self.engine,
            trunks=self.trunks,
            transports=self._supervised,
            keeping=self._keeping,
            health=self.health,
            progress=watch(lambda: self._pump, self._keeping.writer, lambda: self.radio.turns if self.radio is not None else None),
            reloads=self.reloads,
            meter=Meter(),
            pump=lambda: self._pump,
            adapters=lambda: self.radio.radio().adapters if self.radio is not None else (),
            clock_known=lambda: self._time is not None and self._time.is_known,
            wall=self._wall_s,
            federation=lambda: self.federation,
            broker=lambda: self._mqtt.session if self._mqtt is not None else None,
            page=lambda: self.page,
        )

    async def _serve(self, one: Supervised, pump: Pump) -> None:
        if one.transport.capabilities & ELSEWHERE:
            await self._keeping.settle()
        await one.run(pump.post_to(one.transport))

    def witness(self, actor: Actor, action: Action, detail: str = "", uid: int | None = None) -> None:
        """Note what somebody has done; see `gateway.admin.audit.Witness`."""
        self._keeping.auditor.note(actor, action, detail, uid)

    def _take_notice(self, effect: Effect, now: float) -> None:
        if isinstance(effect, SiteMet | SiteParted | SiteSpoke):
            if self.federation is not None:
                self.federation.take(effect)
            return
        self._keeping.take(effect, now)
        self._observed.take(effect)
        self.api.take(effect, now)
        if self._mqtt is not None:
            self._mqtt.take(effect, now)
        self._notice(effect, now)

    def _open_store(self, distrust: bool) -> Store:
        return open_store(self.config.gateway.state_dir / "store.db", self._rng, distrust=distrust)

    def _wall_ms(self) -> int | None:
        return self.engine.mesh.wall_ms(asyncio.get_running_loop().time())

    def _wall_s(self, moment: float) -> float | None:
        wall_ms = self.engine.mesh.wall_ms(moment)
        return None if wall_ms is None else wall_ms / 1000

    def _set_clock(self, event: ClockSet) -> None:
        if self._was_silent:
            self._was_silent = False
            self._log(Level.INFO, Event.CLOCK, "The clock is set: phones take this gateway's packets from now on.")
        if self._pump is not None:
            self._pump.send(event)
            self._keeping.clock_set()
            if self.federation is not None:
                self.federation.look()

    def _go_by(self, policy: Policy) -> None:
        """Go by other rules from now on; that they can be used ends what a reload may have had to say against them."""
        self.engine.gate.use(policy)
        if THE_RULES in self.reloads.refusals:
            self.reloads.taken_after_all(THE_RULES, asyncio.get_running_loop().time())

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

    def _bluetooth(self) -> "BleTransport":
        return links.bluetooth(self.config, self.identity.peer_id, self._rng, self._log.radio(lambda: self.radio))
