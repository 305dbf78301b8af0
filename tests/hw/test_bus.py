import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from dbus_fast import Message, MessageType, PropertyAccess, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusStr
from dbus_fast.service import ServiceInterface, dbus_property

from hw.bluez.bus import BluezBus, Change, ChangeKind
from hw.bluez.errors import BluetoothUnavailableError, BluezError, Trouble
from tests.hw.fake_bluez import ADAPTER, DEVICE, PROPERTIES, FakeBluez, FakePhone, fake_bluez
from tests.hw.private_bus import NOBODY_MAY, bus, daemon, needs_daemon

pytestmark = needs_daemon
HCI0 = "/org/bluez/hci0"


@asynccontextmanager
async def scene(directory: Path) -> AsyncIterator[tuple[BluezBus, FakeBluez]]:
    async with bus(directory) as address, fake_bluez(address) as bluez:
        connection = await BluezBus.connect(address)
        yield connection, bluez
        await connection.close()


async def test_the_objects_are_there_at_once_and_stay_current(tmp_path: Path) -> None:
    async with scene(tmp_path) as (connection, bluez):
        assert connection.present
        assert connection.get(HCI0, ADAPTER, "Powered") is True
        bluez.change(HCI0, ADAPTER, Discovering=Variant("b", True), Alias=Variant("s", "box"))
        assert await connection.until(lambda: connection.get(HCI0, ADAPTER, "Alias") == "box", 5)
        assert connection.get(HCI0, ADAPTER, "Discovering") is True
        bluez.change(HCI0, ADAPTER, invalidated=("Alias",))
        assert await connection.until(lambda: connection.get(HCI0, ADAPTER, "Alias", "none") == "none", 5)
        bluez.plug("hci1")
        assert await connection.until(lambda: "/org/bluez/hci1" in connection.objects, 5)
        bluez.remove("/org/bluez/hci1")
        assert await connection.until(lambda: "/org/bluez/hci1" not in connection.objects, 5)


async def test_changes_are_told_after_they_were_made_and_to_those_who_still_listen(tmp_path: Path) -> None:
    async with scene(tmp_path) as (connection, bluez):
        told: list[Change] = []
        end = connection.watch(lambda change: told.append(change) if connection.get(HCI0, ADAPTER, "Powered") is False else None)
        bluez.change(HCI0, ADAPTER, Powered=Variant("b", False))
        assert await connection.until(lambda: bool(told), 5)
        assert told == [Change(ChangeKind.CHANGED, HCI0, ADAPTER, {"Powered": False})]
        end()
        end()
        bluez.remove(HCI0)
        assert await connection.until(lambda: HCI0 not in connection.objects, 5)
        assert len(told) == 1


async def test_what_changes_right_after_the_listing_is_not_lost(tmp_path: Path) -> None:
    async with bus(tmp_path) as address, fake_bluez(address) as bluez:

        def change_after_listing(message: Message) -> None:
            if message.member == "GetManagedObjects":
                asyncio.get_running_loop().call_soon(lambda: bluez.change(HCI0, ADAPTER, Powered=Variant("b", False)))

        bluez.connection._user_message_handlers.insert(0, change_after_listing)
        connection = await BluezBus.connect(address)
        assert await connection.until(lambda: connection.get(HCI0, ADAPTER, "Powered") is False, 5)
        await connection.close()


async def test_a_bluez_that_comes_later_goes_and_comes_again(tmp_path: Path) -> None:
    async with bus(tmp_path) as address:
        connection = await BluezBus.connect(address)
        assert not connection.present
        assert not connection.objects
        for _ in range(3):
            async with fake_bluez(address):
                assert await connection.until(lambda: connection.present, 5)
                assert HCI0 in connection.objects
            assert await connection.until(lambda: not connection.present, 5)
            assert not connection.objects
        await connection.close()


async def test_a_bluez_that_does_not_list_its_objects_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hw.bluez.bus.TREE_TIMEOUT_S", 0.05)
    monkeypatch.setattr("hw.bluez.bus.TREE_RETRY_S", 0.01)
    async with bus(tmp_path) as address, fake_bluez(address) as bluez:
        bluez.answers["GetManagedObjects"] = None
        connection = await BluezBus.connect(address)
        assert not connection.present
        await bluez.until(lambda: bluez.calls.count("GetManagedObjects") >= 3)
        del bluez.answers["GetManagedObjects"]
        assert await connection.until(lambda: connection.present, 5)
        await connection.close()


async def test_nothing_is_told_of_a_bluez_whose_objects_are_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hw.bluez.bus.TREE_TIMEOUT_S", 0.05)
    async with bus(tmp_path) as address, fake_bluez(address) as bluez:
        bluez.answers["GetManagedObjects"] = None
        connection = await BluezBus.connect(address)
        told: list[Change] = []
        connection.watch(told.append)
        bluez.change(HCI0, ADAPTER, Powered=Variant("b", False))
        bluez.plug("hci1")
        await connection.call("/", "org.freedesktop.DBus.Peer", "Ping")
        assert not told
        assert not connection.objects
        await connection.close()


async def test_who_may_not_ask_is_told(tmp_path: Path) -> None:
    async with bus(tmp_path, NOBODY_MAY) as address, fake_bluez(address):
        with pytest.raises(BluetoothUnavailableError) as caught:
            await BluezBus.connect(address)
        assert caught.value.trouble is Trouble.DENIED


async def test_errors_keep_their_names_and_silence_is_one(tmp_path: Path) -> None:
    async with scene(tmp_path) as (connection, bluez):
        bluez.answers["StartDiscovery"] = "org.bluez.Error.InProgress"
        with pytest.raises(BluezError) as caught:
            await connection.call(HCI0, ADAPTER, "StartDiscovery")
        assert caught.value.is_("InProgress")
        assert not caught.value.is_("Progress")
        assert caught.value.text == "as the test wishes"
        bluez.answers["StartDiscovery"] = None
        with pytest.raises(BluezError) as caught:
            await connection.call(HCI0, ADAPTER, "StartDiscovery", timeout=0.05)
        assert caught.value.is_("NoReply")


async def test_a_property_is_set(tmp_path: Path) -> None:
    async with scene(tmp_path) as (connection, _):
        await connection.set(HCI0, ADAPTER, "Powered", "b", False)
        assert connection.get(HCI0, ADAPTER, "Powered") is False


async def test_waiting_for_what_does_not_happen_has_an_end(tmp_path: Path) -> None:
    async with scene(tmp_path) as (connection, _):
        assert not await connection.until(lambda: False, 0.01)
        assert not connection._listeners


async def lose(connection: BluezBus, process: asyncio.subprocess.Process) -> None:
    process.kill()
    async with asyncio.timeout(5):
        assert await connection.lost()
        assert await connection.lost()


async def test_a_lost_bus_ends_everything_that_waits_and_nothing_hangs_afterwards(tmp_path: Path) -> None:
    async with daemon(tmp_path) as (address, process), fake_bluez(address) as bluez:
        connection = await BluezBus.connect(address)
        bluez.answers["StartDiscovery"] = None
        told: list[Change] = []
        connection.watch(told.append)
        waiting = [
            asyncio.create_task(connection.call(HCI0, ADAPTER, "StartDiscovery")),
            asyncio.create_task(connection.set(HCI0, ADAPTER, "Powered", "b", True)),
            asyncio.create_task(connection.until(lambda: False)),
        ]
        bluez.answers["Set"] = None
        await bluez.until(lambda: "Set" in bluez.calls and "StartDiscovery" in bluez.calls)
        await lose(connection, process)
        for error in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(error, BluezError)
            assert error.is_("Disconnected")
        assert told == [Change(ChangeKind.OWNER)]
        assert not connection.present
        assert not connection.objects
        assert not connection.connected
        with pytest.raises(BluezError, match="Disconnected"):
            await connection.call(HCI0, ADAPTER, "StartDiscovery")
        with pytest.raises(BluezError, match="Disconnected"):
            await connection.until(lambda: False)
        connection.tell("/ours", "org.bluez.GattCharacteristic1", "Value", "ay", b"frame")
        await connection.close()


async def test_a_bus_that_reads_no_more_is_lost_as_soon_as_its_socket_is_full(tmp_path: Path) -> None:
    async with daemon(tmp_path) as (address, process), fake_bluez(address):
        connection = await BluezBus.connect(address)
        os.kill(process.pid, signal.SIGSTOP)
        for _ in range(20):
            connection.tell("/ours", "org.bluez.GattCharacteristic1", "Value", "ay", bytes(100_000))
        async with asyncio.timeout(5):
            assert await connection.lost()
        with pytest.raises(BluezError, match="Disconnected"):
            await connection.call(HCI0, ADAPTER, "StartDiscovery")
        await connection.close()
        process.kill()


async def test_descriptors_that_never_left_are_closed(tmp_path: Path) -> None:
    async with daemon(tmp_path) as (address, process), fake_bluez(address):
        connection = await BluezBus.connect(address)
        os.kill(process.pid, signal.SIGSTOP)
        ours, theirs = socket.socketpair()
        gift = Message(destination="org.bluez", path="/", interface="org.bluez.X", member="Y", signature="hay", body=[0, bytes(1_000_000)])
        gift.unix_fds = [theirs.detach()]
        connection._bus.send(gift)
        assert connection.connected  # and the message is half written
        await lose(connection, process)
        assert not connection._bus._travelling
        await process.wait()
        assert ours.recv(1) == b""
        ours.close()
        await connection.close()


async def test_closing_ends_what_waits(tmp_path: Path) -> None:
    async with scene(tmp_path) as (connection, bluez):
        bluez.answers["StartDiscovery"] = None
        waiting = asyncio.create_task(connection.call(HCI0, ADAPTER, "StartDiscovery"))
        await bluez.until(lambda: "StartDiscovery" in bluez.calls)
        await connection.close()
        with pytest.raises(BluezError, match="Disconnected"):
            await waiting
        assert await connection.lost()
        await connection.close()


class Secret(ServiceInterface):
    def __init__(self) -> None:
        super().__init__("org.bluez.Secret1")

    @dbus_property(access=PropertyAccess.READ)
    def Word(self) -> DBusStr:  # noqa: N802 - D-Bus' name
        return "sesame"


async def test_only_bluez_may_call_us(tmp_path: Path) -> None:
    async with bus(tmp_path) as address, fake_bluez(address) as bluez:
        connection = await BluezBus.connect(address)
        secret = Secret()
        connection.export("/ours", secret)
        bluez.client = name = connection._bus.unique_name or ""
        reply = await bluez.call("/ours", PROPERTIES, "Get", "ss", "org.bluez.Secret1", "Word")
        assert reply.body[0].value == "sesame"
        stranger = await MessageBus(bus_address=address, negotiate_unix_fd=True).connect()
        ours, theirs = socket.socketpair()
        question = Message(
            destination=name, path="/ours", interface=PROPERTIES, member="Get", signature="hs", body=[0, "Word"], unix_fds=[theirs.fileno()]
        )
        refused = await stranger.call(question)
        assert refused is not None
        assert refused.message_type is MessageType.ERROR
        assert refused.error_name == "org.freedesktop.DBus.Error.AccessDenied"
        theirs.close()
        assert ours.recv(1) == b""  # what was sent along is closed
        ours.close()
        stranger.disconnect()
        await stranger.wait_for_disconnect()
        connection.unexport("/ours", secret)
        connection.unexport("/ours", secret)
        reply = await bluez.call("/ours", PROPERTIES, "Get", "ss", "org.bluez.Secret1", "Word")
        assert reply.message_type is MessageType.ERROR
        await connection.close()


async def test_only_bluez_is_believed(tmp_path: Path) -> None:
    async with bus(tmp_path) as address, fake_bluez(address) as bluez:
        connection = await BluezBus.connect(address)
        stranger = await MessageBus(bus_address=address).connect()
        lie = Message.new_signal(HCI0, PROPERTIES, "PropertiesChanged", "sa{sv}as", [ADAPTER, {"Powered": Variant("b", False)}, []])
        lie.destination = connection._bus.unique_name
        await stranger.send(lie)
        end_of_bluez = Message.new_signal(
            "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameOwnerChanged", "sss", ["org.bluez", ":1.1", ""]
        )
        end_of_bluez.destination = connection._bus.unique_name
        await stranger.send(end_of_bluez)
        stranger.disconnect()
        await stranger.wait_for_disconnect()
        bluez.change(HCI0, ADAPTER, Alias=Variant("s", "after"))
        assert await connection.until(lambda: connection.get(HCI0, ADAPTER, "Alias") == "after", 5)
        assert connection.get(HCI0, ADAPTER, "Powered") is True
        await connection.close()


async def test_devices_come_and_go(tmp_path: Path) -> None:
    async with scene(tmp_path) as (connection, bluez):
        phone = FakePhone(bluez)
        assert await connection.until(lambda: connection.get(phone.device, DEVICE, "Connected") is True, 5)
        gone: list[Change] = []
        connection.watch(gone.append)
        bluez.remove(phone.device)
        assert await connection.until(lambda: phone.device not in connection.objects, 5)
        assert gone == [Change(ChangeKind.REMOVED, phone.device, DEVICE)]


async def test_a_bus_that_cannot_start_bluez_says_so(tmp_path: Path) -> None:
    async with bus(tmp_path) as address:
        connection = await BluezBus.connect(address)
        with pytest.raises(BluezError) as caught:
            await connection.start_bluez()
        assert caught.value.is_("ServiceUnknown")
        await connection.close()


async def test_a_bluez_that_runs_need_not_be_started(tmp_path: Path) -> None:
    async with scene(tmp_path) as (connection, _):
        await connection.start_bluez()
        assert connection.present
