"""Puts the first version on a box: ``python -m gateway.update.begin BUNDLE``.

Whoever provisions a box (an image, a playbook) uses it, so that the first version is made as every later one is. It enables no unit.
With ``--root DIRECTORY --machine aarch64 --python 3.13`` it does so in the root directory of another machine, and runs none of
its programs; with ``--compiler PATH``, a Python of the same version that runs here, what is installed is compiled.
"""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from gateway.update.cross import Target, make_version_for
from gateway.update.errors import Refusal, UpdateError
from gateway.update.keys import KEYS, trusted_keys
from gateway.update.manifest import Box
from gateway.update.staging import MACHINE, PYTHON, examine, make_version, room_for
from gateway.update.tree import HOME, Tree
from gateway.update.units import place_units

_PYTHON: Final = re.compile(r"3\.[0-9]{1,2}", re.ASCII)


def begin(tree: Tree, bundle: Path, trusted: frozenset[bytes], system: Path, target: Target | None = None) -> str:
    """Make the first version and its links; returns which.

    Args:
        tree: where versions are.
        bundle: to make it of.
        trusted: public keys, 32 bytes each.
        system: where units belong.
        target: another machine it is for; else it is for this one.

    Raises:
        UpdateError: the bundle is refused, or there are versions already.

    """
    if tree.current:
        raise UpdateError(Refusal.SAME, f"Version {tree.current} is there already.", "Use: meshgate update apply.")
    tree.versions.mkdir(parents=True, exist_ok=True)
    box, make = Box("", MACHINE, PYTHON), make_version
    if target is not None:
        box, make = Box("", target.machine, target.tag), partial(make_version_for, target)
    with bundle.open("rb") as file:
        found = examine(file, trusted, box)
        room_for(found.manifest, tree.home)
        version = found.manifest.version
        tree.tidy(set())
        make(tree, found, lambda _step, done, sentence: None if done else print(sentence, file=sys.stderr))  # noqa: T201 -- a command
    place_units(tree, version, version, system)
    tree.trust(version)
    tree.run(version)
    return version


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns an exit status."""
    parser = argparse.ArgumentParser(prog="gateway.update.begin", description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--keys", type=Path, help=f"release keys that are trusted; else those in {KEYS} of the machine it is for")
    parser.add_argument("--home", type=Path, default=HOME, help="where versions are, there")
    parser.add_argument("--root", type=Path, default=Path("/"), help="root directory of the machine it is for, unless it is this one")
    parser.add_argument("--machine", help="what that machine is, such as aarch64")
    parser.add_argument("--python", help="which Python it has, such as 3.13")
    parser.add_argument("--compiler", default="", help="a Python of that version that runs here")
    chosen = parser.parse_args(arguments)
    root = chosen.root.resolve()
    target = None
    if chosen.machine or chosen.python:
        if not (chosen.machine and chosen.python and _PYTHON.fullmatch(chosen.python)):
            parser.error("--machine and --python go together, as in --machine aarch64 --python 3.13")
        target = Target(root, chosen.machine, chosen.python, chosen.compiler)
    os.umask(0o022)  # the gateway, which is not root, has to read it
    try:
        keys = trusted_keys(chosen.keys or _below(root, KEYS))
        print(begin(Tree(_below(root, chosen.home)), chosen.bundle, keys, root, target))  # noqa: T201 -- a command
    except (UpdateError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201 -- a command
        return 1
    return 0


def _below(root: Path, path: Path) -> Path:
    return root / path.relative_to("/")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
