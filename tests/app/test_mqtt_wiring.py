"""MQTT in a whole gateway: nothing without being asked, one sentence without the extra, and its bridge stays as it was left."""

import importlib.util
import json
import signal
from pathlib import Path

import pytest

from gateway.app import Gateway
from gateway.assembly import broker as making
from gateway.config import load
from gateway.errors import ConfigError
from gateway.telemetry.mqtt.assembly import software
from gateway.telemetry.mqtt.topics import gateway_id
from tests.app.processes import PATIENCE_S, meshgate
from tests.telemetry.mosquitto import NEEDED, Mosquitto


def gateway_with(directory: Path, *overrides: str) -> Gateway:
    settings = [f"gateway.state_dir={directory}", f"control.socket={directory}/control.sock", "page.enabled=false", *overrides]
    return Gateway(load(None, {}, settings).config, [])


async def test_without_being_asked_a_gateway_has_nothing_to_do_with_mqtt(tmp_path):
    assert gateway_with(tmp_path).status().mqtt is None


async def test_a_gateway_with_mqtt_says_how_it_is_doing(tmp_path):
    summary = gateway_with(tmp_path, "mqtt.enabled=true").status().mqtt
    assert (summary.connected, summary.publishes_content) == (False, False)
    assert summary.remedy


def test_without_the_extra_one_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(making, "find_spec", lambda name: None if name == "paho" else importlib.util.find_spec(name))
    with pytest.raises(ConfigError, match=r"meshgate\[telemetry\]"):
        gateway_with(tmp_path, "mqtt.enabled=true")


def test_a_password_that_cannot_be_read_stops_the_start(tmp_path):
    with pytest.raises(ConfigError, match=r"mqtt\.password"):
        gateway_with(tmp_path, "mqtt.enabled=true", "mqtt.username=gate")


async def test_a_bridge_left_switched_off_is_off_from_the_start_and_says_so(tmp_path):
    (tmp_path / "bridge-off").touch()
    gateway = gateway_with(tmp_path, "bridge.mode=open")
    assert gateway.engine.is_closed
    assert gateway.status().bridge.is_switched_off
    assert gateway.engine.mesh.settings.nickname == "Meshgate"  # without the mark of the open bridge


@NEEDED
@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_gateway_process_is_switched_killed_and_switched_on_again_over_a_real_broker(tmp_path):
    async with Mosquitto(tmp_path) as broker:
        config = tmp_path / "config.toml"
        config.write_text(f"""
            gateway.state_dir = "{tmp_path}/state"
            control.socket = "{tmp_path}/control.sock"
            bridge.cell = "u4pruy"
            [mqtt]
            enabled = true
            brokers = ["127.0.0.1:{broker.port}"]
        """)
        run = ("run", "--config", config, "--simulate", "2")
        async with broker.watch() as watch, meshgate(*run) as process:
            await watch.until("/status online", PATIENCE_S)
            own = gateway_id((tmp_path / "state" / "identity.key").read_bytes()[:32])
            await broker.publish(f"meshgate/{own}/cmd/bridge", "OFF")
            assert json.loads(await watch.until("response/bridge"))["status"] == "ok"
            process.send_signal(signal.SIGKILL)
            await watch.until("/status offline")
        async with broker.watch() as watch, meshgate(*run):
            await watch.until("/status online", PATIENCE_S)
            states = [payload for topic, payload in watch.seen if topic.endswith("/state")]
            assert '"enabled":false' in states[-1]
            await broker.publish(f"meshgate/{own}/cmd/bridge", "ON")
            await watch.until('"enabled":true')
            await broker.publish(f"meshgate/{own}/cmd/send", "hello")
            assert "not_allowed" in await watch.until("response/send")


def test_the_hash_of_the_configuration_cannot_be_tried_out(tmp_path):
    """There are only so many cells a place can have; without the gateway's secret none can be tried."""
    config = load(None, {}, [f"gateway.state_dir={tmp_path}", "bridge.cell=u4pruy"]).config
    other = load(None, {}, [f"gateway.state_dir={tmp_path}", "bridge.cell=u4pruz"]).config
    hashes = {software(one, secret).config_hash for one in (config, other) for secret in (b"s" * 32, b"t" * 32)}
    assert len(hashes) == 4
    assert software(config, b"s" * 32) == software(config, b"s" * 32)


async def test_a_broker_that_is_not_there_is_a_condition_after_a_minute(tmp_path, monkeypatch):
    gateway = gateway_with(tmp_path, "mqtt.enabled=true", 'mqtt.brokers=["broker.invalid"]')
    monkeypatch.setattr(gateway._mqtt, "troubles", lambda _now, _uptime: [("MQTT: It is away.", "Look at it.")])
    (problem,) = [one for one in gateway.status().problems if one.name == "mqtt_unreachable"]
    assert (problem.sentence, problem.severity) == ("MQTT: It is away.", "warning")
