"""Finds bundles on a stick, and says of each whether it is for this box."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.update.bundle import SUFFIX
from gateway.update.errors import Refusal, UpdateError
from gateway.update.limits import MAX_ENTRIES, MAX_FOUND, SEARCH_DEPTH
from gateway.update.manifest import Box
from gateway.update.staging import examine
from gateway.update.versions import rank

MOUNTS: Final = (Path("/media"), Path("/mnt"), Path("/run/media"), Path("/boot/firmware"))
"""Where sticks and the card's first partition are."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One bundle; `why` says why it is none for this box, and is empty if it is one."""

    path: Path
    version: str = ""
    refusal: str = ""
    why: str = ""
    hint: str = ""


def candidates(places: Iterable[Path], trusted: frozenset[bytes], box: Box, *, allow_downgrade: bool = False) -> list[Candidate]:
    """Look at every bundle there, each read to its end, the newest first.

    Args:
        places: bundles, or directories to search.
        trusted: public keys.
        box: what it has to fit.
        allow_downgrade: whether an older version fits as well.

    """
    found = []
    for place in places:
        for path in [place] if place.is_file() else _bundles(place):
            found.append(_look(path, trusted, box, allow_downgrade=allow_downgrade))
            if len(found) == MAX_FOUND:
                break
    return sorted(found, key=lambda one: rank(one.version or "0.0.0"), reverse=True)


def best(found: Iterable[Candidate]) -> Candidate:
    """Return the newest that fits; raises `UpdateError` with the first reason why none does."""
    ordered = list(found)
    for one in ordered:
        if not one.why:
            return one
    first = ordered[0]
    raise UpdateError(Refusal(first.refusal), f"{first.path}: {first.why}", first.hint)


def _look(path: Path, trusted: frozenset[bytes], box: Box, *, allow_downgrade: bool) -> Candidate:
    try:
        with path.open("rb") as file:
            bundle = examine(file, trusted, box, allow_downgrade=allow_downgrade)
            bundle.check()
    except UpdateError as error:
        return Candidate(path, "", error.refusal, str(error), error.hint)
    except OSError as error:
        return Candidate(path, "", Refusal.FORMAT, f"It cannot be read: {error.strerror}.")
    return Candidate(path, bundle.manifest.version)


def _bundles(directory: Path) -> Iterator[Path]:
    """Find them some levels deep; links are not followed, and a stick of pictures does not keep us for long."""
    seen, ahead = 0, [(directory, 0)]
    while ahead:
        here, depth = ahead.pop(0)
        try:
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            seen += 1
            if seen > MAX_ENTRIES:
                return
            if entry.is_dir(follow_symlinks=False):
                if depth < SEARCH_DEPTH:
                    ahead.append((Path(entry.path), depth + 1))
            elif entry.name.endswith(SUFFIX) and entry.is_file(follow_symlinks=False):
                yield Path(entry.path)
