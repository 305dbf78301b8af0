"""The Ed25519 key a gateway is known by, and the libp2p peer ID that follows from it.

The key file holds libp2p's PrivateKey protobuf (key type Ed25519 and the 32-byte seed), 36 bytes:

    08 01          field 1, KeyType: 1 = Ed25519
    12 20          field 2, Data: 32 bytes
    seed           32 bytes

The peer ID is the base58btc text of an identity multihash over the PublicKey protobuf, which has the
same shape (``00 24`` before ``08 01 12 20`` and the public key). Source: libp2p/specs, peer-ids.md.
"""

import contextlib
import os
import stat
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_KEY_PREFIX = b"\x08\x01\x12\x20"
_GO_KEY_PREFIX = b"\x08\x01\x12\x40"  # other implementations append the public key to the seed
_ID_PREFIX = b"\x00\x24" + _KEY_PREFIX
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGIT = {letter: value for value, letter in enumerate(_ALPHABET)}


class IdentityError(Exception):
    """The key file cannot be used; the text says why and what to do."""


def load_peer_id(identity_path: Path) -> str:
    """The gateway's own libp2p peer ID (``12D3KooW…``); its key is created if there is none yet.

    Raises:
        IdentityError: the file is readable by others, is no Ed25519 key, or cannot be read or written.
    """
    return peer_id_of(load_seed(identity_path))


def load_seed(identity_path: Path) -> bytes:
    """The 32-byte Ed25519 seed from the key file, created (mode 0600, all at once) if there is none yet.

    Raises:
        IdentityError: the file is readable by others, is no Ed25519 key, or cannot be read or written.
    """
    try:
        with contextlib.suppress(FileNotFoundError):
            return _read(identity_path)
        _create(identity_path)
        return _read(identity_path)
    except OSError as error:
        raise IdentityError(f"The gateway's key {identity_path} cannot be used: {error.strerror or error}.") from error


def peer_id_of(seed: bytes) -> str:
    """The peer ID of the Ed25519 key with this 32-byte seed."""
    return peer_id_from(Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw())


def peer_id_from(public_key: bytes) -> str:
    """The peer ID of an Ed25519 public key (32 bytes)."""
    return _base58(_ID_PREFIX + public_key)


def public_key_of(peer_id: str) -> bytes:
    """The Ed25519 public key (32 bytes) a peer ID stands for.

    Raises:
        ValueError: it is no peer ID of an Ed25519 key.
    """
    if len(peer_id) == 52 and peer_id[0] == "1" and _DIGIT.keys() >= set(peer_id):
        value = 0
        for letter in peer_id:
            value = value * 58 + _DIGIT[letter]
        # The leading zero byte of the multihash is the leading "1" of the text, so 37 bytes are left.
        multihash = value.to_bytes(37, "big") if value >> 296 == 0 else b""
        if multihash.startswith(_ID_PREFIX[1:]):
            return multihash[5:]
    raise ValueError(f"{peer_id!r} is not the ID of a gateway; such an ID starts with 12D3KooW.")


def is_peer_id(text: str) -> bool:
    """Whether the text is the peer ID of some Ed25519 key (the only kind a member may have)."""
    try:
        public_key_of(text)
    except ValueError:
        return False
    return True


def _base58(data: bytes) -> str:
    value = int.from_bytes(data, "big")
    letters: list[str] = []
    while value:
        value, rest = divmod(value, 58)
        letters.append(_ALPHABET[rest])
    zeros = len(data) - len(data.lstrip(b"\x00"))
    return "1" * zeros + "".join(reversed(letters))


def _read(path: Path) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        mode = os.fstat(fd).st_mode
        if mode & 0o077:
            raise IdentityError(
                f"The gateway's key {path} can be read by other users (mode {stat.S_IMODE(mode):04o}). "
                f"Run: chmod 600 {path}; if others may have read it, delete it and let the gateway make a new one."
            )
        data = file.read(128)
    if len(data) == 36 and data.startswith(_KEY_PREFIX):
        return data[4:]
    if len(data) == 68 and data.startswith(_GO_KEY_PREFIX):
        return data[4:36]
    raise IdentityError(f"The gateway's key {path} is not an Ed25519 key in libp2p's form ({len(data)} bytes).")


def _create(path: Path) -> None:
    """Write a new key beside its place and link it there, so that a crash leaves a whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(_KEY_PREFIX + Ed25519PrivateKey.generate().private_bytes_raw())
            file.flush()
            os.fsync(fd)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
