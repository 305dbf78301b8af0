"""Puts MQTT together out of a configuration and the gateway it is to speak for."""

import platform
import time
from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from random import Random

import msgspec

from gateway.config import Config
from gateway.config.mqtt import Verb
from gateway.mesh.identity import Identity
from gateway.runtime.steering import Radio, Steering, SteeringError
from gateway.status import GatewayStatus
from gateway.store.audit import Actor
from gateway.telemetry.mqtt.access import load_access
from gateway.telemetry.mqtt.documents import Host, Software
from gateway.telemetry.mqtt.line import PahoLine
from gateway.telemetry.mqtt.publishing import Deed, Surroundings
from gateway.telemetry.mqtt.service import Mqtt
from gateway.telemetry.mqtt.topics import Topics, gateway_id
from hw.board import read_board
from hw.vitals import read_vitals


def assemble(
    config: Config,
    identity: Identity,
    steering: Steering,
    radio: Radio | None,
    *,
    status: Callable[[], GatewayStatus],
    wall_ms: Callable[[], int | None],
    is_near: Callable[[bytes], bool],
    report: Callable[[str], None],
    rng: Random,
) -> Mqtt:
    """Return the service, ready to run.

    Args:
        config: the whole configuration.
        identity: of the gateway; its topics follow from it.
        steering: carries commands out.
        radio: the Bluetooth radio, if there is one.
        status: makes the status.
        wall_ms: Unix milliseconds, None while they are not known.
        is_near: whether a peer is of the local mesh.
        report: told sentences for the operator.
        rng: chance.

    Raises:
        ConfigError: a password or certificate cannot be used.

    """
    topics = Topics(config.mqtt.topic_root, gateway_id(identity.noise_private), config.mqtt.discovery_prefix)
    around = Surroundings(
        status=status,
        deeds=deeds(steering, radio),
        host=partial(_host, config.gateway.state_dir),
        wall=lambda: None if (now := wall_ms()) is None else now / 1000,
        day=lambda wall: time.strftime("%Y-%m-%d", time.localtime(wall)),
        report=report,
        is_near=is_near,
        model=read_board().model,
    )
    runs = software(config, identity.noise_private)
    return Mqtt(config.mqtt, topics, runs, around, partial(PahoLine, load_access(config.mqtt, topics)), rng)


def deeds(steering: Steering, radio: Radio | None) -> Mapping[Verb, Deed]:
    """Return what can be done over MQTT: no bridge to switch, or no radio to search with, and the command is not there."""

    async def switch_bridge(value: str) -> Mapping[str, object]:
        await steering.switch_bridge(Actor.MQTT, on=value == "on")
        return {"bridge": value}

    async def restart(_value: str) -> Mapping[str, object]:
        await steering.restart(Actor.MQTT)
        return {}

    async def say(text: str) -> Mapping[str, object]:
        await steering.say(text, Actor.MQTT)
        return {}

    async def rescan(_value: str) -> Mapping[str, object]:
        if radio is None:
            raise SteeringError("This gateway has no Bluetooth radio.")
        return {"steps": len(await steering.rescan(radio, Actor.MQTT))}

    served: dict[Verb, Deed] = {Verb.RESTART: restart, Verb.SEND: say}
    if steering.has_bridge:
        served[Verb.BRIDGE] = switch_bridge
    if radio is not None:
        served[Verb.RESCAN] = rescan
    return served


def software(config: Config, secret: bytes) -> Software:
    """Return what runs; the features are words of a closed list.

    The hash of the configuration is keyed with a secret of the gateway's: there are only so many cells and
    members, and who sees a plain hash could try them all.
    """
    switched = {
        "radio": config.radio.enabled,
        "libp2p": config.transports.libp2p.enabled,
        "websocket": config.transports.websocket.enabled,
        "nostr": config.transports.nostr.enabled,
        "homeassistant": config.mqtt.discovery,
    }
    features = (f"bridge:{config.bridge.mode.value}", *(name for name, on in switched.items() if on))
    settings = msgspec.json.encode(config, enc_hook=str, order="deterministic")
    keyed = sha256(b"meshgate settings" + secret + settings).hexdigest()[:16]
    return Software(metadata.version("meshgate"), platform.python_version(), features, keyed)


def _host(directory: Path) -> Host:
    vitals = read_vitals(directory)
    return Host(vitals.celsius, vitals.undervoltage, vitals.load, vitals.memory_available, vitals.process_bytes)
