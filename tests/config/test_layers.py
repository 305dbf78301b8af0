"""Which value wins, and where each one came from."""

from pathlib import Path

import pytest

from gateway.config import BridgeMode, Layer, Origin, load
from tests.config.support import ALICE, BOB, places, read, write


def nickname(table: str) -> str:
    return f'[gateway]\nnickname = "{table}"\n'


def test_without_any_setting_every_value_is_the_default(tmp_path):
    loaded = load(None, {}, [], where=places(tmp_path))
    config = loaded.config
    assert loaded.files == ()
    assert set(loaded.origin.values()) == {Origin(Layer.DEFAULT)}
    assert config.config_version == 1
    assert config.gateway.nickname == "Meshgate"
    assert config.gateway.state_dir == Path("/var/lib/meshgate")
    assert config.bridge.mode is BridgeMode.CONSENT
    assert config.bridge.cell == ""
    assert config.transports.libp2p.enabled is False
    assert config.transports.libp2p.identity_file == Path("/var/lib/meshgate/libp2p.key")
    assert config.transports.libp2p.members == config.transports.libp2p.peers == ()
    assert config.control.socket == Path("/run/meshgate/control.sock")


def test_each_layer_wins_over_the_ones_before_it(tmp_path):
    layers = [
        ("usr/conf.d/10-a.toml", nickname("shipped")),
        ("usr/conf.d/20-b.toml", nickname("shipped, later name")),
        ("etc/config.toml", nickname("system")),
        ("etc/conf.d/10.toml", nickname("drop-in")),
        ("etc/conf.d/9.toml", nickname("drop-in, later name")),
        ("xdg/config.toml", nickname("user")),
        ("xdg/conf.d/a.toml", nickname("user's drop-in")),
    ]
    for file, text in layers:
        path = write(tmp_path / file, text)
        loaded = load(None, {}, [], where=places(tmp_path))
        assert loaded.config.gateway.nickname in text
        assert loaded.origin["gateway.nickname"] == Origin(Layer.FILE, str(path), 2)
    assert loaded.files == tuple(tmp_path / file for file, _ in layers)

    env = {"MESHGATE_GATEWAY__NICKNAME": "environment"}
    loaded = load(None, env, [], where=places(tmp_path))
    assert loaded.config.gateway.nickname == "environment"
    assert str(loaded.origin["gateway.nickname"]) == "MESHGATE_GATEWAY__NICKNAME"

    loaded = load(None, env, ["gateway.nickname=first", "gateway.nickname=command line"], where=places(tmp_path))
    assert loaded.config.gateway.nickname == "command line"
    assert loaded.origin["gateway.nickname"].layer is Layer.COMMAND_LINE


def test_a_file_on_the_command_line_takes_the_place_of_every_file_but_the_shipped_ones(tmp_path):
    write(tmp_path / "etc/config.toml", nickname("system"))
    write(tmp_path / "etc/conf.d/1.toml", '[bridge]\nmode = "open"\n')
    write(tmp_path / "xdg/config.toml", nickname("user"))
    shipped = write(tmp_path / "usr/conf.d/1.toml", nickname("shipped"))
    mine = write(tmp_path / "mine/gate.toml", "[transports.libp2p]\nenabled = true\n")
    loaded = load(mine, {}, [], where=places(tmp_path))
    assert loaded.config.gateway.nickname == "shipped"
    assert loaded.config.bridge.mode is BridgeMode.CONSENT
    assert loaded.config.transports.libp2p.enabled is True
    assert loaded.files == (shipped, mine)

    beside = write(tmp_path / "mine/conf.d/1.toml", nickname("beside"))
    loaded = load(mine, {}, [], where=places(tmp_path))
    assert loaded.config.gateway.nickname == "beside"
    assert loaded.files == (shipped, mine, beside)


def test_only_visible_toml_files_are_drop_ins(tmp_path):
    write(tmp_path / "etc/conf.d/.hidden.toml", nickname("hidden"))
    write(tmp_path / "etc/conf.d/notes.txt", "not TOML at all")
    write(tmp_path / "etc/conf.d/old.toml~", "not TOML at all")
    assert load(None, {}, [], where=places(tmp_path)).files == ()


def test_a_list_replaces_the_list_below_it(tmp_path):
    text = f'[transports.libp2p]\nmembers = ["{ALICE}"]\n'
    loaded = read(tmp_path, text, overrides=[f'transports.libp2p.members=["{BOB}"]'])
    assert loaded.config.transports.libp2p.members == (BOB,)


def test_keys_of_one_table_come_from_several_layers(tmp_path):
    text = f'[transports.libp2p]\nenabled = true\nmembers = ["{ALICE}"]\n'
    env = {"MESHGATE_TRANSPORTS__LIBP2P__LISTEN": '["/ip4/127.0.0.1/tcp/0"]'}
    libp2p = read(tmp_path, text, env=env, overrides=["transports.libp2p.enabled=false"]).config.transports.libp2p
    assert (libp2p.enabled, libp2p.members, libp2p.listen) == (False, (ALICE,), ("/ip4/127.0.0.1/tcp/0",))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Hut", "Hut"),
        ('"Hut"', "Hut"),
        ("'Hut'", "Hut"),
        ("Hut 7 = home", "Hut 7 = home"),
        ("7", "7"),
        ("true", "true"),
        ("[Hut]", "[Hut]"),
    ],
)
def test_a_text_may_stand_bare_in_the_environment_and_on_the_command_line(tmp_path, text, value):
    assert read(tmp_path, env={"MESHGATE_GATEWAY__NICKNAME": text}).config.gateway.nickname == value
    assert read(tmp_path, overrides=[f"gateway.nickname={text}"]).config.gateway.nickname == value


def test_a_whole_table_can_be_set_at_once(tmp_path):
    config = read(tmp_path, env={"MESHGATE_BRIDGE": '{mode = "open"}'}, overrides=['gateway={nickname = "Hut"}']).config
    assert (config.bridge.mode, config.gateway.nickname) == (BridgeMode.OPEN, "Hut")


def test_variables_of_others_are_left_alone(tmp_path):
    env = {"MESH": "x", "NICKNAME": "x", "meshgate_gateway__nickname": "x", "XMESHGATE_A": "x"}
    assert read(tmp_path, env=env).config.gateway.nickname == "Meshgate"


def test_a_relative_path_starts_where_it_was_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = '[gateway]\nstate_dir = "state"\n[control]\nsocket = "~/c.sock"\n'
    config = read(tmp_path, text, env={"MESHGATE_TRANSPORTS__LIBP2P__IDENTITY_FILE": "keys/id"}).config
    assert config.gateway.state_dir == tmp_path / "etc" / "state"
    assert config.transports.libp2p.identity_file == tmp_path / "keys" / "id"
    assert config.control.socket == Path("/home/ada/c.sock")


def test_the_identity_lies_in_the_state_directory_in_force(tmp_path):
    loaded = read(tmp_path, overrides=["gateway.state_dir=/srv/gate"])
    assert loaded.config.transports.libp2p.identity_file == Path("/srv/gate/libp2p.key")
    assert loaded.origin["transports.libp2p.identity_file"] == Origin(Layer.DEFAULT)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path):
    file = tmp_path / "gate.toml"
    file.write_bytes(b'\xef\xbb\xbf# from a PC\r\n[gateway]\r\nnickname = "Hut"\r\n')
    loaded = load(file, {}, [], where=places(tmp_path))
    assert loaded.config.gateway.nickname == "Hut"
    assert loaded.origin["gateway.nickname"].line == 3


def test_the_configuration_cannot_be_changed(tmp_path):
    config = read(tmp_path).config
    with pytest.raises(AttributeError):
        config.gateway.nickname = "other"
