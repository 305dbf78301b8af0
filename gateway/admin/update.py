"""Which version is installed, how this box gets another, and what is new: ``/api/v1/updates``. Nothing is asked of any network."""

import asyncio
import json
from datetime import UTC, datetime
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from gateway.admin.access.roles import Role
from gateway.admin.changelog import NotesDocument, changelog, notes_of
from gateway.admin.route import Answers, Call, Route
from gateway.update.journal import Journal, Phase, Wish, read_journal
from gateway.update.progress import PROGRESS, read_progress
from gateway.update.tree import HOME, Tree

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
    VERSIONS = "versions"  # bundles, each beside the one before


class VersionsDocument(msgspec.Struct, frozen=True):
    """The versions of a box that is kept in versions, see `gateway.update`."""

    previous: str  # that can be gone back to; empty where there is none
    on_trial: str  # that has to show that it is no worse; empty where none is
    asked: str  # for which version was asked last; empty where none was
    outcome: str  # what came of it: applied, rolled_back, fell_back or broken_off
    why: str  # a clause; empty where there is nothing to say
    at: datetime | None = None  # when that was, as the box had the time; None where nothing was asked
    origin: str = ""  # what ran before it
    phase: Phase = Phase.IDLE  # what is under way
    target: str = ""  # the version it is about; empty where nothing is under way
    back: bool = False  # whether somebody asked to go back
    done: float | None = None  # share of what is being done just now, 0 to 1; None where nobody says
    sentence: str = ""  # what that is


class UpdatesDocument(msgspec.Struct, frozen=True):
    """``GET /api/v1/updates``."""

    version: str
    means: Means
    notes_of: str  # the version the notes are about; empty where there are none
    notes: tuple[NotesDocument, ...]
    appliance: VersionsDocument | None = None  # where this box is kept in versions


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
        tree: where versions are, if this box is kept in versions.
        progress: where whoever puts them in place shows how far it is.

    """

    def __init__(self, mark: Path = MARK, tree: Tree | None = None, progress: Path = PROGRESS) -> None:
        self._mark = mark
        self._progress = progress
        self._tree = tree or Tree(HOME)

    def answers(self) -> Answers:
        """Return who answers."""
        return {"get_updates": self._get}

    async def _get(self, _call: Call) -> UpdatesDocument:
        return await asyncio.to_thread(self._document)

    def _document(self) -> UpdatesDocument:
        version = metadata.version("meshgate")
        about, notes = notes_of(changelog(), version)
        if self._tree.current:
            return UpdatesDocument(version, Means.VERSIONS, about, notes, _versions(self._tree, self._progress))
        return UpdatesDocument(version, means(self._mark, metadata.distribution("meshgate")), about, notes)


def _versions(tree: Tree, progress: Path) -> VersionsDocument:
    journal = read_journal(tree.journal) or Journal()
    found = VersionsDocument(journal.previous, journal.target if journal.phase is Phase.TRIAL else "", "", "", "")
    if (last := journal.last) is not None:
        at = datetime.fromtimestamp(last.at, UTC) if last.at else None
        found = replace(found, asked=last.version, outcome=last.outcome.value, why=last.why, at=at, origin=last.origin)
    if journal.phase is Phase.IDLE:
        return found
    found = replace(found, phase=journal.phase, target=journal.target, back=journal.wish is Wish.ROLLBACK)
    step = read_progress(progress)
    return found if step is None else replace(found, done=step.done, sentence=step.sentence)


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
