"""Which version is installed, how this box gets another, and what is new: ``/api/v1/updates``. Nothing is asked of any network."""

import asyncio
import json
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Final

import msgspec

from gateway.admin.access.roles import Role
from gateway.admin.changelog import NotesDocument, changelog, notes_of
from gateway.admin.route import Answers, Call, Route

MARK: Final = Path("/usr/lib/meshgate/installed-by")
"""Holds the word of whoever put Meshgate on this machine, where that was no Python installer."""
_MOST: Final = 64  # characters of it


class Means(StrEnum):
    """How Meshgate came onto this machine, and so how it gets another version."""

    PACKAGE = "package"  # of Debian
    IMAGE = "image"  # of an SD card
    ANSIBLE = "ansible"
    CHECKOUT = "checkout"  # a source tree
    PYTHON = "python"  # pip, uv or the like


class UpdatesDocument(msgspec.Struct, frozen=True):
    """``GET /api/v1/updates``."""

    version: str
    means: Means
    notes_of: str  # the version the notes are about; empty where there are none
    notes: tuple[NotesDocument, ...]


ROUTES: Final = (
    Route(
        name="get_updates",
        method="GET",
        path="/api/v1/updates",
        role=Role.VIEWER,
        answer=UpdatesDocument,
        summary="Which version is installed, how this machine gets another, and what is new in it; asks no network.",
    ),
)


class Updates:
    """Answers which version is installed.

    Args:
        mark: see `MARK`.

    """

    def __init__(self, mark: Path = MARK) -> None:
        self._mark = mark

    def answers(self) -> Answers:
        """Return who answers."""
        return {"get_updates": self._get}

    async def _get(self, _call: Call) -> UpdatesDocument:
        return await asyncio.to_thread(self._document)

    def _document(self) -> UpdatesDocument:
        version = metadata.version("meshgate")
        about, notes = notes_of(changelog(), version)
        return UpdatesDocument(version, means(self._mark, metadata.distribution("meshgate")), about, notes)


def means(mark: Path, installed: metadata.Distribution) -> Means:
    """Return how Meshgate was installed: what the mark says, else what the installer has left behind."""
    try:
        with mark.open(encoding="utf-8") as file:
            word = file.read(_MOST).strip()
    except (OSError, UnicodeDecodeError):
        word = ""
    if word in set(Means):
        return Means(word)
    origin = json.loads(installed.read_text("direct_url.json") or "{}")
    if origin.get("dir_info", {}).get("editable"):
        return Means.CHECKOUT
    return Means.PACKAGE if (installed.read_text("INSTALLER") or "").strip() in {"debian", "dpkg"} else Means.PYTHON
