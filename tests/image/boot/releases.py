"""A USB stick with versions of this project for the box: one newer, one that does not start, one somebody has changed."""

import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from gateway.update.keys import write_signing_key
from gateway.update.making import make_bundle
from tests.image.boot.appliance import Appliance
from tests.image.boot.boards import SOON_S
from tests.image.boot.machine import ROOT
from tests.update.wheels import own_wheel

BOARD: Final = "aarch64"
LOCK: Final = "cp313.txt"
SPOILT: Final = "raise SystemExit('this version is no good')"
KEYS: Final = "/etc/meshgate/release-keys"
MOUNTED: Final = "/media/stick"
HOLD_S: Final = 20
"""Seconds a version has to be well here; three minutes of an emulator prove nothing more."""
APPLY_S: Final = 2700.0
DROP_IN: Final = f"""[Service]
ExecStart=
ExecStart=/opt/meshgate/good/bin/python -I -m gateway.update --allow-user meshgate --hold {HOLD_S}
"""


def wheelhouse() -> Path:
    """The wheels the image was made of: build/image/wheelhouse, or what MESHGATE_WHEELHOUSE names."""
    return Path(os.environ.get("MESHGATE_WHEELHOUSE") or ROOT / "build" / "image" / "wheelhouse")


@dataclass(frozen=True)
class Stick:
    """A stick, and the versions on it.

    Args:
        path: its file.
        seed: of the key that signed them.

    """

    path: Path
    seed: bytes
    newer: str
    spoilt: str

    @staticmethod
    def named(version: str) -> str:
        """Where the bundle of a version is once the stick is mounted."""
        return f"{MOUNTED}/meshgate-{version}-{BOARD}.meshgate"

    @property
    def tampered(self) -> str:
        """Where the bundle is in which somebody has changed a byte."""
        return f"{MOUNTED}/tampered.meshgate"


def make_stick(directory: Path, runs: str, rng: Random) -> Stick:
    """Make a stick for boxes that run a version."""
    numbers = [int(number) for number in re.findall(r"\d+", runs)[:3]]
    newer, spoilt = (f"{numbers[0]}.{numbers[1] + more}.0" for more in (1, 2))
    stick = Stick(directory / "stick.img", rng.randbytes(32), newer, spoilt)
    bundles = [_bundle(directory, stick, runs, version, spoil) for version, spoil in ((newer, ""), (spoilt, SPOILT))]
    data = bytearray(bundles[0].read_bytes())
    data[rng.randrange(len(data) // 2, len(data) - 1000)] ^= 1 << rng.randrange(8)
    tampered = directory / "tampered.meshgate"
    tampered.write_bytes(data)
    room = sum(path.stat().st_size for path in (*bundles, tampered)) + (16 << 20)
    with stick.path.open("wb") as file:
        file.truncate(room)
    subprocess.run(["mkfs.vfat", "-I", "-F", "32", "-n", "STICK", stick.path], check=True, capture_output=True)
    subprocess.run(["mcopy", "-i", stick.path, *bundles, tampered, "::/"], check=True, capture_output=True)
    for path in (*bundles, tampered):
        path.unlink()
    return stick


def plug_in(box: Appliance, stick: Stick) -> None:
    """Mount the stick that is plugged in, trust its key, and let a trial be short."""
    mount_stick(box)
    key = stick.path.with_name("release.key")
    write_signing_key(key, stick.seed)
    public = key.with_suffix(".pub").read_text().rstrip()
    box.machine.shell.run("sh", "-c", f"mkdir -p {KEYS} && cat >{KEYS}/test.pub <<'E'\n{public}\nE\nsync")
    shorten(box)


def mount_stick(box: Appliance) -> None:
    """Mount the stick that is plugged in."""
    shell = box.machine.shell
    box.machine.until(lambda: shell.try_("test", "-b", "/dev/sda")[0] == 0, "the stick is seen", SOON_S)
    shell.run("sh", "-c", f"mkdir -p {MOUNTED} && mount -o ro /dev/sda {MOUNTED}")


def shorten(box: Appliance) -> None:
    """Let a trial be short until the box starts again."""
    place = "/run/systemd/system/meshgate-update.service.d"
    box.machine.shell.run("sh", "-c", f"mkdir -p {place} && cat >{place}/test.conf <<'E'\n{DROP_IN}E\nsystemctl daemon-reload")


def versions(box: Appliance) -> tuple[str, str]:
    """Which version is current, and which is good."""
    said = box.machine.shell.run("readlink", "/opt/meshgate/current", "/opt/meshgate/good")
    current, good = (line.rpartition("/")[2] for line in said.split())
    return current, good


def _bundle(directory: Path, stick: Stick, oldest: str, version: str, spoil: str) -> Path:
    wheels = directory / f"wheels-{version}"
    wheels.mkdir()
    for path in wheelhouse().glob("*.whl"):
        if not path.name.startswith("meshgate-") and "-cp311-cp311-" not in path.name:
            os.link(path, wheels / path.name) if path.stat().st_dev == wheels.stat().st_dev else shutil.copy(path, wheels)
    own = own_wheel(wheels, directory / f"source-{version}", version, spoil)
    digest = hashlib.sha256(own.read_bytes()).hexdigest()
    lock, count = re.subn(
        r"^meshgate==.*$", f"meshgate=={version} --hash=sha256:{digest}", (wheelhouse() / LOCK).read_text(), count=1, flags=re.MULTILINE
    )
    assert count == 1
    (wheels / LOCK).write_text(lock)
    try:
        return make_bundle(wheels, directory, version, oldest, BOARD, stick.seed)
    finally:
        shutil.rmtree(wheels)
        shutil.rmtree(directory / f"source-{version}")
