"""Writes the files the operator decides in, and says what is different in them."""

import difflib
from pathlib import Path

from gateway.errors import ConfigError
from hw import durable


def put_in_place(path: Path, text: str) -> None:
    """Put a text in a file's place, so that a power cut leaves one or the other; raises `ConfigError`."""
    try:
        durable.put_in_place(path, text.encode(), path.stat().st_mode & 0o777 if path.exists() else 0o640)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from error


def difference(before: str, after: str) -> str:
    """Return what is different in a text, as a unified diff; empty if nothing is."""
    return "".join(difflib.unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), "before", "after", n=1))
