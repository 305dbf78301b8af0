"""The gateway's own pulse: looks at every part each second, writes down what is wrong, and tells systemd.

The watchdog of systemd is fed only while every part gets on (`gateway.telemetry.progress`). A part that has nothing to do
is given something first: the pump a tick, the store a question that changes nothing.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from gateway.errors import StoreError
from gateway.mesh.events import Tick
from gateway.runtime.pump import Pump
from gateway.runtime.writer import StoreWriter
from gateway.status import Severity
from gateway.store.store import Store
from gateway.telemetry.events import Entry, Event, Level, Tell
from gateway.telemetry.figures import Parts, Sizes
from gateway.telemetry.health import Change, Name
from gateway.telemetry.progress import Course, Part, Progress, stall_trouble
from gateway.telemetry.rounds import Rounds
from hw.systemd.notify import Notifier
from hw.vitals import Vitals

LOOK_S: Final = 1.0  # seconds between two looks
FEED_SHARE: Final = 4  # meals of the watchdog in the time it would wait
STATUS_S: Final = 5.0  # seconds between two sentences for `systemctl status`
SENSE_S: Final = 30.0  # seconds between two looks at the sensors
MEASURE_S: Final = 15.0  # seconds between two questions to the store

PUMP_PATIENCE_S: Final = 10.0
STORE_PATIENCE_S: Final = 45.0  # seconds: a large commit on a slow card, and the quarter minute between two questions
RADIO_PATIENCE_S: Final = 240.0  # seconds: the longest step of the recovery ladder gives itself up after 180

_LEVELS: Final = {Severity.NOTICE: Level.INFO, Severity.WARNING: Level.WARNING, Severity.ERROR: Level.ERROR}
_TELL_THEMSELVES: Final = frozenset(
    {
        Name.CLOCK_NOT_SET,
        Name.STORE_UNUSABLE,
        Name.FEDERATION_NOT_KEPT,
        Name.TRANSPORT_DOWN,
        Name.TRANSPORT_DEGRADED,
        Name.POLICY_REFUSED,
        Name.MQTT_UNREACHABLE,
        Name.RELOAD_REFUSED,
    }
)
"""Conditions whose part has an entry of its own; here they have one at level debug, so that nothing is said twice."""


class Pulse:
    """Keeps the registry, the watchdog and systemd's sentence true.

    Args:
        rounds: looks at everything.
        parts: what is watched, and where slow numbers are put: what the sensors and the store say.
        sentence: how the gateway is doing, cheap to make.
        sense: reads the sensors.
        notifier: to systemd.

    """

    def __init__(
        self,
        rounds: Rounds,
        parts: Parts,
        sentence: Callable[[float], str],
        sense: Callable[[], Vitals],
        notifier: Notifier,
    ) -> None:
        self._rounds = rounds
        self._parts = parts
        self._sentence = sentence
        self._sense = sense
        self.notifier = notifier
        self._told = ""
        self._due: dict[str, float] = {}

    async def keep(self) -> None:
        """Look, now and every second, until cancelled."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._measure(), name="measure")
            while True:
                self.look(loop.time())
                await asyncio.sleep(LOOK_S if self.notifier.watchdog_s is None else min(LOOK_S, self.notifier.watchdog_s / FEED_SHARE))

    def look(self, now: float) -> None:
        """Look once."""
        if (pump := self._parts.pump()) is not None:
            pump.send(Tick())
        if self._is_due("sense", SENSE_S, now):
            self._parts.vitals = self._sense()
            self._rounds.feel(self._parts.vitals, now)
        stuck = self._parts.progress.look(now)
        for part in Part:
            self._rounds.health.note(Name.PROGRESS_STALLED, stall_trouble(part) if part in stuck else None, now, subject=part.value)
        self._rounds.look(now)
        watchdog = self.notifier.watchdog_s
        if watchdog is not None and not stuck and self._is_due("feed", watchdog / FEED_SHARE, now):
            self.notifier.alive()
        if self._is_due("status", STATUS_S, now) and (sentence := self._sentence(now)) != self._told:
            self._told = sentence
            self.notifier.status(sentence)

    def _is_due(self, what: str, period: float, now: float) -> bool:
        if now < self._due.get(what, now):
            return False
        self._due[what] = now + period
        return True

    async def _measure(self) -> None:
        """Ask the store again and again what it holds: that is also how its thread shows that it gets on."""

        def look(store: Store) -> Sizes:
            return Sizes(store.spool.tally().waiting, store.database.bytes)

        while True:
            with contextlib.suppress(StoreError):  # it is a condition already, and the answer shows that the thread lives
                self._parts.sizes = await self._parts.keeping.writer.ask(look)
            await asyncio.sleep(MEASURE_S)


def watch(pump: Callable[[], Pump | None], writer: StoreWriter, radio: Callable[[], int | None]) -> Progress:
    """Return what watches the parts of a gateway; `radio` counts the rounds of its radio, None if it has none."""

    def pumped() -> int | None:
        running = pump()
        return running.turns if running is not None else None

    return Progress(
        (
            Course(Part.PUMP, pumped, PUMP_PATIENCE_S),
            Course(Part.STORE, lambda: writer.turns or None, STORE_PATIENCE_S),  # opening a large database may take its time
            Course(Part.RADIO, lambda: radio() if pump() is not None else None, RADIO_PATIENCE_S),
        )
    )


def logging_changes(tell: Tell) -> Callable[[Change], None]:
    """Return what logs every condition when it begins and when it is over."""

    def change(news: Change) -> None:
        one = news.condition
        fields: dict[str, object] = {"condition": one.name.value, "severity": one.severity.value, "subject": one.subject}
        quiet = one.name in _TELL_THEMSELVES
        if news.raised:
            level = Level.DEBUG if quiet else _LEVELS[one.severity]
            tell(Entry(level, Event.CONDITION_RAISED, f"{one.sentence} {one.remedy}".strip(), fields))
        else:
            level = Level.DEBUG if quiet else Level.INFO
            fields["lasted_s"] = round(news.lasted, 1)
            tell(Entry(level, Event.CONDITION_CLEARED, f"Over after {news.lasted:.0f} s: {one.sentence}", fields))

    return change
