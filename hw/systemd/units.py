"""Which file of systemd belongs where, filled in for the Python that runs Meshgate here.

They are data of the package, so that an installation, the image and the Ansible role take the same.
"""

import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Final

_PYTHON: Final = "@PYTHON@"
_GOOD: Final = "@GOOD@"
_CURRENT: Final = "/current/bin/"
_A_VERSION: Final = re.compile(r"/versions/[^/]+/bin/")
_PLAIN: Final = re.compile(r"/[A-Za-z0-9._+/-]+")  # what systemd reads as it stands: no space, quote, % or $
_ETC: Final = "etc/systemd/system"
_SERVICE: Final = f"{_ETC}/meshgate.service"


@dataclass(frozen=True, slots=True)
class UnitFile:
    """One file; `place` is relative to the root of the system it is for."""

    name: str
    place: PurePosixPath
    text: str
    panel: bool = False  # only for a box with a button and a light
    versioned: bool = False  # only for a box that is kept in versions, see `gateway.update.tree`


_PLACES: Final = {
    "meshgate.service": _SERVICE,
    "meshgate.socket": f"{_ETC}/meshgate.socket",
    "meshgate-recover.service": f"{_ETC}/meshgate-recover.service",
    "meshgate-recover.socket": f"{_ETC}/meshgate-recover.socket",
    "meshgate-update.service": f"{_ETC}/meshgate-update.service",
    "meshgate-update.socket": f"{_ETC}/meshgate-update.socket",
    "meshgate-clock.service": f"{_ETC}/meshgate-clock.service",
    "meshgate-grow.service": f"{_ETC}/meshgate-grow.service",
    "meshgate-card.service": f"{_ETC}/meshgate-card.service",
    "meshgate-first-boot.service": f"{_ETC}/meshgate-first-boot.service",
    "meshgate-hotspot.service": f"{_ETC}/meshgate-hotspot.service",
    "meshgate-portal.service": f"{_ETC}/meshgate-portal.service",
    "meshgate-join.service": f"{_ETC}/meshgate-join.service",
    "bluetooth.conf": f"{_ETC}/bluetooth.service.d/meshgate.conf",
    "watchdog.conf": "etc/systemd/system.conf.d/meshgate.conf",
    "sysusers.conf": "etc/sysusers.d/meshgate.conf",
    "tmpfiles.conf": "etc/tmpfiles.d/meshgate.conf",
    "panel.conf": f"{_SERVICE}.d/panel.conf",
    "panel.rules": "etc/udev/rules.d/80-meshgate.rules",
}


def unit_files(python: str) -> list[UnitFile]:
    """Return every file, in the order an operator reads them.

    Args:
        python: absolute path of the interpreter that has Meshgate; in place of one version's, the units name that of the current one.

    Raises:
        ValueError: systemd would read this path as something else.

    """
    if not _PLAIN.fullmatch(python):
        raise ValueError(f"{python} cannot stand in a unit: it must be an absolute path of letters, digits and ._+-/")
    home = files("hw.systemd") / "files"
    python = _A_VERSION.sub(_CURRENT, python)
    good = python.replace(_CURRENT, "/good/bin/")
    return [
        UnitFile(
            name,
            PurePosixPath(place),
            (home / name).read_text().replace(_PYTHON, python).replace(_GOOD, good),
            name.startswith("panel"),
            name.startswith("meshgate-update"),
        )
        for name, place in _PLACES.items()
    ]


def is_versioned(python: str) -> bool:
    """Say whether an interpreter is one of those of a box that is kept in versions."""
    return _CURRENT in _A_VERSION.sub(_CURRENT, python)


def write_units(chosen: list[UnitFile], root: Path) -> list[Path]:
    """Write files below `root`, which is ``/`` or the directory of an image; returns them. Raises `OSError`."""
    written = []
    for one in chosen:
        path = root / one.place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(one.text)
        path.chmod(0o644)
        written.append(path)
    return written
