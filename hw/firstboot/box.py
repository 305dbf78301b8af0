"""What a step works on: paths, programs, the gateway's own opinion of settings, and where it tells what it did."""

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hw.durable import put_in_place
from hw.firstboot.commands import Run
from hw.firstboot.places import Places
from hw.firstboot.record import Record, noted, read_record, settled, write_record


@dataclass(frozen=True, slots=True)
class Box:
    """One box.

    Attributes:
        places: where everything is.
        run: starts programs.
        accepts: says what is wrong with settings of the gateway, as the text of the drop-in; empty if nothing is.
        wipe: has the gateway's own wipe erase what it knows; returns why not, empty if it did.
        wall: Unix seconds.
        randbytes: cryptographic randomness.
        called: gives the running system its name.

    """

    places: Places
    run: Run
    accepts: Callable[[str], str]
    wipe: Callable[[], str]
    wall: Callable[[], float] = time.time
    randbytes: Callable[[int], bytes] = os.urandom
    called: Callable[[str], None] = lambda _name: None

    def note(self, step: str, outcome: str, sentence: str) -> None:
        """Tell what happened; raises `OSError`."""
        self._tell(noted(read_record(self.places.record), step, outcome, sentence, int(self.wall())))

    def settle(self, step: str) -> None:
        """Tell that what was refused is not wanted any more; raises `OSError`."""
        self._tell(settled(read_record(self.places.record), step))

    def put_state(self, name: str, data: bytes) -> None:
        """Put a private file of the gateway in place; raises `OSError`."""
        self._ready()
        put_in_place(self.places.state / name, data, 0o600, self.places.owner)

    def _tell(self, record: Record) -> None:
        if record != read_record(self.places.record):
            self._ready()
            write_record(self.places.record, record, self.places.owner)

    def _ready(self) -> None:
        state = self.places.state
        if not state.is_dir():
            with contextlib.suppress(FileExistsError):
                state.mkdir(mode=0o700, parents=True)
        if self.places.owner is not None and state.stat().st_uid != self.places.owner[0]:
            os.chown(state, *self.places.owner)


def put_if_other(place: Path, data: bytes, mode: int = 0o644) -> bool:
    """Put a file of the system in place unless it says so already, which spares the card; returns whether it did. Raises `OSError`."""
    with contextlib.suppress(OSError):
        if place.read_bytes() == data and place.stat().st_mode & 0o777 == mode:
            return False
    place.parent.mkdir(parents=True, exist_ok=True)
    put_in_place(place, data, mode)
    return True
