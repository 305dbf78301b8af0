import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transports.libp2p.identity import IdentityError, is_peer_id, load_peer_id, load_seed, peer_id_of

# Seed of 32 zero bytes; peer ID computed by py-libp2p 0.8.1 (and the same by js-libp2p).
ZERO_ID = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"


def test_the_peer_id_is_the_one_libp2p_derives() -> None:
    assert peer_id_of(bytes(32)) == ZERO_ID


def test_a_missing_key_is_made_once_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "state" / "libp2p.key"
    first = load_peer_id(path)
    assert load_peer_id(path) == first == peer_id_of(load_seed(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o077 == 0
    assert path.read_bytes()[:4] == b"\x08\x01\x12\x20"
    assert [entry.name for entry in path.parent.iterdir()] == ["libp2p.key"]


def test_a_draft_left_by_a_crash_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / f".libp2p.key.{os.getpid()}").write_bytes(b"half a key")
    assert is_peer_id(load_peer_id(tmp_path / "libp2p.key"))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o777])
def test_a_key_others_can_touch_is_refused_with_the_cure(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "libp2p.key"
    load_seed(path)
    path.chmod(mode)
    with pytest.raises(IdentityError, match="chmod 600"):
        load_seed(path)


@pytest.mark.parametrize("content", [b"", b"\x08\x01\x12\x20" + bytes(31), b"\x08\x00\x12\x20" + bytes(32), bytes(500)])
def test_what_is_no_ed25519_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "libp2p.key"
    path.touch(mode=0o600)
    path.write_bytes(content)
    with pytest.raises(IdentityError, match="not an Ed25519 key"):
        load_seed(path)


def test_a_key_of_another_implementation_is_read(tmp_path: Path) -> None:
    path = tmp_path / "libp2p.key"
    path.touch(mode=0o600)
    path.write_bytes(b"\x08\x01\x12\x40" + bytes(64))
    assert load_peer_id(path) == ZERO_ID


def test_a_folder_in_the_keys_place_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(IdentityError, match="cannot be used: Is a directory"):
        load_seed(tmp_path)


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(IdentityError, match="cannot be used"):
        load_seed(tmp_path / "file" / "libp2p.key")


@given(st.binary(min_size=32, max_size=32))
def test_every_derived_id_is_an_id(seed: bytes) -> None:
    assert is_peer_id(peer_id_of(seed))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12D3KooW",
        ZERO_ID + "1",
        ZERO_ID[:-1] + "0",
        "Q" + ZERO_ID[1:],
        "1" * 52,
        "z" * 52,
        "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",
    ],
)
def test_what_is_no_id_of_an_ed25519_key_is_none(text: str) -> None:
    assert not is_peer_id(text)
