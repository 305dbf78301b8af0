"""A backup on one gateway, restored onto another: all of it, or nothing, whatever happens meanwhile."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway.backup.container import HEAD_BYTES
from gateway.backup.errors import BackupError, Flaw
from gateway.backup.making import Wanted, look, make
from gateway.backup.restoring import DECIDED, DRAFT, decide, finish, planned, prepare
from gateway.errors import ConfigError
from gateway.runtime.erase import erase
from gateway.runtime.keyfile import load_identity
from gateway.store.copying import copy_closed
from tests.backup.files import CHEAP, PASSPHRASE, Files
from tests.store.stores import NOW, letter, opened, writing

COMMENT = '[bridge]\nmode = "consent"\ncell = "u4pruy" # the old mill\n'
WANTED = Wanted(PASSPHRASE, history=False, peer_id="ab", made=None, cost=CHEAP)


@pytest.fixture
def north(tmp_path) -> Files:
    """A gateway with everything."""
    files = Files(tmp_path / "north", COMMENT)
    load_identity(files.state / "identity.key")
    for name in ("libp2p.key", "federation.book", "access.json", "policy.toml", "websocket.key", "websocket.crt"):
        (files.state / name).write_bytes(f"{name} of north".encode())
    with writing(files.state / "store.db") as store:
        store.mail.take(letter("waits"), NOW)
    return files


@pytest.fixture
def south(tmp_path) -> Files:
    """Another gateway, with a database that was not closed well."""
    files = Files(tmp_path / "south", "# mine\n")
    (files.state / "identity.key").write_bytes(b"s" * 64)
    (files.state / "libp2p.key").write_bytes(b"south")
    (files.state / "federation.book").write_bytes(b"book of south")
    (files.state / "bridge-off").write_bytes(b"off")
    (files.state / "store.db").write_bytes(b"old")
    (files.state / "store.db-wal").write_bytes(b"old log")
    (files.state / "clock").write_bytes(b"now")
    return files


def backup(files: Files, wanted: Wanted = WANTED) -> Path:
    path = files.path.parent.parent / f"{files.path.parent.name}.backup"
    store = files.state / "store.db"
    make(path, wanted, files.config, files.path, lambda copy: copy_closed(store, copy, history=wanted.history))
    return path


def restore(path: Path, onto: Files, *, new_identity: bool = False) -> None:
    prepare(path, PASSPHRASE, onto.config, onto.file, new_identity=new_identity)
    decide(onto.config)
    assert finish(onto.config)


def test_another_box_becomes_the_gateway_and_keeps_its_own_places(north, south) -> None:
    path = backup(north)
    assert path.stat().st_mode & 0o777 == 0o600
    restore(path, south)
    for name in ("identity.key", "libp2p.key", "federation.book", "access.json", "policy.toml", "websocket.key"):
        assert (south.state / name).read_bytes() == (north.state / name).read_bytes()
        assert (south.state / name).stat().st_mode & 0o777 == 0o600
    text = south.path.read_text()
    assert "# of north" in text
    assert 'cell = "u4pruy" # the old mill' in text
    assert str(north.state) not in text
    config = south.config
    assert (config.gateway.nickname, config.gateway.state_dir) == ("north", south.state)
    assert config.control.socket == south.path.parent / "control.sock"
    with opened(south.state / "store.db") as store:
        assert not store.database.aside
        assert store.mail.load() == [letter("waits")]
    assert not (south.state / "store.db-wal").exists()
    assert (south.state / "clock").read_bytes() == b"now"
    assert not [one for one in (DECIDED, DRAFT) if (south.state / one).exists()]


def test_what_was_closed_stays_closed_and_what_belonged_to_the_other_identity_goes(north, south) -> None:
    (north.state / "policy.toml").unlink()
    (north.state / "federation.book").unlink()
    (south.state / "policy.toml").write_bytes(b"rules of south")
    restore(backup(north), south)
    assert (south.state / "policy.toml").read_bytes() == b"rules of south"
    assert (south.state / "bridge-off").exists()
    assert not (south.state / "federation.book").exists()


def test_with_an_identity_of_its_own_it_takes_over_the_rest_and_stays_who_it_is(north, south) -> None:
    restore(backup(north), south, new_identity=True)
    assert (south.state / "identity.key").read_bytes() == b"s" * 64
    assert (south.state / "libp2p.key").read_bytes() == b"south"
    assert (south.state / "federation.book").read_bytes() == b"book of south"
    assert south.config.gateway.nickname == "north"
    with opened(south.state / "store.db") as store:
        assert store.mail.load() == [letter("waits")]


def test_a_box_that_has_never_run_becomes_it_too(north, tmp_path) -> None:
    new = Files(tmp_path / "new")
    new.state.rmdir()
    restore(backup(north), new)
    assert load_identity(new.state / "identity.key").peer_id == load_identity(north.state / "identity.key").peer_id
    assert new.state.stat().st_mode & 0o777 == 0o700


def test_what_a_backup_says_of_itself_can_be_read_without_changing_anything(north, south) -> None:
    path = backup(north)
    before = south.content()
    found = look(path, PASSPHRASE)
    assert (found.site, found.peer_id, found.with_history) == ("north", "ab", False)
    assert {one.name for one in found.members} >= {"config.toml", "identity.key", "store.db"}
    plan = planned(found, south.config, south.path, new_identity=False)
    assert str(south.path) in {one.place for one in plan.moves}
    assert south.content() == before


def test_files_that_are_the_operators_own_are_named_and_left(north, tmp_path) -> None:
    (tmp_path / "own.pem").write_bytes(b"signed by an authority")
    (north.path.parent / "conf.d").mkdir()
    (north.path.parent / "conf.d" / "more.toml").write_text("")
    with north.path.open("a") as file:
        file.write(f'[transports.websocket]\nkey_file = "{tmp_path}/own.pem"\n')
    path = backup(north)
    found = look(path, PASSPHRASE)
    assert set(found.left) == {str(tmp_path / "own.pem"), str(north.path.parent / "conf.d/more.toml")}
    assert b"signed by an authority" not in path.read_bytes()


def _flipped(data: bytes) -> bytes:
    return data[:-20] + bytes((data[-20] ^ 1,)) + data[-19:]


@pytest.mark.parametrize(
    ("spoil", "flaw"),
    [
        (lambda _data: b"", Flaw.FOREIGN),
        (lambda data: b"PK" + data, Flaw.FOREIGN),
        (_flipped, Flaw.DAMAGED),
        (lambda data: data[: len(data) // 2], Flaw.DAMAGED),
        (lambda data: data[:HEAD_BYTES], Flaw.DAMAGED),
        (lambda data: data + b"\0", Flaw.DAMAGED),
        (lambda data: data + data, Flaw.DAMAGED),
    ],
)
def test_a_file_that_is_not_whole_changes_nothing(north, south, spoil, flaw) -> None:
    path = backup(north)
    path.write_bytes(spoil(path.read_bytes()))
    before = south.content()
    with pytest.raises(BackupError) as refused:
        restore(path, south)
    assert refused.value.flaw is flaw
    assert south.content() == before


def test_a_wrong_passphrase_changes_nothing(north, south) -> None:
    path, before = backup(north), south.content()
    with pytest.raises(BackupError) as refused:
        prepare(path, "another passphrase", south.config, south.file, new_identity=False)
    assert refused.value.flaw is Flaw.PASSPHRASE
    assert south.content() == before


def test_a_configuration_that_cannot_be_used_here_changes_nothing(north, south) -> None:
    with north.path.open("a") as file:
        file.write('[gateway.more]\nof_a_newer_program = "1"\n')
    config = south.config
    before = south.content()
    path = north.path.parent.parent / "newer.backup"
    make(path, WANTED, Files(path.parent / "plain").config, north.path, lambda _copy: False)
    with pytest.raises(BackupError) as refused:
        prepare(path, PASSPHRASE, config, south.file, new_identity=False)
    assert refused.value.flaw is Flaw.CONFIG
    assert "gateway.more" in refused.value.sentence
    assert south.content() == before


def test_a_database_that_is_none_changes_nothing(north, south) -> None:
    path = north.path.parent.parent / "odd.backup"

    def trick(copy: Path) -> bool:
        with closing(sqlite3.connect(copy)) as database:
            database.execute("CREATE TABLE x (y)")
        return True

    make(path, WANTED, north.config, north.path, trick)
    before = south.content()
    with pytest.raises(BackupError) as refused:
        restore(path, south)
    assert refused.value.flaw is Flaw.CONTENTS
    assert south.content() == before


def test_a_place_that_cannot_be_written_is_found_before_anything_is_changed(north, south, monkeypatch) -> None:
    path, before = backup(north), south.content()
    monkeypatch.setattr(os, "access", lambda folder, _mode: folder != south.path.parent)  # a root's file system refuses nothing
    with pytest.raises(BackupError) as refused:
        prepare(path, PASSPHRASE, south.config, south.file, new_identity=False)
    assert refused.value.flaw is Flaw.DISK
    assert south.content() == before


class PowerCutError(Exception):
    """The power is gone."""


CALLS = ("replace", "rename", "unlink", "chmod", "rmdir")


def cut_after(monkeypatch, count: int) -> list[str]:
    """Take the power away before the change of the disk after so many."""
    done: list[str] = []

    def wrap(name: str):
        real = getattr(os, name)

        def call(*arguments, **named):
            if len(done) >= count:
                raise PowerCutError(name)
            done.append(name)
            return real(*arguments, **named)

        return call

    for name in CALLS:
        monkeypatch.setattr(os, name, wrap(name))
    return done


@pytest.mark.timeout(60)  # some fifty restores, each synced
def test_a_power_cut_at_any_moment_leaves_the_one_or_the_other(north, tmp_path, monkeypatch) -> None:
    path = backup(north)
    reference = Files(tmp_path / "reference")
    restore(path, reference)
    new, cut = reference.content(), 0
    while True:
        with monkeypatch.context() as patched:
            box = Files(tmp_path / f"box{cut}")
            (box.state / "identity.key").write_bytes(b"s" * 64)
            (box.state / "store.db-wal").write_bytes(b"log")
            config, before = box.config, box.content()
            cut_after(patched, cut)
            try:
                prepare(path, PASSPHRASE, config, box.file, new_identity=False)
                decide(config)
                finish(config)
                ended = True
            except PowerCutError:
                ended = False
        restored = finish(config)  # the next start
        after = box.content()
        assert not [name for name in after if ".restore" in name]
        if (restored or ended) or after["state/identity.key"] != b"s" * 64:
            assert set(after) == set(new)
            assert {name: data for name, data in after.items() if name != "config.toml"} == {
                name: data for name, data in new.items() if name != "config.toml"
            }
            assert "# of north" in after["config.toml"].decode()
        else:
            assert after == before
        if ended:
            break
        cut += 1
    assert cut > 10


@pytest.mark.timeout(60)
def test_a_power_cut_while_the_rest_is_cleared_away_keeps_no_gateway_from_starting(north, tmp_path, monkeypatch) -> None:
    path, ended, cut = backup(north), False, 0
    while not ended:
        box = Files(tmp_path / f"box{cut}")
        (box.state / "identity.key").write_bytes(b"s" * 64)
        config = box.config
        prepare(path, PASSPHRASE, config, box.file, new_identity=True)  # leaves members behind that take no place
        decide(config)
        with monkeypatch.context() as patched:
            cut_after(patched, cut)
            try:
                finish(config)
                ended = True
            except PowerCutError:
                cut += 1
        finish(config)
        assert not [name for name in box.content() if ".restore" in name]
        assert (box.state / "identity.key").read_bytes() == b"s" * 64
        assert box.config.gateway.nickname == "north"
    assert cut > 10


def test_what_cannot_be_finished_keeps_the_gateway_from_starting_as_a_mixture(north, south, monkeypatch) -> None:
    path = backup(north)
    prepare(path, PASSPHRASE, south.config, south.file, new_identity=False)
    decide(south.config)

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full)
        with pytest.raises(ConfigError, match="No space left"):
            finish(south.config)
    assert finish(south.config)
    assert (south.state / "identity.key").read_bytes() == (north.state / "identity.key").read_bytes()


def test_after_a_wipe_there_is_nothing_to_finish(north, south) -> None:
    prepare(backup(north), PASSPHRASE, south.config, south.file, new_identity=False)
    decide(south.config)
    config = south.config
    erase(config)
    assert not [name for name in south.content() if ".restore" in name]
    assert not finish(config)
    assert not (south.state / DECIDED).exists()
    assert not (south.state / "identity.key").exists()


def test_a_plan_that_is_gone_is_no_wipe(north, south) -> None:
    prepare(backup(north), PASSPHRASE, south.config, south.file, new_identity=False)
    decide(south.config)
    (south.state / DECIDED / "plan.json").unlink()
    with pytest.raises(ConfigError):
        finish(south.config)


def test_a_place_on_another_disk_is_written_there_and_put_in_place_whole(north, south, monkeypatch) -> None:
    path = backup(north)
    real = os.replace

    def elsewhere(source, target, **named):
        if Path(source).parent.name == DECIDED:
            raise OSError(18, "Invalid cross-device link")
        real(source, target, **named)

    monkeypatch.setattr(os, "replace", elsewhere)
    restore(path, south)
    assert (south.state / "identity.key").read_bytes() == (north.state / "identity.key").read_bytes()
    assert "# of north" in south.path.read_text()


def test_a_backup_that_cannot_be_made_leaves_what_was_there(north, monkeypatch) -> None:
    path = backup(north)
    before = path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BackupError) as refused:
        backup(north)
    assert refused.value.flaw is Flaw.DISK
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir() if one.name.startswith(".")] == []
    assert [one.name for one in north.state.iterdir() if one.name.startswith(".")] == []
