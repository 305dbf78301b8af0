"""What every command says, and how: results on stdout, everything else on stderr, one exit code.

With ``--json`` a command prints one JSON document on stdout, also for an error:
``{"error": {"code", "message", "hint"}}``, with more members beside ``error`` where a command has more to say.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import TextIO

from gateway.errors import GatewayError


class Exit(IntEnum):
    """How a command ended."""

    OK = 0  # done
    FAILED = 1  # failed, or something was not valid
    USAGE = 2  # the command line makes no sense
    NOT_FOUND = 3  # there is no such thing
    REFUSED = 4  # refused by policy
    UNREACHABLE = 5  # no gateway is running where the command looked for it
    TEMPORARY = 75  # the same command may work later (EX_TEMPFAIL of sysexits.h)
    INTERRUPTED = 130  # stopped with Ctrl-C, as shells count it
    BROKEN_PIPE = 141  # whoever read the output has gone, as shells count it


class CommandError(GatewayError):
    """A command that cannot do what was asked.

    Args:
        code: a word for programs, lower case.
        message: what happened and what it means, ready to print.
        hint: what to do about it, one sentence.
        status: the exit code.
        details: members to print beside ``error`` with ``--json``.
    """

    def __init__(
        self, code: str, message: str, *, hint: str = "", status: Exit = Exit.FAILED, details: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.status = status
        self.details = dict(details or {})


def emit(document: object) -> None:
    """Print one JSON document on one line and send it off."""
    sys.stdout.write(json.dumps(document, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Tell the person at the terminal something that is not the result."""
    print(text, file=sys.stderr)


def error_document(code: str, message: str, hint: str | None = None) -> dict[str, object]:
    """An error for a program to read; `hint` is left out where None."""
    error = {"code": code, "message": message}
    if hint is not None:
        error["hint"] = hint
    return {"error": error}


def report(error: CommandError, *, as_json: bool) -> Exit:
    """Print an error in the form asked for; returns its exit code."""
    if as_json:
        emit(error_document(error.code, error.message, error.hint) | error.details)
    else:
        note(f"{bold('meshgate:', sys.stderr)} {error.message}" + (f"\n{error.hint}" if error.hint else ""))
    return error.status


def has_colour(stream: TextIO) -> bool:
    """Whether escape sequences are welcome there: a terminal, and NO_COLOR not set (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def bold(text: str, stream: TextIO) -> str:
    """The text, emphasised where the stream can show that."""
    return f"\x1b[1m{text}\x1b[0m" if has_colour(stream) else text


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print aligned columns, two spaces apart, the header emphasised."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for index, row in enumerate([header, *rows]):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        print(line if index else bold(line, sys.stdout))
