"""What may be asked of a running gateway from outside, whichever way the wish comes; each is reported in a sentence.

A bridge that was switched off stays off over a restart: a power cut must not open what somebody has closed.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from gateway.admin.audit import Witness, nobody
from gateway.errors import GatewayError
from gateway.mesh.events import MeshEvent, Offer, Say, SwitchBridge
from gateway.store.audit import Action, Actor
from hw.durable import put_in_place, sync

if TYPE_CHECKING:
    from hw.bluez.steps import Step

RESTART_S: Final = 1.0  # seconds until a restart begins, so that it can be answered
YOUNG_S: Final = 60.0  # seconds after a start in which no further one is begun: a wish that comes again must not keep the gateway down
NOTE_FILE = "bridge-off"
"""In the state directory: the bridge was switched off while it ran."""

_NOTE = b"Somebody has switched the bridge off. While this file is there, nothing crosses to other sites.\n"


class SteeringError(GatewayError):
    """A wish that cannot be fulfilled; the text says why."""


class Radio(Protocol):
    """What can be asked of the radio."""

    async def reset(self, adapter: str | None, step: "Step" = ...) -> tuple[str, ...]:
        """Take a step of the recovery ladder; returns how it went."""


class Steering:
    """Fulfils wishes while the gateway runs.

    Args:
        note: the file that says that the bridge is switched off.
        offers: what to announce with the bridge on, and with it off.
        report: told one sentence per wish that was fulfilled.
        has_bridge: whether the configuration lets anything cross at all.
        witness: notes each of them.

    `restarts` says whether the gateway is to start again once it has stopped, and `stays`, why it cannot.

    """

    def __init__(
        self, note: Path, offers: Callable[[bool], Offer], report: Callable[[str], None], *, has_bridge: bool, witness: Witness = nobody
    ) -> None:
        self._note = note
        self._offers = offers
        self._report = report
        self._witness = witness
        self.has_bridge = has_bridge
        self._send: Callable[[MeshEvent], None] | None = None
        self._stop = asyncio.Event()
        self._switching = asyncio.Lock()
        self._started = 0.0
        self.restarts = False
        self.stays = ""
        self.is_off = has_bridge and note.exists()

    def begin(self, send: Callable[[MeshEvent], None], stop: asyncio.Event) -> None:
        """Take wishes from now on.

        Args:
            send: hands the engine an event.
            stop: stops the gateway.

        """
        self._send, self._stop, self._started = send, stop, asyncio.get_running_loop().time()
        if self.is_off:
            self._report("The bridge stays switched off, as somebody left it: nothing crosses to other sites.")

    async def switch_bridge(self, by: Actor, *, on: bool) -> None:
        """Let nothing cross, or again what the configuration lets through; one wish after the other.

        Args:
            by: which way the wish came.
            on: whether it is to be on.

        Raises:
            SteeringError: it cannot be written down; a bridge to be switched on is still off then, and one to be
                switched off is off until the next start.

        """
        async with self._switching:
            if on:
                await self._write_down(on=True)
            self._tell(SwitchBridge(on))
            self._tell(self._offers(on))
            if self.is_off is on:
                self._report(f"The bridge was switched {'on' if on else 'off'} {by.way}.")
                self._witness(by, Action.BRIDGE_SWITCHED, "on" if on else "off")
            self.is_off = not on
            if not on:
                await self._write_down(on=False)

    async def restart(self, by: Actor, who: str = "", uid: int | None = None) -> None:
        """Stop in a moment, and start again.

        Args:
            by: which way the wish came.
            who: asks, where that way has names.
            uid: of whoever asks, where it has users.

        Raises:
            SteeringError: the gateway has only just started, or nobody would start it again.

        """
        if self.stays:
            raise SteeringError(self.stays)
        loop = asyncio.get_running_loop()
        if loop.time() - self._started < YOUNG_S:
            raise SteeringError(f"The gateway has only just started; ask again in {YOUNG_S:.0f} seconds.")
        if not self.restarts:
            self.restarts = True
            self._report(f"The gateway restarts, as was asked for {by.way}.")
            self._witness(by, Action.RESTART_ASKED, who, uid)
            loop.call_later(RESTART_S, self._stop.set)

    async def rescan(self, radio: Radio, by: Actor) -> tuple[str, ...]:
        """Let the radio search anew; returns how it went."""
        from hw.bluez.steps import Step  # noqa: PLC0415 -- dbus-fast is an extra

        self._report(f"The radio searches anew, as was asked for {by.way}.")
        self._witness(by, Action.RADIO_RESET, f"{Step.NEW_SCANNER.value}, every adapter")
        return await radio.reset(None, Step.NEW_SCANNER)

    async def say(self, text: str, by: Actor) -> None:
        """Send a public message in the gateway's own name to everybody near."""
        self._tell(Say(text))
        self._report(f"A notice was sent to the mesh, as was asked for {by.way}.")
        self._witness(by, Action.NOTICE_SENT)

    def _tell(self, event: MeshEvent) -> None:
        if self._send is None:
            raise SteeringError("The gateway does not run yet.")
        self._send(event)

    async def _write_down(self, *, on: bool) -> None:
        try:
            await (asyncio.to_thread(_remove, self._note) if on else asyncio.to_thread(put_in_place, self._note, _NOTE))
        except OSError as error:
            ends = "so it stays off" if on else "so it is off only until the next start"
            raise SteeringError(f"{self._note} cannot be {'removed' if on else 'written'}: {error.strerror}; {ends}.") from error


def _remove(note: Path) -> None:
    note.unlink(missing_ok=True)
    sync(note.parent)
