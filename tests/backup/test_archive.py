"""What is in the container: only what belongs there, and all of it."""

import hashlib
import io
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.backup import archive
from gateway.backup.archive import Manifest, Member, members_of
from gateway.backup.container import Opening
from gateway.backup.errors import BackupError, Flaw
from gateway.backup.limits import (
    MAX_BACKUP_BYTES,
    MAX_BACKUP_CONFIG,
    MAX_BACKUP_FILE,
    MAX_BACKUP_LEFT,
    MAX_BACKUP_MANIFEST,
    MAX_BACKUP_MEMBERS,
    MAX_BACKUP_SMALL,
    MAX_BACKUP_TEXT,
)
from gateway.backup.making import refuse_large
from gateway.backup.members import KINDS, MOST
from tests.backup.files import PASSPHRASE, sealed


def manifest(*members: Member, **changes: Any) -> Manifest:
    plain = Manifest(program="0.1.0", schema=8, site="Hut", peer_id="00", made=None, with_history=False, members=members)
    return msgspec.structs.replace(plain, **changes)


def member(name: str, content: bytes = b"k", **changes: Any) -> Member:
    return msgspec.structs.replace(Member(name, len(content), hashlib.sha256(content).hexdigest()), **changes)


def packed(listed: bytes | Manifest, content: bytes = b"") -> bytes:
    data = listed if isinstance(listed, bytes) else msgspec.json.encode(listed)
    return sealed(len(data).to_bytes(4, "big") + data + content)


def read(data: bytes, directory: Path | None = None) -> Manifest:
    return archive.read(Opening(io.BytesIO(data), PASSPHRASE), directory)


def flaw_of(data: bytes, directory: Path) -> Flaw:
    """Why it is refused; nothing may be left outside of its directory."""
    inside = directory / "inside"
    inside.mkdir(exist_ok=True)
    with pytest.raises(BackupError) as refused:
        read(data, inside)
    assert {path.name for path in directory.rglob("*")} <= {"inside", *MOST}
    return refused.value.flaw


def test_members_come_out_as_they_went_in_and_nobody_else_may_read_them(tmp_path) -> None:
    found = read(packed(manifest(member("identity.key"), member("bridge-off", b"")), b"k"), tmp_path)
    assert [one.name for one in found.members] == ["identity.key", "bridge-off"]
    assert ((tmp_path / "identity.key").read_bytes(), (tmp_path / "bridge-off").read_bytes()) == (b"k", b"")
    assert (tmp_path / "identity.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "name",
    ["../identity.key", "/etc/passwd", "..", ".", "", "state/identity.key", "identity.key/", "identity.key\0", "IDENTITY.KEY", "plan.json"],
)
def test_a_member_has_a_name_of_the_list_and_no_way_anywhere(name, tmp_path) -> None:
    assert flaw_of(packed(manifest(member(name)), b"k"), tmp_path) is Flaw.CONTENTS


def test_a_link_in_the_way_is_not_followed(tmp_path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"mine")
    (tmp_path / "identity.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        read(packed(manifest(member("identity.key")), b"k"), tmp_path)
    assert (tmp_path / "elsewhere").read_bytes() == b"mine"


def test_a_member_is_there_once(tmp_path) -> None:
    assert flaw_of(packed(manifest(member("identity.key"), member("identity.key")), b"kk"), tmp_path) is Flaw.CONTENTS


@pytest.mark.parametrize(
    ("listed", "content", "flaw"),
    [
        (manifest(member("identity.key")), b"x", Flaw.DAMAGED),
        (manifest(member("identity.key")), b"", Flaw.DAMAGED),
        (manifest(member("identity.key")), b"kk", Flaw.DAMAGED),
        (manifest(member("identity.key", size=-1)), b"", Flaw.CONTENTS),
        (manifest(member("identity.key", sha256="no")), b"k", Flaw.CONTENTS),
        (manifest(format=2), b"", Flaw.NEWER),
        (b'{"format": 2}', b"", Flaw.NEWER),
        (b"{}", b"", Flaw.CONTENTS),
        (b"[" * 60_000, b"", Flaw.CONTENTS),
        (b"\xff", b"", Flaw.CONTENTS),
    ],
)
def test_a_list_that_is_not_true_or_makes_no_sense_is_refused(listed, content, flaw, tmp_path) -> None:
    assert flaw_of(packed(listed, content), tmp_path) is flaw


@pytest.mark.parametrize("name", list(MOST))
def test_no_member_is_larger_than_a_gateway_keeps_it_and_nothing_is_written_of_it(name, tmp_path) -> None:
    assert flaw_of(packed(manifest(member(name, size=MOST[name] + 1)), b"k"), tmp_path) is Flaw.TOO_LARGE
    assert not list((tmp_path / "inside").iterdir())


def test_all_together_are_no_larger_than_the_cap(tmp_path, monkeypatch) -> None:
    assert sum(MOST.values()) <= MAX_BACKUP_BYTES < MAX_BACKUP_FILE
    assert MOST["config.toml"] == MAX_BACKUP_CONFIG
    monkeypatch.setattr(archive, "MAX_BACKUP_BYTES", 10)
    two = manifest(member("identity.key", size=6), member("libp2p.key", size=5))
    assert flaw_of(packed(two, b"k" * 11), tmp_path) is Flaw.TOO_LARGE
    with pytest.raises(BackupError):
        refuse_large(MAX_BACKUP_FILE + 1)
    refuse_large(MAX_BACKUP_FILE)


def test_there_are_only_so_many_members_and_names(tmp_path) -> None:
    assert len(KINDS) <= MAX_BACKUP_MEMBERS
    many = manifest(*[member(f"{number}") for number in range(MAX_BACKUP_MEMBERS + 1)])
    assert flaw_of(packed(many), tmp_path) is Flaw.CONTENTS
    assert flaw_of(packed(manifest(left=("x",) * (MAX_BACKUP_LEFT + 1))), tmp_path) is Flaw.CONTENTS
    assert flaw_of(packed(manifest(site="x" * (MAX_BACKUP_TEXT + 1))), tmp_path) is Flaw.CONTENTS


def test_the_list_is_no_longer_than_the_cap(tmp_path) -> None:
    listed = msgspec.json.encode(manifest())
    read(packed(listed + b" " * (MAX_BACKUP_MANIFEST - len(listed))))
    assert flaw_of(packed(listed + b" " * (MAX_BACKUP_MANIFEST + 1 - len(listed))), tmp_path) is Flaw.CONTENTS
    assert flaw_of(sealed(b"\xff\xff\xff\xff"), tmp_path) is Flaw.CONTENTS
    assert flaw_of(sealed(bytes(4)), tmp_path) is Flaw.CONTENTS
    assert flaw_of(sealed(b"abc"), tmp_path) is Flaw.DAMAGED


def test_a_small_file_does_not_become_a_large_one(tmp_path) -> None:
    zeros = bytes(MAX_BACKUP_SMALL)
    data = packed(manifest(member("access.json", zeros)), zeros)
    assert len(data) > len(zeros)
    assert read(data, tmp_path).size == len(zeros)


def test_a_file_that_changes_while_it_is_copied_makes_no_backup(tmp_path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"1234")
    listed = manifest(*members_of({"store.db": path}))
    path.write_bytes(b"12")
    with pytest.raises(BackupError) as refused:
        archive.write(io.BytesIO(), listed, {"store.db": path})
    assert refused.value.flaw is Flaw.DISK
