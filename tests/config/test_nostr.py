"""The table of the Nostr relays."""

import pytest

from tests.config.support import read, refusal

CELL = '[bridge]\ncell = "u4pruy"\n'
ON = '[transports.nostr]\nenabled = true\nrelays = ["wss://relay.example"]\n'


def test_it_is_off_and_names_no_relay_unless_told_otherwise(tmp_path):
    chosen = read(tmp_path).config.transports.nostr
    assert (chosen.enabled, chosen.relays) == (False, ())


def test_it_takes_relays_and_a_place(tmp_path):
    chosen = read(tmp_path, CELL + ON).config.transports.nostr
    assert (chosen.enabled, chosen.relays) == (True, ("wss://relay.example",))


def test_relays_may_be_named_before_it_is_switched_on(tmp_path):
    assert read(tmp_path, '[transports.nostr]\nrelays = ["wss://relay.example"]\n').config.transports.nostr.relays


def test_it_needs_a_relay(tmp_path):
    (problem,) = refusal(tmp_path, CELL + "[transports.nostr]\nenabled = true\n").problems
    assert problem.key == "transports.nostr.enabled"
    assert "no relay is named" in problem.message


@pytest.mark.parametrize("bridge", ["", '[bridge]\nmode = "open"\ncell = "u4pruy"\n', '[bridge]\nmode = "off"\ncell = "u4pruy"\n'])
def test_it_needs_consent_and_a_place(tmp_path, bridge):
    (problem,) = refusal(tmp_path, bridge + ON).problems
    assert problem.key == "transports.nostr.enabled"
    assert "needs bridge.mode consent and bridge.cell" in problem.message


@pytest.mark.parametrize(
    ("relay", "words"),
    [("ws://relay.example", "would not be encrypted"), ("relay.example", "not the address of a relay"), ("wss://a:b@c.example", "not the")],
)
def test_a_wrong_address_is_told_in_a_sentence(tmp_path, relay, words):
    (problem,) = refusal(tmp_path, f'[transports.nostr]\nrelays = ["{relay}"]\n').problems
    assert words in problem.message


def test_one_relay_written_in_two_ways_is_told(tmp_path):
    (problem,) = refusal(tmp_path, '[transports.nostr]\nrelays = ["wss://relay.example", "wss://Relay.example:443/"]\n').problems
    assert problem.key == "transports.nostr.relays[1]"
    assert "once more" in problem.message


def test_there_may_be_too_many(tmp_path):
    relays = ", ".join(f'"wss://relay{number}.example"' for number in range(9))
    (problem,) = refusal(tmp_path, f"[transports.nostr]\nrelays = [{relays}]\n").problems
    assert problem.key.startswith("transports.nostr.relays")
