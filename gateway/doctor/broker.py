"""Whether the MQTT brokers let the gateway in: each is called once, as the gateway itself would call it, under another name.

It is the gateway's own line with its own certificates and password, so what is found here is what the gateway meets. The name
differs, because a broker ends the line of whoever had the same one before; and there is no last will.
"""

import asyncio
import contextlib
from dataclasses import replace
from importlib.util import find_spec
from random import Random
from typing import TYPE_CHECKING

from gateway.config.mqtt import MqttConfig, parse_broker
from gateway.doctor.host_facts import Login
from gateway.doctor.redact import redact
from gateway.errors import ConfigError
from transports.backoff import Backoff

if TYPE_CHECKING:
    from gateway.telemetry.mqtt.dialling import Dialling
    from gateway.telemetry.mqtt.line import Access
    from gateway.telemetry.mqtt.values import LineDown, LineEvent

ANSWER_S = 20.0  # seconds for a name server, a connection, TLS and an answer; the line itself gives each step ten
GOODBYE_S = 2.0
_NAME = "doctor"
_MISSING = ("Meshgate was installed without MQTT.", "Install it with: pip install 'meshgate[telemetry]'")


async def log_in(config: MqttConfig) -> tuple[Login, ...]:
    """Call every broker, all at once; what they say, in their order. Nothing if MQTT is switched off.

    What cannot be used of the configuration is one answer, of no broker. Never raises for what is there.
    """
    if not config.enabled:
        return ()
    if find_spec("paho") is None:
        return (Login(0, *_MISSING),)
    from gateway.telemetry.mqtt.access import load_access  # noqa: PLC0415 -- paho-mqtt is an extra
    from gateway.telemetry.mqtt.topics import Topics  # noqa: PLC0415

    try:
        access = load_access(config, Topics(config.topic_root, _NAME, config.discovery_prefix))
    except ConfigError as error:
        return (Login(0, str(error), "Put that right, as the user the gateway runs as; without it the gateway does not start."),)
    access = replace(access, will=None)
    return tuple(await asyncio.gather(*(_call(access, place, text) for place, text in enumerate(config.brokers, start=1))))


async def _call(access: "Access", place: int, text: str) -> Login:
    """Call one broker, in an older version of MQTT if it does not know the newer."""
    from gateway.telemetry.mqtt.dialling import Dialling  # noqa: PLC0415 -- paho-mqtt is an extra
    from gateway.telemetry.mqtt.sentences import sentence_of  # noqa: PLC0415
    from gateway.telemetry.mqtt.values import LineDown, Trouble  # noqa: PLC0415

    broker = parse_broker(text)
    dialling = Dialling((broker,), Backoff(Random()))  # noqa: S311 -- how long to wait, and nobody waits
    now = asyncio.get_running_loop().time
    while True:
        try:
            async with asyncio.timeout(ANSWER_S):
                down = await _answer(access, dialling)
        except TimeoutError:
            down = LineDown(Trouble.SILENT)
        if down is None:
            return Login(place)
        began = now()
        dialling.failed(down.trouble, began)
        if dialling.due > began:
            down = replace(down, detail=redact(down.detail, (broker.host,)))  # an address does not belong into a report
            return Login(place, *sentence_of(down, f"number {place} of mqtt.brokers", access.client_id))


async def _answer(access: "Access", dialling: "Dialling") -> "LineDown | None":
    """Open a line and end it; why it did not come up, None if it did."""
    from gateway.telemetry.mqtt.line import PahoLine  # noqa: PLC0415 -- paho-mqtt is an extra
    from gateway.telemetry.mqtt.values import LineDown  # noqa: PLC0415

    heard: asyncio.Queue[LineEvent] = asyncio.Queue()
    line = PahoLine(access, dialling.next, heard.put_nowait)
    try:
        first = await heard.get()
    finally:
        line.end(politely=True)
    if isinstance(first, LineDown):
        return first
    with contextlib.suppress(TimeoutError):  # it let us in; how it takes a goodbye is no matter
        async with asyncio.timeout(GOODBYE_S):
            while not isinstance(await heard.get(), LineDown):
                pass
    return None
