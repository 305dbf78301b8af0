"""A small restatement of what Home Assistant accepts as a device's discovery document.

Read in `homeassistant` 2025.4.4, 2026.2.3 and 2026.11.0, ``components/mqtt``: schemas.py and the platforms. The slow
suite asks Home Assistant's own code; this one says the same within a millisecond.
"""

import re
from collections.abc import Iterator

_TOPIC = re.compile(r"[^#+\0]+")
_ID = re.compile(r"[a-zA-Z0-9_-]+")
_TOP = frozenset({"device", "origin", "components", "availability", "availability_mode", "state_topic", "command_topic", "qos", "encoding"})
_DEVICE = frozenset(
    {"identifiers", "connections", "name", "manufacturer", "model", "model_id", "hw_version", "sw_version", "serial_number"}
    | {"configuration_url", "via_device", "suggested_area"}
)
_OF_ANY = frozenset({"platform", "unique_id", "name", "qos", "icon", "entity_category", "device_class", "state_topic"})
_OF_PLATFORM = {
    "sensor": frozenset({"value_template", "unit_of_measurement", "state_class"}),
    "binary_sensor": frozenset({"value_template"}),
    "switch": frozenset({"value_template", "command_topic", "command_template"}),
    "button": frozenset({"command_topic", "command_template"}),
    "notify": frozenset({"command_topic", "command_template"}),
    "event": frozenset({"event_types"}),
    "update": frozenset({"value_template", "title"}),
}
_NEEDS = {
    "switch": {"command_topic"},
    "button": {"command_topic"},
    "notify": {"command_topic"},
    "event": {"event_types", "state_topic"},
    "sensor": {"state_topic"},
    "binary_sensor": {"state_topic"},
}
_UNITS = {"duration": {"s", "min", "h"}, "temperature": {"°C"}, "data_size": {"B", "kB"}}
_CLASSES = {
    "sensor": set(_UNITS),
    "binary_sensor": {"connectivity", "problem", "safety"},
    "button": {"restart"},
    "event": set(),
    "update": {"firmware"},
    "switch": {"switch"},
    "notify": set(),
}


def faults(topic: str, document: object) -> Iterator[str]:
    """Say what Home Assistant would refuse."""
    if not re.fullmatch(r"[^/]+(/[^/]+)*?/device/[a-zA-Z0-9_-]+(/[a-zA-Z0-9_-]+)?/config", topic):
        yield f"topic {topic}"
    if not isinstance(document, dict):
        yield "no object"
        return
    yield from (f"unknown key {key}" for key in document.keys() - _TOP)
    device, origin, components = document.get("device"), document.get("origin"), document.get("components")
    if not isinstance(device, dict) or not (device.get("identifiers") or device.get("connections")):
        yield "device without an identifier"
    else:
        yield from (f"unknown key device.{key}" for key in device.keys() - _DEVICE)
        if not re.match(r"(https?|homeassistant)://", device.get("configuration_url", "http://x")):
            yield "configuration_url without a scheme"
    if not isinstance(origin, dict) or not isinstance(origin.get("name"), str):
        yield "origin without a name"
    for one in document.get("availability", []):
        if not _TOPIC.fullmatch(one["topic"]):
            yield "availability topic"
    if not isinstance(components, dict):
        yield "components are no map"
        return
    unique = [one.get("unique_id") for one in components.values() if isinstance(one, dict) and len(one) > 1]
    if len(set(unique)) != len(unique):
        yield "unique_id twice"
    for key, one in components.items():
        yield from (f"{key}: {fault}" for fault in _component(key, one, document))


def _component(key: str, one: dict[str, object], document: dict[str, object]) -> Iterator[str]:
    platform = one.get("platform")
    if platform not in _OF_PLATFORM:
        yield f"platform {platform}"
        return
    if len(one) == 1:
        return  # removes this entity
    if not _ID.fullmatch(key):
        yield "key"
    if not isinstance(one.get("unique_id"), str):
        yield "no unique_id"
    yield from (f"unknown key {name}" for name in one.keys() - _OF_ANY - _OF_PLATFORM[platform])
    whole = {"state_topic": document.get("state_topic")} | one
    yield from (f"{need} is missing" for need in _NEEDS.get(platform, ()) if not whole.get(need))
    yield from (f"{name} is no topic" for name in ("state_topic", "command_topic") if not _TOPIC.fullmatch(str(whole.get(name, "x"))))
    device_class, unit = one.get("device_class"), one.get("unit_of_measurement")
    if device_class is not None and device_class not in _CLASSES[platform]:
        yield f"device_class {device_class}"
    if device_class in _UNITS and unit not in _UNITS[device_class]:
        yield f"unit {unit} of {device_class}"
    if platform == "sensor" and one.get("entity_category") == "config":
        yield "a sensor cannot be config"
    for name in ("value_template", "command_template"):
        text = str(one.get(name, ""))
        if text.count("{{") != text.count("}}"):
            yield f"{name} does not end"
