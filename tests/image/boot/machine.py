"""A machine that QEMU plays, started from an image as a board would be: with its own kernel, command line and boot partition.

What is looked at from inside comes over the shell that the kernel's command line asks for; everything else from outside, over ports of this
machine that QEMU hands on. The image itself is not changed, and the machine reaches nobody: who wants to talk to it has to call.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final, Self

from tests.app.processes import free_port
from tests.image.boot.boards import SOON_S, Board
from tests.image.boot.card import Card, Cut
from tests.image.boot.disk import Disk
from tests.image.boot.nbd import exported
from tests.image.boot.shell import Shell

ROOT: Final = Path(__file__).parents[3]
LOGS: Final = ROOT / "build" / "image" / "logs"
EMULATOR: Final = ("setpriv", "--pdeathsig=KILL", "qemu-system-aarch64")
"""It ends with whoever has started it, even if that is killed."""
FORWARDED: Final = (22, 80, 443, 1883, 4001, 8443, 8480, 8481, 9477, 9999)
"""Ports of the machine that can be called from outside, as far as its firewall lets anybody."""
POLL_S: Final = 0.5
TELL_S: Final = 20.0
_KERNEL: Final = re.compile(r"^\s*kernel\s*=\s*(\S+)", re.MULTILINE)
_INITRD: Final = re.compile(r"^\s*initramfs\s+(\S+)", re.MULTILINE)
_GIVEN_UP: Final = re.compile(r"Kernel panic|systemd\[1\]: Freezing execution")
_LEFT_OUT: Final = ("console=", "quiet", "splash")
_TREE: Final = "bcm2837-rpi-3-b.dtb"


def say(what: str) -> None:
    """Tell whoever waits for minutes how far it is."""
    print(f"image: {what}", file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Firmware:
    """What the firmware of a board would hand over, as the image has it on its boot partition."""

    kernel: Path
    initrd: Path
    tree: Path | None
    words: str


def firmware(disk: Disk, directory: Path) -> Firmware:
    """Read the boot partition as the firmware does."""
    config = disk.get("config.txt").decode()
    kernel, initrd = _KERNEL.search(config), _INITRD.search(config)
    assert kernel is not None, config
    assert initrd is not None, config
    tree = disk.extract(_TREE, directory) if _TREE in disk.names() else None
    words = " ".join(word for word in disk.get("cmdline.txt").decode().split() if not word.startswith(_LEFT_OUT))
    return Firmware(disk.extract(kernel[1], directory), disk.extract(initrd[1], directory), tree, words)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a machine is to be started with.

    Args:
        name: of its logs.
        board: which machine.
        disk: its card; the machine writes to it.
        words: more for the kernel's command line.
        stick: the file of a USB stick that is plugged in.
        radio: the socket on which a Bluetooth controller waits, see `tests.image.boot.radio`.

    """

    name: str
    board: Board
    disk: Disk
    words: Sequence[str] = ()
    stick: Path | None = None
    radio: Path | None = None


@dataclass
class Machine:
    """A machine that runs."""

    plan: Plan
    process: subprocess.Popen[bytes]
    ports: dict[int, int]
    console: Path
    card: Card
    _shell: Shell | None = None
    _began: float = field(default_factory=time.monotonic)

    @property
    def board(self) -> Board:
        """Which machine it is."""
        return self.plan.board

    @property
    def shell(self) -> Shell:
        """Its root shell."""
        assert self._shell is not None, f"{self.board.name} has no line for a shell"
        return self._shell

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return time.monotonic() - self._began

    @property
    def is_running(self) -> bool:
        """Whether it has power and has not switched itself off."""
        return self.process.poll() is None

    def said(self, characters: int = 2000) -> str:
        """The end of what its console says."""
        return self.console.read_text(errors="replace")[-characters:] if self.console.exists() else ""

    def until(self, holds: Callable[[], object], what: str, seconds: float = SOON_S) -> float:
        """Wait until something holds; the seconds it took.

        Raises:
            AssertionError: it does not, or the machine has ended, with the end of its console.

        """
        began = told = time.monotonic()
        while not holds():
            now = time.monotonic()
            assert self.is_running, f"{what}: the machine has ended ({self.process.returncode})\n{self.said()}"
            assert _GIVEN_UP.search(self.said(10_000)) is None, f"{what}: it has given up\n{self.said()}"
            assert now - began < seconds, f"{what}: not within {seconds:.0f} s\n{self.said()}"
            if now - told > TELL_S:
                told = now
                say(f"{self.plan.name}: {what}, {now - began:.0f} of {seconds:.0f} s; {self.said(400).strip().splitlines()[-1:]}")
            time.sleep(POLL_S)
        return time.monotonic() - began

    def power_off(self) -> None:
        """End it as somebody does who is patient."""
        if self._shell is not None and self.is_running:
            with contextlib.suppress(AssertionError, OSError):
                self._shell.script("(sleep 1; systemctl poweroff) >/dev/null 2>&1 &")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(self.board.end_s)
        self.kill()

    def kill(self) -> None:
        """Take the emulator away."""
        if self.is_running:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def cut_power(self) -> Cut:
        """Take the power away: the card forgets what it was not told to keep."""
        cut = self.card.cut()
        self.kill()
        return cut

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shell is not None:
            self._shell.close()
        self.kill()


@contextlib.contextmanager
def started(plan: Plan, seed: int | str = "card") -> Iterator[Machine]:
    """Start a machine; it is gone when the block ends, without having been told so."""
    LOGS.mkdir(parents=True, exist_ok=True)
    directory = Path(os.environ.get("TMPDIR", "/tmp")) / f"meshgate-image-{os.getpid()}-{time.monotonic_ns()}"  # noqa: S108 -- short enough for sockets
    directory.mkdir(mode=0o700)
    console, ports = LOGS / f"{plan.name}.console", {port: free_port() for port in FORWARDED}
    console.unlink(missing_ok=True)
    try:
        with contextlib.ExitStack() as open_:
            card = open_.enter_context(Card(plan.disk.path, Random(seed)))
            open_.enter_context(exported(card, directory / "card"))
            process = _emulator(plan, directory, console, ports)
            machine = open_.enter_context(Machine(plan, process, ports, console, card))
            if plan.board.has_shell:
                machine.until((directory / "shell").exists, "QEMU is started", 30.0)
                machine._shell = Shell(directory / "shell", LOGS / f"{plan.name}.shell")
            yield machine
    finally:
        shutil.rmtree(directory)


def _emulator(plan: Plan, directory: Path, console: Path, ports: dict[int, int]) -> subprocess.Popen[bytes]:
    found = firmware(plan.disk, directory)
    words = (found.words, *plan.board.words, *plan.words)
    forwards = "".join(f",hostfwd=tcp:127.0.0.1:{here}-:{there}" for there, here in ports.items())
    net = ["-netdev", f"user,id=net,restrict=on{forwards}"]
    command = [*EMULATOR, "-nodefaults", "-display", "none", "-monitor", "none", "-accel", "tcg,thread=multi"]
    command += ["-kernel", found.kernel, "-initrd", found.initrd, "-append", " ".join(words), *net]
    command += _raspberry(found, directory) if plan.board.is_card else _virtual(directory)
    command += ["-serial", f"file:{console}"]
    if plan.radio is not None:
        command += ["-chardev", f"socket,id=radio,path={plan.radio}", "-device", "pci-serial,chardev=radio"]
    if plan.stick is not None:
        command += ["-drive", f"if=none,id=stick,format=raw,file={plan.stick},snapshot=on", "-device", "qemu-xhci"]
        command += ["-device", "usb-storage,drive=stick,removable=on"]
    log = LOGS / f"{plan.name}.qemu"
    with log.open("wb") as said:
        said.write(f"{' '.join(map(str, command))}\n".encode())
        said.flush()
        return subprocess.Popen([*map(str, command)], stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True)


def _virtual(directory: Path) -> list[str]:
    """QEMU's own machine: a disk that keeps writes until a flush, a line for the shell, a watchdog."""
    disk = f"driver=nbd,node-name=card,server.type=unix,server.path={directory / 'card'}"
    return [
        *("-M", "virt", "-cpu", "cortex-a53", "-smp", "2", "-m", "1024"),
        *("-blockdev", disk, "-device", "virtio-blk-pci,drive=card"),
        *("-device", "virtio-net-pci,netdev=net,romfile=", "-device", "virtio-rng-pci", "-device", "i6300esb"),
        *("-chardev", f"socket,id=shell,path={directory / 'shell'},server=on,wait=off", "-device", "pci-serial,chardev=shell"),
    ]


def _raspberry(found: Firmware, directory: Path) -> list[str]:
    """A Pi 3B: an SD card, which stores before it answers; a network on USB; the second serial line is the console."""
    assert found.tree is not None, f"the boot partition has no {_TREE}"
    return [
        *("-M", "raspi3b", "-dtb", str(found.tree)),
        *("-drive", f"if=sd,format=raw,cache=writethrough,file=nbd+unix:///?socket={directory / 'card'}"),
        *("-usb", "-device", "usb-net,netdev=net", "-serial", "null"),
    ]


def is_open(port: int) -> bool:
    """Whether somebody here takes calls on a port; for a forwarded one that is QEMU."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
