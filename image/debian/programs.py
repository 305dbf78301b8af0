"""Runs the programs a build consists of."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, TextIO

TOP: Final = Path(__file__).resolve().parent.parent.parent
"""The source tree."""


def run(*words: str | Path, epoch: int = 0, log: TextIO | None = None) -> str:
    """Run a program to its end; returns what it printed, unless that goes to a log.

    Args:
        words: the program and its arguments.
        epoch: what it takes as the time of its files, seconds since 1970.
        log: takes what it says.

    Raises:
        SystemExit: it failed; what it said is the reason.

    """
    environment = {**os.environ, "PYTHONPATH": str(TOP), "LC_ALL": "C.UTF-8"}
    if epoch:
        environment["SOURCE_DATE_EPOCH"] = str(epoch)
    said = subprocess.PIPE if log is None else log
    line = [str(word) for word in words]
    done = subprocess.run(line, env=environment, stdout=said, stderr=said, text=True, check=False)  # noqa: S603 -- words of our own, no shell
    if done.returncode:
        why = (done.stderr or "")[-3000:] if log is None else f"see {log.name}"
        raise SystemExit(f"{Path(line[0]).name} failed ({done.returncode}): {why}")
    return done.stdout or ""


def python_of(version: str) -> str:
    """Return this machine's Python of a version (Debian's, python.org's or pyenv's), or nothing."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for candidate in (f"python{version}", *map(str, sorted(pyenv.glob(f"{version}.*/bin/python3")))):
        words = [candidate, "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"]
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 -- words of our own, no shell
        except OSError:
            continue
        found, _, path = done.stdout.strip().partition(" ")
        if not done.returncode and found == version:
            return path
    return ""


def use_ansible(home: Path) -> None:
    """Have ansible-core in an environment of its own, where the suite of the roles has it too, and let programs find it."""
    lock = TOP / ".ci" / "ansible.lock"
    wanted, made = hashlib.sha256(lock.read_bytes()).hexdigest() + "  -\n", home / ".made-from"
    if not (made.exists() and made.read_text() == wanted):
        shutil.rmtree(home, ignore_errors=True)
        run(getattr(sys, "_base_executable", sys.executable), "-m", "venv", home)
        run(home / "bin" / "pip", "--quiet", "--disable-pip-version-check", "install", "--require-hashes", "--requirement", lock)
        made.write_text(wanted)
    os.environ["PATH"] = f"{home / 'bin'}:{os.environ['PATH']}"
