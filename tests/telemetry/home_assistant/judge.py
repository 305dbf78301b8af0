"""Run with a Python that has `homeassistant`: asks its own code about discovery documents, without running Home Assistant.

In: ``{"documents": [...], "state": {...}, "bad": [...]}``. Out: the version, the faults of each document and of each bad one,
what is left of each component after its platform's schema, and what the templates make of the state.
"""

import asyncio
import json
import sys
import tempfile
from importlib import import_module, metadata

from homeassistant.components.mqtt.schemas import DEVICE_DISCOVERY_SCHEMA, SHARED_OPTIONS
from homeassistant.core import HomeAssistant
from homeassistant.helpers import frame
from homeassistant.helpers.template import Template


def faults(document):
    """Say why Home Assistant would refuse it; an empty text if it would not."""
    try:
        DEVICE_DISCOVERY_SCHEMA(json.loads(json.dumps(document)))
        components = document["components"].values()
        return "" if all(isinstance(judge(document, one), set) for one in components) else "a component"
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is a refusal
        return f"{type(error).__name__}: {error}"


def judge(document, component):
    """Give a component to its platform as Home Assistant does; returns the keys the platform ignores."""
    shared = {key: document[key] for key in SHARED_OPTIONS if key in document}
    whole = shared | component | {"device": document["device"], "origin": document["origin"]}
    platform = import_module(f"homeassistant.components.mqtt.{component['platform']}")
    taken = platform.DISCOVERY_SCHEMA(whole)
    return component.keys() - taken.keys() - {"platform"}


def render(hass, text, variables):
    """Return what a template makes of something."""
    return str(Template(text, hass).async_render(variables, parse_result=False))


async def main():
    """Judge everything."""
    asked = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as directory:
        hass = HomeAssistant(directory)
        frame.async_setup(hass)
        first = asked["documents"][0]
        components = first["components"].items()
        state = {"value_json": asked["state"]}
        answer = {
            "version": metadata.version("homeassistant"),
            "documents": [faults(document) for document in asked["documents"]],
            "bad": [faults(document) for document in asked["bad"]],
            "ignored": {key: sorted(judge(first, one)) for key, one in components},
            "values": {key: render(hass, one["value_template"], state) for key, one in components if "value_template" in one},
            "commands": {
                key: render(hass, one["command_template"], {"value": 'a "b"'}) for key, one in components if "command_template" in one
            },
        }
        print(json.dumps(answer))
        await hass.async_stop(force=True)


PLATFORMS = ("binary_sensor", "button", "event", "notify", "sensor", "switch", "update")
for name in PLATFORMS:
    import_module(f"homeassistant.components.mqtt.{name}")
if "--only-import" not in sys.argv:
    asyncio.run(main())
