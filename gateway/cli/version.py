"""``meshgate --version``: the versions a bug report needs."""

import platform
import shutil
import subprocess
from importlib import metadata

from gateway.cli.output import emit

NOT_INSTALLED = "not installed"
_BLUETOOTHD_PATHS = "/usr/libexec/bluetooth:/usr/lib/bluetooth"  # Debian 12 and later, and before; not on anybody's PATH
_PATIENCE_S = 2.0


def print_versions(*, as_json: bool) -> None:
    """Print one line each for Meshgate, Python, BlueZ and libp2p."""
    versions = {
        "meshgate": _distribution("meshgate"),
        "Python": platform.python_version(),
        "BlueZ": bluez(),
        "libp2p": _distribution("libp2p"),
    }
    if as_json:
        emit({name.lower(): None if version == NOT_INSTALLED else version for name, version in versions.items()})
    else:
        for name, version in versions.items():
            print(name, version)


def bluez() -> str:
    """The version of the Bluetooth daemon on this machine."""
    daemon = shutil.which("bluetoothd") or shutil.which("bluetoothd", path=_BLUETOOTHD_PATHS)
    if daemon is None:
        return NOT_INSTALLED
    try:
        asked = subprocess.run([daemon, "--version"], capture_output=True, text=True, timeout=_PATIENCE_S, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return "installed, but it does not tell its version"
    return asked.stdout.strip()


def _distribution(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return NOT_INSTALLED
