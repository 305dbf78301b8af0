import asyncio
from collections.abc import Callable

from hw.bluez.adapter_pace import loop_pace
from tests.testing.virtual_loop import run
from transports.ble.dialled import DialledWay
from transports.limits import BLE_QUEUE_FRAMES


class SlowRemote:
    """A device that answers when it is told to."""

    mtu = 512

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.may_answer = asyncio.Event()

    async def write(self, frame: bytes, *, answered: bool) -> None:
        if answered:
            await self.may_answer.wait()
        self.frames.append(frame)

    async def disconnect(self) -> None:
        return None


class Writer:
    """Sends without end, and notes what a refusal is followed by."""

    def __init__(self, rate: float) -> None:
        self.remote = SlowRemote()
        self.pace = loop_pace(rate)
        self.way = DialledWay(self.remote, self.pace, self._writable)
        self.rooms = 0
        self.sent = 0

    def push(self) -> None:
        while self.way.send(bytes([self.sent % 256]) * 512):
            self.sent += 1

    def _writable(self) -> None:
        self.rooms += 1
        before = self.sent
        self.push()
        assert self.sent > before, "told of room, and then refused"


async def _until(condition: Callable[[], object]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("five seconds have passed")


def test_a_dialled_link_keeps_the_pace_of_its_adapter_and_every_room_is_one() -> None:
    async def scene() -> None:
        writer = Writer(100_000)
        writer.remote.may_answer.set()
        writing = asyncio.create_task(writer.way.write_all())
        loop = asyncio.get_running_loop()
        began = loop.time()
        writer.push()
        await _until(lambda: len(writer.remote.frames) >= 50)
        assert 100_000 * (loop.time() - began + 0.2) >= 50 * 512
        assert writer.rooms > 10
        assert writer.remote.frames == [bytes([number]) * 512 for number in range(len(writer.remote.frames))]
        await writer.way.close()
        writing.cancel()
        rooms = writer.rooms
        await asyncio.sleep(1)
        assert writer.rooms == rooms

    run(scene())


def test_a_device_that_answers_late_is_not_given_more_and_slows_the_pace() -> None:
    async def scene() -> None:
        writer = Writer(16_000)
        writing = asyncio.create_task(writer.way.write_all())
        writer.push()
        for _ in range(40):
            writer.push()
            await asyncio.sleep(0.03)
        assert writer.sent <= BLE_QUEUE_FRAMES + 1
        writer.remote.may_answer.set()
        await _until(lambda: writer.pace.rate < 16_000)
        await writer.way.close()
        writing.cancel()

    run(scene())
