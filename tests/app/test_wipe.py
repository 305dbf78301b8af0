"""``meshgate wipe`` beside a real gateway, and without one."""

import json
import os
import re
import socket
import time
from pathlib import Path
from random import Random

import pytest

from gateway.admin import client
from gateway.admin.wipe import WipeRequest
from gateway.cli.main import main
from gateway.mesh.identity import Identity
from tests.app.processes import meshgate, until, write_site
from tests.bridge.sites import Author

pytestmark = pytest.mark.timeout(60)
SAID = "meet me at the old mill"


def raw(directory: Path) -> bytes:
    """Every byte of every file below."""
    return b"".join(path.read_bytes() for path in directory.rglob("*") if path.is_file() and path.suffix != ".hex")


async def command(*arguments: object) -> tuple[int, str, str]:
    async with meshgate(*arguments) as process:
        out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()


async def test_a_running_gateway_is_another_after_a_wipe(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut")
    state = tmp_path / "hut/state"
    ada = Author(Identity.generate(Random(1).randbytes), int(time.time() * 1000))
    played = tmp_path / "played.hex"
    played.write_text("".join(f"{frame.hex()}\n" for frame in (ada.announce(), ada.say(SAID))))
    async with meshgate("run", "--simulate", 0, "--feed", played, "--config", config) as gateway:
        seen = await until(config, lambda seen: seen["mesh"]["counters"]["history"] == 2 and not seen["store"]["waiting"])
        before = seen["peer_id"]
        assert SAID.encode() in raw(tmp_path)
        held = [os.open(path, os.O_RDONLY) for path in state.rglob("*") if path.is_file()]
        code, out, _ = await command("wipe", "--yes", "--json", "--config", config)
        document = json.loads(out)
        assert (code, document["failed"]) == (0, [])
        assert {Path(one).name for one in document["erased"]} >= {"identity.key", "store.db"}
        assert not [path for path in state.rglob("*") if path.is_file()]
        _, err = await gateway.communicate()
        assert gateway.returncode == 75  # so that systemd starts it again
    assert b"Wiped" in err
    assert SAID.encode() not in raw(tmp_path)
    assert {os.pread(descriptor, 1 << 20, 0) for descriptor in held} == {b""}  # and what had no name any more is empty
    for descriptor in held:
        os.close(descriptor)
    async with meshgate("run", "--simulate", 0, "--config", config):
        assert (await until(config, lambda _seen: True))["peer_id"] != before


async def test_without_a_gateway_the_command_erases_by_itself(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut")
    async with meshgate("run", "--simulate", 0, "--config", config):
        await until(config, lambda _seen: True)
    code, out, _ = await command("wipe", "--yes", "--config", config)
    assert code == 0
    assert re.search(r"^erased  .*/identity.key$", out, re.MULTILINE)
    assert not [path for path in (tmp_path / "hut/state").rglob("*") if path.is_file()]


async def test_a_gateway_with_another_control_socket_is_noticed(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut")
    async with meshgate("run", "--simulate", 0, "--config", config):
        await until(config, lambda seen: not seen["store"]["waiting"])
        elsewhere = f"control.socket={tmp_path}/other.sock"
        code, out, _ = await command("wipe", "--yes", "--json", "--config", config, "--set", elsewhere)
        assert (code, json.loads(out)["error"]["code"]) == (75, "in_use")
        assert (tmp_path / "hut/state/identity.key").exists()


async def test_nothing_is_erased_without_the_word(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut")
    (tmp_path / "hut/state").mkdir()
    (tmp_path / "hut/state/identity.key").write_bytes(b"k" * 64)
    code, _, err = await command("wipe", "--config", config)
    assert code == 2
    assert "nobody is there to ask" in err
    assert (tmp_path / "hut/state/identity.key").exists()


async def test_the_api_wants_the_word_too(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut")
    async with meshgate("run", "--simulate", 0, "--config", config):
        await until(config, lambda _seen: True)
        with pytest.raises(client.RefusedError) as refused:
            await client.wipe(tmp_path / "hut/control.sock", WipeRequest("yes"))
        assert refused.value.document.code == "not_confirmed"
        assert (tmp_path / "hut/state/identity.key").exists()


def test_a_gateway_that_does_not_answer_is_not_erased_under_its_feet(tmp_path: Path, capsys, monkeypatch) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(path))
        deaf.listen()
        path.chmod(0o600)
        (tmp_path / "identity.key").write_bytes(b"k" * 64)
        deaf.settimeout(0)
        monkeypatch.setattr("gateway.admin.client.WIPE_TIMEOUT_S", 0.05)
        code = main(["wipe", "--yes", "--json", "--set", f"gateway.state_dir={tmp_path}", "--set", f"control.socket={path}"])
    assert code == 5
    assert "systemctl kill" in json.loads(capsys.readouterr().out)["error"]["hint"]
    assert (tmp_path / "identity.key").exists()
