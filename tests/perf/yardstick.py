"""The yard-stick Y: one step of the n-body program, in plain Python floats and lists.

Others publish how long this program takes on their boards (5 million steps, benchmarks game),
so a figure in Y can be carried from one machine to another.
"""

import math
import time

_SOLAR_MASS = 4 * math.pi * math.pi
_DAYS = 365.24
_STEPS = 500
Body = tuple[list[float], list[float], float]


def _system() -> list[tuple[Body, Body]]:
    bodies: list[Body] = [
        ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0], _SOLAR_MASS),
        (
            [4.84143144246472090, -1.16032004402742839, -1.03622044471123109e-01],
            [1.66007664274403694e-03 * _DAYS, 7.69901118419740425e-03 * _DAYS, -6.90460016972063023e-05 * _DAYS],
            9.54791938424326609e-04 * _SOLAR_MASS,
        ),
        (
            [8.34336671824457987, 4.12479856412430479, -4.03523417114321381e-01],
            [-2.76742510726411e-03 * _DAYS, 4.99852801234917e-03 * _DAYS, 2.30417297573763e-05 * _DAYS],
            2.85885980666131e-04 * _SOLAR_MASS,
        ),
        (
            [1.28943695621391e01, -1.51111514016986e01, -2.23307578892656e-01],
            [2.96460137564762e-03 * _DAYS, 2.37847173959481e-03 * _DAYS, -2.96589568540238e-05 * _DAYS],
            4.36624404335156e-05 * _SOLAR_MASS,
        ),
        (
            [1.53796971148509e01, -2.59193146099880e01, 1.79258772950371e-01],
            [2.68067772490389e-03 * _DAYS, 1.62824170038242e-03 * _DAYS, -9.51592254519716e-05 * _DAYS],
            5.15138902046612e-05 * _SOLAR_MASS,
        ),
    ]
    return [(bodies[i], bodies[j]) for i in range(5) for j in range(i + 1, 5)]


def step_s() -> float:
    """Seconds of CPU one step takes now."""
    pairs = _system()
    bodies = [pairs[0][0], *(second for _, second in pairs[:4])]
    started = time.thread_time()
    _advance(pairs, bodies, _STEPS)
    return (time.thread_time() - started) / _STEPS


def _advance(pairs: list[tuple[Body, Body]], bodies: list[Body], steps: int) -> None:
    dt = 0.01
    for _ in range(steps):
        for ([x1, y1, z1], v1, m1), ([x2, y2, z2], v2, m2) in pairs:
            dx = x1 - x2
            dy = y1 - y2
            dz = z1 - z2
            mag = dt * ((dx * dx + dy * dy + dz * dz) ** (-1.5))
            b1m = m1 * mag
            b2m = m2 * mag
            v1[0] -= dx * b2m
            v1[1] -= dy * b2m
            v1[2] -= dz * b2m
            v2[0] += dx * b1m
            v2[1] += dy * b1m
            v2[2] += dz * b1m
        for r, v, _m in bodies:
            r[0] += dt * v[0]
            r[1] += dt * v[1]
            r[2] += dt * v[2]
