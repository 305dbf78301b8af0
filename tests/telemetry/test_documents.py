"""What stands in the documents, and above all what does not."""

import json

from gateway.bridge.engine import BridgeMode
from gateway.status import Problem, Severity
from gateway.telemetry.mqtt.documents import Host, Software, Today, crossed, dropped, health_of, info_of, state_of
from gateway.telemetry.mqtt.topics import Topics, gateway_id
from tests.telemetry.sights import SECRETS, TOPICS, status

SOFTWARE = Software("0.2.0", "3.11.2", ("radio",), "0123456789abcdef")
HOST = Host(51.6, False, 0.5, 10**8, 10**7)


def state(**changes: object) -> dict:
    return state_of(status(**changes), HOST, SOFTWARE, (3, 1), 12.4, sos=False)


def test_the_state_has_the_figures_every_entity_reads():
    assert state() == {
        "mesh": {"peers": 1, "links": 1, "elsewhere": 3},
        "bridge": {"enabled": True, "closed": False, "sites": 1, "crossed_today": 3, "dropped_today": 1},
        "queue": {"messages": 4, "bytes": 512, "waiting_s": 12},
        "transports": {"ble": {"up": True, "state": "up", "links": 1}, "libp2p": {"up": False, "state": "down", "links": 0}},
        "host": {"temperature_c": 51.5, "undervoltage": False},
        "alerts": {"problems": 1, "sos": False},
        "software": {"installed_version": "0.2.0"},
        "uptime_s": 3600,
    }


def test_no_document_has_a_text_a_name_a_peer_or_a_place():
    documents = json.dumps([state(), info_of(SOFTWARE, TOPICS.gateway, None), health_of(status(), HOST, {"published": 1})])
    assert not [secret for secret in SECRETS if secret in documents]


def test_the_newest_version_is_there_only_if_somebody_knows_it():
    newer = Software("0.2.0", latest="0.3.0")
    known = state_of(status(), HOST, newer, (0, 0), 0.0, sos=True)
    assert known["software"] == {"installed_version": "0.2.0", "latest_version": "0.3.0"}
    assert known["alerts"]["sos"] is True


def test_copies_are_no_loss_and_both_directions_count():
    assert dropped(status()) == 4 + 2 + 1
    assert crossed(status()) == 10 + 20 + 5 + 2


def test_figures_of_today_begin_anew_with_the_day():
    today, base = Today(), status()
    more = status(shed_frames=10)
    assert today.of(base, "") == (37, 7)
    assert today.of(base, "2026-01-01") == (37, 7)  # the clock was set: it is still the same day, as far as anybody knows
    assert today.of(more, "2026-01-01") == (37, 13)
    assert today.of(more, "2026-01-02") == (0, 0)
    assert today.of(status(shed_frames=11), "2026-01-02") == (0, 1)


def test_a_bridge_that_is_off_is_shown_as_off():
    off = status()
    bridge = type(off.bridge)(BridgeMode.OFF, True, 0, 0, 0, 0, {}, off.bridge.consent)
    assert state(bridge=bridge)["bridge"]["enabled"] is False


def test_a_gateways_number_is_stable_and_follows_from_its_private_key_alone():
    assert gateway_id(b"k" * 32) == gateway_id(b"k" * 32)
    assert len(gateway_id(b"k" * 32)) == 8
    assert gateway_id(b"k" * 32) != gateway_id(b"l" * 32)


def test_topics_know_their_own():
    topics = Topics("home/mesh", "00c0ffee", "ha")
    assert topics.at("status") == "home/mesh/00c0ffee/status"
    assert topics.discovery == "ha/device/meshgate_00c0ffee/config"
    assert (topics.birth, topics.client_id) == ("ha/status", "meshgate-00c0ffee")
    assert topics.verb("home/mesh/00c0ffee/cmd/policy/reload") == "policy/reload"
    assert topics.verb("home/mesh/00c0ffe0/cmd/bridge") is None
    assert topics.peer("home/mesh/00c0ffee/peer/abc/state") == "abc"
    assert topics.peer("home/mesh/00c0ffee/peer/abc") is None


def test_health_has_the_conditions_by_name_and_a_notice_is_no_fault():
    down = Problem("libp2p has no peer in the hut", "Ask Ada.", "transport_down", "libp2p", Severity.ERROR, 59.7)
    away = Problem("One of two is away", "", "transport_degraded", "websocket", Severity.NOTICE, 3.2)
    document = health_of(status(problems=(down, away)), HOST, {})
    assert document["ready"] is False
    assert document["conditions"] == [
        {"name": "transport_down", "subject": "libp2p", "severity": "error", "lasting_s": 60},
        {"name": "transport_degraded", "subject": "websocket", "severity": "notice", "lasting_s": 3},
    ]
    assert state(problems=(down, away))["alerts"]["problems"] == 1
    assert health_of(status(problems=(away,)), HOST, {})["ready"] is True
