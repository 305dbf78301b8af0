"""What the WebSocket transport is given of the configuration."""

from pathlib import Path

import pytest

from gateway.app import Gateway
from gateway.config import load
from gateway.errors import ConfigError
from tests.config.support import ALICE, BOB
from transports.libp2p.identity import load_peer_id


def gateway_with(directory: Path, *overrides: str) -> Gateway:
    settings = [f"gateway.state_dir={directory}", f"control.socket={directory}/control.sock", "page.enabled=false", *overrides]
    return Gateway(load(None, {}, settings).config, [])


def test_everything_of_its_table_reaches_it(tmp_path: Path) -> None:
    gateway = gateway_with(
        tmp_path,
        "transports.websocket.enabled=true",
        'transports.websocket.listen=["127.0.0.1:0"]',
        f'transports.websocket.peers=["wss://alice.example#{ALICE}"]',
        f'transports.libp2p.members=["{ALICE}", "{BOB}"]',
    )
    assert gateway.websocket is not None
    config = gateway.websocket._config
    assert (config.listen, config.members) == (("127.0.0.1:0",), (ALICE, BOB))
    assert config.peers == (f"wss://alice.example#{ALICE}",)
    assert (config.certificate_path, config.key_path) == (tmp_path / "websocket.crt", tmp_path / "websocket.key")
    assert gateway.libp2p is None


def test_both_transports_have_one_identity(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, "transports.websocket.enabled=true")
    assert gateway.websocket is not None
    assert gateway.websocket.peer_id == load_peer_id(tmp_path / "libp2p.key")


def test_a_certificate_that_cannot_be_used_stops_the_start_with_a_sentence(tmp_path: Path) -> None:
    gateway_with(tmp_path, "transports.websocket.enabled=true")
    (tmp_path / "websocket.key").chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        gateway_with(tmp_path, "transports.websocket.enabled=true")


def test_it_is_off_unless_switched_on(tmp_path: Path) -> None:
    assert gateway_with(tmp_path).websocket is None
