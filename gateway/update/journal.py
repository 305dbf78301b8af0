"""What is under way and what came of it: one small file, so that whoever starts next knows where the power went."""

from enum import StrEnum
from pathlib import Path

import msgspec

from gateway.update.limits import MAX_JOURNAL
from hw.durable import put_in_place


class Phase(StrEnum):
    """What is under way."""

    IDLE = "idle"
    STAGING = "staging"  # the target is being made; nothing else has changed
    SWITCHING = "switching"  # units and link are being changed
    TRIAL = "trial"  # the target runs and has to be as well as the origin was
    CONFIRMING = "confirming"  # it was
    UNDOING = "undoing"  # it was not: the way back


class Wish(StrEnum):
    """What was asked for."""

    APPLY = "apply"
    ROLLBACK = "rollback"


class Outcome(StrEnum):
    """What came of it."""

    APPLIED = "applied"
    ROLLED_BACK = "rolled_back"  # because somebody asked
    FELL_BACK = "fell_back"  # because the new version was no good
    BROKEN_OFF = "broken_off"  # before anything was changed


class Report(msgspec.Struct, frozen=True):
    """What came of the last wish."""

    number: int  # grows by one
    outcome: Outcome
    version: str  # that was asked for
    origin: str  # that ran before
    why: str = ""
    at: float = 0.0  # Unix seconds, as the box had them


class Journal(msgspec.Struct, frozen=True):
    """The file."""

    phase: Phase = Phase.IDLE
    wish: Wish = Wish.APPLY
    origin: str = ""
    target: str = ""
    why: str = ""
    boots: int = 0  # starts since the trial began
    baseline: tuple[str, ...] | None = None  # conditions that held before; None if the gateway did not answer
    previous: str = ""  # version to go back to
    last: Report | None = None


def read_journal(path: Path) -> Journal | None:
    """Return what was written last: an empty one where there is none, None where it cannot be read."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(MAX_JOURNAL), type=Journal)
    except FileNotFoundError:
        return Journal()
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def write_journal(path: Path, journal: Journal) -> None:
    """Write it down, at once or not at all; raises `OSError`."""
    put_in_place(path, msgspec.json.encode(journal), 0o644)
