"""What the gateway tells of the first boot, which others do: what was done with the files on the card, and what was refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.admin.audit import Witness
from gateway.store.audit import Action, Actor
from gateway.telemetry.health import Found, Name
from hw.durable import put_in_place
from hw.firstboot.record import REFUSED, Record, read_record

FILE_NAME: Final = "firstboot.json"
SEEN: Final = "firstboot.seen"
"""In the state directory: the number of the last event that is in the log of changes."""


class FirstBoot:
    """Follows the record of the first boot.

    Args:
        state: the state directory.
        witness: notes what was done, once.

    """

    def __init__(self, state: Path, witness: Witness) -> None:
        self._path = state / FILE_NAME
        self._seen = state / SEEN
        self._witness = witness
        self._stamp: tuple[int, int] | None = None

    def look(self) -> Iterator[tuple[Name, Found]]:
        """Return what holds if that may be something else than at the last look; cheap enough for every second."""
        try:
            found = self._path.stat()
        except OSError:
            stamp = None
        else:
            stamp = found.st_mtime_ns, found.st_ino
        if stamp == self._stamp:
            return
        self._stamp = stamp
        record = read_record(self._path)
        self._note(record)
        yield Name.FIRST_BOOT_REFUSED, refused(record)

    def _note(self, record: Record) -> None:
        seen = self._number()
        if seen > record.number:
            seen = 0  # the record was begun anew
        new = [event for event in record.events if event.number > seen]
        for event in new:
            action = Action.FIRST_BOOT_REFUSED if event.outcome == REFUSED else Action.FIRST_BOOT_DONE
            self._witness(Actor.SYSTEM, action, event.sentence)
        if not new:
            return
        try:
            put_in_place(self._seen, str(record.number).encode(), 0o600)
        except OSError:
            return  # it is noted again after the next start

    def _number(self) -> int:
        try:
            return int(self._seen.read_bytes()[:20])
        except (OSError, ValueError):
            return 0


def refused(record: Record) -> Found:
    """Say what was refused, until it is not wanted any more."""
    if not record.refused:
        return None
    return " ".join(record.refused.values()), "Put it right on the card's boot partition, and start the box again: docs/operate.md."
