"""What goes wrong in a world: partitions, people who walk away, and frames nobody should send."""

from collections.abc import Collection, Iterator, Sequence
from random import Random

from gateway.testing.ether import Cut
from gateway.testing.world import World


def between(one_side: Collection[str]) -> Cut:
    """Block every path between these ports and all the others."""
    side = frozenset(one_side)
    return lambda a, b: (a in side) != (b in side)


def around(port: str) -> Cut:
    """Block every path to one port."""
    return lambda a, b: port in {a, b}


def outage(world: World, blocked: Cut, since: float, until: float) -> None:
    """Cut the radio at `since` and heal it at `until` (seconds of the world)."""
    world.at(since, lambda: world.at(until, world.partition(blocked)))


def churn(world: World, ports: Sequence[str], rng: Random, *, until: float, present: float = 60.0, away: float = 20.0) -> int:
    """Let each port walk out of range again and again; both spells are drawn exponentially (mean, seconds).

    Returns how many absences were planned before `until`. The last one ends at `until`, so
    that the world stands whole afterwards.
    """
    planned = 0
    for port in ports:
        leave = world.now + rng.expovariate(1 / present)
        while leave < until:
            back = min(until, leave + rng.expovariate(1 / away))
            outage(world, around(port), leave, back)
            planned += 1
            leave = back + rng.expovariate(1 / present)
    return planned


def broken_copies(frame: bytes, rng: Random) -> Iterator[bytes]:
    """Endless variations of a valid frame that a hostile or broken neighbour might send."""
    while True:
        match rng.randrange(5):
            case 0:  # cut short
                yield frame[: rng.randrange(len(frame))]
            case 1:  # one bit wrong
                at = rng.randrange(len(frame))
                yield frame[:at] + bytes((frame[at] ^ (1 << rng.randrange(8)),)) + frame[at + 1 :]
            case 2:  # bytes after the end
                yield frame + rng.randbytes(rng.randrange(1, 64))
            case 3:  # a stretch of noise inside
                at = rng.randrange(len(frame))
                yield frame[:at] + rng.randbytes(min(8, len(frame) - at)) + frame[at + 8 :]
            case _:  # noise altogether
                yield rng.randbytes(rng.randrange(1, len(frame) + 1))
