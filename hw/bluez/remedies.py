"""The steps of the recovery ladder, done and proved.

Every step looks afterwards whether it did what it says: a switch that BlueZ reports as turned, a device
that it lists no longer, a service that ended and came back. Without that proof it has failed. What takes
root's rights goes through the recovery helper (`hw.recover`); without one such a step is not possible.
"""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Literal

from hw.bluez.adapters import ADAPTER, devices, forget_device, is_in_use, power
from hw.bluez.bus import BluezBus, Change, ChangeKind
from hw.bluez.errors import BluezError
from hw.bluez.limits import BACK_TIMEOUT_S, BUSY_RETRY_S, BUSY_TRIES, FORGET_TIMEOUT_S, GONE_TIMEOUT_S, SWITCH_BACK_S, SWITCH_TIMEOUT_S
from hw.bluez.steps import Outcome, Step
from hw.recover.client import RecoverySocket
from hw.recover.protocol import Verb
from hw.rfkill import bluetooth_switches

_NO_HELPER = "The recovery helper is not set up."


class Remedies:
    """The steps for one adapter, or for the Bluetooth service alone.

    After every step `why` says more about it than its outcome, for people; it may be empty.

    Args:
        bus: the connection to BlueZ.
        adapter_path: ``/org/bluez/hci0``, listed now or not; empty for the service alone.
        helper: the recovery helper; None if there is none.
        root: where ``sys`` is.

    """

    def __init__(self, bus: BluezBus, adapter_path: str, helper: RecoverySocket | None = None, root: Path = Path("/")) -> None:
        self._bus = bus
        self._path = adapter_path
        self._name = adapter_path.rpartition("/")[2]
        self._helper = helper
        self._root = root
        self.why = ""

    async def take(self, step: Step, keep: Collection[str] = ()) -> Outcome:
        """Do one step; `keep` is for `forget_devices`. Never raises.

        A new scanner is for whoever scans: asked for here, it is not possible.
        """
        match step:
            case Step.POWER_CYCLE:
                return await self.power_cycle()
            case Step.FORGET_DEVICES:
                return await self.forget_devices(keep)
            case Step.RESET_ADAPTER:
                return await self.reset_adapter()
            case Step.RESTART_BLUETOOTH:
                return await self.restart_bluetooth()
            case Step.NEW_SCANNER:
                return self._say(Outcome.NOT_POSSIBLE, "Nothing is searched for here.")

    def blocked(self) -> Literal["soft", "hard"] | None:
        """Say whether rfkill holds the adapter: by software, by a button or the firmware, or not at all.

        A switch of the board counts only while the adapter has none of its own, as while it is gone.
        """
        switches = bluetooth_switches(self._root)
        mine = [switch for switch in switches if switch.name == self._name] or [s for s in switches if not s.name.startswith("hci")]
        if any(switch.hard for switch in mine):
            return "hard"
        return "soft" if any(switch.soft for switch in mine) else None

    async def power_cycle(self) -> Outcome:
        """Switch the adapter off, see that it is off, switch it on, see that it is on; every link over it ends.

        An adapter that rfkill holds by software is unblocked first, if there is a helper. One that is
        off already is only switched on.
        """
        if not self._is_listed():
            return self._say(Outcome.NOT_POSSIBLE, f"BlueZ does not list {self._name}.")
        blocked = self.blocked()
        if blocked == "hard":
            return self._say(Outcome.NOT_POSSIBLE, "A switch on the device, or its firmware, blocks the radio.")
        if blocked and (freed := await self.unblock()) is not Outcome.OK:
            return freed
        try:
            if self._is_powered():
                await self._switch(on=False)
            await self._switch(on=True)
        except asyncio.CancelledError:
            await self._switch_back()
            raise
        except BluezError as error:
            return self._say(Outcome.FAILED, _words(error))
        return self._say(Outcome.OK)

    async def forget_devices(self, keep: Collection[str] = ()) -> Outcome:
        """Make BlueZ forget the devices of the adapter, with what it believes to know of their services.

        Those that are connected stay, those that a person has paired, and those in `keep` (object paths
        or addresses).
        """
        if not self._is_listed():
            return self._say(Outcome.NOT_POSSIBLE, f"BlueZ does not list {self._name}.")
        stale = {device.path for device in devices(self._bus, self._path) if device.path not in keep and device.address not in keep}
        forgotten = set[str]()
        try:
            async with asyncio.timeout(FORGET_TIMEOUT_S):
                for path in stale:
                    if not is_in_use(self._bus, path):  # as it is now, not as it was before the others
                        await forget_device(self._bus, path)
                        forgotten.add(path)
            gone = await self._bus.until(lambda: forgotten.isdisjoint(self._bus.objects), GONE_TIMEOUT_S)
        except TimeoutError:
            return self._say(Outcome.FAILED, f"BlueZ takes too long to forget {len(stale)} devices.")
        except BluezError as error:
            return self._say(Outcome.FAILED, _words(error))
        if not gone:
            return self._say(Outcome.FAILED, "BlueZ still lists devices that it said it forgot.")
        return self._say(Outcome.OK, f"{len(forgotten)} forgotten")

    async def reset_adapter(self) -> Outcome:
        """Reset the adapter's hardware through the helper, and see that BlueZ lists it again afterwards."""
        gone = _Sight(
            self._bus, lambda change: change.kind is ChangeKind.REMOVED and change.path == self._path and change.interface == ADAPTER
        )
        with gone:
            asked = await self._ask(Verb.RESET_ADAPTER, self._name)
            if asked is not Outcome.OK:
                return asked
            try:
                # Some drivers reset their device without letting go of it; then nothing vanishes.
                await self._bus.until(lambda: gone.seen or not self._is_listed(), GONE_TIMEOUT_S)
                back = await self._bus.until(self._is_listed, BACK_TIMEOUT_S)
            except BluezError as error:
                return self._say(Outcome.FAILED, _words(error))
        return self._say(Outcome.OK) if back else self._say(Outcome.FAILED, f"{self._name} was reset and did not come back.")

    async def restart_bluetooth(self) -> Outcome:
        """Restart the Bluetooth service through the helper, and see that it ended and came back."""
        if not self._has_hardware():
            return self._say(Outcome.NOT_POSSIBLE, "The kernel has no such adapter, and restarting the service would not bring it.")
        was_there = self._bus.present
        ended = _Sight(self._bus, lambda change: change.kind is ChangeKind.OWNER and not self._bus.present)
        with ended:
            asked = await self._ask(Verb.RESTART_BLUETOOTH)
            if asked is not Outcome.OK:
                return asked
            try:
                back = await self._bus.until(lambda: self._bus.present and (ended.seen or not was_there), BACK_TIMEOUT_S)
            except BluezError as error:
                return self._say(Outcome.FAILED, _words(error))
        if back:
            return self._say(Outcome.OK)
        return self._say(Outcome.FAILED, "The service did not end." if self._bus.present else "The service did not come back.")

    async def unblock(self) -> Outcome:
        """Turn the adapter's rfkill switch through the helper, and see that nothing blocks it any more."""
        asked = await self._ask(Verb.UNBLOCK_RADIO, self._name)
        if asked is not Outcome.OK:
            return asked
        blocked = self.blocked()
        return self._say(Outcome.FAILED, f"The radio is still blocked ({blocked}).") if blocked else self._say(Outcome.OK)

    async def _ask(self, verb: Verb, adapter: str = "") -> Outcome:
        if self._helper is None:
            return self._say(Outcome.NOT_POSSIBLE, _NO_HELPER)
        answer = await self._helper.do(verb, adapter)
        if answer.ok:
            return Outcome.OK
        return self._say(Outcome.FAILED if answer.possible else Outcome.NOT_POSSIBLE, answer.why)

    async def _switch(self, *, on: bool) -> None:
        """Turn the adapter's switch and see that it is turned.

        Raises:
            BluezError: it is not.

        """
        for attempt in range(BUSY_TRIES):
            try:
                await power(self._bus, self._path, on)
                break
            except BluezError as error:
                if not error.is_("Busy") or attempt == BUSY_TRIES - 1:
                    raise
            await asyncio.sleep(BUSY_RETRY_S)
        turned = await self._bus.until(lambda: self._is_powered() == on or not self._is_listed(), SWITCH_TIMEOUT_S)
        if not self._is_listed():
            raise BluezError("org.bluez.Error.DoesNotExist", f"{self._name} vanished.")
        if not turned:
            raise BluezError("org.bluez.Error.Failed", f"{self._name} stays {'off' if on else 'on'}, although BlueZ agreed to switch it.")

    async def _switch_back(self) -> None:
        with suppress(BluezError, TimeoutError):
            async with asyncio.timeout(SWITCH_BACK_S):
                await power(self._bus, self._path, on=True)

    def _is_listed(self) -> bool:
        return ADAPTER in self._bus.objects.get(self._path, {})

    def _is_powered(self) -> bool:
        return bool(self._bus.get(self._path, ADAPTER, "Powered", default=False))

    def _has_hardware(self) -> bool:
        place = self._root / "sys/class/bluetooth"
        return (place / self._name).exists() if self._name else any(place.glob("hci*"))

    def _say(self, outcome: Outcome, why: str = "") -> Outcome:
        self.why = why
        return outcome


class _Sight:
    """Remembers, while it is used, whether a change of a certain sort was seen."""

    def __init__(self, bus: BluezBus, wanted: Callable[[Change], bool]) -> None:
        self._bus = bus
        self._wanted = wanted
        self.seen = False

    def __enter__(self) -> None:
        self._unwatch = self._bus.watch(self._look)

    def __exit__(self, *_: object) -> None:
        self._unwatch()

    def _look(self, change: Change) -> None:
        self.seen = self.seen or self._wanted(change)


def _words(error: BluezError) -> str:
    return error.text or error.name.rpartition(".")[2]
