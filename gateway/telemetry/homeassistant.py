"""How Home Assistant is told what this gateway is: one retained document for the whole device.

Form: https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload. What is written here holds for
every version with device discovery (2024.12 on): neither `object_id` nor `default_entity_id`, `qos` in each
component, the keys spelled out. Commands carry the time at which Home Assistant made them, so that one that
waited somewhere is not carried out late.
"""

from collections.abc import Container
from dataclasses import dataclass

from gateway.config.mqtt import Verb
from gateway.telemetry.mqtt.topics import Topics

_STAMPED = "{{ {'value': value, 'at': as_timestamp(now()) | int} | to_json }}"
SOS = "sos"
"""The one type of event that is an entity."""


@dataclass(frozen=True, slots=True)
class Device:
    """What is described.

    Args:
        name: shown by Home Assistant.
        model: of the board, empty if unknown.
        version: of Meshgate.
        verbs: what can be asked for.
        bluetooth: whether a Bluetooth radio belongs to it.
        temperature: whether the board tells its temperature.
        undervoltage: whether it tells about its supply.

    """

    name: str
    model: str
    version: str
    verbs: Container[Verb]
    bluetooth: bool
    temperature: bool
    undervoltage: bool


def describe(device: Device, topics: Topics) -> dict[str, object]:
    """Return the discovery document; entities that nothing stands behind are left out."""
    parts = _sensors(device) | _problems(device) | _switches(device, topics)
    components = {key: part | {"unique_id": f"{topics.object_id}_{key}", "qos": 1} for key, part in parts.items()}
    about = {"identifiers": [topics.object_id], "name": device.name, "manufacturer": "Meshgate", "sw_version": device.version}
    return {
        "device": about | ({"model": device.model} if device.model else {}),
        "origin": {"name": "meshgate", "sw_version": device.version},
        "availability": [{"topic": topics.at("status")}],
        "state_topic": topics.at("state"),
        "components": components,
    }


def _sensors(device: Device) -> dict[str, dict[str, object]]:
    sensors: dict[str, dict[str, object]] = {
        "peers": _sensor("Mesh peers", "mesh.peers", state_class="measurement", icon="mdi:cellphone-wireless"),
        "sites": _sensor("Linked sites", "bridge.sites", state_class="measurement", icon="mdi:lan-connect"),
        "waiting": _sensor("Messages waiting", "queue.messages", state_class="measurement", icon="mdi:tray-full"),
        "waiting_bytes": _sensor(
            "Waiting for busy links", "queue.bytes", state_class="measurement", device_class="data_size", unit_of_measurement="B"
        ),
        "waiting_s": _sensor("Longest wait", "queue.waiting_s", **_SECONDS),
        "crossed": _sensor("Messages bridged today", "bridge.crossed_today", state_class="total_increasing", icon="mdi:bridge"),
        "dropped": _sensor("Dropped today", "bridge.dropped_today", state_class="total_increasing", icon="mdi:delete-outline"),
        "uptime": _sensor("Uptime", "uptime_s", entity_category="diagnostic", **_SECONDS),
        "update": {
            "platform": "update",
            "name": "Version",
            "title": "Meshgate",
            "value_template": "{{ value_json.software | to_json }}",
            "entity_category": "diagnostic",
        },
    }
    if device.temperature:
        sensors["temperature"] = _sensor(
            "Board temperature",
            "host.temperature_c",
            state_class="measurement",
            device_class="temperature",
            unit_of_measurement="°C",
            entity_category="diagnostic",
        )
    return sensors


_SECONDS = {"device_class": "duration", "unit_of_measurement": "s", "state_class": "measurement"}


def _problems(device: Device) -> dict[str, dict[str, object]]:
    problems = {
        "uplink": _binary("Wide-area link", "value_json.bridge.sites > 0", "connectivity"),
        "problem": _binary("Problem", "value_json.alerts.problems > 0", "problem"),
        "sos": _binary("SOS seen", "value_json.alerts.sos", "safety"),
    }
    if device.bluetooth:
        problems["bluetooth"] = _binary("Bluetooth", "value_json.transports.ble.up", "connectivity")
    if device.undervoltage:
        problems["undervoltage"] = _binary("Under-voltage", "value_json.host.undervoltage", "problem", entity_category="diagnostic")
    return problems


def _switches(device: Device, topics: Topics) -> dict[str, dict[str, object]]:
    parts: dict[str, dict[str, object]] = {
        "sos_event": {
            "platform": "event",
            "name": "SOS",
            "state_topic": topics.at(f"event/{SOS}"),
            "event_types": [SOS],
            "icon": "mdi:lifebuoy",
        }
    }
    if Verb.BRIDGE in device.verbs:
        parts["bridge"] = _command(topics, Verb.BRIDGE, "switch", "Bridge") | {
            "value_template": "{{ 'ON' if value_json.bridge.enabled else 'OFF' }}"
        }
    if Verb.RESTART in device.verbs:
        parts["restart"] = _command(topics, Verb.RESTART, "button", "Restart") | {"device_class": "restart", "entity_category": "config"}
    if Verb.RESCAN in device.verbs:
        parts["rescan"] = _command(topics, Verb.RESCAN, "button", "Search again") | {"entity_category": "config", "icon": "mdi:radar"}
    if Verb.SEND in device.verbs:
        parts["notice"] = _command(topics, Verb.SEND, "notify", "Notice to the mesh")
    return parts


def _sensor(name: str, path: str, **more: str) -> dict[str, object]:
    return {"platform": "sensor", "name": name, "value_template": f"{{{{ value_json.{path} }}}}", **more}


def _binary(name: str, expression: str, device_class: str, **more: str) -> dict[str, object]:
    template = f"{{{{ 'ON' if {expression} else 'OFF' }}}}"
    return {"platform": "binary_sensor", "name": name, "value_template": template, "device_class": device_class, **more}


def _command(topics: Topics, verb: Verb, platform: str, name: str) -> dict[str, object]:
    return {"platform": platform, "name": name, "command_topic": topics.at(f"cmd/{verb.value}"), "command_template": _STAMPED}
