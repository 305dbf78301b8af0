"""Files that a power cut leaves whole: the old bytes or the new ones, and names that are still there afterwards.

A card that loses power may have a file's new name and not its bytes, or the bytes and not the name (`man 2 fsync`).
"""

import contextlib
import os
from pathlib import Path


def put_in_place(path: Path, data: bytes, mode: int = 0o600, owner: tuple[int, int] | None = None) -> None:
    """Put these bytes in the place of a file: all of them, or none.

    Args:
        path: of the file; its directory has to be there.
        data: what is in it then.
        mode: who may open it then, whatever the umask says.
        owner: user and group it belongs to then, whoever writes it; None for this process's.

    Raises:
        OSError: they could not be written; what was there before is still there.

    """
    draft = path.with_name(f".{path.name}.draft")
    with contextlib.suppress(FileNotFoundError):
        draft.unlink()
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if owner is not None:
                os.fchown(descriptor, *owner)
            os.fchmod(descriptor, mode)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
    sync(path.parent)


def sync(directory: Path) -> None:
    """Make the names in a directory survive a power cut; raises `OSError`."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
