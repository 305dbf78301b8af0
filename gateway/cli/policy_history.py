"""The past as a file: one packet in JSON a line, the oldest first.

    {"at_ms": 1800000000000, "kind": "message", "direction": "out", "from": "here", "to": "8d31f7a2b4c6d8e0",
     "size": 200, "scope": "public", "signed": true, "mode": "open", "sender": "0123456789abcdef", "verdict": "crossed"}

``to`` is null where it is not known. `sender` is whatever tells senders apart, in hexadecimal.
``verdict`` is "crossed", or the reason the packet did not.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from gateway.bridge.policy import HERE, Direction, Facts, Kind, Mode
from gateway.bridge.policy_trial import Past
from gateway.cli.output import CommandError

_MAX_LINE = 4_096  # characters


class _Line(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    at_ms: int
    kind: Kind
    direction: Direction
    origin: str = msgspec.field(name="from", default="here")
    to: str | None = None
    size: int
    scope: Literal["public", "directed"]
    signed: bool
    mode: Mode
    sender: str
    verdict: str


class RecordedHistory:
    """A `gateway.bridge.policy_trial.History` in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def between(self, from_ms: int, to_ms: int) -> Iterator[Past]:
        """Walk the packets from one moment until before another, as they stand in the file.

        Raises:
            CommandError: the file cannot be read, or a line of it is none of a history.
        """
        try:
            with self._file.open(encoding="utf-8") as lines:
                number = 0
                while text := lines.readline(_MAX_LINE):
                    number += 1
                    past = self._past(number, text)
                    if from_ms <= past.at * 1000 < to_ms:
                        yield past
        except OSError as error:
            raise CommandError("unreadable", f"The history {self._file} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise CommandError("history_invalid", f"The history {self._file} is not valid UTF-8.") from error

    def _past(self, number: int, text: str) -> Past:
        try:
            line = msgspec.json.decode(text, type=_Line)
            facts = Facts(
                kind=line.kind,
                direction=line.direction,
                origin=_site(line.origin),
                target=None if line.to is None else _site(line.to),
                size=line.size,
                directed=line.scope == "directed",
                signed=line.signed,
                mode=line.mode,
            )
            return Past(line.at_ms / 1000, facts, bytes.fromhex(line.sender), line.verdict)
        except (ValueError, msgspec.MsgspecError) as error:
            raise CommandError("history_invalid", f"{self._file}:{number}: this is no packet of a history: {error}.") from error


def _site(text: str) -> bytes:
    return HERE if text == "here" else bytes.fromhex(text)
