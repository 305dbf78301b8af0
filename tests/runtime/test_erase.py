"""After a wipe nothing that was known can be read from the raw files, and the next gateway is another (tests.testing.virtual_loop)."""

import asyncio
import os
from pathlib import Path

import pytest

from gateway.config import load
from gateway.runtime.erase import belongings, erase
from gateway.runtime.keyfile import load_identity
from gateway.runtime.steering import NOTE_FILE
from tests.runtime.gateways import Site, play
from transports.libp2p.identity import load_seed
from transports.websocket.certificate import load_certificate


def config_of(state: Path, *more: str):
    return load(None, {}, [f"gateway.state_dir={state}", f"control.socket={state}/control.sock", *more]).config


def fill(state: Path) -> list[bytes]:
    """Make a state directory by hand; returns what must not be found anywhere afterwards."""
    identity = load_identity(state / "identity.key")
    seed = load_seed(state / "libp2p.key")
    load_certificate(state / "websocket.crt", state / "websocket.key")
    told = b"meet me at the old mill"
    for name in ("store.db", "store.db-wal", "store.db-shm", "store.db.damaged-1", "store.db.damaged-1-wal", "federation.book"):
        (state / name).write_bytes(told * 1_000)
    (state / ".identity.key.0a1b2c3d").write_bytes(identity.signing_private)  # a draft that the power cut left behind
    secret = (state / "websocket.key").read_bytes().splitlines()[1]
    return [identity.noise_private, identity.signing_private, seed, secret, told]


def raw(places: list[Path]) -> bytes:
    return b"".join(path.read_bytes() for path in places)


@pytest.mark.parametrize("name", ["meshgate", "elsewhere"])
def test_nothing_of_it_is_left_in_the_directory(tmp_path: Path, name: str) -> None:
    state = tmp_path / name
    secrets = fill(state)
    done = erase(config_of(state))
    assert not done.failed
    assert not done.left
    assert len(done.erased) == 11
    assert list(state.iterdir()) == []
    assert not [one for one in secrets if one in raw([path for path in tmp_path.rglob("*") if path.is_file()])]


def test_the_blocks_are_overwritten_before_they_are_given_back(tmp_path: Path, monkeypatch) -> None:
    state, beside = tmp_path / "meshgate", tmp_path / "beside"
    secrets = fill(state)
    beside.mkdir()
    sizes = {path.name: path.stat().st_size for path in state.iterdir()}
    for path in state.iterdir():
        (beside / path.name).hardlink_to(path)  # the same blocks, under a name that stays
    monkeypatch.setattr(os, "ftruncate", lambda _descriptor, _size: None)  # and they stay with it
    erase(config_of(state))
    kept = list(beside.iterdir())
    assert all(path.stat().st_size >= max(sizes[path.name], 4_096) for path in kept)  # to the end of the last block
    assert not [one for one in secrets if one in raw(kept)]


def test_a_process_that_still_holds_a_file_reads_nothing_from_it(tmp_path: Path) -> None:
    state = tmp_path / "meshgate"
    fill(state)
    held = [os.open(path, os.O_RDONLY) for path in state.iterdir()]
    erase(config_of(state))
    assert {os.pread(descriptor, 1 << 20, 0) for descriptor in held} == {b""}
    for descriptor in held:
        os.close(descriptor)


def test_a_bridge_that_was_switched_off_stays_off(tmp_path: Path) -> None:
    state = tmp_path / "meshgate"
    fill(state)
    (state / NOTE_FILE).touch()
    done = erase(config_of(state))
    assert [path.name for path in state.iterdir()] == [NOTE_FILE]
    assert not done.left


def test_keys_go_first(tmp_path: Path) -> None:
    state = tmp_path / "meshgate"
    fill(state)
    names = [path.name for path in belongings(config_of(state))[0]]
    assert max(names.index(key) for key in ("identity.key", "libp2p.key", "websocket.key")) < names.index("federation.book")
    assert names.index("federation.book") < names.index("store.db-wal")


def test_the_rules_stay_so_that_no_more_crosses_than_before(tmp_path: Path) -> None:
    state = tmp_path / "meshgate"
    fill(state)
    (state / "policy.toml").write_text("default = 'deny'\n")
    erase(config_of(state))
    assert [path.name for path in state.iterdir()] == ["policy.toml"]


def test_what_a_later_version_keeps_goes_too_if_the_directory_is_the_gateways_alone(tmp_path: Path) -> None:
    state = tmp_path / "meshgate"
    (state / "sessions").mkdir(parents=True)
    (state / "sessions/tokens.db").write_bytes(b"token")
    done = erase(config_of(state))
    assert done.erased == (str(state / "sessions/tokens.db"),)


def test_a_file_of_somebody_else_is_named_and_left(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.txt").write_text("years of work")
    key, certificate = tmp_path / "site.key", tmp_path / "site.crt"
    load_certificate(certificate, key)
    options = [f"transports.websocket.key_file={key}", f"transports.websocket.certificate_file={certificate}"]
    done = erase(config_of(home, *options))
    assert done.erased == ()
    assert set(done.left) == {str(home / "thesis.txt"), str(key), str(certificate)}
    assert (home / "thesis.txt").read_text() == "years of work"


def test_a_key_on_another_disk_is_found_there(tmp_path: Path) -> None:
    state, disk = tmp_path / "meshgate", tmp_path / "disk"
    state.mkdir()
    disk.mkdir()
    load_seed(disk / "site.key")
    (disk / "identity.key").write_bytes(b"k" * 64)
    (state / "identity.key").symlink_to(disk / "identity.key")
    done = erase(config_of(state, f"transports.libp2p.identity_file={disk}/site.key"))
    assert len(done.erased) == 2
    assert not list(disk.iterdir())


def test_what_cannot_be_overwritten_is_told_and_loses_its_name(tmp_path: Path, monkeypatch) -> None:
    state = tmp_path / "meshgate"
    fill(state)

    def worn_out(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", worn_out)
    monkeypatch.setattr("gateway.runtime.erase._sync", lambda _directory: None)
    done = erase(config_of(state))
    assert done.erased == ()
    assert {one.why for one in done.failed} == {"Input/output error"}
    assert list(state.iterdir()) == []


def test_a_running_gateway_ends_erases_and_becomes_somebody_else(tmp_path: Path) -> None:
    state = tmp_path / "meshgate"

    async def scene() -> None:
        first = Site(state)
        running = asyncio.create_task(first.run_for(3_600))
        await asyncio.sleep(120)
        names = [path.name for path in state.iterdir() if path.is_file()]
        assert {"identity.key", "store.db"} <= set(names)
        held = [os.open(state / name, os.O_RDONLY) for name in names]
        done = await first.gateway.wiping.wipe()
        await running
        assert first.gateway.wiping.is_wanted
        assert not done.failed
        assert [path for path in state.rglob("*") if path.is_file()] == []
        assert {os.pread(descriptor, 1 << 20, 0) for descriptor in held} == {b""}
        for descriptor in held:
            os.close(descriptor)
        second = Site(state)
        assert second.gateway.identity.peer_id != first.gateway.identity.peer_id

    play(scene)


def test_two_who_ask_at_once_get_one_answer(tmp_path: Path) -> None:
    async def scene() -> None:
        site = Site(tmp_path / "meshgate")
        running = asyncio.create_task(site.run_for(3_600))
        await asyncio.sleep(1)
        first, second = await asyncio.gather(site.gateway.wiping.wipe(), site.gateway.wiping.wipe())
        await running
        assert first == second

    play(scene)
