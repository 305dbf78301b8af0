"""Keeps one adapter working: a station while it is there and switched on, the recovery ladder when it fails.

The keeper looks at how things are and makes them as they should be, whenever something changed and when the
ladder wants it. It outlives its adapter: one that was unplugged is waited for.
"""

import asyncio
import contextlib

from hw.bluez.adapters import Adapter, Role
from hw.bluez.ladder import BREAKS_LINKS, Ladder
from hw.bluez.steps import Outcome, Sign, Step, Symptom
from transports.ble.edge import Curing, Host
from transports.ble.ground import Ground
from transports.ble.station import Station

_SCANNER_TIMEOUT_S = 15.0
_SETTLE_S = 0.1  # seconds for BlueZ to tell the rest: an adapter that is unplugged is switched off first
_WARM_UP_S = 1.0  # seconds between Powered and the first use: a scan started at once is confirmed by the kernel and never begins
_TICK_S = 2.0  # seconds between two looks at the ladder, which learns of failures in between


class Keeper:
    """Keeps one adapter working; `run` ends only when it is cancelled.

    Args:
        ground: what all adapters share.
        host: the machine's Bluetooth.
        path: the adapter's object path; its name is the last part of it.
        role: what to use it for; see `assign`.
        ladder: the adapter's own; outlives the keeper.

    """

    def __init__(self, ground: Ground, host: Host, path: str, role: Role, ladder: Ladder) -> None:
        self.path = path
        self.name = path.rpartition("/")[2]
        self.role = role
        self.ladder = ladder
        self.station: Station | None = None
        self.gone_since: float | None = None
        self._ground = ground
        self._host = host
        self._curing: Curing = host.curing(path)
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._built_for: tuple[int, Role] | None = None
        self._usable: tuple[int, float] | None = None  # in which epoch, since when
        self._asked: tuple[Step, asyncio.Future[str]] | None = None
        self._told: Symptom | None = None

    def assign(self, role: Role) -> None:
        """Use the adapter for something else from now on."""
        if role != self.role:
            self.role = role
            self._wake.set()

    async def ask(self, step: Step) -> str:
        """Take a step because a person wants it; returns how it went, as a sentence."""
        if self._asked is not None:
            return f"{self.name} is being recovered already."
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._asked = (step, answer)
        self._wake.set()
        return await answer

    def sentence(self) -> str:
        """What is wrong, for a person; empty while all is well."""
        blocked = self._blocked()
        return f"{self.ladder.sentence()} rfkill blocks it ({blocked})." if blocked else self.ladder.sentence()

    def remedy(self) -> str:
        """What a person can do."""
        blocked = self._blocked()
        if blocked == "hard":
            return "Switch the radio on with the switch on the box or in its firmware settings."
        return "rfkill unblock bluetooth" if blocked else self.ladder.remedy()

    async def run(self) -> None:
        """Do what is needed, until cancelled."""
        unwatch = self._host.watch(self._wake.set)
        try:
            while True:
                self._wake.clear()
                adapter = self._look()
                await self._arrange(adapter)
                self._tell()
                step, answer = self._next_step()
                if step is not None:
                    sentence = await self._take(step)
                    if answer is not None and not answer.done():
                        answer.set_result(sentence)
                    continue
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_TICK_S):
                        await self._wake.wait()
                        await asyncio.sleep(_SETTLE_S)
        finally:
            unwatch()
            if self._asked is not None and not self._asked[1].done():
                self._asked[1].set_result(f"{self.name} is not in use any more.")
            await self._stop("this gateway stops" if self._host.present else "the Bluetooth service stopped")

    def _look(self) -> Adapter | None:
        """The adapter, if it can be used now; what is wrong with it goes to the ladder."""
        now = self._ground.now()
        own = len(self._ground.table.of(self.name))
        self.ladder.linked(own, now, len(self._ground.table) - own)
        if not self._host.present:
            return None
        adapter = next((adapter for adapter in self._host.adapters() if adapter.path == self.path), None)
        if adapter is None:
            self.gone_since = now if self.gone_since is None else self.gone_since
            self.ladder.note(Symptom.ADAPTER_GONE, now)
            return None
        self.gone_since = None
        if not adapter.powered:
            self.ladder.note(Symptom.POWERED_OFF, now)
            return None
        if self.ladder.symptom is not None:
            self.ladder.well(now, Sign.POWERED)
        return adapter

    async def _arrange(self, adapter: Adapter | None) -> None:
        """Have a station exactly while there is an adapter for it."""
        wanted = None if adapter is None else (self._host.epoch(self.path), self.role)
        if self._task is not None and (self._task.done() or wanted != self._built_for):
            await self._stop(self._what_happened(adapter))
        if adapter is not None and self._task is None and self._is_warm():
            self._built_for = wanted
            self.station = Station(self._ground, adapter, self.role, self._host.radio(adapter), self.ladder)
            self._task = asyncio.create_task(self.station.run(), name=f"station {self.name}")
            self._task.add_done_callback(lambda _: self._wake.set())

    def _is_warm(self) -> bool:
        """Whether the adapter has been on for a moment; wakes the keeper when it has."""
        epoch, now = self._host.epoch(self.path), self._ground.now()
        if self._usable is None or self._usable[0] != epoch:
            self._usable = epoch, now
            asyncio.get_running_loop().call_later(_WARM_UP_S, self._wake.set)
        return now - self._usable[1] >= _WARM_UP_S

    def _what_happened(self, adapter: Adapter | None) -> str:
        if not self._host.present:
            return "the Bluetooth service stopped"
        if self.gone_since is not None:
            return "the Bluetooth adapter is gone"
        return "the Bluetooth adapter was switched off" if adapter is None else "the Bluetooth adapter is set up anew"

    async def _stop(self, why: str) -> None:
        """End the station with all its links; what it raises is a bug and goes on."""
        task, station, self._task, self.station = self._task, self.station, None, None
        if task is None or station is None:
            return
        station.ending = why
        task.cancel()
        await asyncio.wait((task,))
        if not task.cancelled():
            task.result()

    def _next_step(self) -> tuple[Step | None, asyncio.Future[str] | None]:
        if self._asked is not None:
            (step, answer), self._asked = self._asked, None
            return step, answer
        if not self._host.present:  # nothing can be done about an adapter before there is a service
            return None, None
        return self.ladder.due(self._ground.now()), None

    async def _take(self, step: Step) -> str:
        """Do one step of the ladder; how it went is noted there and returned as a sentence."""
        outcome, why = Outcome.FAILED, "It was interrupted."
        if step in BREAKS_LINKS:
            await self._stop("the Bluetooth adapter is being reset")
        self.ladder.began(step, self._ground.now())
        self._tell()
        try:
            if step is Step.NEW_SCANNER:
                outcome, why = await self._new_scanner()
            else:
                outcome = await self._curing.take(step, self.station.devices() if self.station is not None else ())
                why = self._curing.why
        finally:
            self.ladder.ended(step, outcome, self._ground.now(), why)
        words = {Outcome.OK: "done", Outcome.FAILED: "failed", Outcome.NOT_POSSIBLE: "not possible here"}
        return f"{self.name}: {step.value.replace('_', ' ')} {words[outcome]}" + (f": {why.rstrip('.')}." if why else ".")

    async def _new_scanner(self) -> tuple[Outcome, str]:
        search = self.station.search if self.station is not None else None
        if search is None:
            return Outcome.NOT_POSSIBLE, "The adapter does not search for phones now."
        try:
            async with asyncio.timeout(_SCANNER_TIMEOUT_S):
                return (Outcome.OK, "") if await search.new_scanner() else (Outcome.FAILED, "")
        except TimeoutError:
            return Outcome.FAILED, "The Bluetooth service does not answer."

    def _tell(self) -> None:
        """Report what has become wrong or well, once."""
        symptom = self.ladder.symptom
        if symptom is Symptom.SILENT or symptom is self._told:
            return
        if symptom is not None:
            self._ground.report(self.sentence())
        elif self._told is not None:
            last = next((one for one in reversed(self.ladder.recoveries) if one.symptom is self._told), None)
            after = f", after {last.seconds:.1f} s" if last is not None else ""
            self._ground.report(f"Bluetooth adapter {self.name} works again{after}.")
        self._told = symptom

    def _blocked(self) -> str | None:
        return self._curing.blocked() if self.ladder.symptom is Symptom.POWERED_OFF else None
