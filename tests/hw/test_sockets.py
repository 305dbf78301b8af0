import asyncio
import socket
from collections.abc import Callable

from hw.bluez.adapter_pace import loop_pace
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


def outlet(rate: float = 1e9) -> tuple[Outlet, socket.socket, News]:
    ours, theirs = socket_pair()
    news = News()
    return Outlet(ours, loop_pace(rate, is_learning=False), news.room, news.ended), theirs, news


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
    way, theirs, news = outlet(rate=10_000)
    while way.send(bytes(MAX_VALUE)):
        theirs.recv(MAX_VALUE)
    assert not way.send(bytes(1))  # not even a short one: it would overtake
    await news.until(lambda: news.rooms)
    assert news.rooms == 1
    assert way.send(bytes(MAX_VALUE))
    way.close()
    theirs.close()


async def test_after_a_full_socket_the_pace_has_a_say_before_there_is_room() -> None:
    way, theirs, news = outlet(rate=1e6)
    way._allowance.level = 1e6
    while way.send(bytes(MAX_VALUE)):
        pass
    way._allowance.level = 0.0
    way._allowance._pace._pool.take(1e5)
    while True:
        try:
            theirs.recv(MAX_VALUE)
        except BlockingIOError:
            break
    await news.until(lambda: news.rooms)
    assert news.rooms == 1
    assert way.send(bytes(MAX_VALUE)), "told of room, and then refused"
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
    way, theirs, news = outlet(rate=10_000)
    sent = 0
    while way.send(bytes(10)):
        sent += 1
    way.close()
    assert [len(theirs.recv(MAX_VALUE)) for _ in range(sent + 1)] == [10] * sent + [0]
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
