"""Exact versions and SHA-256 of Debian's packages in an image: noted when the base is made, and compared with those of the repository.

A mirror has only the newest of each, so an older base cannot be made again from it; what differs from the lock is told.
"""

import json
import re
from pathlib import Path

from image.debian.sbom import debian_packages

Packages = dict[str, dict[str, str]]


def installed(root: Path, lists: Path) -> Packages:
    """Return what is installed, by name: version, architecture and the SHA-256 of the package.

    Args:
        root: root directory of the system.
        lists: apt's lists of the time it was made.

    Raises:
        ValueError: a package is in none of the lists.

    """
    known: dict[tuple[str, str, str], str] = {}
    for path in sorted(lists.glob("*_Packages")):
        for paragraph in path.read_text().split("\n\n"):
            about = dict(re.findall(r"^(Package|Version|Architecture|SHA256): (.*)$", paragraph, re.MULTILINE))
            if len(about) == 4:
                known[about["Package"], about["Version"], about["Architecture"]] = about["SHA256"]
    packages = {}
    for one in debian_packages(root):
        key = one["Package"], one["Version"], one["Architecture"]
        if key not in known:
            raise ValueError(f"{' '.join(key)} is installed and in none of apt's lists.")
        packages[one["Package"]] = {"version": one["Version"], "architecture": one["Architecture"], "sha256": known[key]}
    return packages


def read_lock(path: Path) -> Packages:
    """Return the packages of a lock file; none if there is no such file."""
    if not path.exists():
        return {}
    packages: Packages = json.loads(path.read_text())["packages"]
    return packages


def write_lock(path: Path, suite: str, packages: Packages) -> None:
    """Write a lock file."""
    path.write_text(json.dumps({"suite": suite, "packages": packages}, indent=1, sort_keys=True) + "\n")


def differences(locked: Packages, found: Packages) -> list[str]:
    """Say in what two sets of packages differ, a line each."""
    said = []
    for name in sorted(locked.keys() | found.keys()):
        before, now = locked.get(name), found.get(name)
        if before is None or now is None:
            said.append(f"{name}: {'not in the lock' if before is None else 'only in the lock'}")
        elif before != now:
            same = before["version"] == now["version"]
            said.append(f"{name}: {before['version']} in the lock, {'other bytes' if same else now['version']} now")
    return said
