"""Who is connected to us and uses it for nothing: such a connection takes one of the controller's few places."""

from collections.abc import Callable, Collection

from transports.limits import BLE_IDLE_S, BLE_MOST_CONNECTED


class Idlers:
    """Since when each connected device that is no link has been there; bounded."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._since)

    def late(self, connected: Collection[str], is_used: Callable[[str], bool], now: float) -> list[str]:
        """The devices that have been connected for `BLE_IDLE_S` seconds without being used; each is told once in that time."""
        idle = [device for device in connected if not is_used(device)][:BLE_MOST_CONNECTED]
        self._since = {device: self._since.get(device, now) for device in idle}
        late = [device for device, since in self._since.items() if now - since >= BLE_IDLE_S]
        for device in late:
            self._since[device] = now
        return late
