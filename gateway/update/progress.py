"""How far an update is: a small file in memory, which the gateway that is about to end and the one after it can both show."""

from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from gateway.update.limits import MAX_LINE
from gateway.update.protocol import Step

PROGRESS: Final = Path("/run/meshgate-update/progress.json")
"""Whoever puts updates in place has the directory to itself (`RuntimeDirectory=`); it is gone with the process."""


class ProgressFile:
    """Says how far it is; whoever cannot be told holds nothing up.

    Args:
        path: of the file; None shows nothing.

    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    def show(self, step: str, done: float, sentence: str) -> None:
        """Show one step, the share of it that is done (0 to 1), and a sentence."""
        if self._path is not None:
            draft = self._path.with_suffix(".next")
            with suppress(OSError):
                draft.write_bytes(msgspec.json.encode(Step(step, round(done, 3), sentence)))
                draft.replace(self._path)

    def clear(self) -> None:
        """Show that nothing is under way."""
        if self._path is not None:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)


def read_progress(path: Path = PROGRESS) -> Step | None:
    """Return what was shown last; None where nothing is, or nothing that can be read."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(MAX_LINE), type=Step)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
