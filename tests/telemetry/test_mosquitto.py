"""MQTT with a real broker: Mosquitto on loopback, watched with its own tools."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from pathlib import Path
from random import Random

import pytest

from gateway.config.mqtt import MqttConfig, TlsUse, Verb
from gateway.errors import GatewayError
from gateway.status import MqttSummary
from gateway.telemetry.mqtt import service
from gateway.telemetry.mqtt.access import load_access
from gateway.telemetry.mqtt.documents import Host, Software
from gateway.telemetry.mqtt.line import PahoLine
from gateway.telemetry.mqtt.publishing import Surroundings
from gateway.telemetry.mqtt.service import Mqtt
from gateway.telemetry.mqtt.session import Session
from gateway.telemetry.mqtt.values import Trouble
from tests.telemetry.certificates import Authority
from tests.telemetry.mosquitto import NEEDED, PATIENCE_S, Mosquitto
from tests.telemetry.sights import SECRETS, TOPICS, seen, settings, status
from transports.backoff import Backoff

pytestmark = NEEDED
STATUS = TOPICS.at("status")
PASSWORD = "sesame"  # noqa: S105 -- of a broker that lives for a second


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compress what would be seconds and minutes of waiting."""
    monkeypatch.setattr(service, "LOOK_S", 0.2)
    monkeypatch.setattr(service, "Backoff", lambda rng: Backoff(rng, first=0.02, cap=0.1))


class Site:
    """A gateway that speaks to a real broker."""

    def __init__(self, config: MqttConfig) -> None:
        self.reports: list[str] = []
        self.done: list[str] = []
        self.changed = asyncio.Event()
        around = Surroundings(
            status=status,
            deeds={Verb.BRIDGE: self._switch, Verb.RESTART: self._restart},
            host=Host,
            wall=lambda: 1_767_000_000.0,
            day=lambda _wall: "today",
            report=self.reports.append,
            is_near=lambda _peer: True,
        )
        self.mqtt = Mqtt(config, TOPICS, Software("0.2.0"), around, partial(PahoLine, load_access(config, TOPICS)), Random(1))

    async def _switch(self, value: str) -> Mapping[str, object]:
        self.done.append(value)
        return {"bridge": value}

    async def _restart(self, _value: str) -> Mapping[str, object]:
        raise GatewayError("It has only just started.")

    def see(self) -> None:
        self.mqtt.take(seen(), asyncio.get_running_loop().time())

    async def until(self, holds: Callable[[Session], object]) -> MqttSummary:
        """Wait until something holds of the session."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds(self.mqtt.session):
                await self.mqtt._wake.wait()
                await asyncio.sleep(0)
        return self.mqtt.summary()


@contextlib.asynccontextmanager
async def running(*brokers: Mosquitto | int, **changes: object) -> AsyncIterator[Site]:
    ports = [broker if isinstance(broker, int) else broker.port for broker in brokers]
    site = Site(settings(brokers=tuple(f"127.0.0.1:{port}" for port in ports), **changes))
    task = asyncio.create_task(site.mqtt.run())
    try:
        yield site
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_gateway_comes_is_online_last_and_goes_with_a_word(tmp_path):
    async with Mosquitto(tmp_path) as broker, broker.watch() as watch:
        async with running(broker) as site:
            assert await watch.until(f"{STATUS} online") == "online"
            assert site.mqtt.summary().version == "5"
        await watch.until(f"{STATUS} offline")
        first = [topic for topic, _ in watch.seen]
        assert first[:5] == [TOPICS.discovery, *(TOPICS.at(path) for path in ("info", "state", "health", "status"))]
        assert (await broker.retained())[STATUS] == "offline"
        everything = " ".join(payload for _, payload in watch.seen)
        assert not [secret for secret in SECRETS if secret in everything]


async def test_a_gateway_that_is_lost_is_declared_offline_by_the_broker(tmp_path):
    async with Mosquitto(tmp_path) as broker, broker.watch(STATUS) as watch, running(broker) as site:
        await watch.until("online")
        site.mqtt._line.end(politely=False)  # the connection is cut without a goodbye
        await watch.until("offline")
        await watch.until("online")


async def test_a_broker_that_forgot_everything_is_told_again(tmp_path):
    async with Mosquitto(tmp_path) as broker:
        async with running(broker):
            async with broker.watch(STATUS) as watch:
                await watch.until("online")
            before = await broker.retained()
            await broker.stop()
            await broker.start()
            async with broker.watch(STATUS) as watch:
                await watch.until("online")
            assert (await broker.retained()).keys() == before.keys()
        assert len(before) == 5


async def test_commands_are_carried_out_refused_and_answered(tmp_path):
    async with Mosquitto(tmp_path) as broker:
        await broker.publish(TOPICS.at("cmd/bridge"), "OFF", "-r")
        async with broker.watch(TOPICS.at("response/#")) as watch, running(broker) as site:
            assert json.loads(await watch.until("retained"))["status"] == "error"
            await broker.publish(TOPICS.at("cmd/bridge"), '{"value": "ON", "transaction": "a1"}')
            assert json.loads(await watch.until("a1")) == {"status": "ok", "data": {"bridge": "on"}, "transaction": "a1"}
            await broker.publish(TOPICS.at("cmd/restart"), "")
            assert "just started" in await watch.until("failed")
            await broker.publish(TOPICS.at("cmd/send"), "hello")
            assert "mqtt.commands" in await watch.until("not_allowed")
            await broker.publish(TOPICS.at("cmd/shutdown"), "now")
            await watch.until("unknown")
            assert site.done == ["on"]


async def test_home_assistant_that_starts_is_told_again(tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.telemetry.mqtt.session.BIRTH_S", (0.0, 0.1))
    async with Mosquitto(tmp_path) as broker, broker.watch() as watch, running(broker):
        await watch.until(f"{STATUS} online")
        watch.seen.clear()
        await broker.publish(TOPICS.birth, "online")
        await watch.until(f"{STATUS} online")
        assert TOPICS.discovery in [topic for topic, _ in watch.seen]


async def test_the_next_broker_of_a_cluster_is_used_when_one_is_gone(tmp_path):
    async with Mosquitto(tmp_path) as one, Mosquitto(tmp_path) as two, two.watch(STATUS) as watch, running(one, two) as site:
        await site.until(lambda session: session.is_up)
        await one.stop()
        await watch.until("online")


def secured(tmp_path: Path) -> tuple[Mosquitto, Authority]:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("broker")
    passwords = tmp_path / "passwords"
    passwords.write_text("gate:x\n")
    lines = (
        f"cafile {authority.path}",
        f"certfile {certificate}",
        f"keyfile {key}",
        "require_certificate true",
        "allow_anonymous false",
        f"password_file {passwords}",
    )
    mine = authority.issue("observer")
    tools = ("--cafile", str(authority.path), "--cert", str(mine[0]), "--key", str(mine[1]), "-u", "gate", "-P", PASSWORD)
    return Mosquitto(tmp_path, lines, tools), authority


async def set_password(tmp_path: Path) -> None:
    command = ("mosquitto_passwd", "-b", tmp_path / "passwords", "gate", PASSWORD)
    process = await asyncio.create_subprocess_exec(*command)
    assert await process.wait() == 0


def credentials(tmp_path: Path, authority: Authority, password: str = PASSWORD) -> dict[str, object]:
    path = tmp_path / "password"
    path.write_text(f"{password}\n")
    path.chmod(0o600)
    certificate, key = authority.issue("gateway")
    return {
        "tls": TlsUse.ON,
        "authority_files": (authority.path,),
        "client_certificate": True,
        "certificate_file": certificate,
        "key_file": key,
        "username": "gate",
        "password_file": path,
    }


async def test_tls_a_client_certificate_and_a_password_let_the_gateway_in(tmp_path):
    broker, authority = secured(tmp_path)
    await set_password(tmp_path)
    async with broker, running(broker, **credentials(tmp_path, authority)), broker.watch(STATUS) as watch:
        await watch.until("online")


@pytest.mark.parametrize(
    ("wrong", "trouble"), [("password", Trouble.REFUSED), ("authority", Trouble.TLS), ("certificate", None), ("plain", None)]
)
async def test_whoever_is_not_let_in_is_told_why(tmp_path, wrong, trouble):
    broker, authority = secured(tmp_path)
    await set_password(tmp_path)
    given = credentials(tmp_path, authority, "wrong" if wrong == "password" else PASSWORD)
    if wrong == "authority":
        given["authority_files"] = (Authority(tmp_path, "stranger").path,)
    elif wrong == "certificate":
        given["client_certificate"] = False
    elif wrong == "plain":
        given["tls"] = TlsUse.OFF
    async with broker, running(broker, **given) as site:
        summary = await site.until(lambda session: session.trouble)
        assert not summary.connected
        assert summary.remedy
        assert trouble is None or site.mqtt.session.trouble.trouble is trouble


async def test_a_broker_without_mqtt_5_is_spoken_to_in_3_1_1(tmp_path):
    """Mosquitto cannot be told to be old, so a door before it turns MQTT 5 away as an old one would."""
    async with Mosquitto(tmp_path) as broker, old_door(broker.port) as port, running(port) as site, broker.watch(STATUS) as watch:
        await watch.until("online")
        assert site.mqtt.summary().version == "3.1.1"
        site.see()


@contextlib.asynccontextmanager
async def old_door(port: int) -> AsyncIterator[int]:
    tasks: set[asyncio.Task[None]] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(4096):
                writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        try:
            hello = await reader.read(4096)
            if hello[8] == 5:  # the version in CONNECT
                writer.write(bytes.fromhex("20020001"))
                return
            inner, outer = await asyncio.open_connection("127.0.0.1", port)
            outer.write(hello)
            await asyncio.gather(carry(reader, outer), carry(inner, writer))
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
    await asyncio.gather(*tasks, return_exceptions=True)


async def flap(tmp_path: Path, times: int) -> None:
    """Let the broker die and come back while things happen; nothing of what happened may be given up, and no state be missing."""
    async with Mosquitto(tmp_path) as broker, running(broker) as site:
        for _ in range(times):
            await site.until(lambda session: session.is_up)
            site.see()
            await broker.stop()
            site.see()
            await site.until(lambda session: not session.is_up)
            await broker.start()
        await site.until(lambda session: session.is_up and not len(session.outbox))
        assert len(await broker.retained()) == 5
        summary = site.mqtt.summary()
    assert summary.counters["connections"] == times + 1
    assert summary.counters["dropped"] == 0
    assert len([report for report in site.reports if "connected" in report]) <= times + 1


async def test_a_broker_that_dies_and_comes_back_loses_nothing(tmp_path):
    await flap(tmp_path, 4)


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_an_hour_of_flapping_in_a_minute_loses_nothing(tmp_path):
    """As many deaths as an hour has minutes, with back-offs that are a six-hundredth as long."""
    await flap(tmp_path, 60)
