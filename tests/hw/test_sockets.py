import asyncio
import socket
from collections.abc import Callable

import pytest

from hw.bluez.bucket import TokenBucket
from hw.bluez.limits import MAX_VALUE, SOCKET_BYTES
from hw.bluez.sockets import Outlet, socket_pair


class News:
    """Counts what is told and waits for it."""

    def __init__(self) -> None:
        self.rooms = 0
        self.ends = 0
        self._news = asyncio.Event()

    def room(self) -> None:
        self.rooms += 1
        self._news.set()

    def ended(self) -> None:
        self.ends += 1
        self._news.set()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                self._news.clear()
                await self._news.wait()


def outlet(rate: float = 1e9, burst: float = 1e9) -> tuple[Outlet, socket.socket, News]:
    ours, theirs = socket_pair()
    news = News()
    return Outlet(ours, TokenBucket(rate, burst, asyncio.get_running_loop().time()), news.room, news.ended), theirs, news


async def test_a_full_socket_refuses_and_tells_when_there_is_room() -> None:
    way, theirs, news = outlet()
    sent = 0
    while way.send(bytes(MAX_VALUE)):
        sent += 1
    assert 10 < sent <= 2 * SOCKET_BYTES // MAX_VALUE
    assert not way.send(b"more")
    for _ in range(sent):
        theirs.recv(MAX_VALUE)
    await news.until(lambda: news.rooms)
    assert way.send(b"more")
    assert theirs.recv(MAX_VALUE) == b"more"
    way.close()
    theirs.close()


async def test_the_pace_refuses_and_tells_when_its_time_has_come() -> None:
    way, theirs, news = outlet(rate=10_000, burst=100)
    assert way.send(bytes(100))
    assert not way.send(bytes(100))
    assert not way.send(bytes(1))  # not even a short one: it would overtake
    before = asyncio.get_running_loop().time()
    await news.until(lambda: news.rooms)
    assert asyncio.get_running_loop().time() - before == pytest.approx(0.01, abs=0.2)
    assert news.rooms == 1
    assert way.send(bytes(100))
    way.close()
    theirs.close()


async def test_the_end_is_told_once_and_nothing_is_taken_afterwards() -> None:
    way, theirs, news = outlet()
    assert not way.is_ended
    theirs.close()
    assert way.is_ended
    assert not way.send(b"into the void")
    await news.until(lambda: news.ends == 1)
    assert not way.send(b"into the void")
    way.close()
    assert way.is_ended


async def test_closing_our_end_forgets_everything_and_is_the_end_for_the_other() -> None:
    way, theirs, news = outlet(rate=1_000, burst=10)
    way.send(bytes(10))
    way.send(bytes(10))
    way.close()
    theirs.recv(MAX_VALUE)
    assert theirs.recv(MAX_VALUE) == b""
    assert not news.rooms
    theirs.close()


async def test_what_the_other_end_says_means_nothing() -> None:
    way, theirs, news = outlet()
    theirs.send(b"\x01")
    theirs.send(b"")
    assert way.send(b"frame")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not news.ends
    way.close()
    theirs.close()
