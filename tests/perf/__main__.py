"""Measure everything and compare it with the budgets: ``python -m tests.perf [--only GROUP] [--quick] [--json FILE]``."""

import argparse
import json
import os
import platform
import sys
from pathlib import Path

from tests.perf import codec, crowd, latency, links, memory, processes, pumps, radio, relay, sites, worlds
from tests.perf.measure import Bench, Row, heading, line

GROUPS = {
    "codec": codec.measure,
    "relay": relay.measure,
    "sites": sites.measure,
    "pump": pumps.measure,
    "radio": radio.measure,
    "latency": latency.measure,
    "flood": latency.measure_flood,
    "memory": memory.measure,
    "resident": processes.measure_resident,
    "start": processes.measure_start,
    "libp2p": links.measure,
    "crowd": crowd.measure,
    "world": worlds.measure,
}


def main() -> int:
    """Run; 1 if a budget is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.perf", description="Measure Meshgate and compare with the budgets.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    parser.add_argument("--only", choices=tuple(GROUPS), action="append", help="measure only this group; may be repeated")
    parser.add_argument("--quick", action="store_true", help="fewer repeats: coarser, but enough to see a budget missed")
    options = parser.parse_args()
    bench = Bench(quick=options.quick, say=lambda row: print(line(row), flush=True))
    print(heading(), flush=True)
    bench.group = "yard-stick"
    yard = min(bench.yard() for _ in range(100))
    bench.add_time("yard-stick Y: one n-body step", yard, yard)
    for name in options.only or GROUPS:
        bench.group = name
        GROUPS[name](bench)
    missed = [row for row in bench.rows if row.ok is False]
    for row in missed:
        print(f"MISSED: {row.what}, {row.budget}", file=sys.stderr)
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(_document(bench.rows, options.quick), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if missed else 0


def _document(rows: list[Row], quick: bool) -> dict[str, object]:
    machine = {"cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version(), "load": os.getloadavg()[0]}
    return {"machine": machine, "quick": quick, "rows": [row.document() for row in rows]}


if __name__ == "__main__":
    sys.exit(main())
