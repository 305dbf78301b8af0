"""What a machine needs to build an image."""

import os
import platform
import shutil
import sys
from typing import Final

_PACKAGES: Final = {
    "mmdebstrap": "mmdebstrap",
    "mkfs.vfat": "dosfstools",
    "mcopy": "mtools",
    "mke2fs": "e2fsprogs",
    "zstd": "zstd",
    "xz": "xz-utils",
    "unshare": "util-linux",
}
_EMULATION: Final = {
    "qemu-aarch64-static": "qemu-user-static",
    "update-binfmts": "binfmt-support",
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu",
}


def obstacle() -> str:
    """Say why no image can be built here, or nothing."""
    if sys.platform != "linux":
        return f"it needs Linux, this is {sys.platform}"
    wanted = _PACKAGES if platform.machine() == "aarch64" else {**_PACKAGES, **_EMULATION}
    places = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    missing = sorted({package for program, package in wanted.items() if shutil.which(program, path=places) is None})
    if missing:
        return f"programs are not here: apt-get install {' '.join(missing)}"
    if os.geteuid() != 0:
        return "only root can make the files of other users and enter a root directory: sudo make image"
    return ""
