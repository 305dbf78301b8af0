"""What is said on the socket of whoever puts updates in place: one line in, then lines of JSON until it is over.

{"do": "apply", "downgrade": false}        with the open bundle as a file descriptor (unix(7), SCM_RIGHTS)
{"do": "rollback"}

{"step": "install", "done": 0.5, "sentence": "..."}                                       any number of these
{"ok": true, "refusal": "", "why": "", "hint": "", "outcome": "applied"}                  and one of these
"""

from typing import Final

import msgspec

from gateway.update.errors import Refusal, UpdateError
from gateway.update.journal import Wish
from gateway.update.limits import MAX_REQUEST

SOCKET: Final = "/run/meshgate-update.sock"


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One wish."""

    do: Wish
    downgrade: bool = False  # take an older version too; root only


class Step(msgspec.Struct, frozen=True):
    """How far it is."""

    step: str
    done: float  # share of the step, 0 to 1
    sentence: str


class Answer(msgspec.Struct, frozen=True):
    """How it ended."""

    ok: bool
    refusal: str = ""  # a `Refusal`; empty if it was begun
    why: str = ""
    hint: str = ""
    outcome: str = ""  # a `gateway.update.journal.Outcome`; empty if it was refused


def parse_request(line: bytes) -> Request:
    """Read a request; raises `UpdateError` if it is none."""
    whole = len(line) <= MAX_REQUEST and line.endswith(b"\n")
    try:
        return msgspec.json.decode(line if whole else b"", type=Request)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UpdateError(Refusal.FORMAT, "The request asks for nothing that is on the list.") from error


def encode(one: Request | Step | Answer) -> bytes:
    """Return a line."""
    return msgspec.json.encode(one) + b"\n"


def parse_line(line: bytes) -> Step | Answer:
    """Read a line of an answer; raises `msgspec.DecodeError` if it is none."""
    if line.startswith(b'{"ok":'):
        return msgspec.json.decode(line, type=Answer)
    return msgspec.json.decode(line, type=Step)
