"""firstboot.json: what the steps have done, for the gateway to show. There is no secret in it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from hw.durable import put_in_place
from hw.firstboot.limits import MAX_EVENTS, MAX_RECORD, MAX_SENTENCE

DONE: Final = "done"
REFUSED: Final = "refused"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was done, or refused."""

    number: int
    when: int  # Unix seconds as the box knew them, which may be wrong at a first start
    step: str
    outcome: str  # done or refused
    sentence: str


@dataclass(frozen=True, slots=True)
class Record:
    """All of it.

    Attributes:
        events: the last ones, oldest first.
        refused: why, by the step that is refused until now.

    """

    events: tuple[Event, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """Of the last event, 0 if there is none."""
        return self.events[-1].number if self.events else 0


def read_record(path: Path) -> Record:
    """Return what the file says; nothing if it is not there or cannot be read."""
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(MAX_RECORD + 1))
        events = tuple(
            Event(int(one["number"]), int(one["when"]), str(one["step"]), str(one["outcome"]), str(one["sentence"])[:MAX_SENTENCE])
            for one in found["events"][-MAX_EVENTS:]
        )
        return Record(events, {str(step): str(why)[:MAX_SENTENCE] for step, why in dict(found["refused"]).items()})
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Record()


def noted(record: Record, step: str, outcome: str, sentence: str, when: int) -> Record:
    """Return the record with another event; the same refusal as before is none."""
    sentence = sentence[:MAX_SENTENCE]
    if outcome == REFUSED and record.refused.get(step) == sentence:
        return record
    refused = {name: why for name, why in record.refused.items() if name != step}
    if outcome == REFUSED:
        refused[step] = sentence
    return Record((*record.events, Event(record.number + 1, when, step, outcome, sentence))[-MAX_EVENTS:], refused)


def settled(record: Record, step: str) -> Record:
    """Return the record without a refusal: what was refused is not wanted any more."""
    return Record(record.events, {name: why for name, why in record.refused.items() if name != step})


def write_record(path: Path, record: Record, owner: tuple[int, int] | None) -> None:
    """Put it in place; raises `OSError`."""
    data = json.dumps({"events": [asdict(one) for one in record.events], "refused": dict(record.refused)}, ensure_ascii=False)
    put_in_place(path, data.encode(), 0o600, owner)
