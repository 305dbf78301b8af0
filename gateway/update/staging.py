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
_ALONE: Final = {**ENVIRONMENT, "PYTHONHASHSEED": "0"}  # so that the same source is compiled to the same bytes
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
    version = bundle.manifest.version
    home, scratch = tree.of(version), unpack(tree, bundle, told)
    told("environment", 0.0, "It makes an environment for the new version.")
    run_program(VENV_S, _own_python(), "-I", "-m", "venv", str(home))
    told("install", 0.0, "It installs the new version beside the one that runs.")
    python = str(home / "bin" / "python")
    run_program(INSTALL_S, python, "-I", "-m", *pip_install(scratch, PYTHON))
    told("compile", 0.0, "It compiles the new version, so that it starts sooner.")
    compile_bytecode(python, home)
    told("prove", 0.0, "It starts the new version once, to see that it is whole.")
    said = run_program(SMOKE_S, python, "-I", "-c", _PROOF).strip()
    if said != version:
        raise UpdateError(Refusal.NOT_MADE, f"The bundle says it is {version}, and holds {said[:40]}.")
    finish(tree, version)


def unpack(tree: Tree, bundle: Bundle, told: Progress) -> Path:
    """Check the members of a bundle while they are copied into the directory of their version; returns where they are."""
    manifest = bundle.manifest
    scratch = tree.of(manifest.version) / _BUNDLE
    scratch.mkdir(parents=True)
    told("copy", 0.0, "It checks the bundle and copies it.")
    copied, whole = 0, sum(member.size for member in manifest.members)

    def count(more: int) -> None:
        nonlocal copied
        before, copied = copied, copied + more
        if copied * 20 // whole > before * 20 // whole:
            told("copy", copied / whole, "It checks the bundle and copies it.")

    bundle.copy(scratch, count)
    return scratch


def pip_install(scratch: Path, python: str) -> list[str]:
    """Return the words with which pip installs what the bundle has for one Python, and nothing else."""
    return [
        "pip",
        "install",
        "--isolated",
        "--no-index",
        "--no-deps",
        "--require-hashes",
        "--only-binary=:all:",
        "--no-compile",
        "--no-cache-dir",
        "--no-input",
        "--quiet",
        "--disable-pip-version-check",
        "--root-user-action=ignore",
        f"--find-links={scratch / WHEELS}",
        "--requirement",
        str(scratch / LOCKS / f"{python}.txt"),
    ]


def compile_bytecode(python: str, home: Path, root: Path = Path("/")) -> None:
    """Compile a version, so that it need not be done at each start: the service may write nowhere there.

    Bytecode is taken as it is and not compared with its source, whose time an image does not keep. A file that is
    no Python of today is left; it is as slow as before, or as broken.

    Args:
        python: with which it is done, of the same minor version.
        home: the version.
        root: what of its path is not there when it runs: the root directory of another machine.

    """
    where = () if root == Path("/") else ("-s", str(root), "-p", "/")
    words = ("-s", "-S", "-P", "-m", "compileall", "-qq", "--invalidation-mode", "unchecked-hash", *where, str(home / "lib"))
    run_program(INSTALL_S, python, *words, may_fail=True)


def finish(tree: Tree, version: str) -> None:
    """Keep the units of a version whose members were unpacked, remove the rest of them, and say that it is complete."""
    home = tree.of(version)
    scratch = home / _BUNDLE
    (scratch / UNITS).mkdir(exist_ok=True)
    (scratch / UNITS).rename(home / UNITS)
    shutil.rmtree(scratch)
    tree.complete(version)


def _own_python() -> str:
    """Return the interpreter behind the environment this program runs in."""
    return getattr(sys, "_base_executable", "") or sys.executable


def run_program(limit: float, *words: str, may_fail: bool = False) -> str:
    """Run a program to its end, in `limit` seconds; returns what it printed. Raises `UpdateError` if it fails."""
    try:
        done = subprocess.run(  # noqa: S603 - words of our own, no shell, an environment of its own
            words, stdin=subprocess.DEVNULL, capture_output=True, env=_ALONE, timeout=limit, check=False, text=True, errors="replace"
        )
    except subprocess.TimeoutExpired as error:
        raise UpdateError(Refusal.NOT_MADE, f"The new version was not made within {limit:.0f} s.") from error
    except OSError as error:
        raise UpdateError(Refusal.NOT_MADE, f"{words[0]} cannot be started: {error.strerror}.") from error
    if done.returncode and not may_fail:
        said = " ".join((done.stderr or done.stdout).split())[-MAX_WHY:]
        raise UpdateError(Refusal.NOT_MADE, f"The new version cannot be made: {said or f'status {done.returncode}'}.")
    return done.stdout
