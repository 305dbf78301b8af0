"""Releases of this source tree for this machine's Python: what requirements.lock names and our own wheel, as signed bundles."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from gateway.update.keys import write_signing_key
from gateway.update.making import make_bundle
from gateway.update.staging import MACHINE, PYTHON
from tests.update.bundles import SEED
from tests.update.wheels import ROOT, own_wheel, write_lock

LOCK: Final = ROOT / "requirements.lock"
OLDEST: Final = "0.1.0"


def wheels(cache: Path) -> Path:
    """The directory with the wheels of the lock; made once for each lock and Python."""
    there = cache / f"wheels-{PYTHON}-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    if not there.is_dir():
        unfinished = there.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps", "--require-hashes")
        subprocess.run([*pip, "--requirement", str(LOCK), "--wheel-dir", str(unfinished)], check=True, capture_output=True)
        unfinished.rename(there)
    return there


def release(to: Path, cache: Path, version: str) -> dict[str, object]:
    """Make the bundle of a version; the variables that name it and the key that has signed it."""
    house = to / f"wheels-{version}"
    house.mkdir(parents=True)
    for wheel in wheels(cache).glob("*.whl"):
        shutil.copy(wheel, house)
    own_wheel(house, to / f"tree-{version}", version)
    write_lock(house)
    bundle = make_bundle(house, to, version, OLDEST, MACHINE, SEED)
    shutil.rmtree(house)
    shutil.rmtree(to / f"tree-{version}")
    if not (to / "release.key").exists():
        write_signing_key(to / "release.key", SEED)
    return {"meshgate_app_bundle": str(bundle), "meshgate_app_release_keys": [str(to / "release.pub")]}
