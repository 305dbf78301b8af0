"""The first choices of an operator: what a form says about them, as changes of settings, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final

from gateway.admin.position import cell_at
from gateway.admin.settings import ConfigDocument
from gateway.admin.views.markup import Markup, h
from gateway.admin.views.words import FIRST, Words
from gateway.config.mqtt import Broker, parse_broker
from gateway.config.schema import BridgeMode

FIELDS: Final[Mapping[str, str]] = {
    "gateway.nickname": "nickname",
    "bridge.cell": "place",
    "bridge.mode": "mode",
    "mqtt.enabled": "mqtt",
    "mqtt.brokers": "broker",
}
"""Beside which field of the form a problem with a setting stands."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the form shows.

    Args:
        nickname: name of the gateway.
        place: as somebody has written it, or the cell in force.
        mode: of the bridge.
        mqtt: whether a broker is told.
        broker: its host.
        port: of it, empty for the usual one.

    """

    nickname: str
    place: str
    mode: str
    mqtt: bool
    broker: str
    port: str


def in_force(config: ConfigDocument) -> Choices:
    """Return what the settings say now."""
    values = {one.key: one.value for one in config.settings}
    brokers = values.get("mqtt.brokers") or [""]
    broker = _parsed(str(brokers[0]))
    return Choices(
        nickname=str(values.get("gateway.nickname", "")),
        place=str(values.get("bridge.cell", "")),
        mode=str(values.get("bridge.mode", BridgeMode.CONSENT.value)),
        mqtt=values.get("mqtt.enabled") is True,
        broker=broker.host if broker is not None else "",
        port=str(broker.port) if broker is not None and broker.port else "",
    )


def sent(form: Mapping[str, str]) -> Choices:
    """Return what somebody has sent."""

    def text(name: str) -> str:
        return form.get(name, "").strip()

    return Choices(text("nickname"), text("place"), text("mode"), form.get("mqtt") == "on", text("broker"), text("port"))


def changes(wanted: Choices, config: ConfigDocument, words: Words) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the settings that would be others, by key, and what is wrong, by field."""
    values = {one.key: one.value for one in config.settings}
    found: dict[str, Any] = {"gateway.nickname": wanted.nickname}
    wrong: dict[str, str] = {}
    if not wanted.nickname:
        wrong["nickname"] = words("welcome.no_name")
    try:
        found["bridge.cell"] = cell_at(wanted.place) if wanted.place else ""
    except ValueError:
        wrong["place"] = words("welcome.no_place")
    if wanted.mode not in set(BridgeMode):
        wrong["mode"] = words("welcome.no_mode")
    elif wanted.mode == BridgeMode.CONSENT and not wanted.place:
        wrong["place"] = words("welcome.needs_place")
    else:
        found["bridge.mode"] = wanted.mode
    found["mqtt.enabled"] = wanted.mqtt
    if wanted.mqtt:
        _broker(wanted, values.get("mqtt.brokers") or (), found, wrong, words)
    return {key: value for key, value in found.items() if value != values.get(key)}, wrong


def in_english(sentence: str) -> Markup:
    """Return a sentence of the gateway itself."""
    return h("span", sentence, lang=FIRST, dir="ltr")


def _broker(wanted: Choices, before: Any, found: dict[str, Any], wrong: dict[str, str], words: Words) -> None:
    if find_spec("paho") is None:
        wrong["mqtt"] = words("welcome.no_mqtt")
        return
    host = f"[{wanted.broker}]" if wanted.broker.count(":") > 1 else wanted.broker
    address = f"{host}:{wanted.port}" if wanted.port else host
    if _parsed(address) is None:
        wrong["broker"] = words("welcome.no_broker")
        return
    found["mqtt.brokers"] = [address, *(str(one) for one in before[1:])]  # the other members of a cluster stay


def _parsed(address: str) -> Broker | None:
    try:
        return parse_broker(address)
    except ValueError:
        return None
