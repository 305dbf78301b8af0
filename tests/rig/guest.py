"""What a test may do to the guest it runs in: kill and hold its daemons, cut a program's bus, run programs as an ordinary user.

The guest restarts dbus-daemon and bluetoothd a second after they end, as systemd does with ``Restart=always``.
"""

import asyncio
import contextlib
import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

RUN = Path("/run/rig")
BUS_SOCKET = "/run/dbus/system_bus_socket"
NOBODY = 65534
PIDFD_GETFD = 438  # system call number on x86_64
STEP_S = 0.05


async def pause(seconds: float) -> None:
    """Let the guest's time pass; in virtual time that costs nothing."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.get_running_loop().create_future()


async def until(condition: Callable[[], object], seconds: float = 30.0, what: str = "") -> float:
    """Wait for a condition; the guest's seconds it took.

    Raises:
        TimeoutError: it did not come true.

    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not condition():
        if loop.time() - began > seconds:
            raise TimeoutError(what or f"not within {seconds} s")
        await pause(STEP_S)
    return loop.time() - began


def adapters_on() -> int:
    """How many adapters BlueZ lists as switched on; 0 while it is down."""
    ask = ("dbus-send", "--system", "--print-reply", "--dest=org.bluez", "/", "org.freedesktop.DBus.ObjectManager.GetManagedObjects")
    answer = subprocess.run(ask, capture_output=True, text=True, check=False).stdout
    return len(re.findall(r'"Powered"\s+variant\s+boolean true', answer))


class Daemon:
    """One of the daemons that come back when they end: "bluetoothd" or "dbus-daemon"."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def pid(self) -> int | None:
        """Its process, None while it is down."""
        with contextlib.suppress(OSError, ValueError):
            pid = int((RUN / f"{self.name}.pid").read_text())
            if (Path("/proc") / str(pid) / "cmdline").read_bytes():
                return pid
        return None

    def kill(self) -> int:
        """Kill it as ``kill -9`` does; its process of before."""
        pid = self.pid
        if pid is None:
            raise ProcessLookupError(f"{self.name} is down")
        os.kill(pid, signal.SIGKILL)
        return pid

    async def restart(self) -> None:
        """Kill it and wait until another has started."""
        before = self.kill()
        await until(lambda: self.pid not in (None, before), what=f"{self.name} did not come back")

    @asynccontextmanager
    async def held_down(self) -> AsyncIterator[None]:
        """Keep it down for as long as the block runs."""
        hold = RUN / f"{self.name}.hold"
        hold.touch()
        try:
            self.kill()
            await until(lambda: self.pid is None)
            yield
        finally:
            hold.unlink()
            await until(lambda: self.pid is not None)


bluetoothd = Daemon("bluetoothd")
dbus_daemon = Daemon("dbus-daemon")  # ends every program's bus, bluetoothd's too, which ends then as well


def cut_bus(pid: int) -> int:
    """End a process' connections to the system bus, as a crash of the daemon would, for this process alone; how many there were."""
    process = os.pidfd_open(pid)
    cut = 0
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            copy = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, process, int(entry.name), 0)
            if copy < 0:
                continue
            with contextlib.suppress(OSError), _as_socket(copy) as connection:
                if connection.getpeername() == BUS_SOCKET:
                    connection.shutdown(socket.SHUT_RDWR)
                    cut += 1
    finally:
        os.close(process)
    return cut


@contextlib.contextmanager
def _as_socket(descriptor: int) -> Iterator[socket.socket]:
    try:
        connection = socket.socket(fileno=descriptor)
    except OSError:
        os.close(descriptor)
        raise
    with connection:
        yield connection


def as_nobody(*command: str) -> list[str]:
    """Make a command run as nobody: no group but its own, no capability, no way to get one."""
    own = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]
    return [shutil.which("setpriv") or "setpriv", *own, *command]


class Program:
    """A program of an ordinary user, with its output in a file.

    Args:
        process: it.
        output: everything it says.

    """

    def __init__(self, process: asyncio.subprocess.Process, output: Path) -> None:
        self.process = process
        self.output = output

    @property
    def pid(self) -> int:
        """Its process."""
        return self.process.pid

    @property
    def text(self) -> str:
        """What it said so far."""
        return self.output.read_text(errors="replace")

    async def says(self, words: str, seconds: float = 30.0) -> float:
        """Wait until it has said something; the guest's seconds it took."""

        def has_said() -> bool:
            if self.process.returncode is not None and words not in self.text:
                raise AssertionError(f"ended with {self.process.returncode} before it said {words!r}:\n{self.text[-4000:]}")
            return words in self.text

        return await until(has_said, seconds, f"it did not say {words!r}")

    async def stop(self, seconds: float = 30.0) -> int:
        """End it politely, then not; its exit status."""
        if self.process.returncode is None:
            self.process.terminate()
            try:
                async with asyncio.timeout(seconds):
                    await self.process.wait()
            except TimeoutError:
                self.process.kill()
        return await self.process.wait()


@asynccontextmanager
async def running(*command: str, output: Path, env: Mapping[str, str] | None = None) -> AsyncIterator[Program]:
    """Run a program as nobody for as long as the block runs."""
    clean = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": "/nonexistent", **(env or {})}
    with output.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *as_nobody(*command), env=clean, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd="/"
        )
    program = Program(process, output)
    try:
        yield program
    finally:
        await program.stop()


def meshgate(*arguments: str) -> list[str]:
    """The command line of our own program."""
    return [sys.executable, "-m", "gateway.cli.main", *arguments]


def home_of_nobody(name: str, parent: Path = Path("/tmp")) -> Path:  # noqa: S108 - the guest's own, gone with it
    """Make a folder that nobody else may write to, for a program's state and configuration."""
    home = parent / name
    home.mkdir(exist_ok=True)
    os.chown(home, NOBODY, NOBODY)
    return home


def logs(names: Sequence[str] = ("bluetoothd", "air", "dbus-daemon"), lines: int = 40) -> str:
    """The ends of the guest's own logs."""
    parts = []
    for name in names:
        path = Path(os.environ.get("RIG_LOGS", str(RUN))) / f"{name}.log"
        if path.exists():
            parts.append(f"--- {name}.log\n" + "\n".join(path.read_text(errors="replace").splitlines()[-lines:]))
    return "\n".join(parts)
