"""When the box opens a Wi-Fi network of its own, and when it closes it: decided without a clock and without a radio.

```text
            3 min without a network            a network works
  WATCHING ------------------------> OPEN -----------------------> WATCHING
      ^                              |  ^
      | a network works    10 min    |  | 1 min without a network
      +---------------- TRYING <-----+  |
                           +------------+
```
"""

from dataclasses import dataclass
from enum import Enum, auto

from hw.firstboot.limits import AGAIN_S, ALONE_S, STEP_DOWN_S, TRY_S


class Phase(Enum):
    """What the box does about its network."""

    WATCHING = auto()
    OPEN = auto()
    TRYING = auto()  # closed for a moment, so that the one radio can look for the networks it knows


class Act(Enum):
    """What is to be done."""

    NOTHING = auto()
    OPEN = auto()
    CLOSE = auto()


@dataclass(frozen=True, slots=True)
class Seen:
    """What the network looks like.

    Attributes:
        connected: a device other than the hotspot's has an address.
        clients: who is in the hotspot.
        known: Wi-Fi networks the box could join: without one there is nothing to close the hotspot for.
        has_radio: there is a Wi-Fi device.

    """

    connected: bool
    clients: int = 0
    known: int = 0
    has_radio: bool = True


class Hotspot:
    """Decides.

    Args:
        now: monotonic seconds.

    """

    def __init__(self, now: float) -> None:
        self.phase = Phase.WATCHING
        self._since = now  # without a network; in the hotspot, without anybody
        self._after = now  # a failed opening is tried again then

    def look(self, seen: Seen, now: float) -> Act:
        """Return what is to be done now."""
        if seen.connected:
            was_open, self.phase, self._since = self.phase is Phase.OPEN, Phase.WATCHING, now
            return Act.CLOSE if was_open else Act.NOTHING
        match self.phase:
            case Phase.WATCHING:
                return self._open(seen, now) if now - self._since >= ALONE_S else Act.NOTHING
            case Phase.TRYING:
                return self._open(seen, now) if now - self._since >= TRY_S else Act.NOTHING
        if not seen.has_radio:
            return self.failed(now)
        if seen.clients or not seen.known:
            self._since = now
        if now - self._since < STEP_DOWN_S:
            return Act.NOTHING
        self.phase, self._since = Phase.TRYING, now
        return Act.CLOSE

    def failed(self, now: float) -> Act:
        """Note that it could not be opened, or was lost; what is left of it is to be closed."""
        self.phase, self._after = Phase.WATCHING, now + AGAIN_S
        return Act.CLOSE

    def _open(self, seen: Seen, now: float) -> Act:
        if not seen.has_radio or now < self._after:
            return Act.NOTHING
        self.phase, self._since = Phase.OPEN, now
        return Act.OPEN
