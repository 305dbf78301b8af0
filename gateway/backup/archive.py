"""What is in the container: a list of members, and behind it their bytes, one after the other.

    4 bytes   length of the list, big-endian
    n bytes   the list, JSON in UTF-8 (`Manifest`)
    rest      the members' bytes in the order of the list, each as long as the list says, and nothing behind them

Nothing is compressed: a small file cannot become a large one, and lengths tell nothing of contents. A member has one of the
names of `gateway.backup.members` and no path: where it goes is decided by the gateway that restores it.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Protocol

import msgspec

from gateway.backup.container import damaged
from gateway.backup.errors import BackupError, Flaw
from gateway.backup.limits import MAX_BACKUP_BYTES, MAX_BACKUP_LEFT, MAX_BACKUP_MANIFEST, MAX_BACKUP_MEMBERS, MAX_BACKUP_TEXT
from gateway.backup.members import MOST

FORMAT: Final = 1
_LENGTH: Final = 4
_STEP: Final = 1 << 20  # bytes moved at a time

Text = Annotated[str, msgspec.Meta(max_length=MAX_BACKUP_TEXT)]
Progress = Callable[[float], None]
"""Told how much is done, 0 to 1."""


class Member(msgspec.Struct, frozen=True):
    """One file in a backup."""

    name: Text
    size: Annotated[int, msgspec.Meta(ge=0)]
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says of itself; nobody without the passphrase has written it."""

    format: int = FORMAT
    program: Text  # version of Meshgate
    schema: int  # of the database
    site: Text  # what the gateway was called
    peer_id: Text
    made: datetime | None  # None if the time of day was not known
    with_history: bool
    members: Annotated[tuple[Member, ...], msgspec.Meta(max_length=MAX_BACKUP_MEMBERS)]
    left: Annotated[tuple[Text, ...], msgspec.Meta(max_length=MAX_BACKUP_LEFT)] = ()  # files the gateway used that are not in it

    @property
    def size(self) -> int:
        """Bytes of all members."""
        return sum(one.size for one in self.members)


Content = bytes | Path
"""A member's bytes, or a file that nobody changes meanwhile."""


class Taking(Protocol):
    """Takes bytes."""

    def write(self, data: bytes) -> None:
        """Take some."""


class Giving(Protocol):
    """Gives bytes."""

    def read(self, size: int) -> bytes:
        """Return exactly so many."""

    def end(self) -> None:
        """Raise `BackupError` unless everything was read."""


def members_of(contents: Mapping[str, Content]) -> tuple[Member, ...]:
    """Return the list of what is to be written; raises `OSError`."""
    found = []
    for name, content in contents.items():
        digest, size = hashlib.sha256(), 0
        for piece in _pieces(content):
            digest.update(piece)
            size += len(piece)
        found.append(Member(name, size, digest.hexdigest()))
    return tuple(found)


def write(out: Taking, manifest: Manifest, contents: Mapping[str, Content], progress: Progress = lambda _done: None) -> None:
    """Write a backup's contents; raises `OSError`, and `BackupError` if they could not be read again."""
    _check(manifest)
    listed = msgspec.json.encode(manifest)
    out.write(len(listed).to_bytes(_LENGTH) + listed)
    done, most = 0, max(1, manifest.size)
    for member in manifest.members:
        for piece in _pieces(contents[member.name]):
            out.write(piece)
            done += len(piece)
            progress(done / most)
    if done != manifest.size:
        raise BackupError(Flaw.DISK, "A file changed while it was copied.", "Make the backup again.")


def read(source: Giving, directory: Path | None = None, progress: Progress = lambda _done: None) -> Manifest:
    """Read a backup to its end, and return what it says of itself.

    Args:
        source: opens it.
        directory: takes each member under its name, with mode 0600 and on the disk when this returns; None only looks.
        progress: told how far it is.

    Raises:
        BackupError: it is damaged, newer, too large, or has something in it that belongs in no backup.
        OSError: a member cannot be written.

    """
    length = int.from_bytes(source.read(_LENGTH))
    if not 0 < length <= MAX_BACKUP_MANIFEST:
        raise BackupError(Flaw.CONTENTS, "The list of what is in this backup is too long.", "It was not made by Meshgate.")
    manifest = _decoded(source.read(length))
    done, most = 0, max(1, manifest.size)
    for member in manifest.members:
        digest, left = hashlib.sha256(), member.size
        descriptor = None if directory is None else os.open(directory / member.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            while left:
                piece = source.read(min(left, _STEP))
                digest.update(piece)
                left -= len(piece)
                done += len(piece)
                if descriptor is not None:
                    _write_all(descriptor, piece)
                progress(done / most)
            if descriptor is not None:
                os.fsync(descriptor)
        finally:
            if descriptor is not None:
                os.close(descriptor)
        if digest.hexdigest() != member.sha256:
            raise damaged(f"{member.name} is not what the list says")
    source.end()
    return manifest


def _decoded(data: bytes) -> Manifest:
    with suppress(msgspec.DecodeError):
        if msgspec.json.decode(data, type=_Version).format > FORMAT:
            raise BackupError(Flaw.NEWER, "This backup was made by a newer Meshgate.", "Update this one first.")
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BackupError(Flaw.CONTENTS, "The list of what is in this backup makes no sense.", "It was not made by Meshgate.") from error
    _check(manifest)
    return manifest


class _Version(msgspec.Struct, frozen=True):
    format: int


def _check(manifest: Manifest) -> None:
    """Refuse what belongs in no backup before a byte of it is written anywhere."""
    names = [one.name for one in manifest.members]
    if len(set(names)) != len(names):
        raise BackupError(Flaw.CONTENTS, "This backup has a file twice.", "It was not made by Meshgate.")
    for one in manifest.members:
        if one.name not in MOST:
            raise BackupError(Flaw.CONTENTS, f"This backup has a file that belongs in none: {one.name!r}.", "It was not made by Meshgate.")
        if one.size > MOST[one.name]:
            raise BackupError(Flaw.TOO_LARGE, f"{one.name} has more than {MOST[one.name]} bytes.", "No gateway keeps as much.")
    if manifest.size > MAX_BACKUP_BYTES:
        raise BackupError(Flaw.TOO_LARGE, f"What is in it has more than {MAX_BACKUP_BYTES} bytes.", "No gateway keeps as much.")


def _pieces(content: Content) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as file:
        while piece := file.read(_STEP):
            yield piece


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
