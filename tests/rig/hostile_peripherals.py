"""Strangers who wait to be called by the gateway, or only want to be heard."""

import asyncio
from collections.abc import Iterator
from random import Random

from bumble import att, gatt
from bumble.core import AdvertisingData
from bumble.device import Connection

from tests.rig.hostile import Attacker, stall
from tests.rig.phone_connect import disconnect
from tests.rig.phone_profile import CHARACTERISTIC, SERVICE, advertisement, scan_response
from tests.rig.phone_tasks import whole

_ALL = (
    gatt.Characteristic.Properties.READ
    | gatt.Characteristic.Properties.WRITE
    | gatt.Characteristic.Properties.WRITE_WITHOUT_RESPONSE
    | gatt.Characteristic.Properties.NOTIFY
)
LONGEST_SHOWN = 31  # bytes of an advertisement


async def no_service(attacker: Attacker, every: float = 5.0) -> None:
    """Advertise the service and have none; somebody else every few seconds."""
    await attacker.power_on(gatt.Service("180F", []))
    await _show_under_new_addresses(attacker, every)


async def no_characteristic(attacker: Attacker, every: float = 5.0) -> None:
    """Have the service, but nothing in it that could be used."""
    mute = gatt.Characteristic(CHARACTERISTIC, gatt.Characteristic.Properties.READ, gatt.Characteristic.READABLE)
    await attacker.power_on(gatt.Service(SERVICE, [mute]))
    await _show_under_new_addresses(attacker, every)


async def false_tag(attacker: Attacker, tag: str, every: float = 5.0) -> None:
    """Show somebody else's tag, the gateway's own or a phone's."""
    await attacker.power_on(gatt.Service(SERVICE, [_characteristic()]), response=scan_response(bytes.fromhex(tag)))
    await _show_under_new_addresses(attacker, every)


async def absurd(attacker: Attacker, every: float = 1.0) -> None:
    """Show what no advertisement may say."""
    await attacker.power_on()
    for shown in _absurdities(attacker.rng):
        await whole(attacker.device.stop_advertising())
        await attacker.new_address()
        await whole(attacker.device.start_advertising(advertising_data=shown, scan_response_data=attacker.rng.choice((shown, b""))))
        attacker.counters["shown"] += 1
        await asyncio.sleep(every)


async def thousand_addresses(attacker: Attacker, count: int = 1_000, every: float = 0.3) -> None:
    """Be a thousand phones, one after the other, that are gone before anybody can call them."""
    await attacker.power_on(gatt.Service(SERVICE, [_characteristic()]))
    for number in range(count):
        await whole(attacker.device.stop_advertising())
        await attacker.new_address()
        response = scan_response(attacker.rng.randbytes(8)) if number % 2 else b""
        await whole(attacker.device.start_advertising(scan_response_data=response))
        await asyncio.sleep(every)
    attacker.counters["done"] += 1
    await asyncio.Event().wait()


async def silent_server(attacker: Attacker, every: float = 30.0) -> None:
    """Take every call and answer nothing."""
    await attacker.power_on(gatt.Service(SERVICE, [_characteristic()]))
    attacker.device.gatt_server.on_gatt_pdu = lambda _connection, _pdu: attacker.counters.update(ignored=1)
    await _show_under_new_addresses(attacker, every)


async def shouter(attacker: Attacker) -> None:
    """Serve well, and notify rubbish of every length as fast as the link takes it."""
    characteristic = _characteristic()
    shouting: set[asyncio.Task[None]] = set()

    def subscribed(connection: Connection, notify: bool, _indicate: bool) -> None:
        if notify:
            attacker.counters["subscribed"] += 1
            task = asyncio.create_task(_shout(attacker, connection, characteristic.handle))
            shouting.add(task)
            task.add_done_callback(shouting.discard)

    characteristic.on(characteristic.EVENT_SUBSCRIPTION, subscribed)
    await attacker.power_on(gatt.Service(SERVICE, [characteristic]))
    try:
        await _show_under_new_addresses(attacker, 30.0)
    finally:
        for task in tuple(shouting):
            task.cancel()


async def deaf_server(attacker: Attacker, says: float = 20.0) -> None:
    """Serve well, and never let another packet of the gateway through once it has subscribed, while talking so as not to seem dead."""
    characteristic = _characteristic()
    talking: set[asyncio.Task[None]] = set()

    async def talk(connection: Connection) -> None:
        await asyncio.sleep(1.0)  # the answer to the subscription gets through
        stall(attacker, connection)
        while connection.handle in attacker.device.connections:
            notification = att.ATT_Handle_Value_Notification(attribute_handle=characteristic.handle, attribute_value=attacker.announce())
            attacker.device.gatt_server.send_gatt_pdu(connection, bytes(notification))
            await asyncio.sleep(says)
        attacker.counters["sent_away"] += 1

    def subscribed(connection: Connection, notify: bool, _indicate: bool) -> None:
        if notify:
            attacker.counters["subscribed"] += 1
            task = asyncio.create_task(talk(connection))
            talking.add(task)
            task.add_done_callback(talking.discard)

    characteristic.on(characteristic.EVENT_SUBSCRIPTION, subscribed)
    await attacker.power_on(gatt.Service(SERVICE, [characteristic]))
    await whole(attacker.device.start_advertising())
    try:
        await asyncio.Event().wait()
    finally:
        for task in tuple(talking):
            task.cancel()


async def fickle_server(attacker: Attacker, every: float = 2.0) -> None:
    """Take every call, and refuse to be subscribed to or hang up instead of answering."""
    await attacker.power_on(gatt.Service(SERVICE, [_characteristic()]))
    server = attacker.device.gatt_server
    leaving: set[asyncio.Task[None]] = set()

    def refuse(connection: Connection, request: att.ATT_Write_Request) -> None:
        attacker.counters["asked"] += 1
        if attacker.counters["asked"] % 2:
            task = asyncio.create_task(disconnect(connection))
            leaving.add(task)
            task.add_done_callback(leaving.discard)
        else:
            answer = att.ATT_Error_Response(
                request_opcode_in_error=request.op_code,
                attribute_handle_in_error=request.attribute_handle,
                error_code=att.ATT_UNLIKELY_ERROR_ERROR,
            )
            server.send_response(connection, answer)

    server.on_att_write_request = refuse
    await _show_under_new_addresses(attacker, every)


async def small_mtu(attacker: Attacker, every: float = 10.0) -> None:
    """Serve well, but grant no more than the least MTU."""
    await attacker.power_on(gatt.Service(SERVICE, [_characteristic()]))
    attacker.device.gatt_server.max_mtu = att.ATT_DEFAULT_MTU
    await _show_under_new_addresses(attacker, every)


def _characteristic() -> gatt.Characteristic[bytes]:
    value = gatt.CharacteristicValue(read=lambda _connection: b"", write=lambda _connection, _value: None)
    return gatt.Characteristic(CHARACTERISTIC, _ALL, gatt.Characteristic.READABLE | gatt.Characteristic.WRITEABLE, value)


async def _show_under_new_addresses(attacker: Attacker, every: float) -> None:
    attacker.device.on(attacker.device.EVENT_CONNECTION, lambda _connection: attacker.counters.update(called=1))
    while True:
        if not attacker.device.connections:
            await whole(attacker.device.stop_advertising())
            await attacker.new_address()
        if not attacker.device.is_advertising:
            await whole(attacker.device.start_advertising())
        await asyncio.sleep(every)


async def _shout(attacker: Attacker, connection: Connection, handle: int) -> None:
    while connection.handle in attacker.device.connections:
        room = connection.att_mtu - 3
        value = attacker.rng.randbytes(attacker.rng.randrange(0, room + 1))
        notification = att.ATT_Handle_Value_Notification(attribute_handle=handle, attribute_value=value)
        attacker.device.gatt_server.send_gatt_pdu(connection, bytes(notification))
        attacker.counters["shouted"] += 1
        await connection.drain()


def _absurdities(rng: Random) -> Iterator[bytes]:
    service = SERVICE.to_bytes()
    while True:
        yield b""
        yield bytes(LONGEST_SHOWN)
        yield b"\xff" * LONGEST_SHOWN
        yield rng.randbytes(LONGEST_SHOWN)
        yield advertisement() + b"\x20"  # a length beyond the end
        yield bytes((18, AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS)) + service[:12]  # half a UUID
        yield bytes((17, AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS)) + service + b"\1\2"
        yield bytes((29, AdvertisingData.COMPLETE_LOCAL_NAME)) + b"\xff\xfe\0\n" * 7
        yield bytes((17 + 8, AdvertisingData.SERVICE_DATA_128_BIT_UUID)) + service + rng.randbytes(8)
        yield bytes((17, AdvertisingData.SERVICE_DATA_128_BIT_UUID)) + service
        yield bytes((30, AdvertisingData.SERVICE_DATA_128_BIT_UUID)) + service + rng.randbytes(13)


_ATTACKS = (
    no_service,
    no_characteristic,
    false_tag,
    absurd,
    thousand_addresses,
    silent_server,
    shouter,
    deaf_server,
    fickle_server,
    small_mtu,
)
KINDS = {attack.__name__: attack for attack in _ATTACKS}
