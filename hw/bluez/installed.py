"""Whether this installation can talk to BlueZ at all: what that takes is an extra."""

from importlib.util import find_spec


def is_installed() -> bool:
    """Return whether bleak and dbus-fast are there (``pip install 'meshgate[ble]'``)."""
    return all(find_spec(name) is not None for name in ("bleak", "dbus_fast"))
