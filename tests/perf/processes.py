"""Real gateway processes: how soon one is on the air, and how much memory it takes."""

import importlib.util
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, PIPE
from tempfile import TemporaryDirectory
from typing import IO

from tests.perf.measure import Bench, Budget

ROOT = Path(__file__).resolve().parents[2]
OURS = {"gateway", "transports", "hw"}
PATIENCE_S = 60.0
SETTLE_S = 3.0  # seconds of talk before the memory is read
RUNS = 7
START = Budget(4, "x")
RESIDENT = Budget(80, "MiB")
MESHGATE = (sys.executable, "-c", "import sys; from gateway.cli.main import main; sys.exit(main())")
CONFIG = """\
[gateway]
state_dir = "{directory}"
[page]
enabled = false
[control]
socket = "{directory}/control.sock"
"""
LIBP2P = """\
[transports.libp2p]
enabled = true
listen = ["/ip4/127.0.0.1/tcp/0"]
identity_file = "{directory}/libp2p.key"
"""
IMPORT_LINE = re.compile(r"^import time:\s+\d+ \|\s+\d+ \|\s+(\S+)$", re.MULTILINE)


def measure_start(bench: Bench) -> None:
    """From the start of the process to its first announce on a link; beside it, what the imports cost alone."""
    with TemporaryDirectory() as folder:
        modules = _third_party(Path(folder))
        announce = imports = float("inf")
        for _ in range(3 if bench.quick else RUNS):
            announce = min(announce, _first_announce(Path(folder)))
            imports = min(imports, _imports(modules))
    bench.add("process start to the first announce", announce * 1000, "ms")
    bench.add(f"process start to the end of the same {len(modules)} third-party imports", imports * 1000, "ms")
    bench.add("start, in times of those imports", announce / imports, "x", START)


def measure_resident(bench: Bench) -> None:
    """A simulated island with libp2p on, once everybody talks."""
    with TemporaryDirectory() as folder, _gateway(Path(folder), LIBP2P, "--simulate", "3") as process:
        deadline = time.monotonic() + PATIENCE_S
        while not (children := _children(process.pid)):
            if time.monotonic() > deadline:
                raise RuntimeError("libp2p did not start")
            time.sleep(0.1)
        time.sleep(SETTLE_S)
        bench.add("resident memory of `meshgate run --simulate 3` with libp2p", _resident_mib(process.pid), "MiB", RESIDENT)
        bench.add("    and of its libp2p process", sum(map(_resident_mib, children)), "MiB")


@contextmanager
def _gateway(
    directory: Path, more: str, *arguments: str, python: Sequence[str] = (), stderr: int | IO[bytes] = DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    """A gateway with a configuration of its own, stopped as systemd would."""
    config = directory / "config.toml"
    config.write_text((CONFIG + more).format(directory=directory), encoding="utf-8")
    interpreter, *program = MESHGATE
    command = [interpreter, *python, *program, "run", "--config", str(config), *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=DEVNULL, stderr=stderr) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _first_announce(directory: Path, *python: str, stderr: int | IO[bytes] = DEVNULL) -> float:
    """Seconds until a gateway's first frame; the capture is a pipe, so that it is seen at once."""
    capture = directory / "capture"
    capture.unlink(missing_ok=True)
    os.mkfifo(capture)
    pipe = os.open(capture, os.O_RDONLY | os.O_NONBLOCK)
    try:
        started = time.perf_counter()
        with _gateway(directory, "", "--simulate", "0", "--capture", str(capture), python=python, stderr=stderr):
            if not select.select([pipe], (), (), PATIENCE_S)[0]:
                raise RuntimeError("no announce")
            return time.perf_counter() - started
    finally:
        os.close(pipe)


def _third_party(directory: Path) -> list[str]:
    """What a gateway imports until its first announce and is neither ours nor Python's nor missing."""
    with (directory / "imports").open("w+b") as report:
        _first_announce(directory, "-X", "importtime", stderr=report)
        report.seek(0)
        names = IMPORT_LINE.findall(report.read().decode())
    packages = {name.partition(".")[0] for name in names} - OURS - sys.stdlib_module_names
    installed = {package for package in packages if importlib.util.find_spec(package) is not None}
    return [name for name in names if name.partition(".")[0] in installed]


def _imports(modules: list[str]) -> float:
    """Seconds until a bare interpreter has imported all of these."""
    started = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", f"import {', '.join(modules)}; print(flush=True)"], stdout=PIPE) as process:
        if process.stdout is None or not process.stdout.readline():
            raise RuntimeError("an import failed")
        return time.perf_counter() - started


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024
