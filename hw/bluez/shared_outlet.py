"""The way to all phones at once: a new Value of the characteristic, which BlueZ notifies to everybody who has subscribed.

It goes over D-Bus, where two things need care. dbus-fast takes a full socket for the end of the connection, and
BlueZ queues without a bound what it is told. So no more than a few frames are ahead of what BlueZ is known to
have read: it answers a ping in its turn, and only after everything before it.

Source: BlueZ ``org.bluez.GattCharacteristic1.Value``; ``org.freedesktop.DBus.Peer.Ping``.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from hw.bluez.adapter_pace import AdapterPace
from hw.bluez.bus import BluezBus
from hw.bluez.errors import NO_REPLY, BluezError
from hw.bluez.limits import SHARED_AHEAD

CHARACTERISTIC: Final = "org.bluez.GattCharacteristic1"
_PEER: Final = "org.freedesktop.DBus.Peer"


class SharedOutlet:
    """Frames go into it, no faster than the radio carries them to everybody.

    Args:
        bus: the connection to BlueZ.
        path: of the characteristic.
        pace: of the adapter; each listener counts.
        room: called when a frame was refused and another may be tried.

    """

    def __init__(self, bus: BluezBus, path: str, pace: AdapterPace, room: Callable[[], None]) -> None:
        self._bus = bus
        self._path = path
        self._allowance = pace.allowance(self._on_turn)
        self._room = room
        self._ahead = 0  # frames of which BlueZ has not yet been heard to have read them
        self._awaits_turn = False
        self._proof: asyncio.Task[None] | None = None

    @property
    def is_full(self) -> bool:
        """Whether the next frame would be refused; `room` follows."""
        return self._awaits_turn or self._ahead >= SHARED_AHEAD

    def send(self, frame: bytes, listeners: int) -> bool:
        """Notify one frame to all; False means that it was not taken and that `room` follows."""
        if self.is_full:
            return False
        self._allowance.listeners = listeners
        cost = len(frame) * listeners
        self._awaits_turn = not self._allowance.ask(cost)
        if self._awaits_turn:
            return False
        self._allowance.level -= cost
        self._bus.tell(self._path, CHARACTERISTIC, "Value", "ay", frame)
        self._ahead += 1
        if self._proof is None and self._ahead >= SHARED_AHEAD // 2:
            self._proof = asyncio.create_task(self._prove())
        return True

    def close(self) -> None:
        """Stop everything; nothing is told any more."""
        self._allowance.close()
        if self._proof is not None:
            self._proof.cancel()
            self._proof = None

    def _on_turn(self) -> None:
        self._awaits_turn = False
        if not self.is_full:
            self._room()

    async def _prove(self) -> None:
        while self._ahead >= SHARED_AHEAD // 2:
            count = self._ahead
            try:
                await self._bus.call("/", _PEER, "Ping")
            except BluezError as error:
                if error.name == NO_REPLY and self._bus.present:
                    continue
                return  # BlueZ or the bus is gone, and with it everybody who listened
            was_full = self.is_full
            self._ahead -= count
            if was_full and not self.is_full:
                self._room()
        self._proof = None
