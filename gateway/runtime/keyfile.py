"""Where the node's keys live: one file that nobody else may read."""

import os
import secrets
import stat
from pathlib import Path

from gateway.errors import ConfigError
from gateway.mesh.identity import Identity

KEY_BYTES = 64  # X25519 private key, then Ed25519 seed


def load_identity(path: Path) -> Identity:
    """Return the identity kept in `path`, making one on the first start.

    Args:
        path: the key file; its folder is created with mode 0700.

    Raises:
        ConfigError: the file can be read by others, or is no key file. Nothing is
            overwritten then: a lost identity cannot be made again.

    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return _create(path)
    with os.fdopen(descriptor, "rb") as file:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        content = file.read(KEY_BYTES + 1)
    if mode & 0o077:
        raise ConfigError(f"{path} holds this gateway's keys and can be read by others (mode {mode:04o}). Run: chmod 600 {path}")
    if len(content) != KEY_BYTES:
        raise ConfigError(f"{path} is not a Meshgate key file. Restore it from a backup, or move it away to start with a new identity.")
    return Identity(content[:32], content[32:])


def _create(path: Path) -> Identity:
    identity = Identity.generate(secrets.token_bytes)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(identity.noise_private + identity.signing_private)
        file.flush()
        os.fsync(descriptor)
    draft.rename(path)
    return identity
