"""Overwrites a file before its name goes, so that whoever takes the card out does not find it by looking.

A card writes to other cells than it was told to, and may keep what was overwritten; no program reaches that.
"""

import os
import secrets
from pathlib import Path
from typing import Final

_CHUNK: Final = 1 << 20  # bytes overwritten at a time
_BLOCK: Final = 4_096  # bytes; what stands behind the end of a file in its last block goes too


def erase(path: Path) -> None:
    """Overwrite one file, empty it, and remove its name; a link goes together with what it leads to.

    Raises:
        FileNotFoundError: there is none.
        OSError: it could not be overwritten; its name is gone all the same, where that was possible.

    """
    if path.is_symlink():
        target = path.resolve()
        if target.is_file():
            erase(target)
        path.unlink()
        return
    trouble: OSError | None = None
    try:
        overwrite(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        trouble = error  # its name goes all the same
    nameless = path.with_name(f".{secrets.token_hex(8)}")
    path.rename(nameless)
    nameless.unlink()
    if trouble is not None:
        raise trouble


def overwrite(path: Path) -> None:
    """Put random bytes over all of a file, to the end of its last block, then empty it; raises `OSError`."""
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        left = -(-size // _BLOCK) * _BLOCK
        while left:
            left -= os.write(descriptor, os.urandom(min(left, _CHUNK)))
        os.fsync(descriptor)
        os.ftruncate(descriptor, 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
