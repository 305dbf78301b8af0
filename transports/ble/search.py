"""The central role on one adapter: listen for devices, choose one, dial it, and again."""

import asyncio
import contextlib
from collections.abc import Callable

from hw.bluez.adapters import Adapter, Role
from hw.bluez.errors import BluezError
from hw.bluez.ladder import Ladder
from hw.bluez.steps import Sign, Symptom
from transports.backoff import Backoff
from transports.ble.candidates import Candidate, gate
from transports.ble.dialled import Line
from transports.ble.duty import FEW_LINKS, Duty
from transports.ble.edge import DialError, DialFailure, Heard, Radio, Remote
from transports.ble.failures import ELSEWHERE
from transports.ble.ground import Ground
from transports.limits import (
    BLE_BUSY_S,
    BLE_DIAL_SPACING_S,
    BLE_DIAL_TIMEOUT_S,
    BLE_DIALS_AT_ONCE,
    BLE_RESTART_CAP_S,
    BLE_SETUP_TIMEOUT_S,
    BLE_SILENCE_S,
)

_LOOK_S = 1.0  # seconds between two looks while something is going on
_IDLE_S = 5.0  # seconds between two looks while nothing is: what happens wakes us
_BREATH_S = 0.1  # seconds, the shortest: a flood of advertisements must not make a loop spin

Dialled = Callable[[Heard, Remote, Line], None]


class Search:
    """Scans and dials on one adapter for as long as `run` runs.

    Args:
        ground: what all adapters share.
        adapter: which one.
        radio: its edge.
        ladder: told what goes wrong and well.
        dialled: gets every device that was dialled with success.
        forget: gets every device with which a dial failed.

    """

    def __init__(
        self, ground: Ground, adapter: Adapter, radio: Radio, ladder: Ladder, dialled: Dialled, forget: Callable[[str], None]
    ) -> None:
        self._ground = ground
        self._adapter = adapter
        self._radio = radio
        self._ladder = ladder
        self._budget = ground.budget(adapter.name)
        self._candidates = ground.candidates(adapter.name)
        self._dialled = dialled
        self._forget = forget
        self._backoff = Backoff(ground.rng, first=_LOOK_S, cap=BLE_RESTART_CAP_S)
        self._scan_wake = asyncio.Event()
        self._dial_wake = asyncio.Event()
        self._renewals: list[asyncio.Future[bool]] = []
        self._refused_since = float("inf")  # since when there is no scanner although one is wanted
        self._dialling: dict[str, Heard] = {}  # by address
        self._connecting: dict[str, asyncio.Task[None]] = {}  # by device; without those that are connected already
        self._last_start = float("-inf")
        self._alone_since = ground.now()
        self._deaf_for = 0.0  # seconds of scanning since somebody was heard
        self._accounted = ground.now()
        self.traffic_at = float("-inf")
        self.survey_until = float("-inf")
        self._quiet = asyncio.Event()  # set while not scanning
        self._quiet.set()

    @property
    def scanning(self) -> bool:
        """Whether BlueZ scans for us."""
        return not self._quiet.is_set()

    @property
    def dialling(self) -> int:
        """Dials under way."""
        return len(self._dialling)

    def look(self) -> None:
        """Something changed: see what there is to do."""
        self._scan_wake.set()
        self._dial_wake.set()

    def is_dialling(self, device: str) -> bool:
        """Whether a dial of this device is under way."""
        return any(heard.device == device for heard in self._dialling.values())

    def give_up(self, device: str) -> None:
        """A device has dialled us: do not try any longer to connect with it ourselves."""
        dial = self._connecting.get(device)
        if dial is not None:
            dial.cancel()

    async def run(self) -> None:
        """Scan and dial until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._dial_on(tasks))
            tasks.create_task(self._scan_on())

    def survey(self, until: float) -> None:
        """Scan without a break until then, anew: a scan tells of each device once in a while, and some were told of already."""
        self.survey_until = until
        self._renewals.append(asyncio.get_running_loop().create_future())
        self._scan_wake.set()

    async def new_scanner(self) -> bool:
        """Stop scanning and start anew; whether that worked."""
        renewal: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._renewals.append(renewal)
        self._scan_wake.set()
        return await renewal

    async def _scan_on(self) -> None:
        ground, duty = self._ground, Duty(self._ground.now())
        try:
            while True:
                now = ground.now()
                wanted = duty.scans(len(ground.table.of(self._adapter.name)), now - self.traffic_at, now)
                wanted = wanted or now < self.survey_until or bool(self._renewals)
                if self._dialling and ground.config.pause_scan:
                    wanted = False
                self._account(now)
                if self.scanning and (not wanted or self._renewals):
                    await self._radio.stop_scan()
                    self._quiet.set()
                if wanted and not self.scanning and not await self._start():
                    await _pause(self._scan_wake, self._backoff.next())
                    continue
                if self._deaf_for >= BLE_SILENCE_S:
                    self._ladder.note(Symptom.SILENT, ground.now())
                idle = self.scanning and len(ground.table.of(self._adapter.name)) <= FEW_LINKS and ground.now() >= self.survey_until
                await _pause(self._scan_wake, _IDLE_S if idle else _LOOK_S)
        finally:
            self._renewed(worked=False)
            if self.scanning:
                self._quiet.set()
                await self._radio.stop_scan()

    async def _start(self) -> bool:
        self._ground.counters.scans += 1
        try:
            await self._radio.start_scan(self._hear)
        except BluezError as error:
            now = self._ground.now()
            self._refused_since = min(self._refused_since, now)
            if (error.is_("InProgress") or error.name in ELSEWHERE) and now - self._refused_since < BLE_BUSY_S:
                self._backoff.reset()
            else:
                self._ladder.note(Symptom.SCAN_FAILED, now)
            self._renewed(worked=False)
            return False
        self._refused_since = float("inf")
        self._quiet.clear()
        self._accounted = self._ground.now()
        self._backoff.reset()
        self._renewed(worked=True)
        return True

    def _account(self, now: float) -> None:
        if self.scanning:
            self._deaf_for += now - self._accounted
        self._accounted = now

    def _renewed(self, *, worked: bool) -> None:
        renewals, self._renewals = self._renewals, []
        for renewal in renewals:
            if not renewal.done():
                renewal.set_result(worked)

    def _hear(self, heard: Heard) -> None:
        ground, now = self._ground, self._ground.now()
        ground.counters.advertisements_heard += 1
        ground.heard_at[self._adapter.name] = now
        self._deaf_for, self._accounted = 0.0, now
        if self._ladder.symptom is not None:
            self._ladder.well(now, Sign.HEARD)
        for survey in ground.surveys:
            survey(heard)
        if self._candidates.hear(heard, now, yields=ground.yields(heard)):
            self._dial_wake.set()

    async def _dial_on(self, tasks: asyncio.TaskGroup) -> None:
        ground = self._ground
        while True:
            await asyncio.sleep(_BREATH_S)
            now = ground.now()
            self._candidates.expire(now)
            ground.holds.expire(now)
            self._budget.tick(now)
            candidate = self._next(now)
            if candidate is None:
                await _pause(self._dial_wake, self._idle(now))
                continue
            self._last_start = now
            self._dialling[candidate.heard.address] = candidate.heard
            ground.counters.dials += 1
            self._scan_wake.set()
            self._connecting[candidate.heard.device] = tasks.create_task(self._dial(candidate.heard))

    def _next(self, now: float) -> Candidate | None:
        ground, name = self._ground, self._adapter.name
        links = ground.table.of(name)
        if links:
            self._alone_since = now
        busy = len(self._dialling)
        dialled = sum(1 for link in links if link.role is Role.CENTRAL)
        if busy >= BLE_DIALS_AT_ONCE or dialled + busy >= ground.config.max_central or not self._budget.has_room(len(links) + busy):
            return None
        if now - self._last_start < BLE_DIAL_SPACING_S or self._refused_since <= now:
            return None
        crowded = self._candidates.is_full or len(links) + 1 >= self._budget.limit
        weakest = gate(links=len(links), crowded=crowded, alone_for=now - self._alone_since)
        return self._candidates.best(now, weakest, self._is_taken)

    def _is_taken(self, heard: Heard) -> bool:
        if self._ground.table.is_taken(heard):
            return True
        return any(heard.address == other.address or (heard.tag and heard.tag == other.tag) for other in self._dialling.values())

    def _idle(self, now: float) -> float:
        """How long to wait before anybody can be dialled whom nothing will tell of."""
        times = [now + _IDLE_S, self._candidates.next_ready(now), self._last_start + BLE_DIAL_SPACING_S]
        return max(_BREATH_S, min(at for at in times if at is not None and at > now) - now)

    async def _dial(self, heard: Heard) -> None:
        line = Line()
        try:
            remote = await self._reach(heard, line)
        except DialError as error:
            self._failed(heard, error.kind)
            self._forget(heard.device)
        else:
            self._budget.worked()
            self._candidates.linked(heard.address, self._ground.now())
            self._ladder.well(self._ground.now(), Sign.LINK)
            self._dialled(heard, remote, line)
        finally:
            self._dialling.pop(heard.address, None)
            self._connecting.pop(heard.device, None)
            self.look()

    async def _reach(self, heard: Heard, line: Line) -> Remote:
        """Connect and subscribe; what does not come to its end leaves no connection, unless the device has dialled us."""
        if self._ground.config.pause_scan:
            await self._quiet.wait()
        try:
            async with asyncio.timeout(BLE_DIAL_TIMEOUT_S):
                await self._radio.connect(heard)
            self._connecting.pop(heard.device, None)
            async with asyncio.timeout(BLE_SETUP_TIMEOUT_S):
                remote = await self._radio.subscribe(heard, line)
        except BaseException as error:
            if not self._ground.table.is_linked(heard.device):
                await self._radio.hang_up(heard.device)
            if isinstance(error, TimeoutError):
                raise DialError(DialFailure.TIMEOUT) from error
            raise
        if line.ended:
            raise DialError(DialFailure.ABORTED, line.ended)
        return remote

    def _failed(self, heard: Heard, kind: DialFailure) -> None:
        ground, now = self._ground, self._ground.now()
        ground.counters.dial_failures[kind] += 1
        if kind is DialFailure.CUT_OFF:
            return
        self._candidates.failed(heard.address, kind, now)
        held = len(ground.table.of(self._adapter.name))
        if kind is DialFailure.FULL:
            self._budget.refused(held, now)
        elif kind in (DialFailure.ABORTED, DialFailure.BROKEN) and self._budget.aborted(heard.address, held, now):
            self._ladder.note(Symptom.CONNECT_STORM, now)


async def _pause(wake: asyncio.Event, seconds: float) -> None:
    """Wait until somebody sets `wake`, at most so long."""
    wake.clear()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await wake.wait()
