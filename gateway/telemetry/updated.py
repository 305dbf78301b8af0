"""What the gateway tells of updates, which others put in place: what came of the last one, and that one is on trial."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.admin.audit import Witness
from gateway.store.audit import Action, Actor
from gateway.telemetry.health import Found, Name
from gateway.update.journal import Journal, Outcome, Phase, Report, read_journal
from gateway.update.tree import HOME, Tree
from hw.durable import put_in_place

SEEN: Final = "update.seen"
"""In the state directory: the number of the last outcome that is in the log of changes."""
_ACTIONS: Final = {
    Outcome.APPLIED: Action.UPDATE_APPLIED,
    Outcome.ROLLED_BACK: Action.UPDATE_ROLLED_BACK,
    Outcome.FELL_BACK: Action.UPDATE_FELL_BACK,
}


class Updated:
    """Follows the journal of updates.

    Args:
        state: the state directory.
        witness: notes what came of an update, once.
        home: where the versions are.

    """

    def __init__(self, state: Path, witness: Witness, home: Path = HOME) -> None:
        self._seen = state / SEEN
        self._witness = witness
        self._path = Tree(home).journal
        self._stamp: tuple[int, int] | None = None

    def look(self) -> Iterator[tuple[Name, Found]]:
        """Return what holds of updates if that may be something else than at the last look; cheap enough for every second."""
        try:
            found = self._path.stat()
        except OSError:
            stamp = None
        else:
            stamp = found.st_mtime_ns, found.st_ino
        if stamp == self._stamp:
            return
        self._stamp = stamp
        journal = read_journal(self._path) or Journal()
        self._note(journal.last)
        yield Name.UPDATE_ON_TRIAL, on_trial(journal)
        yield Name.UPDATE_FELL_BACK, fell_back(journal.last)

    def _note(self, last: Report | None) -> None:
        if last is None or last.outcome not in _ACTIONS or self._number() == last.number:
            return
        self._witness(Actor.SYSTEM, _ACTIONS[last.outcome], f"{last.version} in place of {last.origin}")
        try:
            put_in_place(self._seen, str(last.number).encode(), 0o600)
        except OSError:
            return  # it is noted again after the next start

    def _number(self) -> int:
        try:
            return int(self._seen.read_bytes()[:20])
        except (OSError, ValueError):
            return 0


def on_trial(journal: Journal) -> Found:
    """Say that a version is on trial."""
    if journal.phase is not Phase.TRIAL:
        return None
    text = f"Version {journal.target} is on trial; {journal.origin} comes back by itself if it does worse."
    return text, "Leave the power on for some minutes."


def fell_back(last: Report | None) -> Found:
    """Say that a version was no good, until the next is tried."""
    if last is None or last.outcome is not Outcome.FELL_BACK:
        return None
    text = f"Version {last.version} was no good ({last.why}), so {last.origin} runs again."
    return text, "Look at journalctl -u meshgate -u meshgate-update, and tell whoever made it; another version ends this warning."
