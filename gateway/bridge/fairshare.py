"""Splits what there is evenly among all who have room for it: processor sharing by virtual time.

`grant` hands out an amount. Everybody whose account is not full gets the same; who becomes full on the
way drops out, and the rest goes to the others, so nothing is wasted while anybody lacks anything. Virtual
time is what one account that was never full would have got. It turns "when is this account full?" into a
number that stays true however many others come and go, so a grant costs O(log n) instead of O(n).
"""

from heapq import heapify, heappop, heappush

_SLACK = 64  # entries the heap may have beyond four an account before the outdated ones are swept


class _Account:
    __slots__ = ("full_at", "level", "mark")

    def __init__(self) -> None:
        self.level = 0.0  # when virtual time was `mark`; negative for a debt
        self.mark = 0.0
        self.full_at: float | None = None  # virtual time; None while full


class FairShare:
    """Accounts that share what is granted.

    Args:
        burst: the most one account saves up.

    Raises:
        ValueError: a burst that is not positive.

    """

    def __init__(self, burst: float) -> None:
        if burst <= 0:
            raise ValueError("an account must hold something")
        self.burst = burst
        self._accounts: dict[bytes, _Account] = {}
        self._virtual = 0.0
        self._filling = 0
        self._heap: list[tuple[float, bytes]] = []  # (full_at, key); an entry whose account says otherwise is outdated

    def __len__(self) -> int:
        return len(self._accounts)

    def __contains__(self, key: bytes) -> bool:
        return key in self._accounts

    def open(self, key: bytes, level: float = 0.0) -> None:
        """Begin an account with something in it, at most `burst`."""
        self.close(key)
        self._accounts[key] = _Account()
        self._set(key, min(level, self.burst))

    def close(self, key: bytes) -> None:
        """End an account; what it held is gone."""
        account = self._accounts.pop(key, None)
        if account is not None and account.full_at is not None:
            self._filling -= 1

    def level(self, key: bytes) -> float:
        """Return what an account holds, at most `burst`; negative if it owes."""
        account = self._accounts[key]
        if account.full_at is None:
            return self.burst
        return min(self.burst, account.level + self._virtual - account.mark)

    def spend(self, key: bytes, amount: float) -> None:
        """Take an amount out of an account; it may go into debt."""
        self._set(key, self.level(key) - amount)

    def grant(self, amount: float) -> float:
        """Hand out an amount; returns what nobody had room for."""
        while amount > 0 and self._filling:
            full_at, key = self._heap[0]
            account = self._accounts.get(key)
            if account is None or account.full_at != full_at:
                heappop(self._heap)
                continue
            needed = max(0.0, full_at - self._virtual) * self._filling
            if needed > amount:
                self._virtual += amount / self._filling
                return 0.0
            amount -= needed
            self._virtual = full_at
            account.full_at = None
            self._filling -= 1
            heappop(self._heap)
        return amount

    def _set(self, key: bytes, level: float) -> None:
        account = self._accounts[key]
        self._filling += (level < self.burst) - (account.full_at is not None)
        account.level, account.mark = level, self._virtual
        account.full_at = None
        if level < self.burst:
            account.full_at = self._virtual + self.burst - level
            heappush(self._heap, (account.full_at, key))
            if len(self._heap) > 4 * len(self._accounts) + _SLACK:
                self._heap = [(one.full_at, name) for name, one in self._accounts.items() if one.full_at is not None]
                heapify(self._heap)
