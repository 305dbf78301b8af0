"""Writes a directory as a tar archive, of which there is exactly one for given contents: sorted, and no time is after a fixed one.

File systems are made of such archives, so that neither the order in which a kernel lists a directory nor the time of a build is in them.
"""

import io
import os
import stat
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath


def write_archive(tree: Path, out: Path, epoch: int, leave: Sequence[str] = (), instead: Mapping[str, bytes] | None = None) -> int:
    """Write a directory; returns how many bytes its files have.

    Args:
        tree: the directory.
        out: the archive.
        epoch: seconds since 1970; what was changed later counts as changed then.
        leave: directories below it whose contents stay out; they are there, and empty.
        instead: contents for files, by path, that are there or not.

    Raises:
        OSError: something cannot be read.
        ValueError: there is something that belongs on no card, such as a device.

    """
    size, seen = 0, dict[tuple[int, int], str]()
    replaced = dict(instead or {})
    with tarfile.open(out, "w", format=tarfile.PAX_FORMAT) as archive:
        for name in _sorted(tree, leave, replaced):
            data = replaced.get(name)
            entry = _entry(tree, name, epoch, seen) if data is None else _plain(name, len(data), epoch)
            if data is None and entry.isreg():
                with (tree / name).open("rb") as file:
                    archive.addfile(entry, file)
            else:
                archive.addfile(entry, io.BytesIO(data) if data is not None else None)
            size += entry.size
    return size


def _sorted(tree: Path, leave: Sequence[str], replaced: Mapping[str, bytes]) -> list[str]:
    names = {".": None, **dict.fromkeys(replaced)}
    for home, directories, files in os.walk(tree):
        below = Path(home).relative_to(tree).as_posix()
        if below in leave:
            directories.clear()
            continue
        for name in (*directories, *files):
            names[name if below == "." else f"{below}/{name}"] = None
    return sorted(names, key=lambda name: PurePosixPath(name).parts)


def _plain(name: str, size: int, epoch: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = size, epoch, 0o644
    return entry


def _entry(tree: Path, name: str, epoch: int, seen: dict[tuple[int, int], str]) -> tarfile.TarInfo:
    path = tree / name
    about = path.lstat()
    entry = tarfile.TarInfo(name)
    entry.mode, entry.uid, entry.gid = stat.S_IMODE(about.st_mode), about.st_uid, about.st_gid
    entry.mtime = min(int(about.st_mtime), epoch)
    if stat.S_ISDIR(about.st_mode):
        entry.type = tarfile.DIRTYPE
    elif stat.S_ISLNK(about.st_mode):
        entry.type, entry.linkname = tarfile.SYMTYPE, str(path.readlink())
    elif not stat.S_ISREG(about.st_mode):
        raise ValueError(f"{name} is neither a file nor a directory nor a link.")
    elif (first := seen.setdefault((about.st_dev, about.st_ino), name)) != name:
        entry.type, entry.linkname = tarfile.LNKTYPE, first
    else:
        entry.size = about.st_size
    attributes = {name: os.getxattr(path, name, follow_symlinks=False) for name in sorted(os.listxattr(path, follow_symlinks=False))}
    entry.pax_headers = {f"SCHILY.xattr.{name}": value.decode("utf-8", "surrogateescape") for name, value in attributes.items()}
    return entry
