"""What the radio is given of the configuration."""

from pathlib import Path

from gateway.app import Gateway
from gateway.config import load
from hw.bluez.adapters import Role, Wish


def radio_with(directory: Path, *overrides: str):
    settings = [f"gateway.state_dir={directory}", f"control.socket={directory}/control.sock", "page.enabled=false", *overrides]
    gateway = Gateway(load(None, {}, settings).config, [], bluetooth=True)
    assert gateway.radio is not None
    return gateway, gateway.radio._ground.config


def test_everything_of_the_radios_table_reaches_it(tmp_path: Path) -> None:
    gateway, config = radio_with(
        tmp_path,
        'radio.adapters=["hci1=central", "00:11:22:33:44:55"]',
        "radio.max_dialled=3",
        "radio.max_accepted=5",
        f"radio.recovery_socket={tmp_path}/recover.sock",
    )
    assert config.wishes == (Wish("hci1", Role.CENTRAL), Wish("00:11:22:33:44:55", Role.BOTH))
    assert (config.max_central, config.max_peripheral) == (3, 5)
    assert config.tag == gateway.identity.peer_id
    assert config.helper_socket == tmp_path / "recover.sock"


def test_the_peer_id_is_kept_to_ourselves_if_so_wanted(tmp_path: Path) -> None:
    assert radio_with(tmp_path, "radio.announce_peer_id=false")[1].tag == b""


def test_without_bluetooth_there_is_no_radio(tmp_path: Path) -> None:
    settings = [f"gateway.state_dir={tmp_path}", f"control.socket={tmp_path}/control.sock", "page.enabled=false"]
    assert Gateway(load(None, {}, settings).config, []).radio is None
