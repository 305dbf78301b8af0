"""Decides which adapters are used for what, and looks after the Bluetooth service as a whole."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

from hw.bluez.adapters import Adapter, BluetoothUnavailableError, Role, choose
from hw.bluez.ladder import Ladder
from hw.bluez.steps import Outcome, Step, Symptom
from transports.backoff import Backoff
from transports.ble.edge import Curing, Host
from transports.ble.ground import Ground
from transports.ble.keeper import Keeper
from transports.limits import BLE_MAX_ADAPTERS, BLE_RESTART_CAP_S

_SETTLE_S = 0.1  # seconds for BlueZ to tell everything about an adapter that has just come
_TICK_S = 1.0  # seconds between two looks while something is wrong
_IDLE_S = 10.0
_GONE_S = 900.0  # seconds after which an adapter that nobody wished for is not waited for any more


class Governor:
    """Gives every adapter that is to be used a keeper; its memory outlives connections to the bus.

    Args:
        ground: what all adapters share.

    """

    def __init__(self, ground: Ground) -> None:
        self.machine = Ladder()  # of the Bluetooth service as a whole
        self.trouble: BluetoothUnavailableError | None = None
        self.missing: tuple[str, ...] = ()  # wished for and not there
        self.own_addresses: frozenset[str] = frozenset()
        self.turns = 0  # times it went round: it gets on
        self._ground = ground
        self._ladders: dict[str, Ladder] = {}  # by adapter
        self._kept: dict[str, tuple[Keeper, asyncio.Task[None]]] = {}  # by path
        self._backoff = Backoff(ground.rng, first=0.5, cap=BLE_RESTART_CAP_S)
        self._next_start = 0.0

    @property
    def keepers(self) -> list[Keeper]:
        """One for each adapter in use."""
        return [keeper for keeper, _ in self._kept.values()]

    @property
    def ladders(self) -> list[Ladder]:
        """All recovery ladders there ever were."""
        return [self.machine, *self._ladders.values()]

    def be_in(self, trouble: BluetoothUnavailableError | None) -> None:
        """There is no Bluetooth, or there is again; reports it if that is news."""
        before, self.trouble = self.trouble, trouble
        if trouble is not None and (before is None or before.trouble is not trouble.trouble):
            self._ground.report(f"{trouble.sentence} {trouble.remedy}")

    async def run(self, host: Host) -> str:
        """Keep the adapters working until the connection to the bus is lost; returns why it was."""
        async with asyncio.TaskGroup() as tasks:
            governing = tasks.create_task(self._govern(host, tasks))
            try:
                return await host.lost()
            finally:
                governing.cancel()
                await self._release(list(self._kept))

    async def _govern(self, host: Host, tasks: asyncio.TaskGroup) -> None:
        wake, curing = asyncio.Event(), host.curing("")
        unwatch = host.watch(wake.set)
        try:
            while True:
                wake.clear()
                self.turns += 1
                if host.present:
                    await self._assign(host, tasks)
                else:
                    await self._miss_service(host)
                step = self.machine.due(self._ground.now())
                if step is not None:
                    await self._cure(curing, step)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_TICK_S if self.machine.symptom is not None else _IDLE_S):
                        await wake.wait()
                        await asyncio.sleep(_SETTLE_S)
        finally:
            unwatch()

    async def _assign(self, host: Host, tasks: asyncio.TaskGroup) -> None:
        """Let every chosen adapter have its keeper, and no other."""
        if self.machine.symptom is not None:
            self.machine.well(self._ground.now())
            self._ground.report("The Bluetooth service is back.")
        self._backoff.reset()
        adapters = host.adapters()
        wishes = self._ground.config.wishes
        names = {name.upper() for adapter in adapters for name in (adapter.name, adapter.address)}
        self.missing = tuple(wish.adapter for wish in wishes if wish.adapter.upper() not in names)
        try:
            chosen = choose(adapters, wishes)[:BLE_MAX_ADAPTERS]
        except BluetoothUnavailableError as error:
            chosen = []
            self.be_in(None if self._kept else error)
        else:
            self.be_in(None)
        self.own_addresses = frozenset(adapter.address for adapter, _ in chosen)
        await self._release(self._useless({adapter.path: role for adapter, role in chosen}, adapters))
        for adapter, role in chosen:
            if adapter.path in self._kept:
                self._kept[adapter.path][0].assign(role)
            elif len(self._kept) < BLE_MAX_ADAPTERS:
                ladder = self._ladders.setdefault(adapter.name, Ladder(adapter.name))
                keeper = Keeper(self._ground, host, adapter.path, role, ladder)
                self._kept[adapter.path] = keeper, tasks.create_task(keeper.run(), name=f"keeper {adapter.name}")

    def _useless(self, chosen: Mapping[str, Role], adapters: Sequence[Adapter]) -> list[str]:
        """Whose keepers may go: adapters used no more, and those that are gone and that nobody waits for."""
        there = {adapter.path for adapter in adapters}
        wished = bool(self._ground.config.wishes)
        now = self._ground.now()
        useless: list[str] = []
        for path, (keeper, _) in self._kept.items():
            if path in chosen:
                continue
            replaced = not wished and len(chosen) >= len(self._kept)  # a dongle that came back under another name
            forgotten = not wished and keeper.gone_since is not None and now - keeper.gone_since >= _GONE_S
            if path in there or replaced or forgotten:
                useless.append(path)
        return useless

    async def _release(self, paths: list[str]) -> None:
        """End keepers."""
        tasks = [self._kept[path][1] for path in paths]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for path in paths:
            del self._kept[path]

    async def _miss_service(self, host: Host) -> None:
        """The Bluetooth service does not run."""
        now = self._ground.now()
        if self.machine.symptom is None:
            self.machine.note(Symptom.BLUEZ_GONE, now)
            self._ground.report(self.machine.sentence())
        if now >= self._next_start:
            self._next_start = now + self._backoff.next()
            await host.start_service()

    async def _cure(self, curing: Curing, step: Step) -> None:
        outcome, why = Outcome.FAILED, "It was interrupted."
        self.machine.began(step, self._ground.now())
        try:
            outcome, why = await curing.take(step), curing.why
        finally:
            self.machine.ended(step, outcome, self._ground.now(), why)
