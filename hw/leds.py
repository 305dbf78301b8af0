"""The board's own light, through ``/sys/class/leds``: how the gateway is, for somebody who has nothing but the box.

The gateway itself makes it blink, so a gateway that hangs has a light that stands still. The kernel's ``timer`` trigger would
blink on, and its files belong to root whenever it is chosen. Source: Linux Documentation/leds/leds-class.rst.
"""

import asyncio
from enum import Enum
from pathlib import Path
from typing import Final

NAMES: Final = ("meshgate", "ACT", "led0")
"""Which light is used, the first that is there: one made for it, else the green one of a Raspberry Pi under its newer or older name."""


class Signal(Enum):
    """What is shown: seconds on, off, on, … again and again. One can be told from another without a watch."""

    STARTING = (0.5, 0.5)
    WELL = (0.05, 2.95)
    WARNING = (0.15, 0.3, 0.15, 2.4)  # something does less than it should
    ERROR = (1.5, 1.5)  # something does not do its work
    SETUP = (0.25, 0.25)  # letting the button go now opens setup mode
    WIPE = (0.06, 0.06)  # letting the button go now erases everything, or it is being erased


class Light:
    """One light, given back as it was found.

    Args:
        root: where ``sys`` is.

    Raises:
        FileNotFoundError: there is no light that could be used.
        PermissionError: this user may not change it; see ``meshgate units panel.rules``.

    """

    def __init__(self, root: Path = Path("/")) -> None:
        places = [root / "sys/class/leds" / name for name in NAMES]
        place = next((one for one in places if (one / "trigger").is_file()), None)
        if place is None:
            raise FileNotFoundError("This board shows no light in /sys/class/leds.")
        self.name = place.name
        self._trigger, self._brightness = place / "trigger", place / "brightness"
        self._before = _chosen(self._trigger.read_text())
        for file in (self._trigger, self._brightness):
            file.open("r+b").close()  # says at once whether it may be changed
        self._signal = Signal.STARTING
        self._changed = asyncio.Event()

    def show(self, signal: Signal) -> None:
        """Show something from now on."""
        if signal is not self._signal:
            self._signal = signal
            self._changed.set()

    async def run(self) -> None:
        """Blink until cancelled; raises `OSError` if the light goes away."""
        try:
            self._trigger.write_text("none")
            while True:
                self._changed.clear()
                for step, seconds in enumerate(self._signal.value):
                    self._brightness.write_text("0" if step % 2 else "1")
                    if await self._is_changed_within(seconds):
                        break
        finally:
            self._trigger.write_text(self._before)

    async def _is_changed_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._changed.wait()
        except TimeoutError:
            return False


def _chosen(triggers: str) -> str:
    """Return the trigger in force: the one in brackets."""
    return next((word[1:-1] for word in triggers.split() if word.startswith("[") and word.endswith("]")), "none")
