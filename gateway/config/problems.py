"""What is wrong with a configuration, where it was written, and how to say so."""

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.errors import ConfigError


class Layer(StrEnum):
    """Where a value can come from, least important first."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"
    COMMAND_LINE = "command line"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one value was written."""

    layer: Layer
    name: str = ""  # path of the file, name of the variable, or the option as typed
    line: int | None = None  # from 1, for a file

    def __str__(self) -> str:
        if self.line is not None:
            return f"{self.name}:{self.line}"
        return self.name or self.layer.value


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to put right."""

    origin: Origin
    key: str  # dotted, with an index for a list element; empty if it concerns a whole file
    message: str  # what is wrong, without a full stop
    allowed: str = ""  # what may stand there
    suggestion: str = ""  # the nearest name or value

    def __str__(self) -> str:
        text = f"{self.origin}: {self.key}: {self.message}." if self.key else f"{self.origin}: {self.message}."
        return text + "".join(f"\n    {line}" for line in self.remedy())

    def remedy(self) -> list[str]:
        """What to do about it, one sentence each."""
        lines = [f"Did you mean {self.suggestion}?"] if self.suggestion else []
        return [*lines, f"Allowed: {self.allowed}."] if self.allowed else lines

    def document(self) -> dict[str, str | int | None]:
        """The same for `--json`."""
        return {
            "layer": self.origin.layer.value,
            "where": self.origin.name,
            "line": self.origin.line,
            "key": self.key or None,
            "message": self.message,
            "allowed": self.allowed or None,
            "suggestion": self.suggestion or None,
        }


class InvalidConfigError(ConfigError):
    """A configuration with problems, every one of which is in the text."""

    subject = "configuration"

    def __init__(self, problems: Sequence[Problem]) -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        self.summary = f"The {self.subject} cannot be used ({count})"
        self.problems = tuple(problems)
        super().__init__("\n".join([f"{self.summary}:", *map(str, problems)]))


def nearest(name: str, known: Collection[str]) -> str:
    """The known name that `name` was probably meant to be, or nothing."""
    plain = {one.lower().replace("-", "_"): one for one in known}
    found = difflib.get_close_matches(name.lower().replace("-", "_"), plain, n=1)
    return plain[found[0]] if found else ""


def described(value: object) -> str:
    """A wrong value for a person: what it is, and itself if it is short."""
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {quoted(value)}"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return f"the date or time {value}"


def quoted(text: str) -> str:
    """A text as it is shown in a message: cut if it is long, nothing in it that could move the cursor."""
    shown = text if len(text) <= 80 else text[:79] + "…"
    return '"' + "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in shown) + '"'
