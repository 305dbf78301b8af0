"""Site links over libp2p: what the program `libp2p_throughput.py` says."""

import json
import subprocess
import sys
from pathlib import Path

from tests.perf.measure import Bench, Budget

PROGRAM = Path(__file__).with_name("libp2p_throughput.py")
FRAMES = 200_000
QUICK_FRAMES = 60_000
PATIENCE_S = 300.0
THROUGHPUT = Budget(20_000, "/s", at_most=False)


def measure(bench: Bench) -> None:
    """Two gateways' transports, four processes, loopback TCP; the best of two runs."""
    frames = QUICK_FRAMES if bench.quick else FRAMES
    runs = [_run(frames) for _ in range(1 if bench.quick else 2)]
    best = max(runs, key=lambda run: run["packets_per_second"])
    bench.add(f"libp2p: {best['frame_bytes']}-byte packets between two gateways", best["packets_per_second"], "/s", THROUGHPUT)
    bench.add("    its round trip on an idle path, median", min(run["round_trip_ms"]["p50"] for run in runs), "ms")


def _run(frames: int) -> dict:
    command = [sys.executable, str(PROGRAM), "--json", "--frames", str(frames)]
    done = subprocess.run(command, cwd=PROGRAM.parents[2], capture_output=True, check=True, timeout=PATIENCE_S)
    return json.loads(done.stdout)
