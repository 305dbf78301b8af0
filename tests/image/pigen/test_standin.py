"""Our stage of pi-gen, run on a Debian root directory by a stand-in for pi-gen, and what is in that directory afterwards.

What the stand-in cannot show: packages of Raspberry Pi OS, its kernel and firmware, and the image that pi-gen exports.
"""

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.update.keys import public_of
from gateway.update.making import make_bundle
from gateway.update.staging import MACHINE
from tests.ansible.boxes import TOOLS, base
from tests.image.pigen.test_stage import ROOT, STAGE, STANDIN, packages
from tests.update.bundles import SEED
from tests.update.wheels import needed, own_wheel, pack, write_lock

pytestmark = [pytest.mark.ansible, pytest.mark.slow, pytest.mark.timeout(1200)]
VERSION = "0.1.0"
LOGINS = re.compile(r"(nologin|false|sync|shutdown|halt)$")


@dataclass(frozen=True)
class Made:
    """What the stage has made, and how it is run again."""

    root: Path
    said: str
    command: list[str]
    environment: dict[str, str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    why = subprocess.run([ROOT / "tests/ansible/lane", "check"], capture_output=True, text=True, check=False).stdout.strip()
    if why or not TOOLS.is_dir():
        pytest.skip(why or "its tools are not installed: make ansible")
    wheelhouse, place = tmp_path_factory.mktemp("wheelhouse"), tmp_path_factory.mktemp("pigen")
    for one in needed():
        pack(one, wheelhouse)
    own_wheel(wheelhouse, tmp_path_factory.mktemp("source") / VERSION, VERSION)
    write_lock(wheelhouse)
    bundle = make_bundle(wheelhouse, place, VERSION, VERSION, MACHINE, SEED)
    (place / "keys").mkdir()
    (place / "keys/release.pub").write_text(f"{public_of(SEED).hex()}\n")
    (place / "more.yml").write_text("meshgate_base_hostname: hall\n")
    environment = {"PATH": f"{TOOLS}:{os.environ['PATH']}", "HOME": os.environ.get("HOME", "/root"), "LANG": "C.UTF-8"}
    environment |= {"MESHGATE_BUNDLE": str(bundle), "MESHGATE_KEYS": str(place / "keys"), "MESHGATE_PYTHON": sys.executable}
    environment |= {"MESHGATE_VARIABLES": str(place / "more.yml"), "ANSIBLE_NOCOLOR": "1"}
    command = [str(STANDIN), str(STAGE), str(base()), str(place / "work")]
    done = run(command, environment)
    assert done.returncode == 0, f"{done.stdout[-6000:]}{done.stderr[-3000:]}"
    yield Made(place / "work/rootfs", done.stdout, command, environment)
    shutil.rmtree(place)


def run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def test_the_first_version_lies_where_later_ones_will(made: Made) -> None:
    home = made.root / "opt/meshgate"
    for name in ("current", "good"):
        assert (home / name).readlink() == Path("versions") / VERSION
    version = home / "versions" / VERSION
    assert (version / "complete").is_file()
    units = [path for path in (version / "units").rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(units) > 5
    for unit in units:
        assert (made.root / unit.relative_to(version / "units")).read_bytes() == unit.read_bytes()
    said = run(
        ["chroot", str(made.root), "/opt/meshgate/current/bin/python", "-I", "-m", "gateway", "--version"],
        {"PATH": "/usr/sbin:/usr/bin:/bin"},
    )
    assert VERSION in said.stdout, said.stderr


def test_what_starts_with_the_box_is_enabled(made: Made) -> None:
    wanted = made.root / "etc/systemd/system/multi-user.target.wants"
    sockets = made.root / "etc/systemd/system/sockets.target.wants"
    assert (wanted / "meshgate.service").is_symlink()
    assert (wanted / "meshgate-update.service").is_symlink()
    assert (sockets / "meshgate-update.socket").is_symlink()
    assert (sockets / "meshgate-recover.socket").is_symlink()


def test_the_roles_were_applied_with_what_was_given(made: Made) -> None:
    assert (made.root / "etc/hostname").read_text().strip() == "hall"
    assert (made.root / "usr/lib/meshgate/installed-by").read_text().strip() == "image"
    assert "hook input" in (made.root / "etc/nftables.conf").read_text()
    status = (made.root / "var/lib/dpkg/status").read_text()
    there = set(re.findall(r"^Package: (\S+)\nStatus: install ok installed$", status, re.MULTILINE))
    assert packages(STAGE / "00-system/00-packages-nr") <= there


def test_nobody_can_log_in_and_the_gateway_has_a_user_of_its_own(made: Made) -> None:
    people = [line.split(":") for line in (made.root / "etc/passwd").read_text().splitlines()]
    assert [one[0] for one in people if int(one[2]) >= 1000 and not LOGINS.search(one[6])] == []
    for line in (made.root / "etc/shadow").read_text().splitlines():
        assert line.split(":")[1][:1] in {"!", "*"}, line.split(":")[0]
    assert LOGINS.search(next(one[6] for one in people if one[0] == "meshgate"))


def test_there_is_no_secret_and_nothing_that_two_boxes_would_share(made: Made) -> None:
    assert (made.root / "etc/machine-id").read_text() == ""
    assert not list((made.root / "etc").glob("ssh/ssh_host_*"))
    assert not list((made.root / "var/lib/meshgate").iterdir())
    assert not (made.root / "var/lib/systemd/random-seed").exists()
    assert not [path for path in (made.root / "var/log").rglob("*") if path.is_file() and not path.is_symlink()]
    keys = made.root / "etc/meshgate/release-keys"
    assert [path.name for path in keys.iterdir()] == ["release.pub"]
    assert stat.S_IMODE((keys / "release.pub").stat().st_mode) == 0o644


def test_nothing_stays_mounted_and_nobody_is_kept_from_starting_services(made: Made) -> None:
    assert str(made.root) not in Path("/proc/mounts").read_text()
    assert not (made.root / "usr/sbin/policy-rc.d").exists()


def test_a_stage_that_was_broken_off_is_gone_on_with(made: Made) -> None:
    done = run(made.command, made.environment)
    assert done.returncode == 0, f"{done.stdout[-6000:]}{done.stderr[-3000:]}"
    assert (made.root / "opt/meshgate/current").readlink() == Path("versions") / VERSION


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("etc/meshgate/page.key", "-----BEGIN PRIVATE KEY-----\nabc\n"),
        ("var/lib/meshgate/identity.key", "abc"),
        ("etc/NetworkManager/system-connections/home.nmconnection", "[wifi-security]\npsk=abc\n"),
    ],
)
def test_a_secret_that_somebody_has_left_there_ends_the_build(made: Made, name: str, text: str) -> None:
    path = made.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    alone = ["unshare", "--mount", "--propagation", "private", "chroot", str(made.root), "bash", "-e"]
    try:
        script = (STAGE / "02-clean/00-run-chroot.sh").read_text()
        done = subprocess.run(
            alone, input=script, capture_output=True, text=True, check=False, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        )
    finally:
        path.unlink()
    assert (done.returncode, f"/{name}" in done.stderr) == (1, True)
