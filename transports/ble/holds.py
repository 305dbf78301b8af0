"""Whom to leave alone for a while, by address and by tag."""

from transports.limits import BLE_HOLDS


class Holds:
    """Devices that are not dialled before a time, and banned ones that are not even let in; bounded.

    When there are too many, the one that would end first gives way, a ban only if there is nothing but bans.
    """

    def __init__(self) -> None:
        self._holds: dict[str | bytes, tuple[float, bool]] = {}

    def __len__(self) -> int:
        return len(self._holds)

    def hold(self, key: str | bytes, until: float, *, banned: bool = False) -> None:
        """Leave an address or a tag alone until then, or longer if that was said before."""
        was = self._holds.pop(key, (0.0, False))
        if len(self._holds) >= BLE_HOLDS:
            del self._holds[min(self._holds, key=lambda other: (self._holds[other][1], self._holds[other][0]))]
        self._holds[key] = (max(until, was[0]), banned or was[1])

    def release(self, key: str) -> None:
        """End a hold that is no ban."""
        if not self._holds.get(key, (0.0, True))[1]:
            del self._holds[key]

    def until(self, address: str, tag: bytes) -> float:
        """When the device may be dialled again; 0 if it may now."""
        until = self._holds.get(address, (0.0, False))[0]
        return max(until, self._holds.get(tag, (0.0, False))[0]) if tag else until

    def is_banned(self, address: str, tag: bytes, now: float) -> bool:
        """Whether a device that comes to us is to be sent away."""
        return any(banned and until > now for until, banned in (self._holds.get(key, (0.0, False)) for key in (address, tag)))

    def expire(self, now: float) -> None:
        """Forget what is over."""
        self._holds = {key: hold for key, hold in self._holds.items() if hold[0] > now}
