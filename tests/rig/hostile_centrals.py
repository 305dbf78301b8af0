"""Strangers who call the gateway."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, TypeVar

from bumble import att
from bumble.device import Connection
from bumble.gatt_client import Client

from gateway.wire.fragment import Fragment, encode_fragment
from gateway.wire.packet import Packet, encode
from gateway.wire.types import MessageType
from tests.rig.hostile import REFUSALS, Attacker, stall
from tests.rig.phone_connect import disconnect

T = TypeVar("T")

LONGEST = 512
OFFSETS = ((0, 20), (100, 20), (20, 20), (511, 20), (65_535, 1))  # of prepared writes: (offset, length)


async def every_length(attacker: Attacker) -> None:
    """Write every length from 0 to 512, as a command and as a request, then long writes, holes, wrong offsets and endless queues."""
    await attacker.power_on()
    connection = await attacker.call()
    client, handle = await attacker.subscribe(connection)
    for size in range(LONGEST + 1):
        await put(client, handle, attacker.rng.randbytes(size), connection)
        if size % 16 == 0:
            await ask(attacker, client, att.ATT_Write_Request(attribute_handle=handle, attribute_value=attacker.rng.randbytes(size)))
        attacker.counters["lengths"] += 1
    for size in (1, 20, 182, 400, 512, 513, 600, 1_000):
        for offset in range(0, size, 400):
            await prepare(attacker, client, handle, offset, min(400, size - offset))
        await ask(attacker, client, att.ATT_Execute_Write_Request(flags=1))
    for offset, size in OFFSETS:
        await prepare(attacker, client, handle, offset, size)
        await ask(attacker, client, att.ATT_Execute_Write_Request(flags=1))
    for _ in range(100):
        await prepare(attacker, client, handle, 0, 400)
    await ask(attacker, client, att.ATT_Execute_Write_Request(flags=0))
    attacker.counters["done"] += 1
    await asyncio.Event().wait()


async def flood(attacker: Attacker, what: str = "noise", burst: int = 4, size: int = LONGEST) -> None:
    """Write as fast as the link takes it: noise, the same valid announce again and again, new announces, or halves."""
    await attacker.power_on()
    connection, client, handle = await enter(attacker)
    make = MAKERS[what]
    same = attacker.announce()
    while connection.handle in attacker.device.connections:
        for _ in range(burst):
            client.send_gatt_pdu(bytes(att.ATT_Write_Command(attribute_handle=handle, attribute_value=make(attacker, same, size))))
            attacker.counters["written"] += 1
        await connection.drain()
    attacker.counters["sent_away"] += 1


async def hit_and_run(attacker: Attacker, times: int = 1_000, every: float = 0.2) -> None:
    """Call and hang up at once, each time as somebody else: after nothing, after the MTU, or after subscribing."""
    await attacker.power_on()
    for number in range(times):
        await attacker.new_address()
        with contextlib.suppress(*REFUSALS):
            connection = await attacker.call()
            with contextlib.suppress(*REFUSALS, IndexError):
                if number % 3 == 1:
                    await connection.gatt_client.request_mtu(517)
                elif number % 3 == 2:
                    await patiently(attacker.subscribe(connection))
            await disconnect(connection)
        await asyncio.sleep(every)
    attacker.counters["done"] += 1
    await asyncio.Event().wait()


async def squat(attacker: Attacker, subscribes: bool = False, stays_away: bool = False) -> None:
    """Hold a connection and never say a word; call again whenever it is sent away, unless it stays away then."""
    await attacker.power_on()
    while True:
        with contextlib.suppress(*REFUSALS, IndexError):
            connection = await attacker.call()
            gone = asyncio.Event()
            connection.once(connection.EVENT_DISCONNECTION, lambda _reason, gone=gone: gone.set())
            if subscribes:
                await patiently(attacker.subscribe(connection))
            await gone.wait()
            attacker.counters["sent_away"] += 1
            if stays_away:
                return
        await asyncio.sleep(2.0)
        await attacker.new_address()


async def never_reads(attacker: Attacker, says: float = 20.0) -> None:
    """Subscribe, and never let another packet of the gateway through to its host, while talking so as not to seem dead."""
    await attacker.power_on()
    connection = await attacker.call()
    client, handle = await attacker.subscribe(connection)
    stall(attacker, connection)
    while connection.handle in attacker.device.connections:
        client.send_gatt_pdu(bytes(att.ATT_Write_Command(attribute_handle=handle, attribute_value=attacker.announce())))
        attacker.counters["written"] += 1
        await asyncio.sleep(says)
    attacker.counters["sent_away"] += 1


async def enter(attacker: Attacker) -> tuple[Connection, Client, int]:
    """Call until it may write: BlueZ 5.82 does not take, or does not answer, everybody the first time."""
    while True:
        with contextlib.suppress(*REFUSALS, IndexError):
            connection = await attacker.call()
            subscribed = await patiently(attacker.subscribe(connection))
            if subscribed is not None:
                return connection, *subscribed
            await disconnect(connection)
        await asyncio.sleep(2.0)


async def put(client: Client, handle: int, value: bytes, connection: Connection) -> None:
    """Write without response, at the pace the link takes."""
    client.send_gatt_pdu(bytes(att.ATT_Write_Command(attribute_handle=handle, attribute_value=value)))
    await connection.drain()


async def prepare(attacker: Attacker, client: Client, handle: int, offset: int, size: int) -> None:
    """Send one piece of a long write."""
    piece = attacker.rng.randbytes(size)
    await ask(attacker, client, att.ATT_Prepare_Write_Request(attribute_handle=handle, value_offset=offset, part_attribute_value=piece))


async def ask(attacker: Attacker, client: Client, request: Any) -> None:
    """Send a request and note what becomes of it."""
    answer = await client.send_request(request)
    if answer.op_code == att.Opcode.ATT_ERROR_RESPONSE:
        attacker.counters[f"refused_{answer.error_code:#04x}"] += 1
    else:
        attacker.counters["taken"] += 1


async def patiently(work: Coroutine[Any, Any, T], seconds: float = 10.0) -> T | None:
    """Wait for something that a gateway may break off at any time; returns what came of it, None if nothing did."""
    task = asyncio.ensure_future(work)
    await asyncio.wait([task], timeout=seconds)
    if not task.done():
        task.cancel()
        await asyncio.wait([task])
    if not task.cancelled():
        with contextlib.suppress(*REFUSALS, IndexError):
            return task.result()
    return None


def _half(attacker: Attacker, same: bytes, _size: int) -> bytes:
    """The front of a packet, or the first of many fragments of which no other comes."""
    if attacker.rng.random() < 0.5:
        return same[: attacker.rng.randrange(1, len(same))]
    fragment = Fragment(attacker.rng.randbytes(8), 0, 250, MessageType.MESSAGE, bytes(400))
    timestamp = int(attacker._wall() * 1000)
    return encode(Packet(MessageType.FRAGMENT, 7, timestamp, attacker.rng.randbytes(8), encode_fragment(fragment)))


MAKERS = {
    "noise": lambda attacker, _same, size: attacker.rng.randbytes(attacker.rng.randrange(1, size + 1)),
    "duplicates": lambda _attacker, same, _size: same,
    "announces": lambda attacker, _same, _size: attacker.announce(),
    "halves": _half,
}
KINDS = {attack.__name__: attack for attack in (every_length, flood, hit_and_run, squat, never_reads)}
