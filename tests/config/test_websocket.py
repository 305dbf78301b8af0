"""The table of the WebSocket transport."""

import pytest

from gateway.config.rules import members_of_websocket
from tests.config.support import ALICE, BOB, read, refusal

AT_ALICE = f"wss://alice.example:8443#{ALICE}"


def test_it_is_off_and_kept_in_the_state_directory_unless_told_otherwise(tmp_path):
    chosen = read(tmp_path).config.transports.websocket
    assert not chosen.enabled
    assert chosen.listen == ("0.0.0.0:8443",)
    assert (str(chosen.certificate_file), str(chosen.key_file)) == ("/var/lib/meshgate/websocket.crt", "/var/lib/meshgate/websocket.key")


def test_one_list_of_members_serves_both_transports(tmp_path):
    config = read(tmp_path, f'[transports.libp2p]\nmembers = ["{ALICE}"]\n[transports.websocket]\npeers = ["{AT_ALICE}"]\n').config
    assert members_of_websocket(config) == (ALICE,)


def test_a_list_of_its_own_takes_the_place_of_libp2ps(tmp_path):
    config = read(tmp_path, f'[transports.libp2p]\nmembers = ["{ALICE}"]\n[transports.websocket]\nmembers = ["{BOB}"]\n').config
    assert members_of_websocket(config) == (BOB,)


@pytest.mark.parametrize(
    ("members", "table"),
    [(f'[transports.libp2p]\nmembers = ["{BOB}"]', "libp2p"), (f'[transports.websocket]\nmembers = ["{BOB}"]', "websocket")],
)
def test_a_peer_that_would_not_be_let_in_is_a_contradiction(tmp_path, members, table):
    start = "" if table == "websocket" else "[transports.websocket]\n"
    (problem,) = refusal(tmp_path, f'{members}\n{start}peers = ["{AT_ALICE}"]\n').problems
    assert problem.key == "transports.websocket.peers[0]"
    assert f"is not among transports.{table}.members" in problem.message


def test_websocket_with_nothing_to_do_is_refused(tmp_path):
    (problem,) = refusal(tmp_path, "[transports.websocket]\nenabled = true\nlisten = []\n").problems
    assert problem.key == "transports.websocket.enabled"


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("listen", "gate.example:8443", "give an IP address"),
        ("peers", f"ws://alice.example#{ALICE}", "would not be encrypted"),
        ("peers", "wss://alice.example", "does not say whom to expect"),
        ("members", "alice", "is not the peer ID of a site"),
    ],
)
def test_a_wrong_value_is_told_in_a_sentence(tmp_path, key, value, words):
    (problem,) = refusal(tmp_path, f'[transports.websocket]\n{key} = ["{value}"]\n').problems
    assert words in problem.message


def test_the_order_of_transports_names_transports(tmp_path):
    assert read(tmp_path).config.transports.order == ("libp2p", "websocket")
    assert read(tmp_path, 'transports.order = ["websocket"]\n').config.transports.order == ("websocket",)
    (problem,) = refusal(tmp_path, 'transports.order = ["smoke signals"]\n').problems
    assert "is no transport that reaches other sites" in problem.message
    (problem,) = refusal(tmp_path, 'transports.order = ["libp2p", "libp2p"]\n').problems
    assert "listed twice" in problem.message
