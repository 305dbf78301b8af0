"""The Bluetooth transport with phones whose sockets are here: everything of it but D-Bus, bluetoothd and the air.

Each phone is notified through a socket of its own, as BlueZ 5.82 does it. Its frames come in through another, read as
bleak reads the notifications of a phone that we dialled; what a phone writes that dialled us would come over D-Bus.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from random import Random

from hw.bluez.adapter_pace import loop_pace
from hw.bluez.adapters import Adapter, Role, Wish
from hw.bluez.central import Central
from hw.bluez.peripheral import PeripheralEvents, Profile
from hw.bluez.steps import Outcome, Step
from hw.bluez.subscriptions import Setting, Subscriptions
from transports.ble.config import BleConfig
from transports.ble.edge import Heard, Remote, Sink
from transports.ble.transport import BleTransport

ADAPTER = Adapter(
    "/org/bluez/hci0", "hci0", powered=True, address="00:00:00:00:00:01", roles=Role.PERIPHERAL, bluez=(5, 82), advertisements=1
)
ATT_MTU = 517
UNPACED = 1e12  # bytes a second: what is measured here is the processor, not a link's pace


class PhoneEnd:
    """What BlueZ holds for one phone; used like one socket."""

    def __init__(self, into: int, notify: int) -> None:
        self._into, self._notify = socket.socket(fileno=into), socket.socket(fileno=notify)
        self.send, self.recv, self.fileno = self._into.send, self._notify.recv, self._notify.fileno

    @property
    def descriptors(self) -> tuple[int, int]:
        return self._into.fileno(), self._notify.fileno()

    def settimeout(self, seconds: float) -> None:
        """Wait so long for room and for frames."""
        self._into.settimeout(seconds)
        self._notify.settimeout(seconds)

    def close(self) -> None:
        """Unsubscribe."""
        self._into.close()
        self._notify.close()


class _Bus:
    """Where a phone's connection is ended; here nothing is connected."""

    async def call(self, *_call: object) -> list[object]:
        return []


class _Advertiser:
    """So many phones subscribe as soon as it runs."""

    def __init__(self, count: int, events: PeripheralEvents, hand_over: Callable[[list[PhoneEnd]], None]) -> None:
        self.ready = asyncio.Event()
        self.counters: Counter[str] = Counter()
        self._count = count
        self._events = events
        self._hand_over = hand_over

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        setting = Setting(
            _Bus(),
            self._events,
            path="/",
            own_sockets=True,
            pace=loop_pace(UNPACED, is_learning=False),
            turn_away=lambda _device: None,
            counters=self.counters,
        )
        phones = Subscriptions(setting)
        ends, ours = [], []
        for number in range(self._count):
            notify = phones.acquire_notify(f"{ADAPTER.path}/dev_{number:02X}_00_00_00_00_C0", ATT_MTU)
            near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            near.setblocking(False)
            ours.append(near)
            ends.append(PhoneEnd(far.detach(), notify))
        for near, central in zip(ours, phones.centrals, strict=True):
            loop.add_reader(near, self._read, near, central)
        self.ready.set()
        self._hand_over(ends)
        try:
            await loop.create_future()
        finally:
            for near in ours:
                loop.remove_reader(near)
                near.close()
            phones.close("the measurement is over")

    def _read(self, near: socket.socket, central: Central) -> None:
        frame = near.recv(ATT_MTU)
        if frame:
            self._events.wrote(central, frame)
        else:
            asyncio.get_running_loop().remove_reader(near)


class _Host:
    """A machine with one adapter, which is its own radio and needs no cure."""

    present = True
    why = ""

    def __init__(self, phones: int, hand_over: Callable[[list[PhoneEnd]], None]) -> None:
        self._phones = phones
        self._hand_over = hand_over

    def adapters(self) -> Sequence[Adapter]:
        return [ADAPTER]

    def epoch(self, _path: str) -> int:
        return 0

    def watch(self, _listener: Callable[[], None]) -> Callable[[], None]:
        return lambda: None

    async def start_service(self) -> None:
        return None

    async def lost(self) -> str:
        return await asyncio.get_running_loop().create_future()

    async def close(self) -> None:
        return None

    def radio(self, _adapter: Adapter) -> "_Host":
        return self

    def curing(self, _path: str) -> "_Host":
        return self

    def peripheral(self, _profile: Profile, events: PeripheralEvents) -> _Advertiser:
        return _Advertiser(self._phones, events, self._hand_over)

    async def start_scan(self, _hear: Callable[[Heard], None]) -> None:
        return None

    async def stop_scan(self) -> None:
        return None

    async def dial(self, _heard: Heard, _sink: Sink) -> Remote:
        raise NotImplementedError

    def remembered(self) -> tuple[str, ...]:
        """Nobody."""
        return ()

    def connected(self) -> list[str]:
        return []

    async def forget(self, _device: str) -> None:
        return None

    async def take(self, _step: Step, _keep: Collection[str] = ()) -> Outcome:
        return Outcome.NOT_POSSIBLE

    def blocked(self) -> None:
        return None


def radio(phones: int, hand_over: Callable[[list[PhoneEnd]], None]) -> BleTransport:
    """Return the transport; once it runs, `hand_over` gets the phones' ends."""
    config = BleConfig(wishes=(Wish("hci0", Role.PERIPHERAL),), max_peripheral=phones)

    async def open_host() -> _Host:
        return _Host(phones, hand_over)

    return BleTransport(config, Random("radio"), open_host=open_host)
