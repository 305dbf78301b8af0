"""Reads the notes of one version out of the changelog that is installed with the gateway."""

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec

FILE: Final = "CHANGELOG.md"
UNRELEASED: Final = "Unreleased"
_VERSION: Final = re.compile(r"## \[([^\]]+)\]")
_LINK: Final = re.compile(r"\[([^\]]+)\]\([^)]*\)")


class NotesDocument(msgspec.Struct, frozen=True):
    """What is new, of one sort."""

    heading: str  # Added, Changed, Fixed, …
    items: tuple[str, ...]  # plain text; what is typed stands between `


def changelog() -> str:
    """Return the changelog, empty if it is not installed."""
    package = files("gateway")
    places = [package / FILE]
    if isinstance(package, Path):
        places.append(package.parent / FILE)  # of a checkout, where it stands beside the packages
    return next((place.read_text(encoding="utf-8") for place in places if place.is_file()), "")


def notes_of(text: str, version: str) -> tuple[str, tuple[NotesDocument, ...]]:
    """Return the notes of a version, and of which they are: what is not released yet where the version has none."""
    sections = dict(_sections(text))
    name = version if version in sections else UNRELEASED
    return (name, tuple(_notes(sections[name]))) if name in sections else ("", ())


def _sections(text: str) -> Iterator[tuple[str, list[str]]]:
    lines: list[str] = []
    for line in text.splitlines():
        found = _VERSION.match(line)
        if found:
            lines = []
            yield found[1], lines
        lines.append(line)


def _notes(lines: list[str]) -> Iterator[NotesDocument]:
    heading, items = "", list[str]()
    for line in (*lines, "### "):
        if line.startswith("### "):
            if items:
                yield NotesDocument(heading, tuple(map(_plain, items)))
            heading, items = line.removeprefix("### ").strip(), []
        elif line.startswith(("* ", "- ")):
            items.append(line[2:].strip())
        elif line.startswith("  ") and items:
            items[-1] += f" {line.strip()}"


def _plain(item: str) -> str:
    return _LINK.sub(r"\1", item).replace("**", "")
