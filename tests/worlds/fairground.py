"""A fair-ground: stages out of each other's radio range, crowds before them, and people who walk between.

Whoever stands before a stage hears everybody there and keeps six links; what is said at
one stage reaches the others in the pockets of those who walk, by gossip sync.
"""

from itertools import count
from math import cos, pi, sin

from gateway.mesh.effects import Heard, PeerLost
from gateway.testing.memo import SharedVerifier
from gateway.testing.world import World
from gateway.wire.signing import verify
from tests.worlds.people import phones, say

STAGES = 10
APART = 200.0  # metres between neighbouring stages, which stand in a ring
CROWD = 19  # people before each stage
WALKERS = 10
LINKS = 6  # a phone keeps (iOS)
SYNC_PERIOD = 60.0  # seconds; a new neighbour is asked at once, and that is how news walk
TICK = 0.02  # seconds: a connection interval
SPREAD = 25.0  # metres a crowd reaches around its stage
RANGE = 50.0  # metres
PACE = 1.4  # metres a second
STEP = 10.0  # seconds between two looks at where the walkers are


class Fairground:
    def __init__(self, seed: int) -> None:
        self.world = World(seed, radius=RANGE, max_links=LINKS, tick=TICK, ignore=(Heard, PeerLost))
        self.verifier = SharedVerifier(verify)
        rng = self.world.rng("places")
        radius = APART / (2 * sin(pi / STAGES))
        self.stages = [(radius * cos(2 * pi * n / STAGES), radius * sin(2 * pi * n / STAGES)) for n in range(STAGES)]
        self.stage_of = {f"s{stage}p{number:02}": stage for stage in range(STAGES) for number in range(CROWD)}
        places = {name: self._near(stage, rng) for name, stage in self.stage_of.items()}
        self.walkers = {f"w{number}": number for number in range(WALKERS)}
        places |= {name: self._on_the_way(number, 0.0) for name, number in self.walkers.items()}
        self.phones = phones(self.world, places, positions=places, verifier=self.verifier, sync_period=SYNC_PERIOD)
        self.said: dict[str, str] = {}

    def walk(self, until: float) -> None:
        """Let the walkers go round until then."""
        for step in count(1):
            if step * STEP >= until:
                return
            self.world.at(step * STEP, self._step)

    def talk(self, since: float, until: float, every: float) -> None:
        """Let each phone say something about `every` seconds."""
        rng = self.world.rng("talk")
        for name in self.phones:
            when = since + every * rng.random()
            while when < until:
                text = f"{name} at {when:.0f}"
                self.said[text] = name
                say(self.world, when, name, text)
                when += every * (0.5 + rng.random())

    def mates(self, name: str) -> set[str]:
        """Who stands before the same stage; nobody for a walker."""
        return {other for other, stage in self.stage_of.items() if stage == self.stage_of.get(name) and other != name}

    def _near(self, stage, rng):
        angle, distance = 2 * pi * rng.random(), SPREAD * rng.random()
        return self.stages[stage][0] + distance * cos(angle), self.stages[stage][1] + distance * sin(angle)

    def _on_the_way(self, walker, now):
        """Where a walker is: from stage to stage, each starting at another one."""
        legs = walker + PACE * now / APART
        here, there = self.stages[int(legs) % STAGES], self.stages[(int(legs) + 1) % STAGES]
        part = legs % 1
        return here[0] + part * (there[0] - here[0]), here[1] + part * (there[1] - here[1])

    def _step(self):
        now = self.world.now
        self.world.radio.place({name: self._on_the_way(number, now) for name, number in self.walkers.items()}, now)
