"""What simulating a crowd costs: 200 phones on a fair-ground, each with the real engine and real keys."""

import contextlib
import io
import time

from tests.perf.measure import Bench
from tests.worlds.fairground import Fairground

MINUTES = 2
EACH_S = 200.0  # seconds between two texts of one phone
SETTLE_S = 30.0  # seconds before the first text and after the last


def measure(bench: Bench) -> None:
    """CPU for one simulated minute, everything included: keys, signatures, the air, the engines."""
    minutes = 1 if bench.quick else MINUTES
    end = 60.0 * minutes + SETTLE_S
    with contextlib.redirect_stdout(io.StringIO()):
        started = time.process_time()
        ground = Fairground(1)
        ground.walk(end)
        ground.talk(SETTLE_S, end - SETTLE_S, EACH_S)
        ground.world.run_until(end)
        used = time.process_time() - started
    figures = ground.world.figures()
    if figures["relayed_twice"]:
        raise RuntimeError(f"{figures['relayed_twice']} packets were relayed twice")
    bench.add(f"simulated world: {figures['nodes']} phones, CPU for a simulated minute", used / end * 60, "s")
    bench.add("    frames it delivered for a second of CPU", figures["frames_received"] / used, "/s")
