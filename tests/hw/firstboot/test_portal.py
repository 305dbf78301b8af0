"""A phone in the hotspot is led to the page, and a stranger gets no further than the first lines."""

import asyncio
from collections.abc import Callable

import pytest

from hw.firstboot import portal as subject
from hw.firstboot.limits import MAX_FROM_ONE, MAX_HEAD
from hw.firstboot.portal import Portal, answer

PAGE = "10.42.77.1"


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("captive.apple.com", "/hotspot-detect.html"),
        ("connectivitycheck.gstatic.com", "/generate_204"),
        ("www.google.com", "/gen_204"),
        ("www.msftconnecttest.com", "/connecttest.txt"),
        ("detectportal.firefox.com", "/canonical.html"),
        ("detectportal.firefox.com", "/success.txt?ipv4"),
        ("nmcheck.gnome.org", "/check_network_status.txt"),
    ],
)
def test_what_a_phone_asks_to_see_whether_it_has_the_internet_leads_it_to_the_portal(host: str, path: str) -> None:
    said = answer(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode(), PAGE)
    assert said.startswith(b"HTTP/1.1 302 ")
    assert b"Location: http://portal.meshgate.home.arpa/meshgate\r\n" in said
    assert b"no-store" in said


def test_the_portal_has_a_link_to_the_page_and_asks_for_nothing() -> None:
    said = answer(b"GET /meshgate HTTP/1.1\r\nHost: portal.meshgate.home.arpa\r\n\r\n", PAGE)
    head, body = said.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 200 ")
    assert f"Content-Length: {len(body)}".encode() in head
    assert b'href="http://10.42.77.1/setup"' in body
    assert b"<form" not in body
    assert b"<script" not in body
    assert answer(b"HEAD /meshgate HTTP/1.1\r\n\r\n", PAGE) == head + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /meshgate HTTP/1.1\r\n\r\n", b"405"),
        (b"GET / HTTP/2.0\r\n\r\n", b"400"),
        (b"\x16\x03\x01\r\n\r\n", b"400"),
        (b"GET  / HTTP/1.1\r\n\r\n", b"400"),
        (b"\r\n\r\n", b"400"),
    ],
)
def test_what_is_no_question_gets_a_short_answer(head: bytes, status: bytes) -> None:
    assert answer(head, PAGE).split(b" ", 2)[1] == status


def test_nothing_of_a_request_is_shown_again() -> None:
    said = answer(b"GET /<script>/meshgate?x=<b> HTTP/1.1\r\nHost: evil\r\nX: y\r\n\r\n", PAGE)
    assert b"script" not in said
    assert b"evil" not in said


async def ask(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(10_000):
        if holds():
            return
        await asyncio.sleep(0)
    pytest.fail("it does not come to that")


async def test_it_answers_and_closes() -> None:
    server = await Portal(PAGE).serve("127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert (await ask(port, b"GET /meshgate HTTP/1.0\r\n\r\n")).endswith(b"</html>\n")
        assert await ask(port, b"GET /" + b"x" * (2 * MAX_HEAD)) == b""


async def test_a_caller_who_says_nothing_is_given_up_and_one_who_calls_too_often_is_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    portal = Portal(PAGE)
    server = await portal.serve("127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MAX_FROM_ONE)]
        await until(lambda: portal._sources.total() == MAX_FROM_ONE)
        assert await ask(port, b"GET /meshgate HTTP/1.1\r\n\r\n") == b""
        for reader, writer in held:
            writer.close()
            await reader.read()
        await until(lambda: not portal._sources)
        monkeypatch.setattr(subject, "HEAD_S", 0.01)
        assert await ask(port, b"GET /") == b""
        assert not portal._sources
