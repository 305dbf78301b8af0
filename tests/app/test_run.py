"""``meshgate run`` and ``meshgate status`` as a person uses them."""

import asyncio
import json
import signal
import stat
from pathlib import Path

import pytest

from tests.app.processes import free_port, meshgate, status_of, until, write_site, write_two_sites
from transports.libp2p.identity import load_peer_id

pytestmark = pytest.mark.timeout(60)


async def test_a_simulated_island_comes_up_is_seen_and_stops_cleanly(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut")
    async with meshgate("run", "--simulate", 3, "--config", config) as gateway:
        status = await until(config, lambda seen: len(seen["mesh"]["peers"]) == 3)
        assert status["transports"]["radio"]["state"] == "up"
        assert not status["problems"]
        assert status["sentence"].startswith("3 phones near.")
        gateway.send_signal(signal.SIGTERM)
        _, err = await gateway.communicate()
        assert gateway.returncode == 0
        assert json.loads(err.splitlines()[-1])["event"] == "gateway_stopped"
    assert not (tmp_path / "hut" / "control.sock").exists()


async def test_the_identity_outlives_a_restart_and_is_private(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut")
    seen = []
    for _ in range(2):
        async with meshgate("run", "--simulate", 0, "--config", config):
            seen.append((await until(config, lambda _: True))["peer_id"])
    assert seen[0] == seen[1]
    assert stat.S_IMODE((tmp_path / "hut" / "state" / "identity.key").stat().st_mode) == 0o600


async def test_status_without_a_gateway_is_exit_5_and_one_document(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut")
    async with meshgate("status", "--json", "--config", config) as process:
        out, _ = await process.communicate()
    assert process.returncode == 5
    assert json.loads(out)["error"]["code"] == "unreachable"


async def test_status_for_a_person_is_a_sentence_and_tables(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut")
    async with meshgate("run", "--simulate", 1, "--config", config):
        await until(config, lambda seen: bool(seen["mesh"]["peers"]))
        async with meshgate("status", "--config", config) as process:
            out, _ = await process.communicate()
    lines = out.decode().splitlines()
    assert lines[0] == "1 phone near. Not linked to any site. Nothing is waiting."
    assert any(line.startswith("TRANSPORT") for line in lines)
    assert any("Ada" in line for line in lines)


async def test_a_second_gateway_does_not_take_the_socket_of_the_first(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut")
    async with meshgate("run", "--simulate", 0, "--config", config):
        await until(config, lambda _: True)
        async with meshgate("run", "--simulate", 0, "--config", config) as second:
            _, err = await second.communicate()
        assert second.returncode == 1
        assert "Another gateway is running" in err.decode()
        assert await status_of(config) is not None


async def test_a_socket_left_behind_by_a_crash_is_replaced(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut")
    async with meshgate("run", "--simulate", 0, "--config", config) as gateway:
        await until(config, lambda _: True)
        gateway.kill()
        await gateway.communicate()
    assert (tmp_path / "hut" / "control.sock").exists()
    async with meshgate("run", "--simulate", 0, "--config", config):
        await until(config, lambda _: True)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('nickame = "x"', "nickname"),
        ("nickname = 5", "255"),
        ('nickname = ""', "255"),
    ],
)
async def test_a_configuration_that_cannot_be_used_stops_the_start(tmp_path: Path, line: str, words: str) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f"[gateway]\n{line}\n")
    async with meshgate("run", "--simulate", 0, "--config", config) as gateway:
        _, err = await gateway.communicate()
    assert gateway.returncode == 1
    assert f"{config}:2: gateway." in err.decode()
    assert words in err.decode()


async def test_a_key_file_others_can_read_stops_the_start(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut")
    key = tmp_path / "hut" / "state" / "identity.key"
    key.parent.mkdir()
    key.write_bytes(bytes(64))
    key.chmod(0o644)
    async with meshgate("run", "--simulate", 0, "--config", config) as gateway:
        _, err = await gateway.communicate()
    assert gateway.returncode == 1
    assert f"chmod 600 {key}" in err.decode()
    assert key.read_bytes() == bytes(64)


async def test_an_address_that_is_taken_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    port = free_port()
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", port)
    async with server:
        config = write_site(tmp_path / "hut", listen=(f"/ip4/127.0.0.1/tcp/{port}",))
        async with meshgate("run", "--simulate", 1, "--config", config):
            status = await until(config, lambda seen: bool(seen["problems"]) and bool(seen["mesh"]["peers"]))
    assert str(port) in status["problems"][0]["sentence"]
    assert status["problems"][0]["remedy"]


async def test_two_gateways_link_only_if_both_say_so(tmp_path: Path) -> None:
    north, south = write_two_sites(tmp_path)
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    north_id = load_peer_id(tmp_path / "north" / "libp2p.key")
    async with meshgate("run", "--simulate", 1, "--config", north), meshgate("run", "--simulate", 1, "--config", south):
        linked = await until(north, lambda seen: seen["bridge"]["sites"] == 1)
        (address,) = linked["transports"]["libp2p"]["addresses"]
        config = write_site(stranger, members=(north_id,), peers=(address,))
        async with meshgate("run", "--simulate", 1, "--config", config):
            refused = await until(north, lambda seen: seen["transports"]["libp2p"]["counters"]["refused_peers"] > 0)
            assert refused["bridge"]["sites"] == 1
            both = await until(south, lambda seen: sum(peer["remote"] for peer in seen["mesh"]["peers"]) >= 1)
    assert both["bridge"]["sites"] == 1
