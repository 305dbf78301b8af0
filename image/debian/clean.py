"""Takes out of a root directory what belongs to the machine it was built on, or would be the same on every box."""

import shutil
from pathlib import Path
from typing import Final

_EMPTIED: Final = (
    *("var/cache/apt", "var/lib/apt/lists", "var/log", "var/tmp", "tmp", "run", "var/cache/debconf", "var/cache/ldconfig"),
    *("var/lib/cloud", "var/lib/NetworkManager", "var/lib/bluetooth", "var/lib/chrony", "root/.ansible", "root/.cache", "home"),
    *("var/lib/meshgate", "etc/NetworkManager/system-connections"),
)
"""Directories that are there, and empty but for directories of their own."""
_REMOVED: Final = (
    *("etc/ssh/ssh_host_*_key", "etc/ssh/ssh_host_*_key.pub", "var/lib/systemd/random-seed", "var/lib/systemd/credential.secret"),
    *(
        "var/lib/dbus/machine-id",
        "etc/machine-info",
        "etc/.pwd.lock",
        "etc/*-",
        "var/lib/dpkg/*-old",
        "etc/ssl/certs/ssl-cert-snakeoil.pem",
    ),
    *("etc/ssl/private/ssl-cert-snakeoil.key", "root/.bash_history", "root/.wget-hsts", "usr/sbin/policy-rc.d", "etc/resolv.conf"),
    *("root/.ansible", "root/.cache", "boot/vmlinuz.old", "boot/initrd.img.old", "initrd.img.old", "vmlinuz.old", ".dockerenv"),
    *("etc/mosquitto/*.example", "etc/mosquitto/*.dpkg-*"),
)


def clean(root: Path, epoch: int) -> None:
    """Clean a root directory.

    Args:
        root: of a system in which nothing runs.
        epoch: the time that its clock starts from when nobody knows better, seconds since 1970.

    Raises:
        OSError: something cannot be removed.

    """
    for name in _EMPTIED:
        if (root / name).is_dir() and not (root / name).is_symlink():
            _empty(root / name)
    for pattern in _REMOVED:
        for path in list(root.glob(pattern)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    for cache in list(root.glob("usr/local/**/__pycache__")):
        shutil.rmtree(cache)
    # An empty file is filled at the first start, and each box is somebody else.
    machine = root / "etc" / "machine-id"
    machine.unlink(missing_ok=True)
    machine.touch(mode=0o444)
    (root / "usr" / "lib" / "clock-epoch").write_text(f"{epoch}\n")


def _empty(directory: Path) -> None:
    for path in directory.iterdir():
        if path.is_dir() and not path.is_symlink():
            _empty(path)
        else:
            path.unlink()
