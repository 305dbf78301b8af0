"""What is refused, and whether the words help."""

import os

import pytest

from gateway.config import InvalidConfigError, Layer, load
from gateway.config.schema import KEYS
from gateway.errors import ConfigError
from gateway.limits import MAX_NICKNAME
from tests.config.support import ALICE, BOB, places, refusal, write
from transports.limits import MAX_MEMBERS

LIBP2P = "transports.libp2p"


def only(error):
    assert len(error.problems) == 1, str(error)
    return error.problems[0]


def test_every_problem_of_every_layer_is_reported_at_once_with_its_place(tmp_path):
    drop_in = write(tmp_path / "etc/conf.d/1.toml", '# a comment\nconfig_version = 2\n[gateway]\nnickname = ""\n')
    broken = write(tmp_path / "etc/conf.d/2.toml", "[gateway\n")
    text = '[gateway]\nnicknam = "Hut"\n\n[bridge]\nmode = "opne"\n'
    error = refusal(tmp_path, text, env={"MESHGATE_BRIDGE__MODE": "closed"}, overrides=["control.socket="])
    main = str(tmp_path / "etc/config.toml")
    assert [(problem.origin.name, problem.origin.line, problem.key) for problem in error.problems] == [
        (main, 2, "gateway.nicknam"),
        (main, 5, "bridge.mode"),
        (str(drop_in), 2, "config_version"),
        (str(drop_in), 4, "gateway.nickname"),
        (str(broken), 1, ""),
        ("MESHGATE_BRIDGE__MODE", None, "bridge.mode"),
        ("--set control.socket", None, "control.socket"),
    ]
    for problem in error.problems:
        assert str(problem) in str(error)


def test_the_text_says_what_is_wrong_what_is_meant_and_what_is_allowed(tmp_path):
    error = refusal(tmp_path, '[bridge]\nmode = "opne"\n')
    assert str(error) == (
        "The configuration cannot be used (1 problem):\n"
        f'{tmp_path}/etc/config.toml:2: bridge.mode: this cannot be the text "opne".\n'
        '    Did you mean "open"?\n'
        '    Allowed: "off" or "consent" or "open".'
    )
    assert isinstance(error, ConfigError)


@pytest.mark.parametrize(
    ("text", "key", "suggestion"),
    [
        ("[gateway]\nNickname = 'x'", "gateway.Nickname", "gateway.nickname"),
        ("[gateway]\nstate-dir = 'x'", "gateway.state-dir", "gateway.state_dir"),
        ("nickname = 'x'", "nickname", "gateway.nickname"),
        ("[libp2p]\nlisten = []", "libp2p", "transports.libp2p"),
        ("[transport.libp2p]\nlisten = []", "transport", "transports"),
        ("[transports.libp2p.zeal]\non = true", "transports.libp2p.zeal", ""),
        ("[gateway]\nlisten = []", "gateway.listen", "transports.libp2p.listen"),
        ("'gateway.nickname' = 'x'", '"gateway.nickname"', "gateway.nickname"),
        ("'' = 'x'", '""', ""),
        ("[gateway]\n'' = 'x'", 'gateway.""', ""),
        ("zzzzzzzz = 1", "zzzzzzzz", ""),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_name(tmp_path, text, key, suggestion):
    problem = only(refusal(tmp_path, text))
    assert (problem.key, problem.suggestion, problem.message) == (key, suggestion, "there is no such key")
    assert problem.origin.line == text.count("\n") + 1 - text.startswith(("[libp2p", "[transport"))


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("config_version = 2", "this cannot be the number 2"),
        ("config_version = true", "this cannot be true"),
        ("config_version = '1'", 'this cannot be the text "1"'),
        ("gateway = 3", "this is a table, not the number 3"),
        ("[[gateway]]\nnickname = 'x'", "this is a table, not a list"),
        ("gateway.nickname = 3", "this cannot be the number 3"),
        ("gateway.nickname = ['x']", "this cannot be a list"),
        ("gateway.nickname = {a = 1}", "this cannot be a table"),
        ("gateway.nickname = ''", "the name has 0 bytes"),
        ("gateway.nickname = 'a\\tb'", None),
        ('gateway.nickname = "a\\nb"', "control character"),
        ("gateway.state_dir = ''", 'this cannot be the text ""'),
        ('gateway.state_dir = "a\\u0000b"', "this cannot be the text"),
        ("gateway.state_dir = 1.5", "this cannot be the number 1.5"),
        ("bridge.mode = 2024-01-01", "this cannot be the date or time 2024-01-01"),
        ("transports.libp2p.enabled = 'true'", 'this cannot be the text "true"'),
        ("transports.libp2p.enabled = 1", "this cannot be the number 1"),
        ("transports.libp2p.members = 'x'", 'this must be a list, not the text "x"'),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(tmp_path, setting, said):
    if said is None:
        assert load(write(tmp_path / "a.toml", setting), {}, [], where=places(tmp_path)).config
        return
    problem = only(refusal(tmp_path, setting))
    assert said in problem.message
    assert problem.origin.line == 1
    assert problem.allowed


def test_the_nickname_is_measured_in_bytes(tmp_path):
    fits = "ü" * (MAX_NICKNAME // 2)
    file = write(tmp_path / "a.toml", f'gateway.nickname = "{fits}"')
    assert load(file, {}, [], where=places(tmp_path)).config.gateway.nickname == fits
    problem = only(refusal(tmp_path, f'gateway.nickname = "{fits}ü"'))
    assert problem.message == f"the name has {len(fits.encode()) + 2} bytes"


def test_a_nickname_that_is_not_utf8_is_refused(tmp_path):
    problem = only(refusal(tmp_path, env={"MESHGATE_GATEWAY__NICKNAME": os.fsdecode(b"Hut \xff")}))
    assert "not valid UTF-8" in problem.message


@pytest.mark.parametrize(
    "address",
    [
        "",
        "127.0.0.1:4001",
        "/ip4/127.0.0.1",
        "/ip4/127.0.0.256/tcp/4001",
        "/ip4/::1/tcp/4001",
        "/ip6/127.0.0.1/tcp/4001",
        "/ip4/127.0.0.1/tcp/65536",
        "/ip4/127.0.0.1/tcp/-1",
        "/ip4/127.0.0.1/udp/4001",
        "/ip4/127.0.0.1/tcp/4001/",
        "/unix/tmp/tcp/1",
        "/dns/gate.example/tcp/4001",
        f"/ip4/127.0.0.1/tcp/4001/p2p/{ALICE}",
    ],
)
def test_an_address_that_cannot_be_listened_on_is_refused(tmp_path, address):
    text = f'[transports.libp2p]\nlisten = [\n  "/ip6/::1/tcp/0",  # good\n  "{address}",\n]\n'
    problem = only(refusal(tmp_path, text))
    assert (problem.key, problem.origin.line) == (f"{LIBP2P}.listen[1]", 4)
    assert problem.allowed.startswith("/ip4/")


@pytest.mark.parametrize(
    "address",
    [
        "/dns/gate.example/tcp/4001",
        f"/dns/gate_.-.example/tcp/4001/p2p/{ALICE[:-1]}",
        f"/dns/a b/tcp/4001/p2p/{ALICE}",
        f"/ip4/192.0.2.7/tcp/0/p2p/{ALICE}",
        f"/ip4/192.0.2.7/tcp/4001/p2p/{ALICE}/p2p-circuit",
        "/ip4/192.0.2.7/tcp/4001/p2p/",
    ],
)
def test_an_address_that_cannot_be_dialled_is_refused(tmp_path, address):
    text = f'[transports.libp2p]\nmembers = ["{ALICE}"]\npeers = ["{address}"]\n'
    problem = only(refusal(tmp_path, text))
    assert (problem.key, problem.origin.line) == (f"{LIBP2P}.peers[0]", 3)


def test_addresses_with_names_and_numbers_are_accepted(tmp_path):
    hosts = ["ip4/192.0.2.7", "ip6/2001:db8::7", "dns/gate.example", "dns4/gate-7.example", "dns6/localhost"]
    peers = [f"/{host}/tcp/4001/p2p/{ALICE}" for host in hosts]
    file = write(tmp_path / "a.toml", f'[transports.libp2p]\nmembers = ["{ALICE}"]\npeers = {peers}\n')
    assert load(file, {}, [], where=places(tmp_path)).config.transports.libp2p.peers == tuple(peers)


@pytest.mark.parametrize("member", ["", "alice", ALICE + "x", ALICE.replace("z", "0"), "1" * 52, "Qm" + ALICE[2:46]])
def test_a_member_must_be_a_peer_id(tmp_path, member):
    problem = only(refusal(tmp_path, f'[transports.libp2p]\nmembers = [\n"{ALICE}",\n"{member}"]\n'))
    assert (problem.key, problem.origin.line) == (f"{LIBP2P}.members[1]", 4)


def test_a_list_longer_than_its_cap_is_refused(tmp_path):
    problems = refusal(tmp_path, f"[transports.libp2p]\nmembers = {[str(n) for n in range(MAX_MEMBERS + 1)]}\n").problems
    assert problems[0].message == f"the list has {MAX_MEMBERS + 1} elements"
    assert problems[0].allowed == f"at most {MAX_MEMBERS}"


def test_an_element_listed_twice_is_refused(tmp_path):
    problem = only(refusal(tmp_path, f'[transports.libp2p]\nmembers = ["{ALICE}",\n"{BOB}",\n"{ALICE}"]\n'))
    assert (problem.key, problem.origin.line) == (f"{LIBP2P}.members[2]", 4)
    assert problem.message.endswith("is listed twice")


def test_a_peer_that_is_no_member_is_refused_where_it_was_written(tmp_path):
    text = f'[transports.libp2p]\nmembers = ["{ALICE}"]\npeers = [\n"/dns/a/tcp/1/p2p/{ALICE}",\n"/dns/b/tcp/1/p2p/{BOB}",\n]\n'
    problem = only(refusal(tmp_path, text))
    assert (problem.key, problem.origin.line) == (f"{LIBP2P}.peers[1]", 5)
    assert BOB in problem.message


def test_libp2p_with_nothing_to_do_is_refused(tmp_path):
    problem = only(refusal(tmp_path, "[transports.libp2p]\nenabled = true\nlisten = []\n"))
    assert (problem.key, problem.origin.line) == (f"{LIBP2P}.enabled", 2)


def test_a_socket_path_the_system_has_no_room_for_is_refused_even_as_a_default(tmp_path):
    deep = "/run/" + "d" * 103
    assert load(None, {}, [f"control.socket={deep[:107]}"], where=places(tmp_path)).config
    assert only(refusal(tmp_path, overrides=[f"control.socket={deep}"])).key == "control.socket"
    where = places(tmp_path)
    far = type(where)(state=where.state, runtime=tmp_path / ("d" * 107), home=where.home, config=(), shipped=where.shipped)
    with pytest.raises(InvalidConfigError) as caught:
        load(None, {}, [], where=far)
    assert only(caught.value).origin.layer is Layer.DEFAULT


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[gateway]\nnickname = \n", 2),
        ("[gateway]\n\n[gateway]\n", 3),
        ("a = 1\na = 2\n", 2),
        ("[gateway]\nnickname = 'open", 2),
        ("x = [\n1,\n2\n", 3),
        ("[gateway]\nnickname = 'Hütte\x01'\n", 2),
    ],
)
def test_a_syntax_error_is_reported_with_its_line(tmp_path, text, line):
    problem = only(refusal(tmp_path, text))
    assert problem.origin.line == line
    assert problem.message.startswith("not valid TOML: ")
    assert "(at " not in problem.message


def test_bytes_that_are_not_utf8_are_reported_with_their_line(tmp_path):
    file = tmp_path / "latin.toml"
    file.write_bytes(b"[gateway]\n# H\xfctte\n")
    with pytest.raises(InvalidConfigError) as caught:
        load(file, {}, [], where=places(tmp_path))
    assert (only(caught.value).origin.line, only(caught.value).message) == (2, "not valid UTF-8")


def test_nesting_without_end_is_refused(tmp_path):
    assert "nested too deeply" in only(refusal(tmp_path, "x = " + "[" * 20_000)).message
    assert "not a valid TOML value" in only(refusal(tmp_path, env={"MESHGATE_X": "[" * 20_000})).message


def test_a_file_that_is_named_but_not_there_is_refused(tmp_path):
    with pytest.raises(InvalidConfigError, match="no\\.toml: cannot be read: No such file or directory"):
        load(tmp_path / "no.toml", {}, [], where=places(tmp_path))
    with pytest.raises(InvalidConfigError, match="cannot be read: Is a directory"):
        load(tmp_path, {}, [], where=places(tmp_path))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("MESHGATE_GATEWAY__NAME", "Hut", "there is no such key"),
        ("MESHGATE_", "Hut", "there is no such key"),
        ("MESHGATE_GATEWAY__", "Hut", "there is no such key"),
        ("MESHGATE_GATEWAY__NICKNAME__FIRST", "Hut", "this cannot be a table"),
        ("MESHGATE_GATEWAY", "Hut", "this is a table"),
        ("MESHGATE_GATEWAY__NICKNAME", '"Hut', "is not a valid TOML value"),
        ("MESHGATE_TRANSPORTS__LIBP2P__ENABLED", "yes", 'this cannot be the text "yes"'),
        ("MESHGATE_TRANSPORTS__LIBP2P__ENABLED", "true\nx = 1", "this cannot be the text"),
        ("MESHGATE_TRANSPORTS__LIBP2P__MEMBERS", "[", "is not a valid TOML value"),
        ("MESHGATE_TRANSPORTS__LIBP2P__MEMBERS", ALICE, "this must be a list"),
    ],
)
def test_a_variable_that_cannot_be_used_is_refused_by_name(tmp_path, name, text, said):
    problem = only(refusal(tmp_path, env={name: text}))
    assert str(problem.origin) == name
    assert said in problem.message


def test_an_override_needs_an_equals_sign(tmp_path):
    assert only(refusal(tmp_path, overrides=["bridge.mode"])).message == "there is no = in it"


def test_a_wrong_value_is_refused_even_where_a_later_layer_replaces_it(tmp_path):
    assert only(refusal(tmp_path, 'bridge.mode = "no"', overrides=["bridge.mode=open"])).origin.layer is Layer.FILE


def test_control_characters_of_a_value_never_reach_the_terminal(tmp_path):
    error = refusal(tmp_path, 'bridge.mode = "\\u001b[2J"')
    assert "\x1b" not in str(error)


def test_a_problem_tells_programs_the_same(tmp_path):
    assert only(refusal(tmp_path, "\nbridge.mode = 'opne'")).document() == {
        "layer": "file",
        "where": str(tmp_path / "etc/config.toml"),
        "line": 2,
        "key": "bridge.mode",
        "message": 'this cannot be the text "opne"',
        "allowed": '"off" or "consent" or "open"',
        "suggestion": '"open"',
    }


def test_no_key_holds_a_secret():
    for name in KEYS:
        assert name.endswith(("_file", "_files")) or not any(word in name for word in ("password", "secret", "token", "key"))
