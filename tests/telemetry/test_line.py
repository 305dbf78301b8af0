"""One line to a broker that is not what it should be: whatever it does, the line ends with a reason, and nothing else does."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from random import Random

import pytest

from gateway.config.mqtt import Broker
from gateway.telemetry.limits import MAX_MQTT_PACKET, MQTT_READ_BURST, MQTT_READ_RATE
from gateway.telemetry.mqtt import line as module
from gateway.telemetry.mqtt.line import Access, PahoLine
from gateway.telemetry.mqtt.values import Acknowledged, Arrived, Dial, LineDown, LineEvent, LineUp, Message, Trouble, Version

WELCOME = bytes.fromhex("2003000000")  # CONNACK, MQTT 5
Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]


def access() -> Access:
    will = Message("meshgate/4f3a9c01/status", b"offline", retain=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return Access("meshgate-4f3a9c01", will, ("meshgate/4f3a9c01/cmd/#",), "", None, context, lambda dial: dial.broker.host == "localhost")


class Stranger:
    """A line to a server that plays a script."""

    def __init__(self, host: str, port: int, version: Version) -> None:
        self.events: asyncio.Queue[LineEvent] = asyncio.Queue()
        self.line = PahoLine(access(), Dial(Broker(host, port), version), self.events.put_nowait)

    async def next(self) -> LineEvent:
        async with asyncio.timeout(8):
            return await self.events.get()

    async def down(self) -> LineDown:
        while not isinstance(event := await self.next(), LineDown):
            pass
        return event


@contextlib.asynccontextmanager
async def stranger(script: Script, *, version: Version = Version.V5, host: str = "127.0.0.1") -> AsyncIterator[Stranger]:
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await script(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        one = Stranger(host, server.sockets[0].getsockname()[1], version)
        try:
            yield one
        finally:
            one.line.end(politely=False)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """One MQTT packet: its type and the rest."""
    kind = (await reader.readexactly(1))[0]
    size = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return kind >> 4, await reader.readexactly(size)


async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await packet(reader)
    writer.write(WELCOME)
    _, subscribe = await packet(reader)
    writer.write(bytes([0x90, 4]) + subscribe[:2] + b"\0\1")


def answers(data: bytes) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(data)
        await writer.drain()
        await reader.read()

    return script


def says(data: bytes) -> Script:
    """Behaves at first."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await welcome(reader, writer)
        writer.write(data)
        await writer.drain()
        await reader.read()

    return script


OTHER_ID = b"somebody-else"
ASSIGNED = b"\x12" + len(OTHER_ID).to_bytes(2, "big") + OTHER_ID


@pytest.mark.parametrize(
    ("said", "trouble"),
    [
        (bytes.fromhex("20020001"), Trouble.VERSION),  # a broker of MQTT 3
        (bytes.fromhex("2003008400"), Trouble.VERSION),
        (bytes.fromhex("2003008600"), Trouble.REFUSED),  # bad user name or password
        (bytes.fromhex("2003008700"), Trouble.REFUSED),  # not authorized
        (bytes.fromhex("2003008800"), Trouble.LOST),  # server unavailable
        (bytes([0x20, 3 + len(ASSIGNED), 0, 0, len(ASSIGNED)]) + ASSIGNED, Trouble.WRONG_ID),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Trouble.SILENT),
        (b"\xff" * 64, Trouble.GARBAGE),
        (b"", None),
    ],
)
async def test_a_broker_that_does_not_let_us_in_ends_the_line_with_the_reason(said, trouble, monkeypatch):
    monkeypatch.setattr(module, "CONNECT_S", 0.4)
    async with stranger(answers(said)) as one:
        assert (await one.down()).trouble is (trouble or Trouble.SILENT)


async def test_a_broker_of_3_1_1_that_refuses_is_understood_too():
    async with stranger(answers(bytes.fromhex("20020005")), version=Version.V311) as one:
        assert (await one.down()).trouble is Trouble.REFUSED


async def test_a_broker_that_hangs_up_at_once_is_lost():
    async def script(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        pass

    async with stranger(script) as one:
        assert (await one.down()).trouble is Trouble.LOST


async def test_a_port_where_nobody_listens_is_unreachable():
    one = Stranger("127.0.0.1", 1, Version.V5)
    assert await one.down() == LineDown(Trouble.UNREACHABLE, "connection refused")


async def test_a_broker_without_tls_where_tls_is_wanted_is_refused():
    async with stranger(answers(WELCOME), host="localhost") as one:
        assert (await one.down()).trouble is Trouble.TLS


async def test_another_client_of_our_name_is_noticed():
    async with stranger(says(bytes.fromhex("e0018e"))) as one:
        assert isinstance(await one.next(), LineUp)
        assert (await one.down()).trouble is Trouble.TAKEN


async def test_a_packet_that_would_fill_the_memory_ends_the_line_before_it_is_read():
    async with stranger(says(b"\x30\xff\xff\xff\x7f" + bytes(1000))) as one:
        assert isinstance(await one.next(), LineUp)
        assert (await one.down()).trouble in (Trouble.LOST, Trouble.GARBAGE)


def publish(topic: str, payload: bytes) -> bytes:
    body = len(topic).to_bytes(2, "big") + topic.encode() + b"\0" + payload
    size, length = len(body), b""
    while True:
        size, low = divmod(size, 128)
        length += bytes([low | (0x80 if size else 0)])
        if not size:
            return b"\x30" + length + body


async def test_the_largest_packet_that_may_be_arrives():
    topic = "meshgate/4f3a9c01/cmd/send"
    payload = bytes(MAX_MQTT_PACKET - len(topic) - 3)
    async with stranger(says(publish(topic, payload))) as one:
        assert isinstance(await one.next(), LineUp)
        assert await one.next() == Arrived(topic, payload, False)


async def test_one_byte_more_does_not():
    topic = "meshgate/4f3a9c01/cmd/send"
    async with stranger(says(publish(topic, bytes(MAX_MQTT_PACKET - len(topic) - 2)))) as one:
        assert isinstance(await one.next(), LineUp)
        assert isinstance(await one.next(), LineDown)


async def test_a_flood_is_read_slowly_and_the_loop_goes_on():
    loop = asyncio.get_running_loop()
    async with stranger(says(publish("meshgate/4f3a9c01/cmd/x", b"x") * 3000)) as one:
        assert isinstance(await one.next(), LineUp)
        started, arrived = loop.time(), 0
        while loop.time() - started < 1.0:
            async with asyncio.timeout(5):
                assert isinstance(await one.events.get(), Arrived)
            arrived += 1
        assert arrived <= MQTT_READ_BURST + MQTT_READ_RATE * (loop.time() - started) + 20


@pytest.mark.parametrize("seed", range(12))
async def test_noise_ends_the_line_or_changes_nothing(seed):
    rng = Random(seed)
    print(f"seed {seed}")
    noise = b"".join(
        bytes([rng.choice((0x30, 0x32, 0x40, 0x90, 0xD0, 0xE0, rng.randrange(256))), rng.randrange(20)]) + rng.randbytes(rng.randrange(24))
        for _ in range(30)
    )

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await welcome(reader, writer)
        writer.write(noise)
        await writer.drain()

    async with stranger(script) as one:
        assert isinstance(await one.next(), LineUp)
        await one.down()


async def test_what_the_broker_acknowledges_or_refuses_is_told_by_its_token():
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await welcome(reader, writer)
        for reason in (0x00, 0x87):
            _, body = await packet(reader)
            start = 2 + int.from_bytes(body[:2], "big")
            writer.write(b"\x40\x03" + body[start : start + 2] + bytes([reason]))
        writer.write(b"\x40\x02\x77\x77")  # for something nobody sent
        await reader.read()

    async with stranger(script) as one:
        assert isinstance(await one.next(), LineUp)
        one.line.send(7, Message("a", b"1"))
        one.line.send(8, Message("b", b"2", expiry_s=60))
        assert [await one.next(), await one.next()] == [Acknowledged(7), Acknowledged(8, refused=True)]


async def test_a_polite_end_waits_for_what_was_given_and_says_disconnect():
    packets: asyncio.Queue[int] = asyncio.Queue()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await welcome(reader, writer)
        while True:
            kind, body = await packet(reader)
            packets.put_nowait(kind)
            if kind == 3:
                start = 2 + int.from_bytes(body[:2], "big")
                writer.write(b"\x40\x02" + body[start : start + 2])

    async with stranger(script) as one:
        assert isinstance(await one.next(), LineUp)
        one.line.send(1, Message("a", b"goodbye"))
        one.line.end(politely=True)
        await one.down()
        async with asyncio.timeout(5):
            assert [await packets.get(), await packets.get()] == [3, 14]
