"""How many links an adapter can hold, learned from what it refuses.

No controller says how many connections it takes. One that is full answers with "Connection Rejected due
to Limited Resources" (0x0d), "Command Disallowed" (0x0c) or aborts one connection after the other. Such an
answer while some links are held means: this many, and no more. The figure grows back by one link after
every quiet spell, for the reason may have been Wi-Fi on the same chip and over by now.
"""

from transports.limits import BLE_ABORTS, BLE_GROW_S


class Budget:
    """The number of links one adapter is trusted with.

    Args:
        most: links it may have at best, both roles together; the budget starts there.

    """

    def __init__(self, most: int) -> None:
        if most < 1:
            raise ValueError("An adapter that may hold no link is of no use.")
        self.most = most
        self.limit = most
        self.refusals = 0
        self._aborts: list[str] = []  # whose connections were aborted, one after the other
        self._quiet_since = 0.0

    def has_room(self, held: int) -> bool:
        """Whether one more link may be dialled while `held` links are up or being dialled."""
        return held < self.limit

    def refused(self, held: int, now: float) -> None:
        """The controller said that it is full while it held `held` links (without the refused one)."""
        self.refusals += 1
        self._aborts.clear()
        self._quiet_since = now
        if held:  # a controller that refuses its only link has another trouble than being full
            self.limit = min(self.limit, held)

    def aborted(self, device: str, held: int, now: float) -> bool:
        """A connection with a device was aborted; True when that makes a storm without any link to explain it.

        One device alone may be the reason itself, so it takes another one to count as a refusal.
        """
        self._aborts = [*self._aborts[1 - BLE_ABORTS :], device]
        if len(self._aborts) < BLE_ABORTS:
            return False
        if held and len(set(self._aborts)) > 1:
            self.refused(held, now)
        return not held

    def worked(self) -> None:
        """A dialled link came up."""
        self._aborts.clear()

    def tick(self, now: float) -> None:
        """Grow by one link if there was no refusal for a while."""
        if self.limit < self.most and now - self._quiet_since >= BLE_GROW_S:
            self.limit += 1
            self._quiet_since = now
