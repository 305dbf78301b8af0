"""Reads a bundle: first who made it, then what it says, then each member while it is copied out, and nothing is believed before."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from gateway.update.container import BLOCK, END, header, length, padding, size_in
from gateway.update.errors import Refusal, UpdateError
from gateway.update.keys import KEY_LENGTH, SIGNATURE_LENGTH, verify
from gateway.update.limits import CHUNK, MAX_BUNDLE, MAX_MANIFEST
from gateway.update.manifest import Manifest, Member, decode_manifest

SUFFIX: Final = ".meshgate"
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
_SIGNED: Final = KEY_LENGTH + SIGNATURE_LENGTH

Told = Callable[[int], None]
"""Told how many bytes were read."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose manifest is genuine; its members are not known to be yet.

    Args:
        manifest: what it says.
        file: stands before the first member.

    """

    manifest: Manifest
    file: BinaryIO

    def check(self, told: Told = lambda _bytes: None) -> None:
        """Read every member to the end, and keep nothing; raises `UpdateError` if one is not what the manifest says."""
        self._read(lambda _member: None, told)

    def copy(self, directory: Path, told: Told = lambda _bytes: None) -> None:
        """Copy every member below a directory that nobody else can write to.

        Raises:
            UpdateError: a member is not what the manifest says, or the disk is full; what was copied is not to be used.

        """

        def place(member: Member) -> BinaryIO:
            path = directory / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            return path.open("xb")

        self._read(place, told)

    def _read(self, place: Callable[[Member], BinaryIO | None], told: Told) -> None:
        for member in self.manifest.members:
            _expect(self.file, header(member.name, member.size))
            try:
                out = place(member)
                try:
                    self._member(member, out, told)
                finally:
                    if out is not None:
                        out.close()
            except OSError as error:
                raise UpdateError(Refusal.NO_ROOM, f"The bundle cannot be copied: {error.strerror}.") from error
            _expect(self.file, padding(member.size))
        _expect(self.file, END)
        if self.file.read(1):
            raise UpdateError(Refusal.FORMAT, "Something stands behind the end of the bundle.")

    def _member(self, member: Member, out: BinaryIO | None, told: Told) -> None:
        digest, left = hashlib.sha256(), member.size
        while left:
            part = self.file.read(min(left, CHUNK))
            if not part:
                raise UpdateError(Refusal.FORMAT, "The bundle ends too early.", "Copy it again.")
            digest.update(part)
            if out is not None:
                out.write(part)
            left -= len(part)
            told(len(part))
        if digest.hexdigest() != member.sha256:
            raise UpdateError(Refusal.TAMPERED, f"{member.name} is not what was signed.", "Get the bundle again.")


def open_bundle(file: BinaryIO, trusted: frozenset[bytes]) -> Bundle:
    """Check the signature of a bundle and what it says; at most `MAX_MANIFEST` bytes are read before that.

    Args:
        file: at its beginning; a regular file.
        trusted: public keys, 32 bytes each.

    Raises:
        UpdateError: it is no bundle, not whole, or nobody trusted has signed it.

    """
    whole = os.fstat(file.fileno()).st_size
    if whole > MAX_BUNDLE:
        raise UpdateError(Refusal.FORMAT, "The file is larger than any bundle.")
    first = file.read(BLOCK)
    try:
        size = size_in(first)
    except (ValueError, UnicodeDecodeError):
        size = -1
    if not 0 < size <= MAX_MANIFEST or first != header(MANIFEST, size):
        raise UpdateError(Refusal.FORMAT, "This is not a bundle of Meshgate.")
    data = file.read(size)
    _expect(file, padding(size))
    _expect(file, header(SIGNATURE, _SIGNED))
    signed = file.read(_SIGNED)
    _expect(file, padding(_SIGNED))
    verify(signed[:KEY_LENGTH], signed[KEY_LENGTH:], data, trusted)
    manifest = decode_manifest(data)
    if whole != length((size, _SIGNED, *(member.size for member in manifest.members))):
        raise UpdateError(Refusal.FORMAT, "The bundle is not whole.", "Copy it again.")
    return Bundle(manifest, file)


def _expect(file: BinaryIO, wanted: bytes) -> None:
    if file.read(len(wanted)) != wanted:
        raise UpdateError(Refusal.FORMAT, "The bundle is damaged.", "Copy it again.")
