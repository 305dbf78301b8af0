"""The button and the light of a box, where there are any: shows how the gateway is, and does what a long press asks for."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from gateway.admin.audit import Witness, nobody
from gateway.status import Severity
from gateway.store.audit import Action, Actor
from hw.button import Button, Press, find_button
from hw.leds import Light, Signal

LOOK_S: Final = 2.0  # seconds between two looks at how the gateway is
_PENDING: Final = {Press.SETUP: Signal.SETUP, Press.WIPE: Signal.WIPE}
_STATES: Final = {None: Signal.WELL, Severity.NOTICE: Signal.WELL, Severity.WARNING: Signal.WARNING, Severity.ERROR: Signal.ERROR}


class Panel:
    """The button and the light.

    Args:
        worst: how grave the gravest thing is that is wrong with the gateway, None if nothing is; asked every `LOOK_S`.
        setup: opens setup mode.
        wipe: erases what the gateway knows.
        report: told one sentence when a device cannot be used, or something was asked for.
        root: where ``sys`` and ``dev`` are.
        witness: notes what was asked for.

    """

    def __init__(
        self,
        worst: Callable[[], Severity | None],
        setup: Callable[[], None],
        wipe: Callable[[], Awaitable[object]],
        report: Callable[[str], None],
        root: Path = Path("/"),
        witness: Witness = nobody,
    ) -> None:
        self._worst = worst
        self._setup = setup
        self._wipe = wipe
        self._report = report
        self._root = root
        self._pending = Press.NOTHING
        self._light: Light | None = None
        self._witness = witness
        self._wiping: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serve what there is until cancelled; a box without either is the usual one, and nothing is said of it."""
        tasks = []
        try:
            self._light = Light(self._root)
            tasks += [self._kept(self._light.run(), "light"), self._kept(self._look(), "light")]
        except FileNotFoundError:
            pass
        except OSError as error:
            self._report(f"The light cannot be used: {error.strerror}. See: meshgate units panel.rules.")
        path = find_button(self._root)
        if path is not None:
            tasks.append(self._kept(Button(path, self._pressed, self._show).run(), "button"))
        await asyncio.gather(*tasks)

    async def _kept(self, work: Awaitable[None], name: str) -> None:
        try:
            await work
        except OSError as error:
            self._report(f"The {name} cannot be used: {error.strerror or error}. See: meshgate units --panel.")

    async def _look(self) -> None:
        while True:
            self._show(self._pending)
            await asyncio.sleep(LOOK_S)

    def _show(self, pending: Press) -> None:
        self._pending = pending
        if self._light is not None:
            self._light.show(self._signal(pending))

    def _signal(self, pending: Press) -> Signal:
        if self._wiping is not None and not self._wiping.done():
            return Signal.WIPE
        return _PENDING.get(pending) or _STATES[self._worst()]

    def _pressed(self, press: Press) -> None:
        if press is Press.SETUP:
            self._report("The button was held: setup mode.")
            self._setup()
        elif press is Press.WIPE and self._wiping is None:
            self._report("The button was held for long: everything is erased.")
            self._witness(Actor.BUTTON, Action.WIPE_ASKED)
            self._wiping = asyncio.create_task(self._erase(), name="wipe")
            self._show(Press.NOTHING)

    async def _erase(self) -> None:
        await self._wipe()
