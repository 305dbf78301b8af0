"""Looks for what must not be in an image, since every box made of it would share it: keys, passwords, tokens, codes, and who a machine is.

Read is every file of the root directory, those of Debian's packages by where they are alone: their examples and tests have keys.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MAX_READ: Final = 4 << 20  # bytes; a secret lies at the beginning of a small file
_OWN: Final = ("etc", "root", "home", "srv", "boot", "opt", "var", "usr/lib/meshgate", "usr/local")
"""Where files are that no package of Debian brings, or that a box changes."""
_CONTENTS: Final = {
    "a private key": re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{40}"),
    "a token": re.compile(rb"\b(?:ghp|gho|ghs|glpat|pypi|xox[abp]|sk)[-_][A-Za-z0-9_-]{20,}|\bAKIA[0-9A-Z]{16}\b"),
    "a password of a Wi-Fi": re.compile(rb"^\s*(?:psk|wpa_passphrase|wep-key\d)\s*=\s*\S", re.MULTILINE),
    "a hash of a password": re.compile(rb"^[a-z_][a-z0-9_-]*:\$[0-9a-z]{1,4}\$\S{20,}", re.MULTILINE),
    "an address with a password": re.compile(rb"\b(?:https?|mqtts?)://[^\s/:@'\"<>{}$]+:[^\s/:@'\"<>{}$]+@[a-z0-9]"),
}
_NAMES: Final = {
    "a host key": re.compile(r"etc/ssh/ssh_host_.*_key(\.pub)?"),
    "who this machine is": re.compile(r"var/lib/dbus/machine-id|var/lib/systemd/(random-seed|credential\.secret)|etc/machine-info"),
    "what cloud-init did": re.compile(r"var/lib/cloud/(instance|instances|seed|data)(/.*)?|var/log/cloud-init.*"),
    "keys of somebody": re.compile(r"(root|home/[^/]+)/(\.ssh|\.gnupg|\.bash_history|\.netrc|\.pip)(/.*)?"),
    "a connection of NetworkManager": re.compile(r"etc/NetworkManager/system-connections/.+|var/lib/NetworkManager/.+"),
    "bonds of Bluetooth": re.compile(r"var/lib/bluetooth/.+"),
    "state of a gateway": re.compile(r"var/lib/meshgate/.+"),
    "a key that signs": re.compile(r"etc/meshgate/release-keys/.+(?<!\.pub)"),
    "a log": re.compile(r"var/log/(?!README$).+"),
}
_ALLOWED: Final = re.compile(r"var/log/(private|journal|apt|chrony|mosquitto|unattended-upgrades)/?")
_SETUP_CODE: Final = re.compile(rb"setup.code\W{1,6}[0-9A-Z]{4}-[0-9A-Z]{4}", re.IGNORECASE)
_LIBRARIES: Final = re.compile(r"opt/meshgate/versions/[^/]+/lib/python3\.\d+/site-packages/(?!(?:gateway|transports|hw)/).+\.pyc?")
"""Programs of others, which came with a locked hash and are no secret; some test themselves with keys."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A secret: where it is, and what it looks like; never what it says."""

    path: str
    what: str

    def __str__(self) -> str:
        return f"/{self.path}: {self.what}"


def scan(root: Path) -> list[Finding]:
    """Return what must not be in there.

    Args:
        root: root directory of a system.

    Raises:
        OSError: something cannot be read, and so nobody can vouch for it.

    """
    return sorted((*_files(root), *_accounts(root), *_machine(root)), key=lambda one: (one.path, one.what))


def _files(root: Path) -> Iterator[Finding]:
    for below in _OWN:
        for home, directories, files in os.walk(root / below, onerror=_refuse):
            directories.sort()
            for name in sorted((*files, *(one for one in directories if (Path(home) / one).is_symlink()))):
                path = Path(home) / name
                yield from _file(path, path.relative_to(root).as_posix())


def _refuse(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _file(path: Path, name: str) -> Iterator[Finding]:
    for what, pattern in _NAMES.items():
        if pattern.fullmatch(name) and not _ALLOWED.fullmatch(name):
            yield Finding(name, what)
    if path.is_symlink() or not path.is_file():
        return
    if _LIBRARIES.fullmatch(name):
        return
    with path.open("rb") as file:
        data = file.read(MAX_READ)
    for what, text in _CONTENTS.items():
        if text.search(data):
            yield Finding(name, what)
    if _SETUP_CODE.search(data) and not name.startswith("opt/meshgate/versions/"):
        yield Finding(name, "a setup code")


def _accounts(root: Path) -> Iterator[Finding]:
    """Look for somebody who can log in with a password, or without one."""
    for name in ("etc/shadow", "etc/shadow-", "etc/gshadow", "etc/gshadow-"):
        path = root / name
        for line in path.read_text().splitlines() if path.exists() else ():
            account, _, rest = line.partition(":")
            word = rest.partition(":")[0]
            if "shadow" in name and not word.startswith(("!", "*")) and not (name.startswith("etc/gshadow") and not word):
                yield Finding(name, f"{account} can log in {'with a password' if word else 'without a password'}")


def _machine(root: Path) -> Iterator[Finding]:
    path = root / "etc" / "machine-id"
    if path.exists() and path.read_text().strip() not in {"", "uninitialized"}:
        yield Finding("etc/machine-id", "who this machine is")
