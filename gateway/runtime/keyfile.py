"""Where the node's keys live: one file that nobody else may read."""

import contextlib
import os
import secrets
import stat
from pathlib import Path

from gateway.errors import ConfigError
from gateway.mesh.identity import Identity
from hw.durable import sync

KEY_BYTES = 64  # X25519 private key, then Ed25519 seed


def load_identity(path: Path) -> Identity:
    """Return the identity kept in `path`, making one on the first start.

    Args:
        path: the key file; its folder is created with mode 0700.

    Raises:
        ConfigError: the file can be read by others, is no key file, or cannot be read or
            made. Nothing is overwritten then: a lost identity cannot be made again.

    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            return _read(path)
        _create(path)
        return _read(path)
    except OSError as error:
        reason = error.strerror or str(error)
        hint = "Set gateway.state_dir to a folder this user may write to."
        raise ConfigError(f"The file for this gateway's keys, {path}, cannot be used: {reason}. {hint}") from error


def _read(path: Path) -> Identity:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        content = file.read(KEY_BYTES + 1)
    if mode & 0o077:
        raise ConfigError(f"{path} holds this gateway's keys and can be read by others (mode {mode:04o}). Run: chmod 600 {path}")
    if len(content) != KEY_BYTES:
        raise ConfigError(f"{path} is not a Meshgate key file. Restore it from a backup, or move it away to start with a new identity.")
    return Identity(content[:32], content[32:])


def _create(path: Path) -> None:
    """Write new keys beside their place and link them there: a whole file or none, and never over another's."""
    identity = Identity.generate(secrets.token_bytes)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(identity.noise_private + identity.signing_private)
            file.flush()
            os.fsync(descriptor)
        with contextlib.suppress(FileExistsError):  # another process was first: its keys are the ones to use
            os.link(draft, path)
    finally:
        draft.unlink()
    sync(path.parent)
