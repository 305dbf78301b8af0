"""Makes a bundle of wheels that were made on the box itself: ``python -m gateway.update.local WHEELS OUT --trust FILE``.

For a box without a release's bundle, whose administrator has pip fetch what a lock file names. It is signed with a key that is
forgotten at once; its public half is written to FILE, and who trusts it no longer than it takes to use the bundle trusts no
other. So there is one way in for every version.
"""

import argparse
import hashlib
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gateway.update.errors import UpdateError
from gateway.update.keys import public_of
from gateway.update.making import make_bundle
from gateway.update.staging import MACHINE, PYTHON

_OLDEST: Final = "0.0.0"  # whoever may do this knows what it comes from


def make_local(wheels: Path, out: Path, trust: Path) -> str:
    """Bundle every wheel of a directory, one of them Meshgate's, for this box; returns which version.

    Args:
        wheels: the directory; the file that says what is installed is written there.
        out: the bundle.
        trust: file that the public key is written to.

    Raises:
        UpdateError: no box would take the result.
        OSError: a file cannot be read or written.
        ValueError: there is no wheel of Meshgate, or more than one.

    """
    found = [(path, path.name.split("-")[0], path.name.split("-")[1]) for path in sorted(wheels.glob("*.whl"))]
    own = [version for _, name, version in found if name == "meshgate"]
    if len(own) != 1:
        raise ValueError(f"There should be one wheel of Meshgate in {wheels}, and there are {len(own)}.")
    lines = [f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n" for path, name, version in found]
    (wheels / f"{PYTHON}.txt").write_text("".join(lines))
    seed = secrets.token_bytes(32)
    make_bundle(wheels, out.parent, own[0], _OLDEST, MACHINE, seed).replace(out)
    trust.write_text(f"{public_of(seed).hex()}  # of one bundle, made here\n")
    return own[0]


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns an exit status."""
    parser = argparse.ArgumentParser(prog="gateway.update.local", description=__doc__)
    parser.add_argument("wheels", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--trust", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    os.umask(0o022)
    try:
        print(make_local(chosen.wheels, chosen.out, chosen.trust))  # noqa: T201 -- a command
    except (UpdateError, OSError, ValueError) as error:
        print(error, file=sys.stderr)  # noqa: T201 -- a command
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
