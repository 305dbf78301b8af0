"""Which phones have subscribed, and how frames get to them and come from them.

Writes come one by one, each with its device.

BlueZ tells of every subscription with AcquireNotify, as long as it has no socket that would do for the phone.
Since 5.69 it takes a notify socket for each phone; before, it would take one for all and never tell of the second
phone, so there it gets none: it is told that acquiring failed, and notifies all the same what it hears as the
characteristic's Value. That way goes to everybody at once.

The sockets have a fault up to 5.87 at least (bluez issue 1452): when a phone disconnects, BlueZ closes the socket of
the one that subscribed first, too, and never asks for another as long as that one stays connected. Ending its
connection would take the next one's socket. So a phone whose socket is closed while it is connected is not
gone: it is notified the shared way from then on. Only BlueZ's word that a device is not connected means that.

What goes the shared way is cut to what the connection of each listener carries, so it must fit the smallest. When
that becomes smaller, those who depend on the shared way leave and arrive again with the new size.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from hw.bluez.adapter_pace import AdapterPace
from hw.bluez.bus import BluezBus
from hw.bluez.central import Central, PeripheralEvents, frame_size
from hw.bluez.errors import BluezError
from hw.bluez.limits import MAX_CENTRALS, MAX_VALUE, MIN_MTU, SOCKET_END_S
from hw.bluez.shared_outlet import SharedOutlet
from hw.bluez.sockets import Outlet, socket_pair
from hw.bluez.window import Window

FAILED: Final = "org.bluez.Error.Failed"  # the one refusal of AcquireNotify after which BlueZ leaves it at that
BAD_LENGTH: Final = "org.bluez.Error.InvalidValueLength"


@dataclass(frozen=True, slots=True)
class Setting:
    """What subscriptions work with."""

    bus: BluezBus
    events: PeripheralEvents
    path: str  # of the characteristic
    own_sockets: bool  # whether BlueZ takes a notify socket for each phone
    pace: AdapterPace
    turn_away: Callable[[str], None]  # ends the connection with a device, in its own time
    counters: Counter[str] = field(default_factory=Counter)


class _Phone:
    """One subscription; `central` is None while its frames would be too small to be of use."""

    def __init__(self, device: str, size: int) -> None:
        self.device = device
        self.size = size  # largest frame of its connection in bytes
        self.central: Central | None = None
        self.outlet: Outlet | None = None  # None: it is notified the shared way
        self.deaf: asyncio.TimerHandle | None = None  # its socket was closed, and soon it is clear why


class Subscriptions:
    """What BlueZ tells of phones, by the path of their device.

    An `mtu` here is that of the ATT bearer, as BlueZ gives it. Refusals are raised as `BluezError`; a descriptor
    that is returned is BlueZ's end of a socket and the caller's to close.
    """

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._counters = setting.counters
        self._phones: dict[str, _Phone] = {}
        self._refused: dict[Central, None] = {}  # those who wait for the shared way
        self._window = Window()
        self._shared = SharedOutlet(setting.bus, setting.path, setting.pace, self._on_shared_room)

    @property
    def centrals(self) -> Collection[Central]:
        """The phones that are here."""
        return [phone.central for phone in self._phones.values() if phone.central is not None]

    def count(self) -> Counter[str]:
        """Return what was counted until now."""
        counters = self._counters.copy()
        for phone in self._phones.values():
            if phone.outlet is not None:
                _fold(counters, phone.outlet)
        return counters

    def acquire_notify(self, device: str, mtu: int) -> int:
        """Take a phone that subscribes.

        Raises:
            BluezError: it gets no socket: it is notified the shared way, or turned away.

        """
        old = self._phones.get(device)
        if old is not None and old.outlet is not None and not old.outlet.is_ended:
            raise BluezError(FAILED, "this device has subscribed")  # BlueZ keeps the first socket and would forget the second
        self._leave(device, "subscribed anew")
        if len(self._phones) >= MAX_CENTRALS:
            self._counters["turned_away"] += 1
            self._setting.turn_away(device)
            raise BluezError(FAILED, "too many devices have subscribed")
        self._phones[device] = phone = _Phone(device, frame_size(mtu))
        theirs = None
        if self._setting.own_sockets:
            ours, theirs = socket_pair()
            phone.outlet = Outlet(ours, self._setting.pace, partial(self._on_room, phone), partial(self._on_closed, phone))
        self._settle(phone)
        if theirs is None:
            raise BluezError(FAILED, "this device is notified with the others")
        return theirs.detach()

    def write(self, device: str, mtu: int, frame: bytes) -> None:
        """Take what a phone wrote.

        Raises:
            BluezError: it is no frame: empty, or longer than a GATT value may be.

        """
        phone = self._phones.get(device)
        if phone is not None and phone.central is None and frame_size(mtu) > phone.size:  # its connection has agreed on more
            phone.size = frame_size(mtu)
            self._settle(phone)
        if phone is None or phone.central is None:
            self._counters["unsubscribed"] += 1
        elif not 0 < len(frame) <= MAX_VALUE:
            self._counters["malformed"] += 1
            raise BluezError(BAD_LENGTH, f"{len(frame)} bytes are no frame")
        else:
            self._counters["writes"] += 1
            self._setting.events.wrote(phone.central, frame)

    def gone(self, device: str) -> None:
        """Take leave of a device that is not connected any more."""
        self._leave(device, "disconnected")

    def close(self, why: str) -> None:
        """Take leave of everybody."""
        self._shared.close()
        for device in tuple(self._phones):
            self._leave(device, why)

    # Coming and going

    def _settle(self, phone: _Phone) -> None:
        if phone.size < MIN_MTU:
            self._counters["small_mtu"] += 1
            return
        self._arrive(phone)
        self._fit()

    def _arrive(self, phone: _Phone) -> None:
        if phone.outlet is None:
            size = self._smallest(phone.size)
        else:
            size = phone.outlet.longest = phone.size
        phone.central = central = Central(self._setting.bus, phone.device, size, phone.outlet)
        self._window.join(central)
        self._aim(phone)
        self._setting.events.arrived(central)

    def _fit(self) -> None:
        """Make frames that go the shared way as small as its smallest listener needs."""
        for phone in tuple(self._phones.values()):
            if phone.outlet is None and phone.central is not None and phone.central.mtu > self._smallest(phone.size):
                self._part(phone, "a phone has come that takes shorter frames only")
                self._arrive(phone)

    def _smallest(self, size: int) -> int:
        return min((size, *(phone.size for phone in self._phones.values() if phone.size >= MIN_MTU)))

    def _leave(self, device: str, why: str) -> None:
        phone = self._phones.pop(device, None)
        if phone is None:
            return
        if phone.outlet is not None:
            phone.outlet.close()
            _fold(self._counters, phone.outlet)
        if phone.deaf is not None:
            phone.deaf.cancel()
        self._part(phone, why)

    def _part(self, phone: _Phone, why: str) -> None:
        central, phone.central = phone.central, None
        if central is not None:
            central.end()
            self._window.leave(central)
            self._refused.pop(central, None)
            self._setting.events.left(central, why)

    # Frames

    def _aim(self, phone: _Phone) -> None:
        """Let the frames for a phone go straight into its socket, unless some may have reached it the shared way."""
        central, outlet = phone.central, phone.outlet
        if central is not None:
            central.send = outlet.send if outlet is not None and self._window.is_unused else partial(self._send, phone, central)

    def _send(self, phone: _Phone, central: Central, frame: bytes) -> bool:
        if not 0 < len(frame) <= central.mtu:
            raise ValueError(f"a frame of {len(frame)} bytes for a phone that takes 1 to {central.mtu}")
        outlet = phone.outlet
        if self._window.has_sent(central, frame):
            self._counters["shared"] += 1
            central.sent_shared += 1
            return True
        if outlet is not None:
            self._window.skip(central)
            return outlet.send(frame)
        sent = self._shared.send(frame, len(self._phones))
        central.sent_shared += sent
        central.refused_shared += not sent
        if sent:
            was_unused = self._window.is_unused
            self._window.sent(central, frame)
            if was_unused:
                for other in self._phones.values():
                    self._aim(other)
        else:
            self._refused[central] = None
        self._counters["notifications" if sent else "refused"] += 1
        return sent

    def _on_room(self, phone: _Phone) -> None:
        if phone.central is not None:
            self._setting.events.writable(phone.central)

    def _on_shared_room(self) -> None:
        waiting, self._refused = self._refused, {}
        while waiting and not self._shared.is_full:
            central = next(iter(waiting))
            del waiting[central]
            self._setting.events.writable(central)
        self._refused = waiting | self._refused  # whoever has not had a turn comes first

    def _on_closed(self, phone: _Phone) -> None:
        """BlueZ has closed a notify socket; that the device is not connected comes another way, and not always first."""
        phone.deaf = asyncio.get_running_loop().call_later(SOCKET_END_S, self._on_still_here, phone)

    def _on_still_here(self, phone: _Phone) -> None:
        """Notify a phone the shared way from now on: BlueZ has closed the wrong socket, or it has unsubscribed and does not mind."""
        if phone.outlet is not None:
            _fold(self._counters, phone.outlet)
        phone.deaf = phone.outlet = None
        self._aim(phone)
        self._counters["socket_lost"] += 1
        self._fit()
        if phone.central is not None:
            self._refused[phone.central] = None  # it may have waited for room in the socket
            self._on_shared_room()


def _fold(counters: Counter[str], outlet: Outlet) -> None:
    """Add what an outlet has counted to the counters of all."""
    counters["notifications"] += outlet.sent
    counters["refused"] += outlet.refused
