"""The board's button: held for a while it opens setup mode, held for long it erases everything.

It acts when it is let go, so that whoever has held it too long can still go on to the next step, or past the last one to
none at all: a thing that lies on a button must erase nothing. It is a gpio-keys device of the kernel; a keyboard is not
read. Source: Linux include/uapi/linux/input.h and input-event-codes.h.
"""

import asyncio
import os
import struct
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Final

NAME: Final = "meshgate-button"  # of the input device, as the device tree's overlay calls it
SETUP_AFTER_S: Final = 5.0
WIPE_AFTER_S: Final = 20.0
STUCK_AFTER_S: Final = 60.0

_EVENT: Final = struct.Struct("@llHHi")  # time in seconds and microseconds, type, code, value
_EV_KEY: Final = 1
_UP, _DOWN = 0, 1


class Press(StrEnum):
    """What letting the button go means."""

    NOTHING = "nothing"
    SETUP = "setup"
    WIPE = "wipe"


def meaning(held_s: float) -> Press:
    """Return what a press of so many seconds means."""
    if held_s < SETUP_AFTER_S or held_s >= STUCK_AFTER_S:
        return Press.NOTHING
    return Press.SETUP if held_s < WIPE_AFTER_S else Press.WIPE


class Presses:
    """Turns presses into what they mean; `now` is monotonic seconds.

    One that began before anybody looked has no beginning, and means nothing.
    """

    def __init__(self) -> None:
        self._since: float | None = None

    def down(self, now: float) -> None:
        """The button is held."""
        if self._since is None:
            self._since = now

    def up(self, now: float) -> Press:
        """It was let go; returns what that means."""
        since, self._since = self._since, None
        return Press.NOTHING if since is None else meaning(now - since)

    def pending(self, now: float) -> Press:
        """Return what letting go would mean now, for the light."""
        return Press.NOTHING if self._since is None else meaning(now - self._since)

    def changes(self) -> tuple[float, ...]:
        """Return the moments at which `pending` changes, none while the button is not held."""
        return () if self._since is None else tuple(self._since + held for held in (SETUP_AFTER_S, WIPE_AFTER_S, STUCK_AFTER_S))


def find_button(root: Path = Path("/")) -> Path | None:
    """Return the device of the button, such as ``/dev/input/event0``; None if this board has none."""
    for place in sorted((root / "sys/class/input").glob("event*")):
        try:
            if (place / "device/name").read_text().strip() == NAME:
                return root / "dev/input" / place.name
        except OSError:
            continue
    return None


class Button:
    """Reads the button's device.

    Args:
        path: the device.
        pressed: told what a press meant, unless it was nothing.
        pending: told what letting go would mean whenever that changes, for the light.

    """

    def __init__(self, path: Path, pressed: Callable[[Press], None], pending: Callable[[Press], None] = lambda _press: None) -> None:
        self._path = path
        self._pressed = pressed
        self._pending = pending
        self._presses = Presses()
        self._timers: list[asyncio.TimerHandle] = []

    async def run(self) -> None:
        """Read until cancelled; raises `OSError` if the device cannot be read, or goes away."""
        loop = asyncio.get_running_loop()
        descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        gone: asyncio.Future[None] = loop.create_future()
        try:
            loop.add_reader(descriptor, self._read, descriptor, gone)
            await gone
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)
            self._forget()

    def _read(self, descriptor: int, gone: asyncio.Future[None]) -> None:
        try:
            data = os.read(descriptor, _EVENT.size * 64)
            if not data:
                raise OSError("The button's device has ended.")  # noqa: TRY301 -- told like any other end of it
        except BlockingIOError:
            return
        except OSError as error:
            if not gone.done():
                gone.set_exception(error)
            return
        for start in range(0, len(data) - len(data) % _EVENT.size, _EVENT.size):
            _seconds, _micros, kind, _code, value = _EVENT.unpack_from(data, start)
            if kind == _EV_KEY:
                self._take(value)

    def _take(self, value: int) -> None:
        loop = asyncio.get_running_loop()
        if value == _DOWN:
            self._presses.down(loop.time())
            self._forget()
            self._timers = [loop.call_at(when, self._tell) for when in self._presses.changes()]
        elif value == _UP:
            self._forget()
            meant = self._presses.up(loop.time())
            self._pending(Press.NOTHING)
            if meant is not Press.NOTHING:
                self._pressed(meant)

    def _tell(self) -> None:
        self._pending(self._presses.pending(asyncio.get_running_loop().time()))

    def _forget(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers = []
