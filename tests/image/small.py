"""A tiny root directory, with all that a card is made of."""

import os
from pathlib import Path

EPOCH = 1_793_491_200

FILES = {
    "etc/fstab": b"",
    "etc/machine-id": b"",
    "etc/shadow": b"root:*:20000:0:99999:7:::\nmeshgate:!*:20000::::::\n",
    "etc/meshgate/config.toml": b"config_version = 1\n",
    "etc/meshgate/release-keys/release.pub": b"00\n",
    "opt/meshgate/versions/0.1.0/complete": b"",
    "usr/bin/true": b"\x7fELF",
    "usr/lib/os-release": b"text\n",
    "boot/firmware/config.txt": b"kernel=vmlinuz\n",
    "boot/firmware/overlays/disable-bt.dtbo": b"overlay",
    "var/lib/dpkg/status": b"Package: tool\nStatus: install ok installed\nArchitecture: arm64\nVersion: 1:2.0+b1-3\n\n"
    b"Package: gone\nStatus: deinstall ok config-files\nArchitecture: arm64\nVersion: 1\n",
}
DIRECTORIES = ("data", "tmp", "var/lib/meshgate", "var/log", "root")


def small_root(root: Path, backwards: bool = False) -> Path:
    """Make a root directory; backwards, its files are made in another order."""
    for name in sorted((*DIRECTORIES, *(str(Path(file).parent) for file in FILES)), reverse=backwards):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name, data in sorted(FILES.items(), reverse=backwards):
        (root / name).write_bytes(data)
    os.link(root / "usr/bin/true", root / "usr/bin/verily")
    (root / "usr/bin/yes").symlink_to("true")
    (root / "opt/meshgate/current").symlink_to("versions/0.1.0")
    (root / "var/lib/meshgate").chmod(0o700)
    return root
