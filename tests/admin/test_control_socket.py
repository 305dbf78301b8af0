"""The control socket and whoever asks over it, both real."""

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from gateway.admin import client, serve
from gateway.admin.client import UnreachableError, get_status
from gateway.admin.requests import answers
from gateway.errors import ConfigError
from gateway.status import GatewayStatus
from tests.admin.documents import document


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "control.sock"


def leave_stale_socket(path: Path) -> None:
    """What a gateway leaves behind that was killed."""
    path.parent.mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))


@asynccontextmanager
async def impostor(path: Path, answer: bytes | None) -> AsyncIterator[None]:
    """Something else that listens there; None never answers."""
    path.parent.mkdir()
    served = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await served.wait()
        else:
            writer.write(answer)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_unix_server(talk, path)
    async with server:
        yield
        served.set()
        server.close()


def http(body: bytes, status: str = "200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


async def test_the_document_arrives_as_it_was_sent(path) -> None:
    sent = document(troubles=[("There is no Bluetooth adapter.", "Plug one in.")])
    async with serve(path, answers(lambda: sent)):
        assert await get_status(path) == sent


async def test_every_question_gets_a_fresh_answer(path) -> None:
    waiting = iter((1, 2))
    async with serve(path, answers(lambda: document(waiting=next(waiting)))):
        assert [(await get_status(path)).waiting_bytes for _ in "12"] == [1, 2]


async def test_only_owner_and_group_may_open_it_and_its_folder_is_made(path) -> None:
    async with serve(path, answers(document)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not path.exists()


async def test_making_it_does_not_change_the_umask(path) -> None:
    mask = os.umask(0o022)
    try:
        async with serve(path, answers(document)):
            assert os.umask(0o022) == 0o022
    finally:
        os.umask(mask)


async def test_a_stale_socket_is_replaced(path) -> None:
    leave_stale_socket(path)
    async with serve(path, answers(document)):
        assert isinstance(await get_status(path), GatewayStatus)


async def test_the_socket_of_a_running_gateway_is_left_alone(path) -> None:
    async with serve(path, answers(document)):
        with pytest.raises(ConfigError, match=r"Another gateway is running.*control\.socket"):
            async with serve(path, answers(document)):
                pass
        assert isinstance(await get_status(path), GatewayStatus)


async def test_the_socket_of_a_gateway_too_busy_to_accept_is_left_alone(path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(path))
        busy.listen(0)
        waiting.connect(str(path))  # the one place in its queue
        with pytest.raises(ConfigError, match="Another gateway is running"):
            async with serve(path, answers(document)):
                pass
        assert path.is_socket()


async def test_a_successors_socket_is_not_removed_at_the_end(path) -> None:
    async with serve(path, answers(document)):
        path.unlink()
        leave_stale_socket(path)
    assert path.is_socket()


async def test_a_socket_somebody_has_removed_is_no_trouble_at_the_end(path) -> None:
    async with serve(path, answers(document)):
        path.unlink()


@pytest.mark.parametrize(
    ("name", "reason"), [("file", "Address already in use"), ("file/control.sock", "File exists"), ("x" * 120, "too long")]
)
async def test_a_place_where_no_socket_can_be_is_an_error_for_a_person(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(ConfigError, match=rf"cannot be made: .*{reason}\. Set control\.socket"):
        async with serve(tmp_path / name, answers(document)):
            pass
    assert (tmp_path / "file").read_text() == "precious"


async def test_there_is_nothing_but_the_status(path) -> None:
    async with serve(path, answers(document)), aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session:
        for method, url, status in (("GET", "/", 404), ("GET", "/api/v1/secrets", 404), ("POST", "/api/v1/status", 405)):
            async with session.request(method, f"http://meshgate{url}") as response:
                assert response.status == status


async def test_without_a_socket_nobody_answers(path) -> None:
    with pytest.raises(UnreachableError, match=f"No gateway answers on {path}"):
        await get_status(path)


async def test_on_a_stale_socket_nobody_answers(path) -> None:
    leave_stale_socket(path)
    with pytest.raises(UnreachableError, match="No gateway answers"):
        await get_status(path)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        http(b"not json"),
        http(b'"\xff"'),
        http(b"{}"),
        http(b'{"sentence": 5}'),
        http(b"{}", "500 Internal Server Error"),
        http(b"{}", "404 Not Found"),
    ],
    ids=["no http", "no json", "no utf-8", "empty", "wrong type", "error", "not found"],
)
async def test_what_is_no_gateway_is_called_so(path, answer: bytes) -> None:
    async with impostor(path, answer):
        with pytest.raises(UnreachableError, match="is no gateway of this version"):
            await get_status(path)


async def test_a_gateway_that_hangs_up_does_not_answer(path) -> None:
    async with impostor(path, b""):
        with pytest.raises(UnreachableError, match="No gateway answers"):
            await get_status(path)


async def test_a_gateway_that_never_answers_is_given_up(path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "TIMEOUT_S", 0.05)
    async with impostor(path, None):
        with pytest.raises(UnreachableError, match="does not answer within"):
            await get_status(path)


async def test_a_socket_one_may_not_open_is_called_so(path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may open everything, so the kernel's answer is made up."""

    async def denied(*_args: object, **_kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_unix_connection", denied)
    with pytest.raises(UnreachableError, match="only its owner and its group"):
        await get_status(path)
