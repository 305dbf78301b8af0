"""Which file of systemd belongs where, filled in for the Python that runs Meshgate here.

They are data of the package, so that an installation, the image and the Ansible role take the same.
"""

import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Final

_PYTHON: Final = "@PYTHON@"
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


_PLACES: Final = {
    "meshgate.service": _SERVICE,
    "meshgate.socket": f"{_ETC}/meshgate.socket",
    "meshgate-recover.service": f"{_ETC}/meshgate-recover.service",
    "meshgate-recover.socket": f"{_ETC}/meshgate-recover.socket",
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
        python: absolute path of the interpreter that has Meshgate.

    Raises:
        ValueError: systemd would read this path as something else.

    """
    if not _PLAIN.fullmatch(python):
        raise ValueError(f"{python} cannot stand in a unit: it must be an absolute path of letters, digits and ._+-/")
    home = files("hw.systemd") / "files"
    return [
        UnitFile(name, PurePosixPath(place), (home / name).read_text().replace(_PYTHON, python), name.startswith("panel"))
        for name, place in _PLACES.items()
    ]


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
