"""Order within a conversation: what one peer sends to another must not overtake itself.

Both phone apps refuse most Noise packets that were overtaken (spec section 7). Two things
here could reorder them: the jitter of a relay, and the pacing of fragments.
"""

from collections import OrderedDict

from gateway.limits import MAX_PENDING_RELAYS
from gateway.wire.packet import Header
from gateway.wire.types import BROADCAST

Flow = tuple[bytes, bytes]
"""Sender and recipient."""


def flow_of(header: Header) -> Flow | None:
    """Return the conversation a packet belongs to, None for a broadcast."""
    recipient = header.recipient_id
    return None if recipient is None or recipient == BROADCAST else (header.sender_id, recipient)


class Flows:
    """When the last packet of each conversation is done; the quietest are forgotten first."""

    __slots__ = ("_ends",)

    def __init__(self) -> None:
        self._ends: OrderedDict[Flow, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._ends)

    def busy(self, flow: Flow, now: float) -> bool:
        """Say whether an earlier packet is not done yet, or only just."""
        return self.until(flow) >= now

    def until(self, flow: Flow) -> float:
        """Return when the last packet so far is done, minus infinity if there was none."""
        return self._ends.get(flow, float("-inf"))

    def end(self, flow: Flow, at: float) -> float:
        """Return when a packet may be done that could be at `at`: not before those before it."""
        at = max(at, self._ends.get(flow, at))
        self._ends[flow] = at
        self._ends.move_to_end(flow)
        if len(self._ends) > MAX_PENDING_RELAYS:
            self._ends.popitem(last=False)
        return at
