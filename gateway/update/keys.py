"""Release keys: which this box believes, and how a release is signed.

A file of a public key holds 64 hexadecimal digits, a file of a signing key the word ``signing`` and 64 of them;
what stands behind # is for people.
"""

import os
import stat
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.update.errors import Refusal, UpdateError
from gateway.update.limits import MAX_KEY_FILE, MAX_KEYS

KEYS: Final = Path("/etc/meshgate/release-keys")
"""Where the keys are that this box believes."""
KEY_LENGTH: Final = 32  # bytes
SIGNATURE_LENGTH: Final = 64  # bytes
SUFFIX: Final = ".pub"
_CONTEXT: Final = b"meshgate bundle 1\0"  # so that no signature over anything else is one over a bundle
_SIGNING: Final = "signing"
_OPEN_TO_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH


def trusted_keys(directory: Path) -> frozenset[bytes]:
    """Return the public keys in a directory, 32 bytes each.

    Raises:
        UpdateError: there is none, or somebody else could have put one there.

    """
    found: set[bytes] = set()
    try:
        paths = sorted(path for path in directory.iterdir() if path.suffix == SUFFIX)
    except OSError:
        paths = []
    if len(paths) > MAX_KEYS:
        raise UpdateError(Refusal.NO_KEY, f"There are more than {MAX_KEYS} keys in {directory}.", "Remove those that are out of use.")
    for path in paths:
        found.add(_public(path))
    if not found:
        hint = "Put the release key there that you trust, as a file NAME.pub."
        raise UpdateError(Refusal.NO_KEY, f"There is no release key in {directory}, so no bundle can be believed.", hint)
    return frozenset(found)


def verify(key: bytes, signature: bytes, manifest: bytes, trusted: frozenset[bytes]) -> None:
    """Say that a manifest is signed by a key that is trusted.

    Raises:
        UpdateError: it is not.

    """
    if key not in trusted:
        raise UpdateError(Refusal.KEY, f"The bundle is signed by a key this box does not trust ({key.hex()[:16]}...).")
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, _CONTEXT + manifest)
    except (InvalidSignature, ValueError) as error:
        raise UpdateError(Refusal.SIGNATURE, "The bundle was changed after it was signed.", "Get it again.") from error


def sign(seed: bytes, manifest: bytes) -> bytes:
    """Return public key and signature, 96 bytes."""
    key = Ed25519PrivateKey.from_private_bytes(seed)
    return key.public_key().public_bytes_raw() + key.sign(_CONTEXT + manifest)


def public_of(seed: bytes) -> bytes:
    """Return the public half of a signing key."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def read_signing_key(path: Path) -> bytes:
    """Return the 32 bytes of a signing key; raises `UpdateError` if it is none, or others can read it."""
    words = _words(path, stat.S_IRWXG | stat.S_IRWXO)
    if len(words) != 2 or words[0] != _SIGNING:
        raise UpdateError(Refusal.NO_KEY, f"{path} is not a signing key.")
    return _decoded(path, words[1])


def write_signing_key(path: Path, seed: bytes) -> None:
    """Write a new signing key that only its owner can read, and beside it the public half; raises `OSError`."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{_SIGNING} {seed.hex()}  # keep this where no network reaches\n")
    path.with_suffix(SUFFIX).write_text(f"{public_of(seed).hex()}  # {path.stem}\n")


def _public(path: Path) -> bytes:
    words = _words(path, _OPEN_TO_OTHERS)
    if len(words) != 1:
        raise UpdateError(Refusal.NO_KEY, f"{path} is not a public key.")
    return _decoded(path, words[0])


def _words(path: Path, forbidden: int) -> list[str]:
    try:
        with path.open(encoding="ascii") as file:
            if os.fstat(file.fileno()).st_mode & forbidden:
                raise UpdateError(Refusal.NO_KEY, f"Others have rights to {path}.", f"chmod go-rwx {path}, if nobody has used them.")
            text = file.read(MAX_KEY_FILE)
    except (OSError, UnicodeDecodeError) as error:
        raise UpdateError(Refusal.NO_KEY, f"The key {path} cannot be read.") from error
    return [word for line in text.splitlines() for word in line.partition("#")[0].split()]


def _decoded(path: Path, word: str) -> bytes:
    try:
        key = bytes.fromhex(word)
    except ValueError:
        key = b""
    if len(key) != KEY_LENGTH:
        raise UpdateError(Refusal.NO_KEY, f"{path} is not a key of {KEY_LENGTH} bytes in hexadecimal.")
    return key
