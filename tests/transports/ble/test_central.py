import asyncio

import pytest
from bleak.backends.bluezdbus import manager
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakDBusError, BleakError

from hw.bluez.errors import NO_REPLY, BluezError
from transports.ble.central import _set_up, _translated, forget_bleaks_memory, read_advertisement
from transports.ble.dialled import Line
from transports.ble.edge import SERVICE, Heard

PATH = "/org/bluez/hci0/dev_7B_00_00_00_00_01"


def advertisement(tag: bytes | None = None, **props: object) -> Heard | None:
    data = {SERVICE: tag} if tag is not None else {}
    return read_advertisement(
        BLEDevice("7b:00:00:00:00:01", None, {}),
        AdvertisementData(None, {}, data, [SERVICE], None, int(props.get("RSSI", -127)), (PATH, props)),
    )


def test_an_advertisement_is_read():
    heard = advertisement(b"phone-id", RSSI=-61, AddressType="random")
    assert heard == Heard(PATH, "7B:00:00:00:00:01", is_random=True, rssi=-61, tag=b"phone-id")
    assert advertisement(RSSI=-61, AddressType="public") == Heard(PATH, "7B:00:00:00:00:01", is_random=False, rssi=-61)


def test_a_tag_that_is_longer_than_any_scan_response_is_cut():
    heard = advertisement(bytes(1_000), RSSI=-61)
    assert heard is not None
    assert len(heard.tag) == 13


def test_a_change_that_was_not_heard_on_the_air_is_no_advertisement():
    assert advertisement(b"phone-id", AddressType="random") is None


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (BleakDBusError("org.bluez.Error.InProgress", ["Operation already in progress"]), "org.bluez.Error.InProgress"),
        (BleakError("No Bluetooth adapters found."), "bleak.BleakError"),
        (TimeoutError(), NO_REPLY),
        (AssertionError(), "bleak.AssertionError"),
        (EOFError(), "bleak.EOFError"),
        (KeyError("/org/bluez/hci0"), "bleak.KeyError"),
        (BluezError("org.bluez.Error.Failed", "as it is"), "org.bluez.Error.Failed"),
    ],
)
async def test_whatever_bleak_lets_escape_becomes_one_kind_of_error(error, name):
    async def fail() -> None:
        raise error

    with pytest.raises(BluezError) as caught:
        await _translated(fail())
    assert caught.value.name == name


async def test_cancellation_is_no_error_of_bleaks():
    async def wait() -> None:
        await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(_translated(wait()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_subscription_asks_for_no_socket_because_bluez_crashes_when_that_is_refused():
    """Decision 14; the rig's stranger who refuses shows the crash itself."""

    class Client:
        max_write_without_response_size = 509
        asked: dict[str, object]

        @property
        def services(self) -> "Client":
            return self

        def get_characteristic(self, _uuid: str) -> "Client":
            return self

        async def connect(self) -> None:
            pass

        async def start_notify(self, _characteristic: "Client", _callback: object, **options: object) -> None:
            self.asked = options

    client = Client()
    remote = await _set_up(client, Line())
    assert remote.mtu == 509
    assert client.asked == {"bluez": {"use_start_notify": True}}


async def test_bleaks_memory_is_where_we_drop_it():
    assert forget_bleaks_memory() is None
    known = manager._global_instances[asyncio.get_running_loop()] = manager.BlueZManager()
    assert forget_bleaks_memory() is None
    dropped: list[bool] = []

    class Bus:
        connected = True

        def disconnect(self) -> None:
            dropped.append(True)

    known._bus = Bus()
    watcher = known._bus_watcher_task = asyncio.create_task(asyncio.sleep(0))
    assert forget_bleaks_memory() is watcher
    assert dropped == [True]
    await watcher
    del manager._global_instances[asyncio.get_running_loop()]
