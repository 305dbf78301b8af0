"""The doctor at a real MQTT broker: Mosquitto on loopback, and things that are no broker."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.config.mqtt import TlsUse
from gateway.doctor import broker as doctor
from gateway.doctor.broker import log_in
from gateway.doctor.host_facts import Login
from tests.telemetry.certificates import Authority
from tests.telemetry.mosquitto import NEEDED, Mosquitto, free_port
from tests.telemetry.sights import settings
from tests.telemetry.test_mosquitto import credentials, secured, set_password


def at(*ports: int, **changes: object):
    return settings(brokers=tuple(f"127.0.0.1:{port}" for port in ports), **changes)


async def test_what_is_switched_off_is_not_called() -> None:
    assert await log_in(settings(enabled=False)) == ()


async def test_without_the_extra_it_is_said_how_to_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find_spec", lambda _name: None)
    (said,) = await log_in(settings())
    assert (said.place, "meshgate[telemetry]" in said.remedy) == (0, True)


async def test_a_password_that_cannot_be_read_is_said_before_anybody_is_called(tmp_path: Path) -> None:
    (said,) = await log_in(at(free_port(), username="gate", password_file=tmp_path / "missing"))
    assert said.place == 0
    assert "cannot be read" in said.sentence
    assert said.remedy


async def test_a_broker_that_is_not_there_cannot_be_reached_and_its_address_is_not_told() -> None:
    (said,) = await log_in(at(free_port()))
    assert said.sentence == "The broker number 1 of mqtt.brokers cannot be reached: connection refused."
    assert said.remedy == "Check mqtt.brokers, the network, and whether the broker runs."


async def test_a_name_nobody_knows_cannot_be_reached() -> None:
    (said,) = await log_in(settings(brokers=("broker.invalid:1883",), tls=TlsUse.OFF))
    assert said.sentence.startswith("The broker number 1 of mqtt.brokers cannot be reached")
    assert "invalid" not in said.sentence


@contextlib.asynccontextmanager
async def answering(words: bytes) -> AsyncIterator[int]:
    """Somebody who answers whatever is said with the same bytes and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(512)
        writer.write(words)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_web_server_is_no_broker() -> None:
    async with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        (said,) = await log_in(at(port))
    assert said.sentence
    assert said.remedy


async def test_one_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "ANSWER_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        (said,) = await log_in(at(mute.getsockname()[1]))
    assert said.sentence == "The broker number 1 of mqtt.brokers does not answer."


@NEEDED
async def test_a_broker_that_lets_everybody_in_is_well_and_remembers_nothing(tmp_path: Path) -> None:
    async with Mosquitto(tmp_path) as broker:
        assert await log_in(at(broker.port)) == (Login(1),)
        assert await broker.retained() == {}


@NEEDED
async def test_each_broker_of_a_cluster_is_called(tmp_path: Path) -> None:
    async with Mosquitto(tmp_path) as broker:
        said = await log_in(at(free_port(), broker.port))
    assert [(one.place, bool(one.sentence)) for one in said] == [(1, True), (2, False)]


@NEEDED
async def test_a_gateway_that_is_there_already_keeps_its_place(tmp_path: Path) -> None:
    async with Mosquitto(tmp_path) as broker, broker.watch("#") as watch:
        assert await log_in(at(broker.port)) == (Login(1),)
        await broker.publish("sign", "stays")
        assert await watch.until("stays") == "stays"
        assert [topic for topic, _ in watch.seen] == ["sign"]  # no last will, no good-bye of somebody else


@NEEDED
async def test_tls_a_certificate_and_a_password_let_the_doctor_in(tmp_path: Path) -> None:
    broker, authority = secured(tmp_path)
    await set_password(tmp_path)
    async with broker:
        assert await log_in(at(broker.port, **credentials(tmp_path, authority))) == (Login(1),)


@NEEDED
@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("password", "The broker number 1 of mqtt.brokers does not let this gateway in: not authorized."),
        ("authority", "There is no TLS with the broker number 1 of mqtt.brokers"),
        ("certificate", ""),
        ("plain", ""),
    ],
)
async def test_whoever_is_not_let_in_is_told_why_and_what_to_do(tmp_path: Path, wrong: str, sentence: str) -> None:
    broker, authority = secured(tmp_path)
    await set_password(tmp_path)
    given = credentials(tmp_path, authority, "wrong" if wrong == "password" else "sesame")
    if wrong == "authority":
        given["authority_files"] = (Authority(tmp_path, "stranger").path,)
    elif wrong == "certificate":
        given["client_certificate"] = False
    elif wrong == "plain":
        given["tls"] = TlsUse.OFF
    async with broker:
        (said,) = await log_in(at(broker.port, **given))
    assert said.sentence.startswith(sentence)
    assert said.sentence
    assert said.remedy
    assert "127.0.0.1" not in said.sentence
