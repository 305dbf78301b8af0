"""Both halves of counting what goes between two sites, whichever link it takes. No links, no time.

The sender numbers what it is given and keeps it until the other site has counted it. When it changes to another link it sends
everything that was not counted again, from the first; so on each link the numbers run without a gap, and the receiver
takes what is next and drops what it had.
"""

from collections import deque

from gateway.errors import DecodeError, Reason
from gateway.limits import TRUNK_ACK_BYTES, TRUNK_ACK_FRAMES, TRUNK_BYTES, TRUNK_WINDOW_BYTES, TRUNK_WINDOW_FRAMES
from gateway.wire.trunk import NOBODY, encode_data


class Outbox:
    """What was given to be sent and is not counted yet, under a name that is never used again."""

    def __init__(self, name: bytes) -> None:
        self.name = name
        self.first = 0  # the lowest number that is not counted
        self.bytes = 0  # of everything kept
        self.flying_bytes = 0  # of what is on its way over the present link
        self._kept: deque[bytes] = deque()  # encoded, so that a second sending costs nothing
        self._flying = 0  # how many of the kept are on their way over the present link
        self._known = 0  # the lowest number that was never sent

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def flying(self) -> int:
        """Frames on their way."""
        return self._flying

    @property
    def waiting_bytes(self) -> int:
        """Bytes that have not left, because too much is on its way or there is no link."""
        return self.bytes - self.flying_bytes

    @property
    def head(self) -> int:
        """Bytes of the frame that is to be counted next, 0 if there is none."""
        return len(self._kept[0]) if self._kept else 0

    def offer(self, envelope: bytes) -> bool:
        """Take an envelope; False if too much is kept already."""
        if self._kept and self.bytes + len(envelope) > TRUNK_BYTES:
            return False
        frame = encode_data(self.first + len(self._kept), envelope)
        self._kept.append(frame)
        self.bytes += len(frame)
        return True

    def next(self) -> bytes | None:
        """The frame to send next, None if there is none or enough is on its way."""
        flying = self._flying
        if flying == len(self._kept) or flying >= TRUNK_WINDOW_FRAMES:
            return None
        frame = self._kept[flying]
        if flying and self.flying_bytes + len(frame) > TRUNK_WINDOW_BYTES:
            return None
        self._flying += 1
        self.flying_bytes += len(frame)
        self._known = max(self._known, self.first + self._flying)
        return frame

    def acknowledge(self, received: int) -> int:
        """Everything below `received` has arrived; returns how many frames that is news of.

        Raises:
            DecodeError: FIELD, it counts what was never sent.
        """
        if received > self._known:
            raise DecodeError(Reason.FIELD, f"{received} frames were counted where {self._known} were sent")
        news = max(0, received - self.first)
        for _ in range(news):
            size = len(self._kept.popleft())
            self.bytes -= size
            if self._flying:
                self._flying -= 1
                self.flying_bytes -= size
        self.first += news
        return news

    def rewind(self) -> None:
        """Another link is used from now on: everything is sent again."""
        self._flying = self.flying_bytes = 0


class Inbox:
    """How far the other site's numbers were followed."""

    def __init__(self, name: bytes = NOBODY, expected: int = 0) -> None:
        self.name = name
        self.expected = expected
        self._told = expected
        self._untold_bytes = 0
        self._repeated = False

    def accept(self, number: int, size: int) -> bool:
        """Count a frame of `size` bytes; False if it was there before.

        Raises:
            DecodeError: FIELD, frames before it are missing.
        """
        if number > self.expected:
            raise DecodeError(Reason.FIELD, f"frame {number} came where {self.expected} was next")
        if number < self.expected:
            self._repeated = True  # our acknowledgement was lost with a link
            return False
        self.expected += 1
        self._untold_bytes += size
        return True

    @property
    def owes(self) -> bool:
        """Whether the sender does not know yet of everything that arrived."""
        return self._repeated or self.expected != self._told

    @property
    def owes_now(self) -> bool:
        """Whether so much arrived that the sender should know at once."""
        return self.expected - self._told >= TRUNK_ACK_FRAMES or self._untold_bytes >= TRUNK_ACK_BYTES

    def told(self) -> int:
        """The count to send along; from here on the sender counts as knowing it."""
        self._told = self.expected
        self._untold_bytes = 0
        self._repeated = False
        return self.expected
