"""Puts the first version on a box: ``python -m gateway.update.begin BUNDLE --keys DIRECTORY --home /opt/meshgate --system /``.

Whoever provisions a box (an image, a playbook) uses it, so that the first version is made as every later one is. It enables no unit.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.update.errors import Refusal, UpdateError
from gateway.update.keys import KEYS, trusted_keys
from gateway.update.manifest import Box
from gateway.update.staging import MACHINE, PYTHON, examine, make_version, room_for
from gateway.update.tree import HOME, Tree
from gateway.update.units import place_units


def begin(tree: Tree, bundle: Path, trusted: frozenset[bytes], system: Path) -> str:
    """Make the first version and its links; returns which.

    Raises:
        UpdateError: the bundle is refused, or there are versions already.

    """
    if tree.current:
        raise UpdateError(Refusal.SAME, f"Version {tree.current} is there already.", "Use: meshgate update apply.")
    tree.versions.mkdir(parents=True, exist_ok=True)
    with bundle.open("rb") as file:
        found = examine(file, trusted, Box("", MACHINE, PYTHON))
        room_for(found.manifest, tree.home)
        version = found.manifest.version
        tree.tidy(set())
        make_version(tree, found, lambda _step, _done, sentence: print(sentence, file=sys.stderr))  # noqa: T201 -- a command
    place_units(tree, version, version, system)
    tree.trust(version)
    tree.run(version)
    return version


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns an exit status."""
    parser = argparse.ArgumentParser(prog="gateway.update.begin", description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--keys", type=Path, default=KEYS)
    parser.add_argument("--home", type=Path, default=HOME)
    parser.add_argument("--system", type=Path, default=Path("/"))
    chosen = parser.parse_args(arguments)
    try:
        print(begin(Tree(chosen.home), chosen.bundle, trusted_keys(chosen.keys), chosen.system))  # noqa: T201 -- a command
    except (UpdateError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201 -- a command
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
