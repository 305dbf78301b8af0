"""Filter of the role: what a signed bundle says of itself, once it is known to be genuine as a whole."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any, BinaryIO

from ansible.errors import AnsibleFilterError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_BLOCK = 512
_MOST = 256 * 1024  # bytes of a manifest
_SIGNED = 96  # bytes: public key and signature
_CONTEXT = b"meshgate bundle 1\0"


def bundle(path: str, keys: list[str]) -> dict[str, Any]:
    """Check a bundle, as docs/protocol/bundle.md describes it, before any machine gets it.

    Args:
        path: of the file, where Ansible runs.
        keys: files with the public keys that are trusted, 64 hexadecimal digits each.

    Returns:
        Its ``version``, ``machine`` and ``pythons``.

    """
    try:
        trusted = {bytes.fromhex(Path(key).read_text(encoding="ascii").partition("#")[0].strip()) for key in keys}
        with Path(path).open("rb") as file:
            manifest = _manifest(file, trusted)
            _check_members(file, manifest["members"])
    except (OSError, ValueError, KeyError, TypeError, tarfile.TarError, InvalidSignature) as error:
        why = "it was changed after it was signed" if isinstance(error, InvalidSignature) else error
        raise AnsibleFilterError(f"{path} is not a bundle that can be believed: {why}. Nothing was changed.") from error
    return {name: manifest[name] for name in ("version", "machine", "pythons")}


def _manifest(file: BinaryIO, trusted: set[bytes]) -> dict[str, Any]:
    data = _member(file, "manifest.json", _MOST, is_size_known=False)
    signed = _member(file, "manifest.sig", _SIGNED)
    if signed[:32] not in trusted:
        raise ValueError("nobody whose key is in meshgate_app_release_keys has signed it")
    Ed25519PublicKey.from_public_bytes(signed[:32]).verify(signed[32:], _CONTEXT + data)
    found: dict[str, Any] = json.loads(data)
    return found


def _check_members(file: BinaryIO, members: list[dict[str, Any]]) -> None:
    for member in members:
        if hashlib.sha256(_member(file, member["name"], member["size"])).hexdigest() != member["sha256"]:
            raise ValueError(f"{member['name']} is not what was signed")
    if file.read() != bytes(2 * _BLOCK):
        raise ValueError("it does not end where it should")


def _member(file: BinaryIO, name: str, size: int, *, is_size_known: bool = True) -> bytes:
    entry = tarfile.TarInfo.frombuf(file.read(_BLOCK), "ascii", "strict")
    if entry.name != name or not entry.isreg() or entry.size > size or (is_size_known and entry.size != size):
        raise ValueError("it is damaged")
    data = file.read(entry.size)
    if len(data) != entry.size or any(file.read(-entry.size % _BLOCK)):
        raise ValueError("it is not whole")
    return data


class FilterModule:
    """What Ansible finds here."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"meshgate_bundle": bundle}
