"""A machine inside this one: systemd as its first process, on a copy of this root file system that lives in memory.

systemd-nspawn starts it, in a mount and a process namespace that nobody else is in. The kernel ends that namespace with
whoever started it, so no process and no mount is left behind, even by tests that were killed.
"""

import contextlib
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
PYTHON: Final = (
    f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"  # a home directory's Python cannot be seen by the service
)
HOME: Final = "/opt/meshgate"
SERVICE: Final = "meshgate.service"
BOOT_S: Final = 60.0
PATIENCE_S: Final = 60.0
POLL_S: Final = 0.1  # seconds between two looks at a machine that lives in real time
ROOM: Final = "2G"  # that what the machine writes may take

_OWN: Final = ("setpriv", "--pdeathsig=KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c")
_GROUP: Final = """
set -e
mount --make-rprivate /
mount -t proc proc /proc
if [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then
    umount -R /sys/fs/cgroup
    mount -t cgroup2 none /sys/fs/cgroup
fi
group=/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)/$NAME
"""
_START: Final = f"""{_GROUP}
mkdir "$group"
echo $$ >"$group/cgroup.procs"
mount -t tmpfs -o size={ROOM},mode=0755 none "$SCRATCH"
mkdir "$SCRATCH/upper" "$SCRATCH/work" "$SCRATCH/root"
mount -t overlay -o "lowerdir=/,upperdir=$SCRATCH/upper,workdir=$SCRATCH/work" none "$SCRATCH/root"
cd "$SCRATCH/root"
rm -rf etc/meshgate etc/systemd/system/meshgate* var/lib/meshgate var/cache/meshgate opt/meshgate
systemd-nspawn "$@"
exit $?
"""
_END: Final = f"""{_GROUP}
for _ in $(seq 100); do  # whoever was killed takes a moment to be gone
    if [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {{}} + 2>/dev/null; then exit 0; fi
    sleep 0.1
done
exit 1
"""
_PAYLOAD: Final = "/mnt"  # where the machine finds what is to be installed
_MASKED: Final = (  # whoever is enabled here shall neither hold up the machine's start nor answer in its Bluetooth's place
    "bluetooth.service",
    "NetworkManager-wait-online.service",
    "systemd-networkd-wait-online.service",
)


_NUMBERS: Final = itertools.count(1)  # more than one may run at once


class Machine:
    """A running machine.

    Args:
        pid: of its first process, as this machine counts.
        log: what its console said.
        command: our own.

    """

    def __init__(self, pid: int, log: Path, command: str = f"{HOME}/bin/meshgate") -> None:
        self._pid = pid
        self._log = log
        self._command = command

    def try_(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in it as root, with an environment of its own."""
        enter = ("nsenter", f"--target={self._pid}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup")
        clean = (
            "env",
            "-i",
            "--chdir=/",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG=C.UTF-8",
            "HOME=/root",
            "SYSTEMD_PAGER=",
            "COLUMNS=160",
        )
        return subprocess.run([*enter, *clean, *command], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    def run(self, *command: str) -> str:
        """Run a command that has to succeed; what it printed."""
        done = self.try_(*command)
        assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}\n{self.journal()}"
        return done.stdout

    def meshgate(self, *arguments: str, user: str = "meshgate") -> str:
        """Run our own command as a user; what it printed."""
        return self.run("runuser", "-u", user, "--", self._command, *arguments)

    def show(self, name: str, unit: str = SERVICE) -> str:
        """One property of a unit."""
        return self.run("systemctl", "show", "--property", name, "--value", unit).strip()

    @property
    def main(self) -> int:
        """The gateway's process, as the machine counts; 0 while there is none."""
        return int(self.show("MainPID"))

    def is_active(self) -> bool:
        return self.show("ActiveState") == "active"

    def journal(self, lines: int = 30) -> str:
        """The end of what its services said."""
        return (
            self.try_("journalctl", "--no-pager", "--quiet", "--boot", f"--lines={lines}").stdout
            or self._log.read_text(errors="replace")[-4000:]
        )

    def said(self) -> str:
        """What the gateway's process has said since it was started."""
        return self.run("journalctl", "--no-pager", "--quiet", "--boot", "--output=cat", f"_PID={self.main}")

    def until(self, holds: Callable[[], object], what: str, seconds: float = PATIENCE_S) -> float:
        """Wait until something holds; the seconds it took."""
        began = time.monotonic()
        while not holds():
            assert time.monotonic() - began < seconds, f"{what}: not within {seconds} s\n{self.journal()}"
            time.sleep(POLL_S)
        return time.monotonic() - began


def pack(payload: Path) -> None:
    """Put what is to be installed into a directory: our wheel, and whatever it needs of what is installed here."""
    build = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(payload))
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    for name in {"pip", *_locked()}:
        with contextlib.suppress(metadata.PackageNotFoundError):  # of another Python or system
            _copy(metadata.distribution(name), payload / "site-packages")


def _locked() -> Iterator[str]:
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        if "==" in line and not line.startswith(" "):
            yield line.split("==")[0]


def _copy(one: metadata.Distribution, to: Path) -> None:
    for file in one.files or ():
        there = Path(str(one.locate_file(file)))
        if ".." not in file.parts and there.is_file():
            (to / file).parent.mkdir(parents=True, exist_ok=True)
            (to / file).write_bytes(there.read_bytes())


@contextlib.contextmanager
def started(scratch: Path, payload: Path) -> Iterator[Machine]:
    """Start a machine that has no network but loopback and no Bluetooth; it is gone when the block ends."""
    log = scratch.parent / "console.log"
    name = f"meshgate-boot-{os.getpid()}-{next(_NUMBERS)}"
    options = ["--directory=.", "--boot", "--console=pipe", "--private-network", "--resolv-conf=off", "--timezone=off", "--settings=no"]
    options += ["--register=no", "--keep-unit", "--quiet", "--link-journal=no", f"--machine={name}", f"--bind-ro={payload}:{_PAYLOAD}"]
    words = ["systemd.unit=basic.target", *(f"systemd.mask={unit}" for unit in _MASKED)]
    env = {**os.environ, "SCRATCH": str(scratch), "NAME": name}
    with log.open("wb") as console:
        own = subprocess.Popen([*_OWN, _START, "bash", *options, *words], env=env, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
    try:
        machine = _booted(own, log)
        yield machine
        machine.try_("systemctl", "poweroff")
        own.wait(PATIENCE_S)
    finally:
        own.kill()
        own.wait()
        subprocess.run([*_OWN, _END], env=env, check=True)


def _booted(own: subprocess.Popen[bytes], log: Path) -> Machine:
    until = time.monotonic() + BOOT_S
    while time.monotonic() < until and own.poll() is None:
        for pid in _descendants(own.pid):
            machine = Machine(pid, log)
            if _is_init(pid) and machine.try_("systemctl", "is-system-running").stdout.strip() in {"running", "degraded"}:
                return machine
        time.sleep(POLL_S)
    raise AssertionError(f"the machine did not start (status {own.poll()}):\n{log.read_text(errors='replace')}")


def _descendants(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):  # it has just ended
        for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
            yield child
            yield from _descendants(child)


def _is_init(pid: int) -> bool:
    """Whether a process is a systemd that is the first of its machine."""
    with contextlib.suppress(OSError):
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        return status["Name"].strip() == "systemd" and status["NSpid"].split()[-1] == "1"
    return False


def install(machine: Machine) -> None:
    """Install Meshgate in it as docs/operate.md says."""
    machine.run(PYTHON, "-m", "venv", "--without-pip", HOME)
    (site,) = machine.run(f"{HOME}/bin/python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").split()
    machine.run("cp", "-a", f"{_PAYLOAD}/site-packages/.", site)
    (wheel,) = machine.run("find", _PAYLOAD, "-name", "*.whl").split()
    machine.run(f"{HOME}/bin/python", "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--root-user-action=ignore", wheel)
    machine.run(f"{HOME}/bin/python", "-m", "compileall", "-qq", site)
    machine.run(f"{HOME}/bin/meshgate", "units", "--write", "/")
    machine.run("systemd-sysusers")
    machine.run("systemd-tmpfiles", "--create", "/etc/tmpfiles.d/meshgate.conf")
    machine.run("systemctl", "daemon-reload")
