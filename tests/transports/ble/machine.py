"""A machine with Bluetooth adapters on an air in memory: the twin of BlueZ behind `transports.ble.edge`.

Its time is that of `tests.testing.virtual_loop`.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from random import Random

from hw.bluez.adapter_pace import loop_pace
from hw.bluez.adapters import Adapter, BluetoothUnavailableError, Trouble
from hw.bluez.errors import DISCONNECTED, NO_OWNER, NOT_READY, REMOVED, BluezError
from hw.bluez.steps import Outcome, Step
from tests.transports.ble.air import Air, Connection, Ear
from transports.ble.config import BleConfig
from transports.ble.edge import DialError, DialFailure, Heard
from transports.ble.transport import BleTransport

HCI = "/org/bluez/"
UNPACED = 1e12  # bytes a second


class Controller(Ear):
    """One adapter of a machine: an ear with a name, a switch and faults."""

    def __init__(self, name: str, address: str) -> None:
        super().__init__(address)
        self.name = name
        self.powered = True
        self.plugged = True
        self.stuck: dict[str, Step] = {}  # "scan", "advertise", "dial": fails until this step was taken
        self.epoch = 0
        self.running: set[TwinPeripheral] = set()
        self.forgotten: list[str] = []
        self.remembered: set[str] = set()  # addresses of an earlier day, whose advertisements BlueZ tells nobody of
        self.known: set[str] = set()  # those of today

    @property
    def path(self) -> str:
        return HCI + self.name

    def adapter(self) -> Adapter:
        return Adapter(self.path, self.name, powered=self.powered, address=self.address, bluez=(5, 82), advertisements=5)

    def break_down(self, error: BluezError) -> None:
        """Everything that was set up is gone."""
        self.epoch += 1
        self.hear = None
        self.hang_up_all(error.text)
        for peripheral in tuple(self.running):
            peripheral.fail(error)


class Machine:
    """Adapters, a Bluetooth service and a bus, all of which can be taken away."""

    def __init__(self, air: Air, *addresses: str, helper: bool = True) -> None:
        self.air = air
        self.controllers = [Controller(f"hci{number}", address) for number, address in enumerate(addresses)]
        self.helper = helper
        self.bus = True
        self.service = True
        self.starts_service = True  # the bus can start it
        self.hosts: list[TwinHost] = []
        self.steps: Counter[Step] = Counter()
        for controller in self.controllers:
            air.join(controller)

    async def open(self) -> "TwinHost":
        if not self.bus:
            raise BluetoothUnavailableError(Trouble.NO_BUS)
        host = TwinHost(self)
        self.hosts.append(host)
        return host

    def transport(self, report: Callable[[str], None] = lambda _sentence: None, **config: object) -> BleTransport:
        return BleTransport(BleConfig(**config), Random(1), report, self.open)

    def changed(self) -> None:
        for host in self.hosts:
            for listener in tuple(host.listeners):
                listener()

    def lose_bus(self, *, comes_back: bool = True) -> None:
        self.bus = comes_back
        for host in self.hosts:
            host.lose("the daemon was killed")

    def kill_service(self) -> None:
        self.service = False
        for controller in self.controllers:
            controller.break_down(BluezError(NO_OWNER, "the service was killed"))
        self.changed()

    def start_service(self) -> None:
        self.service = True
        self.changed()

    def unplug(self, controller: Controller) -> None:
        controller.plugged = False
        controller.break_down(BluezError(REMOVED, "unplugged"))
        self.changed()

    def plug(self, controller: Controller) -> None:
        controller.plugged = True
        self.changed()

    def switch(self, controller: Controller, *, on: bool) -> None:
        controller.powered = on
        if not on:
            controller.break_down(BluezError(NOT_READY, "switched off"))
        self.changed()


class TwinHost:
    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.listeners: list[Callable[[], None]] = []
        self._loss: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def present(self) -> bool:
        return self.machine.service

    def adapters(self):
        return [one.adapter() for one in self.machine.controllers if one.plugged] if self.present else []

    def epoch(self, path: str) -> int:
        return self._controller(path).epoch

    def watch(self, listener: Callable[[], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    async def start_service(self) -> None:
        await asyncio.sleep(0.2)
        if self.machine.starts_service:
            self.machine.start_service()

    async def lost(self) -> str:
        return await asyncio.shield(self._loss)

    def lose(self, why: str) -> None:
        if not self._loss.done():
            for controller in self.machine.controllers:
                controller.break_down(BluezError(DISCONNECTED, why))
            self._loss.set_result(why)

    def radio(self, adapter: Adapter) -> "TwinRadio":
        return TwinRadio(self.machine, self._controller(adapter.path))

    def curing(self, path: str) -> "TwinCuring":
        return TwinCuring(self.machine, self._controller(path) if path else None)

    async def close(self) -> None:
        self.machine.hosts.remove(self)

    def _controller(self, path: str) -> Controller:
        return next(one for one in self.machine.controllers if one.path == path)


class TwinCuring:
    def __init__(self, machine: Machine, controller: Controller | None) -> None:
        self.why = ""
        self.machine = machine
        self.controller = controller
        self.kept: list[set[str]] = []

    async def take(self, step: Step, keep=()) -> Outcome:
        self.machine.steps[step] += 1
        self.kept.append(set(keep))
        if step in (Step.RESET_ADAPTER, Step.RESTART_BLUETOOTH) and not self.machine.helper:
            self.why = "there is no helper"
            return Outcome.NOT_POSSIBLE
        await asyncio.sleep(1.0)
        if self.controller is not None:
            self.controller.stuck = {what: cure for what, cure in self.controller.stuck.items() if cure is not step}
        if step is Step.RESTART_BLUETOOTH:
            self.machine.kill_service()
            await asyncio.sleep(0.5)
            self.machine.start_service()
        elif step is Step.RESET_ADAPTER:
            self.machine.plug(self.controller)
        elif step is Step.POWER_CYCLE:
            if "power" in self.controller.stuck:
                return Outcome.FAILED
            self.machine.switch(self.controller, on=False)
            self.machine.switch(self.controller, on=True)
        return Outcome.OK

    def blocked(self) -> str | None:
        return None


class TwinRadio:
    def __init__(self, machine: Machine, controller: Controller) -> None:
        self.machine = machine
        self.controller = controller
        self.pace = loop_pace(UNPACED, is_learning=False)

    def peripheral(self, profile, events) -> "TwinPeripheral":
        return TwinPeripheral(self.controller, profile, events)

    async def start_scan(self, hear: Callable[[Heard], None]) -> None:
        self._check("scan")

        def heard(ear: Ear) -> None:
            if ear.address in self.controller.remembered:
                return
            device = f"{self.controller.path}/dev_{ear.address}"
            hear(Heard(device, ear.address, is_random=not isinstance(ear, Controller), rssi=ear.rssi, tag=ear.tag))

        self.controller.hear = heard

    async def stop_scan(self) -> None:
        self.controller.hear = None

    async def connect(self, heard: Heard) -> None:
        try:
            self._check("dial")
        except BluezError as error:
            raise DialError(DialFailure.ABORTED if error.is_("InProgress") else DialFailure.CUT_OFF) from None
        await self.machine.air.reach(self.controller, heard)

    async def subscribe(self, heard: Heard, sink) -> "TwinRemote":
        connection = self.machine.air.connect(self.controller, heard, sink.received, sink.lost)
        await asyncio.sleep(2 * self.machine.air.latency)
        if connection.ended:
            raise DialError(DialFailure.ABORTED)
        return TwinRemote(connection)

    async def hang_up(self, device: str) -> None:
        for connection in tuple(self.controller.connections):
            if device.endswith((connection.called.address, connection.caller.address)):
                connection.end("hung up")

    def remembered(self) -> list[str]:
        return sorted(f"{self.controller.path}/dev_{address}" for address in self.controller.remembered | self.controller.known)

    def connected(self) -> list[str]:
        callers = {connection.caller for connection in self.controller.connections} - {self.controller}
        return [f"{self.controller.path}/dev_{caller.address}" for caller in callers]

    async def forget(self, device: str) -> None:
        self.controller.forgotten.append(device)
        for addresses in (self.controller.remembered, self.controller.known):
            addresses.discard(device.rpartition("_")[2])

    def _check(self, what: str) -> None:
        if not (self.machine.service and self.controller.plugged and self.controller.powered):
            raise BluezError(NOT_READY)
        if what in self.controller.stuck:
            raise BluezError("org.bluez.Error.InProgress")


class TwinRemote:
    def __init__(self, connection: Connection) -> None:
        self.mtu = connection.mtu
        self._connection = connection

    async def write(self, frame: bytes, *, answered: bool) -> None:
        while not self._connection.ended and not self._connection.to_called.push(frame):
            await self._connection.to_called.room()
        if answered:
            await asyncio.sleep(2 * self._connection.latency)
            if self._connection.to_called.stalled and not self._connection.ended:  # who reads nothing answers nothing
                over = asyncio.Event()
                self._connection.on_end.append(lambda _why: over.set())
                await over.wait()
        if self._connection.ended:
            raise BluezError("org.bluez.Error.NotConnected")

    async def disconnect(self) -> None:
        self._connection.end("hung up")


class TwinSubscriber:
    def __init__(self, device: str, connection: Connection) -> None:
        self.device = device
        self.address = connection.caller.address
        self.mtu = connection.mtu
        self.connection = connection
        self.sent = self.refused = 0

    def send(self, frame: bytes) -> bool:
        assert 0 < len(frame) <= self.mtu
        taken = not self.connection.ended and self.connection.to_caller.push(frame)
        self.sent += taken
        self.refused += not taken
        return taken

    async def disconnect(self) -> None:
        self.connection.end("hung up")


class TwinPeripheral:
    def __init__(self, controller: Controller, profile, events) -> None:
        self.ready = asyncio.Event()
        self.counters = {"writes": 0}
        self._controller = controller
        self._profile = profile
        self._events = events
        self._centrals: dict[TwinSubscriber, Connection] = {}
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        controller = self._controller
        if "advertise" in controller.stuck:
            raise BluezError("org.bluez.Error.Failed", "advertise")
        await asyncio.sleep(0.01)
        controller.running.add(self)
        controller.tag, controller.advertises, controller.on_caller = self._profile.tag, True, self._arrived
        self.ready.set()
        try:
            await self._failure
        finally:
            self.ready.clear()
            controller.running.discard(self)
            controller.advertises = False
            for subscriber in tuple(self._centrals):
                self._left(subscriber, "the service is withdrawn")

    def fail(self, error: BluezError) -> None:
        if not self._failure.done():
            self._failure.set_exception(error)

    def _arrived(self, connection: Connection) -> None:
        if connection.caller.never_subscribes:
            return
        subscriber = TwinSubscriber(f"{self._controller.path}/dev_{connection.caller.address}", connection)
        self._centrals[subscriber] = connection

        def wrote(frame: bytes) -> None:
            self.counters["writes"] += 1
            if subscriber in self._centrals:
                self._events.wrote(subscriber, frame)

        connection.to_called.deliver = wrote
        connection.to_caller.on_room = lambda: self._events.writable(subscriber) if subscriber in self._centrals else None
        connection.on_end.append(lambda why: self._left(subscriber, why))
        self._events.arrived(subscriber)

    def _left(self, subscriber: TwinSubscriber, why: str) -> None:
        if self._centrals.pop(subscriber, None) is not None:
            self._events.left(subscriber, why)
