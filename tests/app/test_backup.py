"""``meshgate backup`` with real gateways: what one box was, another one is."""

import contextlib
import io
import json
import time
from pathlib import Path
from random import Random

import pytest

from gateway.cli.main import main
from gateway.mesh.identity import Identity
from tests.app.processes import PATIENCE_S, meshgate, until, write_two_sites
from tests.bridge.sites import Author
from transports.limits import BACKOFF_CAP_S

pytestmark = pytest.mark.timeout(300)
SAID = "meet me at the old mill"
PASSPHRASE = "seven quiet herons wade"  # noqa: S105 -- of nothing that exists


def linked(seen) -> bool:
    return seen["transports"]["libp2p"]["links"] == 1


async def command(*arguments: object) -> tuple[int, str, str]:
    async with meshgate(*arguments) as process:
        out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()


def home(directory: Path, file: Path) -> Path:
    """A box on which nothing has run, with a configuration that only says where its files are."""
    directory.mkdir()
    config = directory / "config.toml"
    places = f'[gateway]\nstate_dir = "{directory}/state"\n[control]\nsocket = "{directory}/control.sock"\n'
    config.write_text(f'{places}[transports.libp2p]\nidentity_file = "{directory}/libp2p.key"\n')
    assert file.exists()
    return config


@pytest.fixture
def secret(tmp_path) -> Path:
    path = tmp_path / "passphrase"
    path.write_text(f"{PASSPHRASE}\n")
    return path


async def test_a_backup_of_one_gateway_makes_a_new_box_the_same_gateway(tmp_path, secret) -> None:
    north, south = write_two_sites(tmp_path)
    north.write_text(f"# the gateway of the old mill\n{north.read_text()}")
    ada = Author(Identity.generate(Random(1).randbytes), int(time.time() * 1000))
    played, kept = tmp_path / "played.hex", tmp_path / "north.backup"
    played.write_text("".join(f"{frame.hex()}\n" for frame in (ada.announce(), ada.say(SAID))))
    async with meshgate("run", "--simulate", 0, "--config", south):
        async with meshgate("run", "--simulate", 0, "--feed", played, "--config", north):
            before = await until(north, lambda seen: linked(seen) and seen["mesh"]["counters"]["history"] and not seen["store"]["waiting"])
            code, out, err = await command("backup", "create", kept, "--passphrase-file", secret, "--config", north)
            assert (code, err) == (0, "")
            assert "nobody can open it without" in out
            assert kept.stat().st_mode & 0o777 == 0o600
        code, out, _ = await command("backup", "verify", kept, "--passphrase-file", secret, "--json")
        contents = json.loads(out)
        assert (code, contents["site"], contents["peer_id"], contents["with_history"]) == (0, "north", before["peer_id"], False)
        assert {"config.toml", "identity.key", "libp2p.key", "store.db"} <= set(contents["files"])

        new = home(tmp_path / "new", kept)
        code, out, _ = await command("backup", "restore", kept, "--dry-run", "--passphrase-file", secret, "--config", new)
        assert (code, "Nothing was changed" in out) == (0, True)
        assert not list((tmp_path / "new").rglob("*.key"))
        async with meshgate("run", "--simulate", 0, "--config", new) as gateway:  # restored onto a gateway that runs
            assert (await until(new, lambda _seen: True))["peer_id"] != before["peer_id"]
            code, out, err = await command("backup", "restore", kept, "--yes", "--passphrase-file", secret, "--config", new)
            assert (code, err) == (0, "")
            assert "must never run beside this one" in out
            _, log = await gateway.communicate()
            assert gateway.returncode == 75  # so that systemd starts it again
        assert b"Restored" in log
        assert PASSPHRASE.encode() not in log
        assert "# the gateway of the old mill" in new.read_text()
        assert (tmp_path / "new/libp2p.key").read_bytes() == (tmp_path / "north/libp2p.key").read_bytes()
        async with meshgate("run", "--simulate", 0, "--config", new):
            after = await until(new, linked, BACKOFF_CAP_S + PATIENCE_S)  # south calls it as north, the later the longer that was away
            assert after["peer_id"] == before["peer_id"]
            assert 'nickname = "north"' in new.read_text()
        assert not list((tmp_path / "new/state").glob(".[rb]*"))


async def test_without_a_gateway_the_command_works_on_the_files(tmp_path, secret) -> None:
    north, _ = write_two_sites(tmp_path)
    async with meshgate("run", "--simulate", 0, "--config", north):
        before = await until(north, lambda seen: not seen["store"]["waiting"])
    kept = tmp_path / "north.backup"
    code, out, _ = await command("backup", "create", kept, "--with-history", "--passphrase-file", secret, "--json", "--config", north)
    assert (code, json.loads(out)["with_history"], json.loads(out)["peer_id"]) == (0, True, before["peer_id"])
    code, out, _ = await command("backup", "create", kept, "--passphrase-file", secret, "--json", "--config", north)
    assert (code, json.loads(out)["error"]["code"]) == (1, "exists")
    async with meshgate("wipe", "--yes", "--config", north) as wiping:
        await wiping.communicate()
    assert not (tmp_path / "north/state/identity.key").exists()
    code, out, _ = await command("backup", "restore", kept, "--yes", "--passphrase-file", secret, "--json", "--config", north)
    assert (code, json.loads(out)["contents"]["site"]) == (0, "north")
    async with meshgate("run", "--simulate", 0, "--config", north):
        assert (await until(north, lambda _seen: True))["peer_id"] == before["peer_id"]


async def test_a_gateway_with_another_control_socket_is_noticed(tmp_path, secret) -> None:
    north, _ = write_two_sites(tmp_path)
    kept = tmp_path / "north.backup"
    async with meshgate("run", "--simulate", 0, "--config", north):
        await until(north, lambda seen: not seen["store"]["waiting"])
        code, _, err = await command("backup", "create", kept, "--passphrase-file", secret, "--config", north)
        assert (code, err) == (0, "")
        before = (tmp_path / "north/state/identity.key").read_bytes()
        elsewhere = f"control.socket={tmp_path}/other.sock"
        for verb in (("create", tmp_path / "other.backup"), ("restore", kept, "--yes")):
            code, out, _ = await command("backup", *verb, "--passphrase-file", secret, "--json", "--config", north, "--set", elsewhere)
            assert (code, json.loads(out)["error"]["code"]) == (75, "in_use")
        assert (tmp_path / "north/state/identity.key").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("verify", "none.backup"), 3, "not_found"),
        (("verify", "odd.backup"), 1, "backup_foreign"),
        (("create", "new.backup"), 3, "not_found"),
        (("create", "none/new.backup"), 3, "not_found"),
        (("restore", "odd.backup", "--yes"), 1, "backup_foreign"),
        (("restore", "none.backup", "--yes"), 3, "not_found"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(tmp_path, secret, capsys, monkeypatch, arguments, code, word) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd.backup").write_bytes(b"something else")
    options = ["--set", f"gateway.state_dir={tmp_path}/state", "--set", f"control.socket={tmp_path}/control.sock"]
    options = [] if arguments[0] == "verify" else options
    before = sorted(tmp_path.rglob("*"))
    assert main(["backup", *arguments, "--json", "--passphrase-file", str(secret), *options]) == code
    assert json.loads(capsys.readouterr().out)["error"]["code"] == word
    with contextlib.suppress(OSError):
        (tmp_path / "state").rmdir()
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(("typed", "code", "word"), [("short", 2, "backup_weak"), ("", 2, "backup_weak")])
def test_a_passphrase_that_would_be_guessed_makes_none(tmp_path, capsys, typed, code, word) -> None:
    (tmp_path / "secret").write_text(typed)
    assert main(["backup", "create", f"{tmp_path}/x", "--json", "--passphrase-file", f"{tmp_path}/secret"]) == code
    assert json.loads(capsys.readouterr().out)["error"]["code"] == word


def test_nobody_is_asked_where_nobody_is(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    (tmp_path / "x").write_bytes(b"")
    assert main(["backup", "verify", f"{tmp_path}/x", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "no_passphrase"
