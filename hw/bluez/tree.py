"""BlueZ's objects as this process knows them, within bounds.

Adapters are always kept. Devices are what strangers make, one per address, so their number is capped:
the one heard of longest ago that is not connected makes room. What lies below a device (the services
BlueZ found there) is nobody's business here.

Source: ``org.freedesktop.DBus.ObjectManager`` of ``org.bluez``.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from hw.bluez.limits import MAX_DEVICES

_DEVICE: Final = "org.bluez.Device1"
_ADAPTER_DEPTH: Final = 3  # /org/bluez/hci0

Interfaces = dict[str, dict[str, Any]]


class ObjectTree:
    """Path to interface to property to plain value; `evicted` counts devices that made room."""

    def __init__(self) -> None:
        self.objects: dict[str, Interfaces] = {}
        self.evicted = 0
        self._devices: dict[str, None] = {}  # in the order of arrival

    def replace(self, snapshot: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
        """Forget everything and take what BlueZ listed."""
        self.objects.clear()
        self._devices.clear()
        for path, interfaces in snapshot.items():
            self.add(path, interfaces)

    def add(self, path: str, interfaces: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """Take new interfaces of an object; returns the names of those that are kept."""
        if path.count("/") <= _ADAPTER_DEPTH:
            kept = {name: dict(values) for name, values in interfaces.items()}
        elif _DEVICE in interfaces:
            self._make_room(path)
            kept = {_DEVICE: dict(interfaces[_DEVICE])}
        else:
            return []
        self.objects.setdefault(path, {}).update(kept)
        return list(kept)

    def remove(self, path: str, interfaces: Iterable[str]) -> None:
        """Forget interfaces of an object, and the object with the last of them."""
        known = self.objects.get(path)
        if known is None:
            return
        for name in interfaces:
            known.pop(name, None)
        if not known:
            del self.objects[path]
            self._devices.pop(path, None)

    def change(self, path: str, interface: str, changed: Mapping[str, Any], invalidated: Iterable[str]) -> None:
        """Take new values of properties; what became unknown is forgotten."""
        values = self.objects.get(path, {}).get(interface)
        if values is None:
            return
        values.update(changed)
        for name in invalidated:
            values.pop(name, None)

    def _make_room(self, path: str) -> None:
        if path in self._devices:
            return
        if len(self._devices) >= MAX_DEVICES:
            idle = (known for known in self._devices if not self.objects[known][_DEVICE].get("Connected"))
            oldest = next(idle, next(iter(self._devices)))
            del self._devices[oldest], self.objects[oldest]
            self.evicted += 1
        self._devices[path] = None
