"""Home Assistant's own code on what it is told; it is installed under build/ the first time, which takes a few minutes."""

import copy
import json
import subprocess
import time

import pytest

from gateway.telemetry.homeassistant import describe
from gateway.telemetry.mqtt.commands import read, value_of
from gateway.telemetry.mqtt.documents import Host, Software, state_of
from tests.telemetry.home_assistant.environment import JUDGE, environment
from tests.telemetry.sights import TOPICS, status
from tests.telemetry.test_homeassistant import EVERYTHING, NOTHING

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def judged() -> dict:
    documents = [describe(device, TOPICS) for device in (EVERYTHING, NOTHING)]
    bad = [copy.deepcopy(documents[0]) for _ in range(4)]
    del bad[0]["device"]["identifiers"]
    bad[1]["components"] = list(bad[1]["components"].values())
    bad[2]["abc"] = 1
    del bad[3]["components"]["bridge"]["command_topic"]
    state = state_of(status(), Host(51.5, False), Software("0.2.0", latest="0.3.0"), (3, 1), 12.0, sos=True)
    asked = json.dumps({"documents": documents, "bad": bad, "state": state})
    answer = subprocess.run([environment(), JUDGE], input=asked, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def test_home_assistant_takes_the_document_and_every_entity_in_it(judged):
    print(f"homeassistant {judged['version']}")
    assert judged["documents"] == ["", ""]
    assert {key: keys for key, keys in judged["ignored"].items() if keys} == {}


def test_home_assistant_would_have_noticed_a_bad_one(judged):
    assert all(judged["bad"])


def test_its_templates_find_the_figures(judged):
    assert judged["values"] == {
        "peers": "1",
        "sites": "1",
        "waiting": "4",
        "waiting_bytes": "512",
        "waiting_s": "12",
        "crossed": "3",
        "dropped": "1",
        "uptime": "3600",
        "update": '{"installed_version":"0.2.0","latest_version":"0.3.0"}',
        "temperature": "51.5",
        "uplink": "ON",
        "problem": "ON",
        "sos": "ON",
        "bluetooth": "ON",
        "undervoltage": "OFF",
        "bridge": "ON",
    }


def test_the_commands_it_would_send_are_commands_of_now(judged):
    written = {key: read(text.encode()) for key, text in judged["commands"].items()}
    assert set(written) == {"bridge", "restart", "rescan", "notice"}
    assert all(one.value == 'a "b"' and abs(one.at - time.time()) < 900 for one in written.values())
    assert value_of(next(iter(EVERYTHING.verbs)).SEND, written["notice"].value) == 'a "b"'
