"""One gateway with six links on a slow radio, in a crowd: what gets through, and when.

The crowd is played by a script: everything is brought by one neighbour first and by two more a moment later, so that the
gateway relays it to five. The radio is as slow as they come: 1M, no data length extension, half of the time for sending.

    .venv/bin/python -m tests.worlds.crowded            # every scene with every kind of queue, as a table
"""

import argparse
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from gateway.limits import ASSEMBLY_LIFETIME_S, QUEUE_BYTES, VOICE_WAIT_S
from gateway.mesh.effects import Priority
from gateway.mesh.engine import Mesh
from gateway.mesh.queue import InOrderQueue, LinkQueue, Queue, Shed
from gateway.mesh.settings import MeshSettings
from gateway.testing.air import Air
from gateway.testing.way import LinkProfile
from gateway.testing.world import World
from gateway.wire.board import URGENT
from gateway.wire.packet import packet_id, peek
from gateway.wire.types import MessageType
from hw.bluez.adapter_pace import AdapterPace
from hw.bluez.limits import PACE_START
from tests.mesh.nodes import EPOCH, Clock, Node, board, noise
from tests.worlds.bluez_links import BluezLinks, world_pace
from transports.link import FrameReceived

LINKS = 6
CROWD = 100
OTHERS = 10
HEARD = 3  # times each broadcast comes in
COPIES_AFTER = (0.25, 0.45)  # seconds; later than the relay's jitter, so that they call off nothing
BUFFER = 4 * 512  # bytes a transport takes before it refuses
FRAGMENTS_PER_S = 33.0  # of one file flood: one each 30 ms
PICTURES_PER_S = 30.0  # fragments; more than 16 kB/s to one recipient is dropped where it comes in
FILE = 31_000  # bytes, 66 fragments
WARM_UP = 5.0  # seconds in which queues fill; what is said in them is not counted
GRACE = 5.0  # seconds at the end: what has not arrived by then is lost


def one_after_another(shed: Shed) -> Queue:
    """The yard-stick: no classes, and a full queue refuses the newest."""
    return InOrderQueue(QUEUE_BYTES, shed)


class StrictQueue:
    """The queue there was before: strict classes, bounded in bytes; the oldest frame of the least urgent class is shed."""

    rate = None

    def __init__(self, shed: Shed) -> None:
        self._classes: tuple[deque[bytes], ...] = tuple(deque() for _ in Priority)
        self._shed = shed
        self.bytes = 0

    def __len__(self) -> int:
        return sum(map(len, self._classes))

    def push(self, frame: bytes, priority: Priority, now: float, source: object = None) -> bool:  # noqa: ARG002
        while self.bytes + len(frame) > QUEUE_BYTES:
            victim = next((one for one in reversed(Priority) if one >= priority and self._classes[one]), None)
            self._shed[priority if victim is None else victim] += 1
            if victim is None:
                return False
            self.bytes -= len(self._classes[victim].popleft())
        self._classes[priority].append(frame)
        self.bytes += len(frame)
        return True

    def drain(self, send: Callable[[bytes], bool], now: float) -> None:  # noqa: ARG002
        while (waiting := next((one for one in self._classes if one), None)) is not None and send(waiting[0]):
            self.bytes -= len(waiting.popleft())

    def take_all(self) -> tuple[tuple[bytes, Priority], ...]:
        raise AssertionError("no link goes down here")


QUEUES: dict[str, Callable[[Shed], Queue]] = {"FIFO": one_after_another, "strict": StrictQueue, "fair": LinkQueue}


RADIOS = {"1M": (27, 1), "1M+DLE": (251, 1), "2M+DLE": (251, 2)}
"""Octets in a link-layer packet, and million symbols a second."""


class Ear:
    """A neighbour: notes when it first got each packet."""

    def __init__(self) -> None:
        self.heard: dict[bytes, float] = {}
        self.told: Callable[[bytes], None] = lambda _frame: None

    def handle(self, event: object, now: float) -> tuple[()]:
        if isinstance(event, FrameReceived):
            self.told(event.frame)
            self.heard.setdefault(packet_id(event.frame, peek(event.frame)), now)
        return ()

    def next_wakeup(self) -> None:
        return None


@dataclass
class Service:
    """What became of everything of one kind, over all links it was due on."""

    delays: list[float] = field(default_factory=list)  # seconds, of what arrived
    due: int = 0

    @property
    def arrived(self) -> float:
        """Part of what was due that arrived."""
        return len(self.delays) / self.due if self.due else 1.0

    def percentile(self, part: float) -> float:
        """Seconds within which this part of what was due has arrived; infinity if less ever did."""
        index = int(part * self.due)
        return sorted(self.delays)[index] if index < len(self.delays) else float("inf")

    def within(self, seconds: float) -> float:
        """Part of what was due that arrived within that time."""
        return sum(delay <= seconds for delay in self.delays) / self.due if self.due else 1.0


class Crowd:
    """A scene. `seconds` of it, with a queue of the given kind before each link."""

    def __init__(self, seed: int, queue: Callable[[Shed], Queue], seconds: float, radio: str = "1M", buffer: int = BUFFER) -> None:
        self.seconds = seconds
        self.world = World(
            seed, tick=0.005, profile=LinkProfile(buffer=buffer), local_queue=queue, offset=EPOCH, report=lambda _: None, max_notices=1
        )
        self.rng = self.world.rng("crowd")
        self._clock = Clock()
        self._people = [_person(number) for number in range(CROWD)]
        self._others = [_person(number) for number in range(CROWD, CROWD + OTHERS)]  # who do something else
        for person in self._people + self._others:
            person._clock = self._clock
        identity = Node("gateway").identity
        settings = MeshSettings(nickname="gateway", sync=False)
        self.gateway = Mesh(identity, self.world.rng("gateway"), settings, verify=lambda *_: True)
        self.world.add("gateway", self.gateway, address=identity.peer_id)
        self.world.radio.share_air("gateway", Air(*RADIOS[radio]))
        self.ears = [Ear() for _ in range(LINKS)]
        for number, ear in enumerate(self.ears):
            self.world.add(f"n{number}", ear)
            self.world.connect([("gateway", f"n{number}")])
        self.world.run_until(0.1)
        self._sent: list[tuple[str, bytes, float, frozenset[int]]] = []  # kind, packet ID, when, links it is due on
        self._sets: list[tuple[float, list[bytes], frozenset[int]]] = []
        self._neighbour = self._others[-1]  # behind the last link, and nowhere else
        self._bring("", self._neighbour.announce(), LINKS - 1, heard=1)

    def pace_all(self, rate: float = PACE_START, dialled: int = 0) -> AdapterPace:
        """Have one pace for all links, the first few of which we dialled; make the crowd with `buffer=ENDLESS`."""
        pace, links = world_pace(self.world, rate), BluezLinks(self.world, "gateway")
        for number, ear in enumerate(self.ears):
            way = (links.dial if number < dialled else links.arrive)(self.world.radio.link("gateway", f"n{number}"), pace)
            ear.told = way.heard
        return pace

    def pace_each(self, rate: float) -> None:
        """Have a pace for each link, all dialled to us; what leaves in excess waits in bluetoothd."""
        links = BluezLinks(self.world, "gateway")
        for number in range(LINKS):
            links.arrive(self.world.radio.link("gateway", f"n{number}"), world_pace(self.world, rate, is_learning=False))

    def talk(self) -> None:
        """A hundred people: a word from each every 20 seconds, an announce every 30, two whispers a second."""
        self._every(30.0 / CROWD, "announce", lambda person: person.announce(ttl=5))
        self._every(20.0 / CROWD, "text", lambda person: person.say(f"{self.world.now:.3f} {'word ' * 11}", ttl=5))
        self._every(0.5, "whisper", lambda person: person.seal(self.rng.randbytes(192), self.rng.choice(self._people).peer_id, ttl=5))

    def speak(self, speakers: int = 2) -> None:
        """Push to talk: 15 packets of 288 bytes a second from each."""
        for number in range(speakers):
            self._steadily(1 / 15, number, lambda person: [person.packet(MessageType.VOICE, self.rng.randbytes(202), ttl=5)], "voice")

    def flood_files(self, files: int = 2) -> None:
        """Files, one after another, each in 66 fragments."""
        for number in range(files):
            self._send_files(2 + number, None)

    def shout(self) -> None:
        """One person says 40 things a second."""
        self._steadily(1 / 40, 4, lambda person: [person.say(f"{self.world.now:.3f} {'loud ' * 11}", ttl=5)], "shout")

    def picture(self) -> None:
        """One person sends private pictures to the neighbour behind the last link."""
        self._send_files(7, self._neighbour.peer_id, PICTURES_PER_S)

    def alarm(self) -> None:
        """Somebody posts two urgent notices."""
        sender = 6

        def act() -> None:
            person = self._now(self._others[sender])
            notice = board(person, URGENT, content=f"help at {self.world.now:.0f}")
            self._bring("alarm", person.packet(MessageType.BOARD, notice, ttl=5), sender % LINKS)

        self._bring("", self._now(self._others[sender]).announce(ttl=5), sender % LINKS)
        for when in (7.0, 12.0):
            self._later(when, act)

    def run(self) -> None:
        self.world.run_until(self.seconds)

    def service(self, kind: str) -> Service:
        """What became of one kind."""
        served = Service()
        for one, identifier, when, links in self._sent:
            if one == kind and WARM_UP <= when <= self.seconds - GRACE:
                served.due += len(links)
                arrivals = (self.ears[link].heard.get(identifier) for link in links)
                served.delays += [arrival - when for arrival in arrivals if arrival is not None]
        return served

    @property
    def whole_files(self) -> float:
        """Part of the files due on a link that arrived whole and in time there; those begun too late to tell are left out."""
        due = arrived = 0
        for when, identifiers, links in self._sets:
            if when <= self.seconds - ASSEMBLY_LIFETIME_S or when <= self.seconds / 2:
                for link in links:
                    due += 1
                    arrivals = [self.ears[link].heard.get(identifier) for identifier in identifiers]
                    got = [arrival for arrival in arrivals if arrival is not None]
                    arrived += len(got) == len(arrivals) and max(got) - min(got) <= ASSEMBLY_LIFETIME_S
        return arrived / due if due else 1.0

    @property
    def shed(self) -> dict[str, int]:
        """Frames the gateway gave up, by class."""
        return {priority.name.lower(): count for priority, count in self.world.nodes["gateway"].shed.items() if count}

    @property
    def rates(self) -> list[float | None]:
        """Bytes a second each link was seen to carry."""
        return [queue.rate for queue in self.world.nodes["gateway"].queues.values()]

    def _every(self, mean: float, kind: str, make: Callable[[Node], bytes]) -> None:
        """Somebody at random does something, at random times."""

        def act() -> None:
            number = self.rng.randrange(CROWD)
            self._bring(kind, make(self._now(self._people[number])), number % LINKS)
            self._later(self.rng.expovariate(1 / mean), act)

        self._later(self.rng.expovariate(1 / mean), act)

    def _steadily(self, period: float, number: int, make: Callable[[Node], Iterable[bytes]], kind: str) -> None:
        """One person does something again and again."""

        def act() -> None:
            for frame in make(self._now(self._others[number])):
                self._bring(kind, frame, number % LINKS)
            self._later(period, act)

        self._bring("", self._now(self._others[number]).announce(ttl=5), number % LINKS)
        self._later(period * self.rng.random() + 0.5, act)

    def _send_files(self, number: int, to: bytes | None, per_s: float = FRAGMENTS_PER_S) -> None:
        pieces: Iterator[bytes] = iter(())
        links = frozenset({LINKS - 1}) if to else frozenset(range(LINKS)) - {number % LINKS}

        def next_one(person: Node) -> list[bytes]:
            nonlocal pieces
            piece = next(pieces, None)
            if piece is None:
                kind = MessageType.NOISE_ENCRYPTED if to else MessageType.FILE
                cut = person.cut(person.packet(kind, noise(FILE), ttl=5, to=to, version=2), 512, fragment_id=self.rng.randbytes(8))
                self._sets.append((self.world.now, [packet_id(one, peek(one)) for one in cut], links))
                pieces = iter(cut)
                piece = next(pieces)
            return [piece]

        self._steadily(1 / per_s, number, next_one, "picture" if to else "file")

    def _now(self, person: Node) -> Node:
        self._clock.now = self.world.now
        return person

    def _bring(self, kind: str, frame: bytes, first: int, heard: int = HEARD) -> None:
        self._sent.append((kind, packet_id(frame, peek(frame)), self.world.now, frozenset(range(LINKS)) - {first}))
        self._receive(frame, first)
        for other in self.rng.sample([link for link in range(LINKS) if link != first], heard - 1):
            self._later(self.rng.uniform(*COPIES_AFTER), lambda other=other: self._receive(frame, other))

    def _receive(self, frame: bytes, link: int) -> None:
        self.world.inject("gateway", FrameReceived(self.world.radio.link("gateway", f"n{link}"), frame))

    def _later(self, seconds: float, what: Callable[[], object]) -> None:
        self.world.at(self.world.now + seconds, what)


@lru_cache
def _person(number: int) -> Node:
    return Node(f"person {number}")


SCENES: dict[str, tuple[Callable[[Crowd], object], ...]] = {
    "100 phones": (Crowd.talk,),
    "and two push-to-talk speakers": (Crowd.talk, Crowd.speak),
    "and two file floods": (Crowd.talk, Crowd.speak, Crowd.flood_files),
    "100 phones, and one who shouts": (Crowd.talk, Crowd.shout),
    "100 phones, and private pictures": (Crowd.talk, Crowd.picture),
}


def play(scene: str, queue: str, seconds: float, seed: int = 1, radio: str = "1M", buffer: int = BUFFER) -> Crowd:
    crowd = Crowd(seed, QUEUES[queue], seconds, radio, buffer)
    for act in SCENES[scene]:
        act(crowd)
    crowd.run()
    return crowd


def row(scene: str, queue: str, crowd: Crowd) -> str:
    text, whisper, announce = (crowd.service(kind) for kind in ("text", "whisper", "announce"))
    voice = crowd.service("voice")
    files = f"{crowd.whole_files:.0%}" if crowd._sets else "-"
    spoken = f"{voice.within(VOICE_WAIT_S):.0%}" if voice.due else "-"
    shed = ", ".join(f"{count} {name}" for name, count in crowd.shed.items()) or "nothing"
    cells = (
        f"{_seconds(text.percentile(0.5))} / {_seconds(text.percentile(0.99))}",
        f"{text.arrived:.1%}",
        f"{_seconds(whisper.percentile(0.99))}",
        f"{announce.arrived:.1%}",
        spoken,
        files,
        shed,
    )
    return f"| {scene} | {queue} | {' | '.join(cells)} |"


def _seconds(value: float) -> str:
    return "never" if value == float("inf") else f"{value:.2f} s"


HEAD = """| Scene | Queue | text p50 / p99 | arrived | whisper p99 | announces arrived | speech within 1 s | files whole | given up |
|---|---|---:|---:|---:|---:|---:|---:|---|"""


def main() -> None:
    parser = argparse.ArgumentParser(description="What gets through a crowded radio, with every kind of queue.")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--radio", choices=RADIOS, default="1M")
    parser.add_argument("--buffer", type=int, default=BUFFER, help="bytes a transport takes before it refuses")
    args = parser.parse_args()
    print(HEAD)
    for scene in SCENES:
        for queue in QUEUES:
            print(row(scene, queue, play(scene, queue, args.seconds, args.seed, args.radio, args.buffer)), flush=True)


if __name__ == "__main__":
    main()
