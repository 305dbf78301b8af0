"""How much of a stream may be on the way.

Each stream and direction begins with 65,535 bytes. What the receiver has dealt with is granted again once it is half
the window or more. A receiver that is sent more than it granted ends the channel; so does a sender that is granted
more than anybody has room for. Padding is not counted.

Source: BetaNet 1.1, section 5.4. The text has no window for the connection as a whole.
"""

from transports import limits
from transports.betanet.errors import BetanetError, Fault


class SendWindow:
    """What this side may still send on one stream, in bytes."""

    __slots__ = ("room",)

    def __init__(self) -> None:
        self.room = limits.HTX_WINDOW

    def spend(self, size: int) -> None:
        """Count bytes that are being sent; at most `room`."""
        self.room -= size

    def grant(self, credit: int) -> None:
        """Add what the other side allows.

        Raises:
            BetanetError: FLOW_CONTROL_VIOLATION beyond `HTX_MOST_CREDIT`.
        """
        if self.room + credit > limits.HTX_MOST_CREDIT:
            raise BetanetError(Fault.FLOW_CONTROL_VIOLATION, "more credit than anybody has room for")
        self.room += credit


class ReceiveWindow:
    """What the other side may still send on one stream, and what has been dealt with."""

    __slots__ = ("_freed", "_held", "room")

    def __init__(self) -> None:
        self.room = limits.HTX_WINDOW
        self._held = 0  # received and not yet dealt with
        self._freed = 0  # dealt with and not yet granted again

    def take(self, size: int) -> None:
        """Count bytes that came in.

        Raises:
            BetanetError: FLOW_CONTROL_VIOLATION for more than was granted.
        """
        if size > self.room:
            raise BetanetError(Fault.FLOW_CONTROL_VIOLATION, "more bytes than were granted")
        self.room -= size
        self._held += size

    def free(self, size: int) -> int:
        """Count bytes that have been dealt with; return the credit to announce now, or 0.

        Raises:
            ValueError: more than came in: a bug of the caller.
        """
        if size > self._held:
            raise ValueError(f"{size} bytes were never received")
        self._held -= size
        self._freed += size
        if 2 * self._freed < limits.HTX_WINDOW:
            return 0
        credit, self._freed = self._freed, 0
        self.room += credit
        return credit
