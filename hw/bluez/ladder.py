"""The recovery ladder: which step to take next against a radio that does not work.

Pure: no clock, no loop, no D-Bus. Whoever owns the adapter reports what it notices, asks what is due,
does it, and reports how that went::

    ladder.note(Symptom.SCAN_FAILED, now)
    step = ladder.due(now)
    if step is not None:
        ladder.began(step, now)
        outcome = await remedies.take(step, keep)
        ladder.ended(step, outcome, now, remedies.why)
    ladder.well(now, Sign.HEARD)

Rules:

* One step at a time; a step that never reports its end counts as failed after `STEP_LIMIT_S`.
* A step never comes again before its own `SETTLE_S`, whatever is noted or cured in between.
* States (`STANDING`) are noted once and last until a sign cures them. Events need fresh evidence after
  each step that worked: a new scanner that starts in an empty hall is no reason for a power cycle.
* Silence is natural: it may cause a new scanner every `SILENCE_SCANNER_S` and, while there is no link, a
  power cycle rarely; never more. These paces outlive a sign of life, so nobody can drive them by
  falling silent on purpose.
* What strangers can provoke from the air (silence, aborted connections) never breaks a link that works.
* Restarting the Bluetooth service is left out while another adapter carries links.
"""

from collections import deque
from dataclasses import dataclass, field

from hw.bluez.advice import Situation, remedy, sentence
from hw.bluez.pace import (
    FADE_S,
    GRACE_S,
    LOOK_AGAIN_S,
    MAX_HISTORY,
    MAX_ROUND,
    REST_S,
    SETTLE_S,
    SILENCE_CYCLE_CAP_S,
    SILENCE_CYCLE_S,
    SILENCE_SCANNER_S,
    STEP_LIMIT_S,
    WAIT_CAP_S,
)
from hw.bluez.steps import CURES, Attempt, Outcome, Recovery, Sign, Step, Symptom

__all__ = ["BREAKS_LINKS", "PROVOKED", "ROUTES", "STANDING", "Attempt", "Ladder", "Outcome", "Recovery", "Sign", "Step", "Symptom"]

STANDING = frozenset({Symptom.BUS_LOST, Symptom.BLUEZ_GONE, Symptom.ADAPTER_GONE, Symptom.POWERED_OFF, Symptom.SILENT})
_OUTAGES = STANDING - {Symptom.SILENT}
PROVOKED = frozenset({Symptom.CONNECT_STORM, Symptom.SILENT})
BREAKS_LINKS = frozenset({Step.POWER_CYCLE, Step.RESET_ADAPTER, Step.RESTART_BLUETOOTH})
ROUTES: dict[Symptom, tuple[Step, ...]] = {
    Symptom.BUS_LOST: (),  # connecting again is the transport's own business; nothing here can help
    Symptom.BLUEZ_GONE: (Step.RESTART_BLUETOOTH,),
    Symptom.ADAPTER_GONE: (Step.RESET_ADAPTER, Step.RESTART_BLUETOOTH),
    Symptom.POWERED_OFF: (Step.POWER_CYCLE, Step.RESET_ADAPTER, Step.RESTART_BLUETOOTH),
    Symptom.SCAN_FAILED: (Step.NEW_SCANNER, Step.POWER_CYCLE, Step.FORGET_DEVICES, Step.RESET_ADAPTER, Step.RESTART_BLUETOOTH),
    Symptom.ADVERTISING_FAILED: (Step.POWER_CYCLE, Step.RESET_ADAPTER, Step.RESTART_BLUETOOTH),
    Symptom.CONNECT_STORM: (Step.FORGET_DEVICES, Step.NEW_SCANNER, Step.POWER_CYCLE, Step.RESET_ADAPTER, Step.RESTART_BLUETOOTH),
    Symptom.SILENT: (Step.NEW_SCANNER, Step.POWER_CYCLE),
}
"""Which steps may be taken against a symptom, in their order (silence has its own pace instead)."""


@dataclass(slots=True)
class _Climb:
    """How far the answer to one symptom has come."""

    since: float
    seen: float
    ready: float  # the next rung not before this
    rested: float  # the first rung again not before this
    own: bool  # first noted while a step ran, so most likely its doing
    fresh: bool = True  # noted since the last step that worked
    rung: int = 0  # index of the next step of the route
    round: int = 0
    steps: list[Step] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Running:
    step: Step
    symptom: Symptom | None
    started: float


class Ladder:
    """Decides about one adapter (or, without a name, about Bluetooth as a whole). All times in monotonic seconds."""

    def __init__(self, adapter: str = "") -> None:
        self.adapter = adapter
        self.history: deque[Attempt] = deque(maxlen=MAX_HISTORY)
        self.recoveries: deque[Recovery] = deque(maxlen=MAX_HISTORY)
        self.counts: dict[Step, int] = dict.fromkeys(Step, 0)
        self._climbs: dict[Symptom, _Climb] = {}
        self._running: _Running | None = None
        self._last_end: dict[Step, float] = {}
        self._impossible: dict[Step, str] = {}
        self._links = 0
        self._others = 0
        self._alone_since = float("-inf")

    @property
    def symptom(self) -> Symptom | None:
        """The gravest thing that is wrong now; None while all is well."""
        return next((symptom for symptom in Symptom if symptom in self._climbs), None) if self._climbs else None

    @property
    def running(self) -> Step | None:
        """The step that is being taken now."""
        return self._running.step if self._running else None

    def linked(self, links: int, now: float, others: int = 0) -> None:
        """Tell how many links this adapter carries, and how many all other adapters carry together."""
        if links == 0 and self._links:
            self._alone_since = now
        self._links, self._others = links, others

    def note(self, symptom: Symptom, now: float) -> None:
        """Report that something is wrong; to repeat it is fresh evidence."""
        self._lapse(now)
        climb = self._climbs.get(symptom)
        if climb is None:
            ready = now + GRACE_S.get(symptom, 0.0)
            self._climbs[symptom] = _Climb(now, now, ready, ready, own=self._running is not None)
            return
        climb.seen = now
        climb.fresh = True

    def well(self, now: float, sign: Sign | None = None) -> None:
        """Report a proof that something works: an advertisement, a frame, a link, a registration.

        Args:
            now: monotonic seconds.
            sign: what the proof is, so that it cures what it proves; None cures everything.

        """
        self._lapse(now)
        cured = [symptom for symptom in Symptom if symptom in self._climbs and (sign is None or symptom in CURES[sign])]
        for symptom in cured:
            climb = self._climbs.pop(symptom)
            if self._is_recovery(symptom, climb, now):
                self.recoveries.append(Recovery(symptom, tuple(climb.steps), now, max(0.0, now - climb.since)))
        if _OUTAGES.intersection(cured):  # whatever else was noted came from that
            self._climbs.pop(Symptom.SILENT, None)
            for climb in self._climbs.values():
                climb.fresh = False
        if not self._climbs:
            self._impossible.clear()

    def due(self, now: float) -> Step | None:
        """The step to take now, if any; the same answer until `began`."""
        choice = self._choice(now)
        return choice[1] if choice else None

    def next_check(self, now: float) -> float:
        """When to ask `due` again if nothing is reported before, in monotonic seconds; never before `now`."""
        self._lapse(now)
        times = [now + LOOK_AGAIN_S]
        if self._running:
            times.append(self._running.started + STEP_LIMIT_S)
        else:
            times += [at for _, _, at in self._upcoming()]
        return max(now, min(times))

    def began(self, step: Step, now: float) -> None:
        """Report that a step is being taken: the one that was due, or one that a person asked for.

        Another step that is still running counts as failed: whoever took it was stopped.
        """
        self._lapse(now)
        if self._running:
            self._close(Outcome.FAILED, now, "It was given up for another step.")
        choice = self._choice(now)
        cause = choice[0] if choice and choice[1] is step else None
        if cause is not None:
            climb = self._climbs[cause]
            climb.steps = [*climb.steps, step][-len(Step) :]
            self._climb_past(cause, climb, step)
        self.counts[step] += 1
        self._running = _Running(step, cause, now)

    def ended(self, step: Step, outcome: Outcome, now: float, why: str = "") -> None:
        """Report how a step went; late news of a step that already counts as failed is ignored."""
        self._lapse(now)
        if self._running and self._running.step is step:
            self._close(outcome, now, why)

    def sentence(self) -> str:
        """What a person should read; empty while all is well."""
        return sentence(self._situation())

    def remedy(self) -> str:
        """What a person can do; empty while there is nothing to do."""
        return remedy(self._situation())

    def _situation(self) -> Situation:
        symptom = self.symptom
        climb = self._climbs[symptom] if symptom else None
        upcoming = next((step for cause, step, _ in self._upcoming() if cause is symptom), None)
        watching = climb is not None and not climb.fresh and symptom not in STANDING
        return Situation(self.adapter, symptom, self.running, upcoming, watching, climb.round if climb else 0, dict(self._impossible))

    def _choice(self, now: float) -> tuple[Symptom, Step] | None:
        self._lapse(now)
        if self._running:
            return None
        return next(((symptom, step) for symptom, step, at in self._upcoming() if at <= now), None)

    def _upcoming(self) -> list[tuple[Symptom, Step, float]]:
        """What may come next, gravest cause first, each with its earliest time."""
        found: list[tuple[Symptom, Step, float]] = []
        for symptom in Symptom:
            climb = self._climbs.get(symptom)
            if climb is None:
                continue
            if symptom is Symptom.SILENT:
                found += self._silence(climb)
            elif climb.fresh or symptom in STANDING:
                found += self._next_rung(symptom, climb)
            if symptom in STANDING:  # what is milder is its consequence
                break
        return found

    def _next_rung(self, symptom: Symptom, climb: _Climb) -> list[tuple[Symptom, Step, float]]:
        allowed = [(index, step) for index, step in enumerate(ROUTES[symptom]) if self._may(step, symptom)]
        if not allowed:
            return []
        ahead = [step for index, step in allowed if index >= climb.rung]
        if ahead:
            step, at = ahead[0], climb.ready
        else:
            step, at = allowed[0][1], max(climb.ready, climb.rested)
        if step in self._last_end:
            at = max(at, self._last_end[step] + SETTLE_S[step])
        return [(symptom, step, at)]

    def _silence(self, climb: _Climb) -> list[tuple[Symptom, Step, float]]:
        never = float("-inf")
        found = []
        if self._links == 0:
            wait = _doubled(SILENCE_CYCLE_S, climb.round, SILENCE_CYCLE_CAP_S)
            start = max(climb.since, self._alone_since, *(self._last_end.get(step, never) for step in BREAKS_LINKS))
            found.append((Symptom.SILENT, Step.POWER_CYCLE, start + wait))
        scanner = max(climb.ready, self._last_end.get(Step.NEW_SCANNER, never) + SILENCE_SCANNER_S)
        return [*found, (Symptom.SILENT, Step.NEW_SCANNER, scanner)]

    def _may(self, step: Step, symptom: Symptom) -> bool:
        if step in BREAKS_LINKS and symptom in PROVOKED and self._links:
            return False
        return not (step is Step.RESTART_BLUETOOTH and self._others)

    def _climb_past(self, symptom: Symptom, climb: _Climb, step: Step) -> None:
        if symptom is Symptom.SILENT:
            climb.round = min(MAX_ROUND, climb.round + (step is Step.POWER_CYCLE))
            return
        index = ROUTES[symptom].index(step)
        if index < climb.rung:
            climb.round = min(MAX_ROUND, climb.round + 1)
        climb.rung = index + 1

    def _close(self, outcome: Outcome, now: float, why: str) -> None:
        running, self._running = self._running, None
        if running is None:
            return
        step = running.step
        self.history.append(Attempt(step, running.symptom, running.started, max(0.0, now - running.started), outcome, why))
        self._last_end[step] = now
        if outcome is Outcome.NOT_POSSIBLE:
            self._impossible[step] = why
        else:
            self._impossible.pop(step, None)
        for symptom, climb in self._climbs.items():
            mine = symptom is running.symptom
            if mine:
                climb.rested = now + _doubled(REST_S, climb.round, WAIT_CAP_S)
            if outcome is not Outcome.NOT_POSSIBLE and symptom is not Symptom.SILENT:
                climb.ready = max(climb.ready, now + _doubled(SETTLE_S[step], climb.round if mine else 0, WAIT_CAP_S))
            if outcome is Outcome.OK:  # what was noted while it ran may be its side effect
                climb.fresh = False

    def _is_recovery(self, symptom: Symptom, climb: _Climb, now: float) -> bool:
        if symptom is not Symptom.SILENT:
            return bool(climb.steps) or not climb.own
        if self._running and self._running.symptom is symptom:
            return True
        last = max((self._last_end[step] for step in climb.steps if step in self._last_end), default=float("-inf"))
        return now - last <= SETTLE_S[Step.POWER_CYCLE]  # later than that, somebody came near

    def _lapse(self, now: float) -> None:
        """Do what time alone does: a step that never ended has failed, an event nobody repeats is forgotten."""
        if self._running:
            if now - self._running.started >= STEP_LIMIT_S:
                self._close(Outcome.FAILED, now, "It did not come to an end.")
            return
        for symptom, climb in list(self._climbs.items()):
            if symptom not in STANDING and now - max(climb.seen, climb.ready) >= FADE_S:
                del self._climbs[symptom]


def _doubled(first: float, times: int, cap: float) -> float:
    return min(cap, first * 2.0**times)
