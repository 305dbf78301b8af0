"""Makes a version for another machine, in its root directory, and runs none of that machine's programs.

What comes out is what `gateway.update.staging.make_version` would have made there, but for pip and the scripts that activate an
environment, and it is the same to the byte for the same bundle. This machine's pip installs the wheels. The version is not
started to see whether it is whole: that is for whoever can run that machine's programs.
"""

import csv
import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.update.bundle import Bundle
from gateway.update.errors import Refusal, UpdateError
from gateway.update.limits import INSTALL_S
from gateway.update.staging import Progress, compile_bytecode, finish, pip_install, run_program, unpack
from gateway.update.tree import Tree

GLIBC: Final = range(36, 4, -1)  # minor versions of glibc 2 that wheels may ask for: Debian 12 has 2.36
_PIP: Final = "import runpy, sys; sys.executable = sys.argv.pop(1); sys.argv.pop(0); runpy.run_module('pip', run_name='__main__')"
"""Runs pip, and has it write the scripts for another interpreter than the one that runs it."""
_OUTSIDE: Final = "../../"  # what of a wheel lies outside of site-packages, as pip's --target records it
_UP: Final = "../../../"  # and as it lies in an environment


@dataclass(frozen=True, slots=True)
class Target:
    """The machine a version is for.

    Args:
        root: its root directory, as it is seen from here.
        machine: such as ``aarch64``.
        python: such as ``3.13``; that machine has it as ``/usr/bin/python3.13``.
        compiler: an interpreter of that version that runs here; without one nothing is compiled.

    """

    root: Path
    machine: str
    python: str
    compiler: str = ""

    @property
    def tag(self) -> str:
        """How wheels call that Python."""
        return f"cp{self.python.replace('.', '')}"


def make_version_for(target: Target, tree: Tree, bundle: Bundle, told: Progress) -> None:
    """Make the version of a bundle for another machine.

    Args:
        target: that machine.
        tree: its versions, as they are seen from here.
        bundle: fits it.
        told: how far it is.

    Raises:
        UpdateError: it could not be made; what is there of it is not complete.

    """
    version = bundle.manifest.version
    home, scratch = tree.of(version), unpack(tree, bundle, told)
    told("environment", 0.0, "It makes an environment for the new version.")
    there = Path("/") / home.relative_to(target.root)
    site = _environment(home, there, target.python)
    told("install", 0.0, "It installs the new version.")
    where = (*_platforms(target), f"--target={site}")
    run_program(INSTALL_S, sys.executable, "-I", "-c", _PIP, str(there / "bin" / "python"), *pip_install(scratch, target.tag), *where)
    _move_outside(site, home)
    if not (site / f"meshgate-{version}.dist-info").is_dir():
        raise UpdateError(Refusal.NOT_MADE, f"The bundle says it is {version}, and does not hold that.")
    if target.compiler:
        told("compile", 0.0, "It compiles the new version, so that it starts sooner.")
        _check_compiler(target)
        compile_bytecode(target.compiler, home, target.root)
    finish(tree, version)


def _environment(home: Path, there: Path, python: str) -> Path:
    """Make an environment without programs, as ``python3 -m venv --without-pip`` does; returns its site-packages."""
    name = f"python{python}"
    programs, site = home / "bin", home / "lib" / name / "site-packages"
    for directory in (programs, site, home / "include" / name):
        directory.mkdir(parents=True)
    (home / "lib64").symlink_to("lib")
    (programs / name).symlink_to(f"/usr/bin/{name}")
    for link in ("python3", "python"):
        (programs / link).symlink_to(name)
    about = ("home = /usr/bin", "include-system-site-packages = false", f"version = {python}", f"executable = /usr/bin/{name}")
    (home / "pyvenv.cfg").write_text("\n".join((*about, f"command = /usr/bin/{name} -m venv --without-pip {there}")) + "\n")
    return site


def _platforms(target: Target) -> list[str]:
    named = [f"manylinux_2_{minor}_{target.machine}" for minor in GLIBC] + [f"manylinux2014_{target.machine}", f"linux_{target.machine}"]
    return [*(f"--platform={one}" for one in named), "--implementation=cp", f"--python-version={target.python}"]


def _move_outside(site: Path, home: Path) -> None:
    """Move what belongs beside ``lib`` to where an environment has it, and say so in the records of what is installed."""
    for record in sorted(site.glob("*.dist-info/RECORD")):
        rows = list(csv.reader(io.StringIO(record.read_text(), newline="")))
        outside = [row[0].removeprefix(_OUTSIDE) for row in rows if row[0].startswith(_OUTSIDE)]
        for name in outside:
            if not (home / name).resolve().is_relative_to(home.resolve()):
                raise UpdateError(Refusal.NOT_MADE, f"{record.parent.name} has a file that belongs outside of its version.")
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (site / name).rename(home / name)
        if outside:
            text = io.StringIO(newline="")
            csv.writer(text, lineterminator="\n").writerows(
                sorted((row[0].replace(_OUTSIDE, _UP, 1) if row[0].startswith(_OUTSIDE) else row[0], *row[1:]) for row in rows)
            )
            record.write_text(text.getvalue())
    for left in (site / "bin", site / "share"):
        if left.is_dir() and not any(path.is_file() for path in left.rglob("*")):
            for directory in sorted((path for path in left.rglob("*") if path.is_dir()), reverse=True):
                directory.rmdir()
            left.rmdir()


def _check_compiler(target: Target) -> None:
    said = run_program(INSTALL_S, target.compiler, "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])").strip()
    if said != target.python:
        raise UpdateError(Refusal.PYTHON, f"{target.compiler} is Python {said}, and what it compiles is for {target.python}.")
