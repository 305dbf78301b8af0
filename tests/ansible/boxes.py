"""Boxes: copies of a Debian root directory, to which playbooks are applied, and which are started under a systemd of their own.

The root directory is made by debootstrap once for each release of Debian, list of packages and month, and kept in build/ansible.
The packages of the roles are installed in it, so that the roles find them there: installing them took more than all the rest.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import yaml

from tests.boot.machine import Machine

ROOT: Final = Path(__file__).parent.parent.parent
ANSIBLE: Final = ROOT / "ansible"
CACHE: Final = ROOT / "build" / "ansible"
TOOLS: Final = CACHE / "tools" / "bin"
RELEASE: Final = {(3, 11): "bookworm", (3, 13): "trixie"}.get(sys.version_info[:2], "")  # whose Python is ours, so that our wheels fit
MIRROR: Final = "http://deb.debian.org/debian"
SECURITY: Final = "http://deb.debian.org/debian-security"
FIRST: Final = "systemd-sysv,udev,dbus,kmod,iproute2,ca-certificates,python3"
COMMAND: Final = "/usr/local/bin/meshgate"
BOOT_S: Final = 60.0
POLL_S: Final = 0.1  # seconds between two looks at a box that lives in real time

_MAKE: Final = """
set -e
debootstrap --variant=minbase --include="$FIRST" "$RELEASE" "$INTO" "$MIRROR"
cat >"$INTO/etc/apt/sources.list" <<LIST
deb $MIRROR $RELEASE main
deb $MIRROR $RELEASE-updates main
deb $SECURITY $RELEASE-security main
LIST
cp /etc/resolv.conf "$INTO/etc/resolv.conf"
printf '#!/bin/sh\nexit 101\n' >"$INTO/usr/sbin/policy-rc.d" # no service is started
chmod 755 "$INTO/usr/sbin/policy-rc.d"
mount -t proc proc "$INTO/proc"
chroot "$INTO" apt-get update
DEBIAN_FRONTEND=noninteractive chroot "$INTO" apt-get -y --no-install-recommends install $PACKAGES
chroot "$INTO" apt-get clean
umount "$INTO/proc"
rm "$INTO/usr/sbin/policy-rc.d"
: >"$INTO/etc/resolv.conf"
: >"$INTO/etc/machine-id" # empty: one is made at the start, and nobody is asked for a time zone and a password
"""
_OWN_MOUNTS: Final = ("unshare", "--mount", "--propagation", "private")
_ALONE: Final = ("setpriv", "--pdeathsig=KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-ec")
_GROUP: Final = """
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
systemd-nspawn "$@"
"""
_END: Final = f"""{_GROUP}
for _ in $(seq 100); do # those that were killed take a moment to be gone
    [ -d "$group" ] || exit 0
    find "$group" -depth -type d -exec rmdir {{}} + 2>/dev/null || sleep 0.1
done
rmdir "$group"
"""


def packages() -> list[str]:
    """The Debian packages that the roles install."""
    found: set[str] = set()
    for role, names in (("meshgate_base", ["meshgate_base_packages"]), ("meshgate_app", ["meshgate_app_packages"])):
        defaults = yaml.safe_load((ANSIBLE / "roles" / role / "defaults" / "main.yml").read_text())
        found.update(package for name in names for package in defaults[name])
    return sorted(found)


def base() -> Path:
    """The Debian root directory that boxes are copies of."""
    key = hashlib.sha256(f"{_MAKE} {FIRST} {packages()} {time.strftime('%Y-%m')}".encode()).hexdigest()[:12]
    there = CACHE / f"base-{RELEASE}-{key}"
    if not there.is_dir():
        unfinished = there.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        CACHE.mkdir(parents=True, exist_ok=True)
        words = {"RELEASE": RELEASE, "INTO": str(unfinished), "MIRROR": MIRROR, "SECURITY": SECURITY}
        env = {**os.environ, **words, "FIRST": FIRST, "PACKAGES": " ".join(packages())}
        with (CACHE / "base.log").open("wb") as log:
            done = subprocess.run(
                [*_OWN_MOUNTS, "bash", "-c", _MAKE], env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False
            )
        assert done.returncode == 0, f"no Debian root directory could be made: see {CACHE / 'base.log'}"
        unfinished.rename(there)
    return there


def copy(source: Path, to: Path) -> Path:
    """A box of its own, which shares no file with its source."""
    subprocess.run(["cp", "--archive", "--reflink=auto", str(source), str(to)], check=True)
    return to


def tool(*command: str, check: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run one of Ansible's programs in the folder of the playbooks."""
    env = {"PATH": f"{TOOLS}:{os.environ['PATH']}", "HOME": os.environ.get("HOME", "/root"), "LANG": "C.UTF-8"}
    env |= {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "False", "NO_COLOR": "1", **variables}
    done = subprocess.run(command, cwd=ANSIBLE, env=env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0 or not check, f"{' '.join(command)}: {done.returncode}\n{done.stdout[-6000:]}{done.stderr[-3000:]}"
    return done


def changed(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The tasks that changed something, each with the line that says so."""
    task, found = "", []
    for line in done.stdout.splitlines():
        if line.startswith(("TASK", "RUNNING HANDLER")):
            task = line
        elif line.startswith("changed:"):
            found.append(f"{task.strip('* ')}: {line}")
    return found


@contextlib.contextmanager
def started(root: Path, name: str) -> Iterator[tuple[Machine, int]]:
    """Start a box, without network but loopback and without Bluetooth; gives it and the number of its first process."""
    log = root.parent / f"{root.name}.log"
    name = f"meshgate-{name}-{os.getpid()}"
    options = [
        f"--directory={root}",
        "--boot",
        "--console=pipe",
        "--private-network",
        "--resolv-conf=off",
        "--timezone=off",
        "--settings=no",
    ]
    options += ["--register=no", "--keep-unit", "--quiet", "--link-journal=no", f"--machine={name}"]
    env = {**os.environ, "NAME": name}
    with log.open("wb") as console:
        own = subprocess.Popen([*_ALONE, _START, "bash", *options], env=env, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
    try:
        pid = _booted(own, log)
        machine = Machine(pid, log, COMMAND)
        yield machine, pid
        machine.try_("systemctl", "poweroff")
        own.wait(BOOT_S)
    finally:
        own.kill()
        own.wait()
        subprocess.run([*_ALONE, _END], env=env, check=True)


def _booted(own: subprocess.Popen[bytes], log: Path) -> int:
    until = time.monotonic() + BOOT_S
    while time.monotonic() < until and own.poll() is None:
        for pid in _descendants(own.pid):
            if _is_init(pid) and Machine(pid, log).try_("systemctl", "is-system-running").stdout.strip() in {"running", "degraded"}:
                return pid
        time.sleep(POLL_S)
    raise AssertionError(f"the box did not start (status {own.poll()}):\n{log.read_text(errors='replace')[-4000:]}")


def _descendants(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):  # it has just ended
        for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
            yield child
            yield from _descendants(child)


def _is_init(pid: int) -> bool:
    with contextlib.suppress(OSError):
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        return status["Name"].strip() == "systemd" and status["NSpid"].split()[-1] == "1"
    return False
