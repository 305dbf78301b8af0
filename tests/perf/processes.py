"""Real gateway processes: how much memory one takes, and how soon it is on the air."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.perf.measure import Bench, Budget

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
SETTLE_S = 3.0  # seconds of talk before the memory is read
RUNS = 5
START = Budget(4, "x")
RESIDENT = Budget(80, "MiB")
CONFIG = """\
[gateway]
state_dir = "{directory}"
[control]
socket = "{directory}/control.sock"
"""
LIBP2P = """\
[transports.libp2p]
enabled = true
listen = ["/ip4/127.0.0.1/tcp/0"]
identity_file = "{directory}/libp2p.key"
"""
RUN = "import sys; from gateway.cli.main import main; sys.exit(main())"
REPORT = """\
import atexit, sys, sysconfig
folders = (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
def third_party():
    return [name for name, module in sys.modules.items() if (getattr(module, "__file__", None) or "").startswith(folders)]
def tell():
    with open(sys.argv[0], "w") as file:
        file.write("\\n".join(third_party()))
sys.argv.pop(0)
atexit.register(tell)
"""


def measure_start(bench: Bench) -> None:
    """From the start of the process to the first announce on a link, and what the imports cost alone."""
    with TemporaryDirectory() as folder:
        directory = Path(folder)
        names = _third_party(directory)
        whole = imports = float("inf")
        for _ in range(3 if bench.quick else RUNS):
            whole = min(whole, _first_announce(directory))
            imports = min(imports, _imports(names))
    bench.add("process start to the first announce", whole * 1000, "ms")
    bench.add(f"an interpreter that imports the same {len(names)} third-party modules", imports * 1000, "ms")
    bench.add("start, in starts of that interpreter", whole / imports, "x", START)


def measure_resident(bench: Bench) -> None:
    """`meshgate run --simulate 3` with libp2p on, once everybody talks."""
    with TemporaryDirectory() as folder, _gateway(Path(folder), LIBP2P, "--simulate", "3") as process:
        deadline = time.monotonic() + PATIENCE_S
        while not (children := _children(process.pid)):
            if time.monotonic() > deadline:
                raise RuntimeError("libp2p did not start")
            time.sleep(0.1)
        time.sleep(SETTLE_S)
        bench.add("resident memory, meshgate run --simulate 3 with libp2p", _resident_mib(process.pid), "MiB", RESIDENT)
        bench.add("    and of its libp2p process", sum(map(_resident_mib, children)), "MiB")


@contextmanager
def _gateway(directory: Path, more: str, *arguments: str, before: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """A gateway with its own configuration, stopped as systemd would."""
    config = directory / "config.toml"
    config.write_text((CONFIG + more).format(directory=directory), encoding="utf-8")
    command = [sys.executable, "-c", before + RUN, *(() if not before else (str(directory / "modules"),)), "run", "--config", str(config), *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
