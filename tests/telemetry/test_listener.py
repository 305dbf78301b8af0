"""Who may ask for metrics, over real connections."""

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from gateway.config import InvalidConfigError, load
from gateway.errors import ConfigError
from gateway.telemetry.exposition import Exposition
from gateway.telemetry.health import Health, Name
from gateway.telemetry.limits import METRICS_BURST, METRICS_CONNECTIONS
from gateway.telemetry.listener import Listener, is_loopback, names_this_machine, read_token
from gateway.telemetry.meter import Meter
from gateway.telemetry.probes import Probes
from gateway.telemetry.redaction import Redactor
from transports.websocket.address import Address

TOKEN = "a-token-of-thirty-two-characters"  # noqa: S105
SITE = "12D3KooWBtfsk3rTBqgALqPDKN7pgxow3GvKiRdFyoK2L4mZ6LZQ"


class Stage:
    """A listener with a registry and counts behind it."""

    def __init__(self, *addresses: Address, tokens: tuple[str, ...] = ()) -> None:
        self.health, self.meter, self.now, self.tokens = Health(), Meter(), 100.0, tokens
        exposition = Exposition(lambda: [("ready", (), self.health.is_ready)], lambda: self.now, lambda: None, process=False)
        probes = Probes(self.health, exposition, Redactor(b"salt"), lambda: self.now)
        self.reports: list[str] = []
        places = addresses or (Address("127.0.0.1", 0),)
        self.listener = Listener(places, lambda: self.tokens, probes, self.meter, lambda: self.now, self.reports.append)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        task = asyncio.create_task(self.listener.run())
        while not self.listener.bound and self.listener.trouble is None:  # noqa: ASYNC110 -- the listener tells nobody
            await asyncio.sleep(0)
        try:
            yield f"http://{self.listener.bound[0]}" if self.listener.bound else ""
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def ask(url: str, **headers: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        return response.status, await response.text()


async def test_on_this_machine_everybody_may_ask() -> None:
    stage = Stage()
    async with stage.running() as url:
        assert await ask(f"{url}/healthz") == (200, "ok\n")
        assert (await ask(f"{url}/metrics"))[1].endswith("meshgate_ready 1.0\n")
        assert json.loads((await ask(f"{url}/version"))[1])["version"]
        assert (await ask(f"{url}/api/v1/status"))[0] == 404
    assert stage.meter.requests["GET", "/metrics", "2xx"] == 1
    assert stage.meter.requests["GET", "other", "4xx"] == 1
    assert sum(stage.meter.seconds["/metrics"].counts) == 1


async def test_while_something_is_wrong_it_is_not_ready_and_says_what_without_names() -> None:
    stage = Stage()
    async with stage.running() as url:
        assert await ask(f"{url}/readyz") == (200, '{"ready":true,"problems":[]}')
        stage.health.raise_(Name.TRANSPORT_DEGRADED, f"{SITE} cannot be reached.", "Check it.", 90.0, subject="libp2p")
        assert (await ask(f"{url}/readyz"))[0] == 200
        stage.health.raise_(Name.STORE_UNUSABLE, "The disk is full.", "Delete something.", 95.0)
        status, text = await ask(f"{url}/readyz")
    assert status == 503
    assert [(one["name"], one["severity"], one["lasting_s"]) for one in json.loads(text)["problems"]] == [
        ("store_unusable", "error", 5.0),
        ("transport_degraded", "notice", 10.0),
    ]
    assert SITE not in text


async def test_a_part_that_is_stuck_is_no_sign_of_life() -> None:
    stage = Stage()
    async with stage.running() as url:
        stage.health.raise_(Name.PROGRESS_STALLED, "The disk has not answered.", "", 1.0, subject="store")
        assert await ask(f"{url}/healthz") == (503, "stuck\n")


async def test_with_a_token_only_who_shows_it_is_answered_but_for_the_sign_of_life() -> None:
    stage = Stage(tokens=("an older token of sixteen", TOKEN))
    async with stage.running() as url:
        assert (await ask(f"{url}/healthz"))[0] == 200
        for path in ("/metrics", "/readyz", "/version", "/nothing"):
            assert (await ask(f"{url}{path}"))[0] == 401
            assert (await ask(f"{url}{path}", Authorization="Bearer wrong"))[0] == 401
            assert (await ask(f"{url}{path}", Authorization=TOKEN))[0] == 401
        assert (await ask(f"{url}/metrics", Authorization=f"Bearer {TOKEN}"))[0] == 200
        stage.tokens = ("another token altogether",)  # taken back while it runs
        assert (await ask(f"{url}/metrics", Authorization=f"Bearer {TOKEN}"))[0] == 401


@pytest.mark.parametrize(
    ("host", "status"), [("127.0.0.1:9477", 200), ("localhost", 200), ("[::1]:80", 200), ("evil.example", 421), ("10.0.0.1", 421)]
)
async def test_a_browser_that_was_lied_to_about_an_address_is_not_answered(host: str, status: int) -> None:
    async with Stage().running() as url:
        assert (await ask(f"{url}/metrics", Host=host))[0] == status


@pytest.mark.parametrize("host", ["", ":80", "127.0.0.1.evil.example", "[::1", "localhost.evil.example:80", "192.0.2.7"])
def test_only_this_machine_is_this_machine(host: str) -> None:
    assert not names_this_machine(host)


@pytest.mark.parametrize(
    ("host", "loopback"), [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("192.0.2.7", False), ("::", False)]
)
def test_an_address_that_reaches_further_is_told_apart(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


async def test_a_scraper_that_hammers_is_told_to_wait_and_costs_one_reading() -> None:
    stage = Stage()
    async with stage.running() as url, aiohttp.ClientSession() as session:
        statuses = []
        for _ in range(int(METRICS_BURST) + 20):
            async with session.get(f"{url}/metrics") as response:
                statuses.append(response.status)
                await response.read()
    assert statuses.count(200) == METRICS_BURST
    assert statuses.count(429) == 20
    assert stage.meter.refused == 20


async def test_connections_beyond_the_cap_are_closed_and_the_others_still_served() -> None:
    stage = Stage()
    async with stage.running() as url:
        host, _, port = url.removeprefix("http://").rpartition(":")
        opened = [await asyncio.open_connection(host, int(port)) for _ in range(METRICS_CONNECTIONS)]
        for reader, writer in opened:
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await reader.readline()).endswith(b"200 OK\r\n")
        reader, writer = await asyncio.open_connection(host, int(port))
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
        assert stage.meter.refused == 1
        for _, writer in opened:
            writer.close()
            await writer.wait_closed()


GARBAGE = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),  # somebody speaks TLS
    b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    b"GET /metrics HTTP/9.9\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost : localhost\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    b"POST /metrics HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"".join(b"x-%d: y\r\n" % number for number in range(9_000)) + b"\r\n",
    b"\x00\xff\r\n\r\n",
]


async def test_what_is_no_http_is_counted_and_writes_no_log(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.DEBUG, "aiohttp")
    stage = Stage()
    async with stage.running() as url:
        host, _, port = url.removeprefix("http://").rpartition(":")
        for data in GARBAGE * 3:
            reader, writer = await asyncio.open_connection(host, int(port))
            with contextlib.suppress(ConnectionError):
                writer.write(data)
                writer.write_eof()
                await reader.read()
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)
        assert (await ask(f"{url}/healthz"))[0] == 200
    assert stage.meter.malformed >= 3 * (len(GARBAGE) - 1)  # of a body that is not read nobody knows
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []
    assert stage.reports == []
    assert capfd.readouterr().err == ""


async def test_a_mistake_of_our_own_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage()

    def broken(_host: str) -> bool:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("gateway.telemetry.listener.names_this_machine", broken)
    async with stage.running() as url:
        assert (await ask(f"{url}/healthz"))[0] == 500
    assert stage.reports == ["The address for metrics could not answer: ZeroDivisionError: division by zero"]
    assert stage.meter.malformed == 0
    assert caplog.records == []


async def test_an_address_that_is_taken_is_named_with_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        stage = Stage(Address("127.0.0.1", taken.getsockname()[1]))
        async with stage.running():
            sentence, remedy = stage.listener.trouble
    assert str(taken) not in sentence
    assert "cannot be listened on" in sentence
    assert "metrics.listen" in remedy


async def test_a_body_is_not_read() -> None:
    async with (
        Stage().running() as url,
        aiohttp.ClientSession() as session,
        session.post(f"{url}/metrics", data=b"x" * 1_000_000) as response,
    ):
        assert response.status == 405


def settings(tmp_path: Path, *overrides: str) -> list[str]:
    return [f"gateway.state_dir={tmp_path}", *overrides]


@pytest.mark.parametrize("place", ["0.0.0.0:9477", "[::]:9477", "192.0.2.7:9477"])
def test_an_address_others_can_reach_is_refused_without_a_token(tmp_path: Path, place: str) -> None:
    with pytest.raises(InvalidConfigError, match="can be reached by other machines"):
        load(None, {}, settings(tmp_path, f'metrics.listen=["{place}"]'))
    config = load(None, {}, settings(tmp_path, f'metrics.listen=["{place}"]', f'metrics.token_files=["{tmp_path}/token"]')).config
    assert config.metrics.listen == (place,)


def test_a_token_is_read_and_a_new_line_at_its_end_is_none_of_it(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o640)
    assert read_token(path) == TOKEN


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (b"short", 0o600, "is no token"),
        (b"", 0o600, "is no token"),
        (b"x" * 2_000, 0o600, "is no token"),
        (b"two lines of\nwhat is no token", 0o600, "is no token"),
        (b"\xff" * 32, 0o600, "is no token"),
        (TOKEN.encode(), 0o644, "can be read by everybody"),
        (None, 0, "cannot be read"),
    ],
)
def test_a_file_that_is_no_token_opens_nothing(tmp_path: Path, content: bytes | None, mode: int, words: str) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)
    with pytest.raises(ConfigError, match=words):
        read_token(path)
