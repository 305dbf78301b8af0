"""Puts a version in the place of another, and back: each step is written down before it is taken.

Whoever is started after a power cut calls `recover`: what had not begun to run is undone, what was on trial is tried again,
what had passed is confirmed. At every moment `current` names a version that is whole.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from msgspec.structs import replace

from gateway.update.bundle import Bundle
from gateway.update.errors import Refusal, UpdateError
from gateway.update.journal import Journal, Outcome, Phase, Report, Wish, read_journal, write_journal
from gateway.update.limits import HOLD_S, LOOK_S, MAX_TRIAL_BOOTS, MAX_WHY
from gateway.update.service import Service
from gateway.update.staging import Progress, box_of, examine, make_version, room_for
from gateway.update.tree import Tree
from gateway.update.trial import Trial
from gateway.update.units import place_units, remember_units


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, as a trial needs it."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    wall: Callable[[], float] = time.time


class Installation:
    """The versions of one box.

    Args:
        tree: where they are.
        service: what runs one of them.
        system: where units belong; ``/`` but in tests.
        clock: time.
        hold: seconds a new version has to be well without a break.
        make: makes a version out of a bundle; see `gateway.update.staging.make_version`.

    """

    def __init__(
        self,
        tree: Tree,
        service: Service,
        system: Path = Path("/"),
        clock: Clock | None = None,
        hold: float = HOLD_S,
        make: Callable[[Tree, Bundle, Progress], None] = make_version,
    ) -> None:
        self._tree = tree
        self._service = service
        self._system = system
        self._clock = clock or Clock()
        self._make = make
        self._hold = hold

    @property
    def journal(self) -> Journal:
        """What is under way."""
        return read_journal(self._tree.journal) or Journal()

    def apply(self, file: BinaryIO, trusted: frozenset[bytes], told: Progress, *, allow_downgrade: bool = False) -> Report:
        """Make the version of a bundle, let it run, and judge it; returns what came of it.

        Raises:
            UpdateError: nothing was changed.

        """
        journal, box = self._idle(), box_of(self._tree)
        manifest = (bundle := examine(file, trusted, box, allow_downgrade=allow_downgrade)).manifest
        target = manifest.version
        if target == journal.previous:
            journal = replace(journal, previous="")
        journal = replace(journal, phase=Phase.STAGING, wish=Wish.APPLY, origin=box.version, target=target, why="")
        self._write(journal)
        try:
            self._tree.remove(target)
            self._tree.tidy({journal.previous})
            room_for(manifest, self._tree.home)
            self._make(self._tree, bundle, told)
        except (UpdateError, OSError) as error:
            self._break_off(journal, str(error))
            raise _as_update(error) from error
        return self._switch(journal, told)

    def rollback(self, told: Progress) -> Report:
        """Go back to the version before; returns what came of it.

        Raises:
            UpdateError: there is none, and nothing was changed.

        """
        journal, box = self._idle(), box_of(self._tree)
        if not self._tree.is_complete(journal.previous):
            raise UpdateError(Refusal.NO_PREVIOUS, "There is no version to go back to.")
        return self._switch(replace(journal, wish=Wish.ROLLBACK, origin=box.version, target=journal.previous, why=""), told)

    def recover(self) -> bool:
        """Undo or finish what a power cut has broken off; whether a trial is left to be gone through. Does not wait for the gateway."""
        journal = read_journal(self._tree.journal)
        if journal is None:  # the file is damaged: what the links say is all there is
            journal = Journal(origin=self._tree.good, target=self._tree.current)
            torn = self._tree.current not in {"", self._tree.good} and self._tree.is_complete(self._tree.good)
            journal = replace(journal, phase=Phase.UNDOING if torn else Phase.IDLE, why="the journal was damaged")
            self._write(journal)
        match journal.phase:
            case Phase.IDLE:
                self._tree.tidy({journal.previous})
            case Phase.STAGING:
                self._break_off(journal, "It was broken off.")
            case Phase.SWITCHING:
                self._undo(replace(journal, why="it was broken off"))
            case Phase.UNDOING:
                self._undo(journal)
            case Phase.CONFIRMING:
                self._confirm(journal)
            case Phase.TRIAL:
                journal = replace(journal, boots=journal.boots + 1)
                if journal.boots <= MAX_TRIAL_BOOTS:
                    self._write(journal)
                    self._keep_units()
                    return True
                self._undo(replace(journal, why=f"the box was started {journal.boots} times meanwhile"))
        self._keep_units()
        return False

    def resume(self, told: Progress) -> Report:
        """Go on with a trial that `recover` has left."""
        self._service.start()
        return self._try(self.journal, told)

    def _idle(self) -> Journal:
        journal = read_journal(self._tree.journal) or Journal()
        if journal.phase is not Phase.IDLE:
            raise UpdateError(
                Refusal.BUSY, f"Version {journal.target} is on trial.", "Wait until that is over; `meshgate update` shows it."
            )
        return journal

    def _switch(self, journal: Journal, told: Progress) -> Report:
        told("switch", 0.0, f"It ends {journal.origin} and starts {journal.target}.")
        held = self._service.look().troubles
        journal = replace(journal, phase=Phase.SWITCHING, boots=0, baseline=None if held is None else tuple(sorted(held)))
        self._write(journal)
        try:
            remember_units(self._tree, journal.origin, journal.target, self._system)
            told("switch", 0.2, "It ends the gateway.")
            self._service.stop()
            told("switch", 0.4, "It puts the units in place.")
            place_units(self._tree, journal.target, journal.origin, self._system)
            self._service.reload()
            self._tree.run(journal.target)
            told("switch", 0.8, f"It starts {journal.target}.")
            journal = replace(journal, phase=Phase.TRIAL)
            self._write(journal)
            self._service.start()
        except (UpdateError, OSError) as error:
            return self._undo(replace(journal, why=str(error)))
        return self._try(journal, told)

    def _try(self, journal: Journal, told: Progress) -> Report:
        clock = self._clock
        trial = Trial(journal.target, None if journal.baseline is None else frozenset(journal.baseline), clock.now(), self._hold)
        while True:
            now = clock.now()
            verdict = trial.judge(self._service.look(), now)
            if verdict is not None:
                break
            held = trial.held(now)
            told("trial", held, f"{journal.target} is well so far." if held else f"It waits for {journal.target}: {trial.wrong}.")
            clock.sleep(LOOK_S)
        if not verdict:
            told("undo", 0.0, f"{journal.target} is no good: {trial.wrong}. It goes back to {journal.origin}.")
            return self._undo(replace(journal, why=trial.wrong))
        told("confirm", 0.0, f"{journal.target} is as well as {journal.origin} was.")
        return self._confirm(journal)

    def _confirm(self, journal: Journal) -> Report:
        self._write(replace(journal, phase=Phase.CONFIRMING))
        self._tree.trust(journal.target)
        self._tree.tidy({journal.origin})
        outcome = Outcome.APPLIED if journal.wish is Wish.APPLY else Outcome.ROLLED_BACK
        return self._over(replace(journal, previous=journal.origin), outcome)

    def _undo(self, journal: Journal) -> Report:
        """Let the origin run again; may be done again after it was broken off."""
        journal = replace(journal, phase=Phase.UNDOING)
        self._write(journal)
        with suppress(UpdateError):  # one that cannot be ended is replaced all the same
            self._service.stop()
        place_units(self._tree, journal.origin, journal.target, self._system)
        self._tree.run(journal.origin)
        with suppress(UpdateError):
            self._service.reload()
        self._service.start()
        report = self._over(journal, Outcome.FELL_BACK)
        if journal.wish is Wish.APPLY:
            self._tree.remove(journal.target)
        return report

    def _keep_units(self) -> None:
        """See that the units are those of the version that runs: a root that is read only has forgotten an update's at the next start."""
        current = self._tree.current
        if current and place_units(self._tree, current, current, self._system):
            self._service.reload()

    def _break_off(self, journal: Journal, why: str) -> None:
        self._tree.remove(journal.target)
        self._over(replace(journal, why=why), Outcome.BROKEN_OFF)

    def _over(self, journal: Journal, outcome: Outcome) -> Report:
        number = 1 + (journal.last.number if journal.last is not None else 0)
        report = Report(number, outcome, journal.target, journal.origin, journal.why[:MAX_WHY], self._clock.wall())
        self._write(Journal(previous=journal.previous, last=report))
        return report

    def _write(self, journal: Journal) -> None:
        write_journal(self._tree.journal, journal)


def _as_update(error: UpdateError | OSError) -> UpdateError:
    return error if isinstance(error, UpdateError) else UpdateError(Refusal.NO_ROOM, f"The disk does not take it: {error.strerror}.")
