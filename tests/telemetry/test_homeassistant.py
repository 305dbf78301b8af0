"""What Home Assistant is told there is, by a restatement of its own rules."""

import copy
import json

import pytest

from gateway.config.mqtt import Verb
from gateway.telemetry.homeassistant import Device, describe
from gateway.telemetry.mqtt.documents import Host, Software, state_of
from tests.telemetry.discovery_rules import faults
from tests.telemetry.sights import TOPICS, status

EVERYTHING = Device("Meshgate", "Raspberry Pi 4 Model B Rev 1.4", "0.2.0", tuple(Verb), True, True, True)
NOTHING = Device("Meshgate", "", "0.2.0", (), False, False, False)


@pytest.mark.parametrize("device", [EVERYTHING, NOTHING])
def test_the_document_keeps_home_assistants_rules(device):
    document = json.loads(json.dumps(describe(device, TOPICS)))
    assert list(faults(TOPICS.discovery, document)) == []


def test_the_rules_notice_what_home_assistant_refuses():
    good = describe(EVERYTHING, TOPICS)
    for breaks in (
        lambda bad: bad["device"].pop("identifiers"),
        lambda bad: bad["device"].update(configuration_url="gate.local"),
        lambda bad: bad.update(components=list(bad["components"].values())),
        lambda bad: bad.update(abc=1),
        lambda bad: bad["origin"].pop("name"),
        lambda bad: bad["components"]["peers"].pop("unique_id"),
        lambda bad: bad["components"]["peers"].update(object_id="x"),
        lambda bad: bad["components"]["uptime"].update(unit_of_measurement="°C"),
        lambda bad: bad["components"]["bridge"].pop("command_topic"),
        lambda bad: bad["components"]["sites"].update(unique_id=bad["components"]["peers"]["unique_id"]),
    ):
        bad = copy.deepcopy(good)
        breaks(bad)
        assert list(faults(TOPICS.discovery, bad))
    assert list(faults("homeassistant/device/a b/config", good))


def test_the_whole_set_of_entities_is_there():
    kinds = {key: part["platform"] for key, part in describe(EVERYTHING, TOPICS)["components"].items()}
    assert sorted(kinds.items()) == [
        ("bluetooth", "binary_sensor"),
        ("bridge", "switch"),
        ("crossed", "sensor"),
        ("dropped", "sensor"),
        ("notice", "notify"),
        ("peers", "sensor"),
        ("problem", "binary_sensor"),
        ("rescan", "button"),
        ("restart", "button"),
        ("sites", "sensor"),
        ("sos", "binary_sensor"),
        ("sos_event", "event"),
        ("temperature", "sensor"),
        ("undervoltage", "binary_sensor"),
        ("update", "update"),
        ("uplink", "binary_sensor"),
        ("uptime", "sensor"),
        ("waiting", "sensor"),
        ("waiting_bytes", "sensor"),
        ("waiting_s", "sensor"),
    ]


def test_nothing_is_offered_that_nobody_stands_behind():
    offered = describe(NOTHING, TOPICS)["components"]
    assert not {"bridge", "restart", "rescan", "notice", "temperature", "undervoltage", "bluetooth"} & offered.keys()
    assert not [part for part in offered.values() if "command_topic" in part]


def test_every_template_finds_its_figure_in_the_state():
    state = state_of(status(), Host(50.0, True), Software("0.2.0"), (1, 1), 0.0, sos=True)
    for key, part in describe(EVERYTHING, TOPICS)["components"].items():
        template = part.get("value_template", "")
        for word in template.replace("(", " ").split():
            if word.startswith("value_json."):
                value: object = state
                for step in word.removeprefix("value_json.").split("."):
                    assert step in value, (key, word)
                    assert not hasattr(value, step), f"{step} of {word} is a method of the document, which a template would take"
                    value = value[step]
