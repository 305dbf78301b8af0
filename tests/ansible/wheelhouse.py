"""A wheelhouse for this machine's Python: every wheel that requirements.lock names, our own, and a lock of what came out."""

import hashlib
import platform
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
LOCK: Final = ROOT / "requirements.lock"
OURS: Final = ("gateway", "transports", "hw", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md")
_EPOCH: Final = 1_700_000_000


def wheels(cache: Path) -> Path:
    """The directory with the wheels of the lock; made once for each lock and Python."""
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    there = cache / f"wheels-{python}-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    if not there.is_dir():
        unfinished = there.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps", "--require-hashes")
        subprocess.run([*pip, "--requirement", str(LOCK), "--wheel-dir", str(unfinished)], check=True, capture_output=True)
        unfinished.rename(there)
    return there


def own_wheel(to: Path, version: str = "") -> Path:
    """Build our wheel, under another version if one is named."""
    tree = to / "tree"
    tree.mkdir(parents=True)
    for name in OURS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tree / name)
    if version:
        project = tree / "pyproject.toml"
        project.write_text(re.sub(r'(?m)^version = ".*"$', f'version = "{version}"', project.read_text(), count=1))
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(to)], cwd=tree, check=True, capture_output=True)
    shutil.rmtree(tree)
    (wheel,) = to.glob("meshgate-*.whl")
    return wheel


def wheelhouse(to: Path, cache: Path, version: str = "") -> Path:
    """Pack a wheelhouse as `meshgate_app_wheelhouse` wants it; its path."""
    own = own_wheel(to / f"own-{version}", version)
    files = sorted([*wheels(cache).glob("*.whl"), own], key=lambda path: path.name)
    lock = to / "wheelhouse.lock"
    lock.write_text("".join(f"{_requirement(file)} --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n" for file in files))
    packed = (
        to / f"meshgate-wheelhouse-{own.name.split('-')[1]}-cp{sys.version_info.major}{sys.version_info.minor}-{platform.machine()}.tar"
    )
    with tarfile.open(packed, "w") as tar:
        for file in (lock, *files):
            tar.add(file, file.name, filter=_plain)
    return packed


def _requirement(wheel: Path) -> str:
    name, version = wheel.name.split("-")[:2]
    return f"{name.replace('_', '-')}=={version}"


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mode, entry.mtime = 0o644, _EPOCH
    return entry
