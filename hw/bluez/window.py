"""Which of the frames lately sent to all went to whom, so that one frame for several goes out once.

What goes the shared way reaches all phones. So a frame that was sent that way for one of
them has been sent to the others too; when it is handed over for them, it only has to be remembered as theirs.
It is the same frame if it is the same object, and a phone's own frames stay in the order they were handed over in.
"""

from collections import deque
from collections.abc import Hashable

from hw.bluez.limits import SHARED_WINDOW


class Window:
    """The last frames written, by number, and the number each member has got to."""

    def __init__(self) -> None:
        self._frames: deque[tuple[int, bytes]] = deque(maxlen=SHARED_WINDOW)
        self._number = 0
        self.is_unused = True  # no frame was ever written
        self._reached: dict[Hashable, int] = {}

    def join(self, member: Hashable) -> None:
        """Count from now on for a new member: nothing written before was for it."""
        self._reached[member] = self._number

    def leave(self, member: Hashable) -> None:
        """Forget a member."""
        self._reached.pop(member, None)

    def has_sent(self, member: Hashable, frame: bytes) -> bool:
        """Say whether a member has got this frame, after everything handed over for it before; counts it as handed over if so."""
        for number, known in self._frames:
            if known is frame and number > self._reached[member]:
                self._reached[member] = number
                return True
        return False

    def skip(self, member: Hashable) -> None:
        """Note that a member was sent something of its own: nothing written before that counts for it any more."""
        self._reached[member] = self._number

    def sent(self, member: Hashable, frame: bytes) -> None:
        """Remember a frame that was written for a member."""
        self._number += 1
        self.is_unused = False
        self._frames.append((self._number, frame))
        self._reached[member] = self._number
