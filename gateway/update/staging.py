"""Makes a version beside the running one: a virtual environment out of a bundle's wheels, without any network."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from gateway.update.bundle import Bundle, open_bundle
from gateway.update.errors import Refusal, UpdateError
from gateway.update.limits import INSTALL_S, MAX_WHY, SMOKE_S, SPARE, UNPACKED, VENV_S
from gateway.update.manifest import LOCKS, UNITS, WHEELS, Box, Manifest, fit
from gateway.update.service import ENVIRONMENT
from gateway.update.tree import Tree

MACHINE: Final = platform.machine()
PYTHON: Final = f"cp{sys.version_info.major}{sys.version_info.minor}"
_BUNDLE: Final = "bundle"  # where its members are meanwhile
_PROOF: Final = "import importlib.metadata as m, gateway.cli.run, gateway.app; print(m.version('meshgate'))"

Progress = Callable[[str, float, str], None]
"""Told the step, the share of it that is done (0 to 1), and a sentence."""


def box_of(tree: Tree) -> Box:
    """Return what a bundle has to fit here; raises `UpdateError` if this box is not kept in versions."""
    if not tree.current:
        hint = "The page Update says how this box gets another version."
        raise UpdateError(Refusal.NOT_HERE, f"There is no {tree.home}/current, so this box is not updated by bundles.", hint)
    return Box(tree.current, MACHINE, PYTHON)


def room_for(manifest: Manifest, home: Path) -> None:
    """Say that the disk has room for a version; raises `UpdateError` if it has not."""
    needed = UNPACKED * sum(member.size for member in manifest.members) + SPARE
    left = os.statvfs(home)
    free = left.f_bavail * left.f_frsize
    if free < needed:
        text = f"The update needs {needed // 2**20} MiB on the disk with {home}, and {free // 2**20} MiB are free."
        raise UpdateError(Refusal.NO_ROOM, text, "Delete what is not needed there.")


def examine(file: BinaryIO, trusted: frozenset[bytes], box: Box, *, allow_downgrade: bool = False) -> Bundle:
    """Open a bundle for this box; raises `UpdateError` if it is none."""
    bundle = open_bundle(file, trusted)
    fit(bundle.manifest, box, allow_downgrade=allow_downgrade)
    return bundle


def make_version(tree: Tree, bundle: Bundle, told: Progress) -> None:
    """Make the version of a bundle.

    Raises:
        UpdateError: it could not be made; what is there of it is not complete.

    """
    manifest = bundle.manifest
    home = tree.of(manifest.version)
    scratch = home / _BUNDLE
    scratch.mkdir(parents=True)
    told("copy", 0.0, "It checks the bundle and copies it.")
    copied, whole = 0, sum(member.size for member in manifest.members)

    def count(more: int) -> None:
        nonlocal copied
        before, copied = copied, copied + more
        if copied * 20 // whole > before * 20 // whole:
            told("copy", copied / whole, "It checks the bundle and copies it.")

    bundle.copy(scratch, count)
    told("environment", 0.0, "It makes an environment for the new version.")
    _run(VENV_S, _own_python(), "-I", "-m", "venv", str(home))
    told("install", 0.0, "It installs the new version beside the one that runs.")
    python = str(home / "bin" / "python")
    options = (
        "--isolated",
        "--no-index",
        "--no-deps",
        "--require-hashes",
        "--only-binary=:all:",
        "--no-cache-dir",
        "--no-input",
        "--quiet",
    )
    links = ("--disable-pip-version-check", "--root-user-action=ignore", f"--find-links={scratch / WHEELS}")
    _run(INSTALL_S, python, "-I", "-m", "pip", "install", *options, *links, "-r", str(scratch / LOCKS / f"{PYTHON}.txt"))
    told("prove", 0.0, "It starts the new version once, to see that it is whole.")
    said = _run(SMOKE_S, python, "-I", "-c", _PROOF).strip()
    if said != manifest.version:
        raise UpdateError(Refusal.NOT_MADE, f"The bundle says it is {manifest.version}, and holds {said[:40]}.")
    (scratch / UNITS).mkdir(exist_ok=True)
    (scratch / UNITS).rename(home / UNITS)
    shutil.rmtree(scratch)
    tree.complete(manifest.version)


def _own_python() -> str:
    """Return the interpreter behind the environment this program runs in."""
    return getattr(sys, "_base_executable", "") or sys.executable


def _run(limit: float, *words: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - words of our own, no shell, an environment of its own
            words, stdin=subprocess.DEVNULL, capture_output=True, env=ENVIRONMENT, timeout=limit, check=False, text=True, errors="replace"
        )
    except subprocess.TimeoutExpired as error:
        raise UpdateError(Refusal.NOT_MADE, f"The new version was not made within {limit:.0f} s.") from error
    except OSError as error:
        raise UpdateError(Refusal.NOT_MADE, f"{words[0]} cannot be started: {error.strerror}.") from error
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())[-MAX_WHY:]
        raise UpdateError(Refusal.NOT_MADE, f"The new version cannot be made: {said or f'status {done.returncode}'}.")
    return done.stdout
