"""Makes a bundle out of a wheelhouse, and signs it: what is done where releases are made.

A wheelhouse is a directory with wheels and, for each Python, what is installed on it: ``cp313.txt``, a requirements
file of pip with the hash of each wheel.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gateway.update.bundle import MANIFEST, SIGNATURE, SUFFIX
from gateway.update.container import END, header, padding
from gateway.update.keys import sign
from gateway.update.limits import MAX_NAME
from gateway.update.manifest import FORMAT, LOCKS, NAME, UNITS, WHEELS, Manifest, Member, decode_manifest, encode_manifest
from hw.systemd.units import unit_files

PYTHON: Final = "/opt/meshgate/current/bin/python"
"""The Python in the units of an appliance: whichever version is current."""


def make_bundle(wheelhouse: Path, out: Path, version: str, oldest: str, machine: str, seed: bytes) -> Path:
    """Write ``meshgate-VERSION-MACHINE.meshgate`` into `out`; the same wheelhouse and key give the same bytes.

    Args:
        wheelhouse: see above.
        out: directory it is written to.
        version: of Meshgate in there.
        oldest: version it can come from.
        machine: such as ``aarch64``.
        seed: the signing key, 32 bytes.

    Raises:
        UpdateError: no box would take the result.
        OSError: a file cannot be read or written.

    """
    parts = [(f"{LOCKS}{path.name}", path.read_bytes()) for path in sorted(wheelhouse.glob("cp3*.txt"))]
    parts += [(f"{WHEELS}{_short(path.name)}", path.read_bytes()) for path in sorted(wheelhouse.glob("*.whl"))]
    parts += [(f"{UNITS}{one.place}", one.text.encode()) for one in unit_files(PYTHON) if not one.panel]
    pythons = tuple(name.removeprefix(LOCKS).removesuffix(".txt") for name, _ in parts if name.startswith(LOCKS))
    members = tuple(Member(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in parts)
    manifest = encode_manifest(Manifest(FORMAT, NAME, version, oldest, machine, pythons, members))
    decode_manifest(manifest)
    path = out / f"{NAME}-{version}-{machine}{SUFFIX}"
    write_bundle(path, manifest, sign(seed, manifest), parts)
    return path


def _short(name: str) -> str:
    """Return a wheel's name with one of its platforms where all of them are too long for the container: pip needs one that fits."""
    if len(WHEELS) + len(name) <= MAX_NAME:
        return name
    front, _, platforms = name.removesuffix(".whl").rpartition("-")
    return f"{front}-{platforms.partition('.')[0]}.whl"


def write_bundle(path: Path, manifest: bytes, signed: bytes, parts: Sequence[tuple[str, bytes]]) -> None:
    """Write the container around a manifest, its signature and members in their order."""
    with path.open("wb") as file:
        for name, data in ((MANIFEST, manifest), (SIGNATURE, signed), *parts):
            file.write(header(name, len(data)) + data + padding(len(data)))
        file.write(END)
