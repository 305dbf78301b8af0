import os
import stat
import threading
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.mesh.identity import Identity
from gateway.runtime import keyfile
from gateway.runtime.keyfile import KEY_BYTES, load_identity


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "identity.key"


def test_the_first_start_makes_keys_nobody_else_can_read(path: Path) -> None:
    identity = load_identity(path)
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert path.read_bytes() == identity.noise_private + identity.signing_private
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_the_permissions_do_not_depend_on_the_umask(path: Path) -> None:
    mask = os.umask(0)
    try:
        load_identity(path)
    finally:
        os.umask(mask)
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)


def test_every_later_start_finds_the_same_keys(path: Path) -> None:
    first, second = load_identity(path), load_identity(path)
    assert first.peer_id == second.peer_id
    assert first.signing_public == second.signing_public


def test_two_gateways_have_different_keys(tmp_path: Path) -> None:
    assert load_identity(tmp_path / "a").peer_id != load_identity(tmp_path / "b").peer_id


@pytest.mark.parametrize("permissions", [0o640, 0o604, 0o620, 0o601])
def test_a_file_open_to_others_is_refused_with_what_to_do_and_left_alone(path: Path, permissions: int) -> None:
    load_identity(path)
    before = path.read_bytes()
    path.chmod(permissions)
    with pytest.raises(ConfigError, match=rf"mode {permissions:04o}\). Run: chmod 600 {path}"):
        load_identity(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("size", [0, 32, KEY_BYTES - 1, KEY_BYTES + 1])
def test_a_file_of_another_size_is_refused_and_left_alone(path: Path, size: int) -> None:
    path.parent.mkdir()
    path.write_bytes(bytes(size))
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="not a Meshgate key file"):
        load_identity(path)
    assert path.read_bytes() == bytes(size)


def test_a_place_that_cannot_be_used_is_an_error_for_a_person(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot be used: File exists\. Set gateway\.state_dir"):
        load_identity(tmp_path / "file" / "identity.key")
    with pytest.raises(ConfigError, match="Is a directory"):
        load_identity(tmp_path)


def test_keys_that_appear_while_ours_are_made_win(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process starts for the first time between our look and our writing."""
    winner = Identity.generate(os.urandom)

    class Late(Identity):
        @classmethod
        def generate(cls, randbytes):
            path.write_bytes(winner.noise_private + winner.signing_private)
            path.chmod(0o600)
            return Identity.generate(randbytes)

    monkeypatch.setattr(keyfile, "Identity", Late)
    assert load_identity(path).peer_id == winner.peer_id
    assert path.read_bytes() == winner.noise_private + winner.signing_private
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_starts_at_the_same_moment_agree_on_one_identity(path: Path) -> None:
    count = 8
    barrier, found = threading.Barrier(count), []

    def start() -> None:
        barrier.wait()
        found.append(load_identity(path).peer_id)

    threads = [threading.Thread(target=start) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == count
    assert set(found) == {load_identity(path).peer_id}


def test_a_crash_in_mid_writing_leaves_no_key_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keyfile.os, "fsync", no_space)
    with pytest.raises(ConfigError, match="No space left"):
        load_identity(path)
    assert list(path.parent.iterdir()) == []
