"""What this node has seen already, and which first copies did not prove themselves.

A packet ID does not cover the signature. So that nobody can silence a packet by sending it
first with a broken one, an ID whose first copy failed stays *unproven*: later copies are
looked at again, and the first that proves itself is passed on like a new packet.
"""

from collections import OrderedDict

from gateway.limits import MAX_SECOND_LOOKS, MAX_UNPROVEN


class Seen:
    """A bounded memory of packet IDs.

    Args:
        capacity: IDs remembered, oldest forgotten first.
        lifetime: seconds after which an ID counts as new again.

    """

    __slots__ = ("_capacity", "_ids", "_lifetime", "_unproven")

    def __init__(self, capacity: int, lifetime: float) -> None:
        self._ids: OrderedDict[bytes, float] = OrderedDict()
        self._unproven: OrderedDict[bytes, int] = OrderedDict()
        self._capacity = capacity
        self._lifetime = lifetime

    def __len__(self) -> int:
        return len(self._ids)

    def knows(self, packet_id: bytes, now: float) -> bool:
        """Say whether this ID was added within the lifetime."""
        added = self._ids.get(packet_id)
        return added is not None and now - added < self._lifetime

    def add(self, packet_id: bytes, now: float) -> None:
        """Remember an ID, forgetting the oldest one above the capacity."""
        self._ids[packet_id] = now
        self._ids.move_to_end(packet_id)
        if len(self._ids) > self._capacity:
            self._ids.popitem(last=False)

    def mark_unproven(self, packet_id: bytes, *, tried: bool) -> None:
        """Give later copies a chance, because this one proved nothing.

        Args:
            packet_id: the packet.
            tried: a verification was spent on it; only so many are.

        """
        self._unproven[packet_id] = self._unproven.get(packet_id, 0) + tried
        if len(self._unproven) > MAX_UNPROVEN:
            self._unproven.popitem(last=False)

    def mark_proven(self, packet_id: bytes) -> None:
        """A copy was verified; later ones are plain duplicates."""
        if self._unproven:
            self._unproven.pop(packet_id, None)

    def deserves_another_look(self, packet_id: bytes) -> bool:
        """Say whether a duplicate should be verified although its ID is known."""
        return bool(self._unproven) and self._unproven.get(packet_id, MAX_SECOND_LOOKS + 1) <= MAX_SECOND_LOOKS
