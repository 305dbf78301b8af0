"""Puts the API together: who answers each route, what is told of to those who follow, and what is noted for charts."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from gateway.admin.audit import of_calls
from gateway.admin.backups import BackupAnswers, BackupControl
from gateway.admin.charts import Charts
from gateway.admin.feed import Feed, Topic
from gateway.admin.frames import FrameMonitor, Frames
from gateway.admin.logbook import Logbook, LogRing
from gateway.admin.messages import Ledger
from gateway.admin.news import News
from gateway.admin.operations import Operations
from gateway.admin.peers import Neighbourhood
from gateway.admin.radio import RadioControl
from gateway.admin.route import Answers
from gateway.admin.rules_file import RulesFile
from gateway.admin.sending import Sending
from gateway.admin.settings import Settings
from gateway.admin.stream import Stream
from gateway.admin.transports import Ways
from gateway.admin.update import Updates
from gateway.admin.versions import Versions
from gateway.assembly.diagnostics import Examiner
from gateway.assembly.names import names
from gateway.config import Config
from gateway.config.editing import ConfigFile
from gateway.config.policy_file import PolicyFile
from gateway.mesh.effects import Effect
from gateway.runtime.federation_desk import FederationDesk
from gateway.runtime.rulebook import Rulebook
from gateway.runtime.sampling import Sampling
from gateway.status import GatewayStatus
from gateway.telemetry.figures import Parts
from gateway.telemetry.firstboot import FirstBoot
from gateway.telemetry.health import Change
from gateway.telemetry.updated import Updated

LOOK_S: Final = 2.0  # seconds between two looks at what has changed, while somebody follows
IDLE_LOOKS: Final = 5  # of these, only each so many while nobody does


class Api:
    """Everything behind the API of one gateway, besides what every gateway answers.

    Args:
        config: what the operator decided.
        parts: everything that has numbers.
        status: of the gateway.
        radio: the Bluetooth radio, None if there is none.
        desk: answers for the federation, None if there is none.
        rules: keeps the operator's rules in force.
        ring: keeps the last entries of the log.
        file: the configuration file that may be changed, None if there is none.
        taken: told that settings were changed.
        randbytes: source of IDs.
        backups: makes and restores them.

    """

    def __init__(
        self,
        config: Config,
        parts: Parts,
        status: Callable[[], GatewayStatus],
        radio: RadioControl | None,
        desk: FederationDesk | None,
        rules: Rulebook,
        ring: LogRing,
        file: ConfigFile | None,
        taken: Callable[[], object],
        randbytes: Callable[[int], bytes],
        backups: BackupControl,
    ) -> None:
        self._parts = parts
        self._status = status
        self._desk = desk
        engine, keeping = parts.engine, parts.keeping
        note = of_calls(keeping.auditor.note)
        self.feed = Feed(self._state, self._wall, randbytes(4).hex())
        self.news = News(self.feed)
        self._peers = Neighbourhood(engine, parts.trunks, radio, parts.wall)
        self._ways = Ways(status, config.transports.order, lambda: parts.trunks.failed)
        self._sending = Sending(self._give, engine.mesh.peers, self._ask_site, self._wall, randbytes, note)
        self._operations = Operations(Examiner(config, file, status, radio), self._wall, randbytes)
        self._frames = Frames(engine.mesh.drops, self._attach, self._wall)
        self._sampling = Sampling(keeping.writer, self._wall_ms, self._figures)
        self._rooms = (
            self._peers,
            self._ways,
            self._sending,
            self._operations,
            self._frames,
            BackupAnswers(backups, self._operations, note),
            Ledger(keeping.writer, keeping.recorder.flush, lambda: names(engine), self._sending.message),
            Charts(keeping.writer, self._wall_ms),
            Settings(file, taken, config, note),
            RulesFile(PolicyFile(config.policy.file), rules.read_anew, note),
            Logbook(ring),
            Updates(),
            Versions(note),
            Stream(self.feed),
        )
        state, witness = config.gateway.state_dir, keeping.auditor.note
        self._others = (Updated(state, witness), FirstBoot(state, witness))
        parts.health.watch(self._changed)

    def answers(self) -> Answers:
        """Return who answers."""
        found: dict[str, Any] = {}
        for room in self._rooms:
            found |= room.answers()
        return found

    def take(self, effect: Effect, now: float) -> None:
        """Take what the engine reports beside frames."""
        self._sending.take(effect)
        self.news.take(effect, now)

    async def run(self) -> None:
        """Look at what changes, and note figures, until cancelled."""
        loop, looks = asyncio.get_running_loop(), 0
        try:
            while True:
                if len(self.feed) or looks % IDLE_LOOKS == 0:
                    self.news.look(self._status())
                self._sampling.look(loop.time())
                for other in self._others:
                    for name, found in other.look():
                        self._parts.health.note(name, found, loop.time())
                looks += 1
                await asyncio.sleep(LOOK_S)
        finally:
            await self.close()

    async def close(self) -> None:
        """End what is under way, and for everybody who follows."""
        self.feed.close()
        self._frames.close()
        await self._operations.close()

    def _state(self, topics: Collection[Topic], names: bool) -> Mapping[str, Any]:
        status = self._status()
        found: dict[str, Any] = {"sentence": status.sentence}
        if Topic.PEERS in topics:
            found["peers"] = self._peers.peers(names=names)
        if Topic.TRANSPORTS in topics:
            found["transports"] = self._ways.transports(status)
        if Topic.ALERTS in topics:
            found["alerts"] = status.problems
        if Topic.POLICY in topics:
            found["policy"] = status.bridge.policy
        if Topic.MESSAGES in topics:
            found["messages"] = {"waiting": status.mail.waiting, "waiting_bytes": status.waiting_bytes, "shed_frames": status.shed_frames}
        return found

    def _figures(self) -> Mapping[str, float | None]:
        status = self._status()
        bridge, done = status.bridge, status.bridge.consent.counters
        return {
            "crossings": bridge.crossed_out + bridge.crossed_in + done.get("deposited", 0) + done.get("arrived", 0),
            "air_time": sum(one.spent_ms for one in bridge.air),
            "queue": status.waiting_bytes,
            "temperature": self._parts.vitals.celsius,
            "peers": sum(one.local for one in status.mesh.peers),
        }

    def _changed(self, change: Change) -> None:
        one = change.condition
        self.news.alert(one.name.value, one.subject, one.severity.value, one.sentence, raised=change.raised)

    def _give(self) -> "Callable[[Any], None] | None":
        pump = self._parts.pump()
        return None if pump is None else pump.send

    def _attach(self, watch: FrameMonitor | None) -> bool:
        pump = self._parts.pump()
        if pump is not None:
            pump.watch = watch
        return pump is not None

    async def _ask_site(self, target: str) -> bool:
        peers = [site.peer for site in self._parts.engine.sites.all() if target in (site.peer, site.site_id.hex())]
        if not peers or self._desk is None:
            raise KeyError(target)
        return await self._desk.is_there(peers[0])

    def _wall(self) -> float | None:
        return self._parts.wall(asyncio.get_running_loop().time())

    def _wall_ms(self) -> int | None:
        wall = self._wall()
        return None if wall is None else int(wall * 1000)
