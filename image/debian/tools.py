"""Programs of this machine that make file systems, and Debian's newer mke2fs where its own is too old.

mke2fs takes an archive, and keeps to the time it is given, from version 1.47.1 on (Debian 13). An older machine gets that of Debian 13
laid out in a directory beside the build, with the libraries it needs; nothing is installed.
"""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_NEEDED: Final = (1, 47, 1)
_LINE: Final = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {mirror}/debian trixie main"
_LINKS: Final = 'for d in lib lib64 sbin bin; do mkdir -p "$1/usr/$d" && ln -s "usr/$d" "$1/$d"; done'


class Tools:
    """Runs programs with an environment of their own.

    Args:
        cache: directory in which a newer mke2fs is kept, if this machine needs one.

    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._newer: list[str] | None = None

    def run(self, program: str, *words: str, epoch: int = 0) -> str:
        """Run a program to its end; returns what it printed.

        Args:
            program: by name.
            words: its arguments.
            epoch: the time that file systems are to be of.

        Raises:
            OSError: it is not here or failed.

        """
        start = self._mke2fs() if program == "mke2fs" else [_found(program)]
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC", "MTOOLS_SKIP_CHECK": "1"}
        if epoch:
            environment |= {"SOURCE_DATE_EPOCH": str(epoch), "E2FSPROGS_FAKE_TIME": str(epoch)}
        return _run([*start, *words], environment)

    def lacks_mke2fs(self) -> bool:
        """Say whether a newer mke2fs would have to be laid out first."""
        return not (_is_new() or (self._cache / "e2fsprogs" / "complete").exists())

    def _mke2fs(self) -> list[str]:
        if self._newer is None:
            self._newer = self._find()
        return self._newer

    def _find(self) -> list[str]:
        if _is_new():
            return [_found("mke2fs")]
        root = self._cache / "e2fsprogs"
        if not (root / "complete").exists():
            self._lay_out(root)
        machine = platform.machine()
        (loader,) = (root / "lib").glob("ld-linux-*.so.*") if machine == "aarch64" else (root / "lib64").glob("ld-linux-*.so.*")
        return [str(loader), "--library-path", str(root / "usr" / "lib" / f"{machine}-linux-gnu"), str(root / "usr" / "sbin" / "mke2fs")]

    def _lay_out(self, root: Path) -> None:
        if root.exists():
            shutil.rmtree(root)
        root.parent.mkdir(parents=True, exist_ok=True)
        mode = "root" if os.geteuid() == 0 else "auto"
        options = [f"--mode={mode}", "--variant=extract", "--format=directory", "--include=e2fsprogs,libarchive13t64", "--quiet"]
        line = _LINE.format(mirror=os.environ.get("MESHGATE_MIRROR", "http://deb.debian.org"))
        hooks = ['--aptopt=APT::Install-Recommends "false"', f"--setup-hook={_LINKS}"]
        _run([_found("mmdebstrap"), *options, *hooks, "trixie", str(root), line], dict(os.environ))
        (root / "complete").touch()


def _found(program: str) -> str:
    path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if path is None:
        raise OSError(f"{program} is not here.")
    return path


def _run(words: Sequence[str], environment: dict[str, str]) -> str:
    done = subprocess.run(words, env=environment, capture_output=True, text=True, errors="replace", check=False)  # noqa: S603 -- words of our own, no shell
    if done.returncode:
        raise OSError(f"{Path(words[0]).name} failed: {' '.join(words)}\n{(done.stderr or done.stdout)[-1500:]}")
    return done.stdout


def _is_new() -> bool:
    said = subprocess.run([_found("mke2fs"), "-V"], capture_output=True, text=True, check=False).stderr  # noqa: S603 -- likewise
    found = re.search(r"mke2fs (\d+)\.(\d+)(?:\.(\d+))?", said)
    return found is not None and tuple(int(part or 0) for part in found.groups()) >= _NEEDED
