"""A fair-ground of a day: the traffic of 100 phones before two whole gateways, and what goes wrong in it.

The rates are those of the crowded scene (`tests.worlds.crowded`): a word from each phone every 20 s, an announce every 30 s,
two whispers a second, everything heard three times over six links. Phones are keys and a script. Gateways, stores, the link
between the sites, MQTT and metrics are the real ones, on virtual time (tests.testing.virtual_loop), where what is for a
thread is done at once. The fair is open for one hour of four, because a whole day at its rate takes hours to compute; else a
tenth of the people is there.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush
from pathlib import Path
from random import Random

import pytest

from gateway import app
from gateway.app import Gateway
from gateway.config import load
from gateway.errors import StoreFault
from gateway.mesh.engine import Mesh
from gateway.runtime.clock import CHECK_S, TimeOfDay
from gateway.store.faults import store_error
from gateway.telemetry.events import Level
from gateway.telemetry.logs import Form, Logs
from gateway.telemetry.mqtt.values import LineDown, Message, Trouble
from gateway.telemetry.redaction import Redactor
from gateway.testing.ether import RADIO
from gateway.testing.memo import SharedVerifier
from gateway.wire.signing import verify
from gateway.wire.types import MessageType
from hw.bluez.limits import PACE_START
from hw.systemd.notify import Notifier
from hw.vitals import read_vitals
from tests.mesh.nodes import EPOCH, NOTHING, Clock, Node, board, noise
from tests.telemetry.sights import MemoryBroker
from transports.link import Capability, FrameReceived, LinkDown, LinkId, LinkUp, Post, TransportState, TransportStatus, Writable
from transports.loopback import LoopbackHub

LINKS = 6
CROWD = 100
HEARD = 3  # times each broadcast comes in
TICK = 0.25  # seconds between two looks of the script; a copy comes in one or two of them later
MTU = 512
SENDER = slice(14, 22)  # in a packet of version 1
TEXT_S, ANNOUNCE_S, WHISPERS_PER_S = 20.0, 30.0, 2.0
QUIET = 10  # times fewer people are there while the fair is closed
OPEN_EVERY = 4  # hours: of four it is open for one
VOICES_PER_S, FRAGMENTS_PER_S = 15.0, 33.0  # of one talker, of one file
FILE = 31_000  # bytes
BUFFER_S = 1.0  # seconds of a link's pace that a radio takes before it refuses
ASKED_EVERY_S = 900.0  # seconds between two neighbours that have missed everything


class Sky:
    """The time of day, which can be wrong."""

    def __init__(self) -> None:
        self.wrong_by = 0.0

    def wall(self) -> float:
        return EPOCH + asyncio.get_running_loop().time() + self.wrong_by


class CrowdRadio:
    """A radio whose neighbours are a script: it takes in at the pace of a Bluetooth adapter and counts what goes out."""

    name = "radio"
    capabilities = RADIO

    def __init__(self, links: int = LINKS) -> None:
        self.links = [LinkId(f"radio:n{number}") for number in range(links)]
        self.sent: Counter[int] = Counter()  # frames of people by type; answers to who has missed something are not among them
        self.gateways: frozenset[bytes] = frozenset()
        self._rate = PACE_START / links
        self._room = dict.fromkeys(self.links, 0.0)
        self._refused: set[LinkId] = set()
        self._post: Post | None = None
        self._lost: asyncio.Future[None] | None = None
        self.is_there = True

    @property
    def is_up(self) -> bool:
        return self._post is not None

    async def run(self, post: Post) -> None:
        if not self.is_there:
            raise OSError("the adapter is gone")
        self._post, self._lost = post, asyncio.get_running_loop().create_future()
        for link in self.links:
            self._room[link] = self._rate
            post(LinkUp(link, MTU, RADIO))
        refilling = asyncio.create_task(self._refill(post))
        try:
            await self._lost
        finally:
            refilling.cancel()
            await asyncio.gather(refilling, return_exceptions=True)
            for link in self.links:
                post(LinkDown(link, "the radio is off"))
            self._post = self._lost = None

    def lose(self) -> None:
        self.is_there = False
        if self._lost is not None and not self._lost.done():
            self._lost.set_exception(OSError("the adapter is gone"))

    def hear(self, number: int, frame: bytes) -> None:
        if self._post is not None:
            self._post(FrameReceived(self.links[number], frame))

    def send(self, link: LinkId, frame: bytes) -> bool:
        if self._post is None:
            return False
        if self._room[link] < 0:
            self._refused.add(link)
            return False
        self._room[link] -= len(frame)
        if frame[2] and frame[SENDER] not in self.gateways:
            self.sent[frame[1]] += 1
        return True

    def close(self, link: LinkId, why: str) -> None:
        pass  # whoever is scripted stays

    def status(self) -> TransportStatus:
        state = TransportState.UP if self.is_up else TransportState.DOWN
        return TransportStatus(self.name, state, "A scripted crowd.", links=len(self.links) if self.is_up else 0)

    async def _refill(self, post: Post) -> None:
        while True:
            await asyncio.sleep(TICK)
            for link in self.links:
                self._room[link] = min(self._rate * BUFFER_S, self._room[link] + self._rate * TICK)
            free = [link for link in self._refused if self._room[link] >= 0]
            self._refused.difference_update(free)
            for link in free:
                post(Writable(link))


class CountingBroker(MemoryBroker):
    """A broker that keeps what is retained, and of the rest the number only."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = 0

    def take(self, message: Message) -> None:
        super().take(message)
        self.heard.clear()
        del self.lines[:-1], self.dials[:-1]
        self.taken += 1

    def leave(self) -> None:
        self.is_there = False
        self.line.post(LineDown(Trouble.LOST))


class _Nowhere:
    """A stream nobody reads; it counts."""

    def __init__(self) -> None:
        self.lines = 0

    def write(self, text: str) -> int:
        self.lines += text.count("\n")
        return len(text)

    def flush(self) -> None: ...

    def fileno(self) -> int:
        raise OSError

    def isatty(self) -> bool:
        return False


class Stand:
    """A whole gateway with a scripted radio."""

    def __init__(self, directory: Path, name: str, hub: LoopbackHub, sky: Sky, links: int, *overrides: str) -> None:
        self.radio = CrowdRadio(links)
        self.line = hub.transport(name)
        loop = asyncio.get_running_loop()
        self.log = _Nowhere()
        settings = [
            f"gateway.nickname={name}",
            f"gateway.state_dir={directory / name}",
            f"control.socket={directory / name}.sock",
            "bridge.mode=open",
            "page.enabled=false",
            *("transports.libp2p.enabled=false", "transports.websocket.enabled=false"),
            *overrides,
        ]
        self.gateway = Gateway(
            load(None, {}, settings).config,
            [self.radio, self.line],
            logs=Logs(Form.JSON, Level.INFO, Redactor(b"salt"), stream=self.log, now=loop.time, wall=sky.wall),
            notifier=Notifier({}),
            sense=partial(read_vitals, directory),
            rng=Random(f"gateway/{name}"),
        )
        self.stop = asyncio.Event()
        self.running: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.running = asyncio.create_task(self.gateway.run(self.stop))

    @property
    def desk(self):
        return self.gateway._keeping.writer._desk

    def lock_store(self) -> Callable[[], None]:
        """Have another process hold the database; returns what ends it."""
        desk, opens = self.desk, self.desk._open_store
        error = store_error(StoreFault.LOCKED, self.gateway.config.gateway.state_dir / "store.db")

        def refuse(_distrust: bool):
            raise error

        desk._open_store = refuse
        desk._fail(error)
        return lambda: setattr(desk, "_open_store", opens)

    def fill_disk(self) -> Callable[[], None]:
        """Let the database grow no further; returns what ends it."""
        connection = self.desk._store.database._connection
        most = connection.execute("PRAGMA max_page_count").fetchone()[0]
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return lambda: connection.execute(f"PRAGMA max_page_count = {most}") and None


@dataclass
class Told:
    """What was said and what became of it."""

    texts: int = 0  # times links they were due on
    announces: int = 0
    heard: int = 0  # frames that came in
    unique: int = 0


class Fair:
    """The crowd's script before one radio."""

    def __init__(self, radio: CrowdRadio, seed: int) -> None:
        self.radio = radio
        self.rng = Random(seed)
        self.clock = Clock()
        self.people = [Node(f"phone {number}", self.clock) for number in range(CROWD)]
        self.talkers = [Node(f"talker {number}", self.clock) for number in range(2)]
        self.senders = [Node(f"sender {number}", self.clock) for number in range(2)]
        self.is_open = self.is_believed = True
        self.talking = self.sending = False
        self.told = Told()
        self._later: list[tuple[float, int, int, bytes]] = []  # when, serial, link, frame
        self._serial = 0
        self._files: list[deque[bytes]] = [deque(), deque()]
        self._owed = dict.fromkeys(("text", "announce", "whisper", "voice", "piece"), 0.0)
        self._next = 0

    async def go_on(self) -> None:
        loop = asyncio.get_running_loop()
        asked_at = loop.time() + ASKED_EVERY_S / 2  # not at the end of an hour
        while True:
            self.clock.now = now = loop.time()
            while self._later and self._later[0][0] <= now:
                _, _, link, frame = heappop(self._later)
                self._hear(link, frame)
            if self.radio.is_up:
                for frame, number, kind in self._said():
                    self._bring(frame, number % LINKS, kind, now)
                if now >= asked_at:
                    asked_at = now + ASKED_EVERY_S
                    self._hear(self.rng.randrange(LINKS), self.people[0].ask(NOTHING))
            await asyncio.sleep(TICK)

    def _said(self) -> Iterator[tuple[bytes, int, str]]:
        rng, part = self.rng, 1.0 if self.is_open else 1.0 / QUIET
        there = int(part * CROWD)
        for _ in range(self._due("announce", there / ANNOUNCE_S)):
            self._next += 1
            yield self.people[self._next % there].announce(ttl=5), self._next % there, "announce"
        for _ in range(self._due("text", there / TEXT_S)):
            number = rng.randrange(there)
            yield self.people[number].say(f"{self.clock.now:.2f} {number} {'word ' * 11}", ttl=5), number, "text"
        for _ in range(self._due("whisper", part * WHISPERS_PER_S)):
            number = rng.randrange(there)
            yield self.people[number].seal(rng.randbytes(192), self.people[rng.randrange(there)].peer_id, ttl=5), number, ""
        if self.talking:
            for _ in range(self._due("voice", VOICES_PER_S)):
                for number, one in enumerate(self.talkers):
                    yield one.packet(MessageType.VOICE, rng.randbytes(202), ttl=5), number, ""
        if self.sending:
            for _ in range(self._due("piece", FRAGMENTS_PER_S)):
                for number, one in enumerate(self.senders):
                    yield self._piece(number, one), 2 + number, ""

    def come(self, others: list[Node]) -> None:
        """Let some make themselves known, and one of them post a notice."""
        for number, one in enumerate(others):
            self._bring(one.announce(ttl=5), number, "", self.clock.now)
        content = board(others[0], content=f"at {self.clock.now:.0f}", expires_s=self.clock.now + 3_600.0)
        self._bring(others[0].packet(MessageType.BOARD, content, ttl=5), 0, "", self.clock.now)

    def _piece(self, number: int, one: Node) -> bytes:
        pieces = self._files[number]
        if not pieces:
            whole = one.packet(MessageType.FILE, noise(FILE), ttl=5, version=2)
            pieces.extend(one.cut(whole, MTU, fragment_id=self.rng.randbytes(8)))
        return pieces.popleft()

    def _due(self, what: str, rate: float) -> int:
        self._owed[what] += rate * TICK
        due = int(self._owed[what])
        self._owed[what] -= due
        return due

    def _bring(self, frame: bytes, first: int, kind: str, now: float) -> None:
        self.told.unique += 1
        if self.is_believed:
            self.told.texts += (LINKS - 1) * (kind == "text")
            self.told.announces += (LINKS - 1) * (kind == "announce")
        self._hear(first, frame)
        for turn, other in enumerate(self.rng.sample([link for link in range(LINKS) if link != first], HEARD - 1), start=1):
            self._serial += 1
            heappush(self._later, (now + turn * TICK, self._serial, other, frame))

    def _hear(self, link: int, frame: bytes) -> None:
        self.told.heard += self.radio.is_up
        self.radio.hear(link, frame)


HOUR = 3600.0


class Day:
    """Two sites, a fair at the western one, and the faults of a day."""

    def __init__(self, directory: Path, seed: int, patch: pytest.MonkeyPatch) -> None:
        self.sky = Sky()
        self.verifier = SharedVerifier(verify, capacity=2_000)
        sky = self.sky

        class SkyTime(TimeOfDay):
            def __init__(self, tell, trusted, **rest) -> None:
                super().__init__(tell, trusted, sky.wall, kept=lambda: True, **rest)

        patch.setattr(app, "TimeOfDay", SkyTime)
        patch.setattr(app, "Mesh", partial(Mesh, verify=self.verifier))
        self.hub = LoopbackHub(capabilities=Capability.WIDE_AREA | Capability.DIRECTED)
        mqtt = ("mqtt.enabled=true", 'mqtt.brokers=["broker.example"]', "mqtt.tls=off")
        self.west = Stand(directory, "west", self.hub, sky, LINKS, *mqtt)
        self.east = Stand(directory, "east", self.hub, sky, 2)
        self.west.radio.gateways = frozenset(stand.gateway.identity.peer_id for stand in (self.west, self.east))
        self.broker = CountingBroker()
        self.west.gateway._mqtt._open_line = self.broker.open_line
        self.fair = Fair(self.west.radio, seed)
        self.scrapes = self.page_bytes = 0
        self.struck: list[str] = []

    async def start(self) -> None:
        for stand in (self.west, self.east):
            stand.start()
        await asyncio.sleep(5)
        self._tasks = [asyncio.create_task(self.fair.go_on()), asyncio.create_task(self._scrape())]
        self.fair.come([*self.fair.talkers, *self.fair.senders])

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for stand in (self.west, self.east):
            stand.stop.set()
            await stand.running

    async def _scrape(self) -> None:
        while True:
            self.page_bytes = len(self.west.gateway._observed.exposition.page().body)
            self.scrapes += 1
            await asyncio.sleep(60)

    async def radio_lost(self, seconds: float) -> None:
        self.west.radio.lose()
        await asyncio.sleep(seconds)
        self.west.radio.is_there = True

    async def store_locked(self, seconds: float) -> None:
        undo = self.west.lock_store()
        await asyncio.sleep(seconds)
        undo()

    async def disk_full(self, seconds: float) -> None:
        undo = self.west.fill_disk()
        await asyncio.sleep(seconds)
        undo()

    async def broker_away(self, seconds: float) -> None:
        self.broker.leave()
        await asyncio.sleep(seconds)
        self.broker.is_there = True

    async def sites_cut(self, seconds: float) -> None:
        self.west.line.close(LinkId("loopback:east"), "a cable was pulled")
        await asyncio.sleep(seconds)
        self.hub.connect(self.west.line, self.east.line)

    async def clock_jumps(self, seconds: float) -> None:
        """By ten minutes, and is put right: meanwhile phones and gateway do not believe each other."""
        self.fair.is_believed = False
        self.sky.wrong_by = 600.0
        await asyncio.sleep(seconds)
        self.sky.wrong_by = 0.0
        await asyncio.sleep(2 * CHECK_S)
        self.fair.is_believed = True

    async def hour(self, number: int) -> None:
        """Live through an hour; its last minutes are without talkers, files and faults."""
        fair = self.fair
        fair.is_open = number % OPEN_EVERY == 0
        fault = self.FAULTS[(number + number // len(self.FAULTS)) % len(self.FAULTS)]  # each when it is open, and when it is not
        end = asyncio.get_running_loop().time() + HOUR
        await asyncio.sleep(300)
        fair.come([*fair.talkers, *fair.senders])
        fair.talking = fair.is_open
        fair.sending = fair.is_open and number % (2 * OPEN_EVERY) == 0
        await asyncio.sleep(300)
        fair.talking = fair.sending = False
        await asyncio.sleep(300)
        if number:
            self.struck.append(fault.__name__)
            await fault(self, 300.0)
        await asyncio.sleep(end - asyncio.get_running_loop().time())

    FAULTS = (radio_lost, store_locked, broker_away, sites_cut, clock_jumps, disk_full)
