"""The table of MQTT."""

import pytest

from gateway.config.mqtt import Broker, PeerNames, Scope, TlsUse, Verb, parse_broker
from gateway.limits import MAX_MQTT_BROKERS
from tests.config.support import read, refusal


def test_it_is_off_and_publishes_nothing_of_anybody_unless_told_otherwise(tmp_path):
    chosen = read(tmp_path).config.mqtt
    assert not chosen.enabled
    assert (chosen.peers, chosen.messages, chosen.tls) == (PeerNames.OFF, (), TlsUse.AUTO)
    assert Verb.SEND not in chosen.commands
    assert str(chosen.password_file) == "/var/lib/meshgate/mqtt.password"


def test_everything_can_be_written(tmp_path):
    text = """
    [mqtt]
    enabled = true
    brokers = ["one.example", "two.example:8884", "[2001:db8::1]:1883"]
    tls = "on"
    authority_files = ["ca.pem"]
    topic_root = "home/mesh"
    commands = ["send"]
    peers = "pseudonyms"
    messages = ["mesh", "bridge"]
    """
    chosen = read(tmp_path, text).config.mqtt
    assert [parse_broker(one) for one in chosen.brokers] == [
        Broker("one.example", None),
        Broker("two.example", 8884),
        Broker("2001:db8::1", 1883),
    ]
    assert (chosen.commands, chosen.messages) == ((Verb.SEND,), (Scope.MESH, Scope.BRIDGE))
    assert chosen.authority_files == (tmp_path / "etc" / "ca.pem",)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('brokers = ["mqtt://gate.example"]', "has a scheme in it"),
        ('brokers = ["ada:secret@gate.example"]', "does not belong into an address"),
        ('brokers = ["gate example"]', "is no address of a broker"),
        ('brokers = ["gate.example:0"]', "there is no port 0"),
        ('brokers = ["gate.example:99999"]', "there is no port 99999"),
        (f"brokers = {[f'b{number}' for number in range(MAX_MQTT_BROKERS + 1)]}", "the list has 9 elements"),
        ("brokers = []", "has no broker"),
        ('topic_root = "mesh/#"', "cannot be the start of a topic"),
        ('topic_root = "/mesh"', "cannot be the start of a topic"),
        ('discovery_prefix = ""', "cannot be the start of a topic"),
        ('name = " "', "cannot be shown as a name"),
        ('username = "a\\u0000b"', "cannot be printed"),
        ('commands = ["shutdown"]', "this cannot be"),
        ('peers = "names"', "this cannot be"),
        ('messages = ["private"]', "this cannot be"),
    ],
)
def test_a_wrong_value_is_told_in_a_sentence(tmp_path, line, words):
    (problem,) = refusal(tmp_path, f"[mqtt]\nenabled = true\n{line}\n").problems
    assert words in problem.message


@pytest.mark.parametrize(
    ("host", "is_here"),
    [("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("192.0.2.1", False), ("localhost.example", False)],
)
def test_only_this_machine_is_this_machine(host, is_here):
    assert Broker(host, None).is_here is is_here
