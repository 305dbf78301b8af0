"""Where versions lie side by side, and which of them is current: ``/opt/meshgate``.

versions/0.2.0/     a virtual environment, the units it came with, and the file `complete`, written last
current             a link: what runs the gateway
good                a link: the last version that passed its trial; it runs whoever puts updates in place
journal.json        what is under way, and what came of the last
"""

import os
import shutil
from pathlib import Path
from typing import Final

from gateway.update.versions import rank
from hw.durable import sync

HOME: Final = Path("/opt/meshgate")
_COMPLETE: Final = "complete"
_NEXT: Final = ".next"


class Tree:
    """The directory that holds the versions.

    Args:
        home: that directory.

    """

    def __init__(self, home: Path = HOME) -> None:
        self.home = home
        self.versions = home / "versions"
        self.journal = home / "journal.json"

    @property
    def current(self) -> str:
        """The version that runs the gateway; empty where there is none."""
        return self._linked("current")

    @property
    def good(self) -> str:
        """The last version that passed its trial; empty where there is none."""
        return self._linked("good")

    def of(self, version: str) -> Path:
        """Return the directory of a version."""
        return self.versions / version

    def is_complete(self, version: str) -> bool:
        """Whether a version can be run: it was made to the end."""
        return bool(version) and (self.of(version) / _COMPLETE).is_file()

    def complete(self, version: str) -> None:
        """Say that a version was made to the end, once all of it is on the disk."""
        os.sync()
        mark = self.of(version) / _COMPLETE
        mark.touch()
        sync(mark.parent)

    def run(self, version: str) -> None:
        """Make a version current, at once or not at all; raises `OSError`."""
        self._link("current", version)

    def trust(self, version: str) -> None:
        """Make a version the good one, at once or not at all; raises `OSError`."""
        self._link("good", version)

    def remove(self, version: str) -> None:
        """Remove a version, its mark first, unless it is in use."""
        if version and version not in {self.current, self.good}:
            (self.of(version) / _COMPLETE).unlink(missing_ok=True)
            shutil.rmtree(self.of(version), ignore_errors=True)

    def tidy(self, keep: set[str]) -> None:
        """Remove every version that is neither in use nor to be kept, and what was not made to the end."""
        for path in self.versions.iterdir() if self.versions.is_dir() else ():
            if path.name not in keep or not self.is_complete(path.name):
                self.remove(path.name)

    def _linked(self, name: str) -> str:
        try:
            target = Path(os.readlink(self.home / name))  # noqa: PTH115 -- as it stands, not as it resolves
            rank(target.name)
        except (OSError, ValueError):
            return ""
        return target.name if target.parts[:-1] == ("versions",) else ""

    def _link(self, name: str, version: str) -> None:
        made = self.home / f"{name}{_NEXT}"
        made.unlink(missing_ok=True)
        made.symlink_to(Path("versions") / version)
        made.replace(self.home / name)
        sync(self.home)
