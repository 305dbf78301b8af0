"""The boot partition: mounted read only, and writable only while something is written to it.

FAT knows no rename that a power cut leaves whole, so nothing here is left to one alone: whoever writes can be asked to write again.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hw.durable import sync
from hw.erasing import overwrite
from hw.firstboot.commands import Run
from hw.firstboot.errors import UnwritableError

REMOUNT: Final = ("mount", "--options-source", "mtab", "-o")
"""Asks the kernel what is mounted: fstab names the partition by its number, which cannot be found where a unit sees no devices."""


@contextlib.contextmanager
def writable(boot: Path, run: Run) -> Iterator[None]:
    """Let the boot partition be written meanwhile.

    Raises:
        UnwritableError: it cannot be; nothing was written.

    """
    done = run((*REMOUNT, "remount,rw", str(boot)))
    if done.code or not os.access(boot, os.W_OK):
        raise UnwritableError(f"The boot partition of the card takes no writes: {done.why if done.code else 'it is read only'}.")
    try:
        yield
    except OSError as error:
        raise UnwritableError(f"The boot partition of the card takes no writes: {error.strerror or error}.") from error
    finally:
        with contextlib.suppress(OSError):
            sync(boot)
        run((*REMOUNT, "remount,ro", str(boot)))


def overwritten(path: Path, data: bytes) -> None:
    """Put other bytes in the place of a file's own blocks: they are overwritten first; raises `OSError`."""
    with contextlib.suppress(FileNotFoundError):
        overwrite(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())
    sync(path.parent)
