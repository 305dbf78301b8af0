import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from dbus_fast import Variant

from hw.bluez.adapter_pace import loop_pace
from hw.bluez.adapters import list_adapters
from hw.bluez.bus import BluezBus
from hw.bluez.errors import BluezError
from hw.bluez.limits import MAX_CENTRALS
from hw.bluez.peripheral import Peripheral, Profile
from tests.hw.diary import Diary
from tests.hw.fake_bluez import ADAPTER, CHARACTERISTIC, DEVICE, GATT, FakeBluez, FakePhone, fake_bluez
from tests.hw.private_bus import bus, daemon, needs_daemon

pytestmark = needs_daemon
OLD, NEW = (5, 66), (5, 82)
both = pytest.mark.parametrize("version", [OLD, NEW], ids=["one socket for all", "a socket for each"])
SERVICE = "f47b5e2d-4a9e-4c5a-9b3f-8e1d2c3a4b5c"
UUID = "a1b2c3d4-e5f6-4a5b-8c9d-0e1f2a3b4c5d"
PROFILE = Profile(SERVICE, UUID)
FAST = 100_000.0  # bytes a second


class Scene:
    """A peripheral that runs beside a fake BlueZ."""

    def __init__(self, bluez: FakeBluez, connection: BluezBus, profile: Profile = PROFILE, rate: float = FAST) -> None:
        self.bluez = bluez
        self.connection = connection
        self.diary = Diary()
        self.peripheral = Peripheral(connection, list_adapters(connection)[0], profile, self.diary, loop_pace(rate, is_learning=False))
        self.task = asyncio.create_task(self.peripheral.run())

    async def ready(self) -> "Scene":
        async with asyncio.timeout(5):
            await self.peripheral.ready.wait()
        return self

    async def error(self) -> BluezError:
        with pytest.raises(BluezError) as caught:
            async with asyncio.timeout(5):
                await self.task
        assert not self.diary.centrals
        assert not self.peripheral.ready.is_set()
        return caught.value

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        assert not self.diary.centrals

    async def arrive(self, number: int = 0, mtu: int = 517) -> FakePhone:
        """Let a phone come and be known."""
        phone = FakePhone(self.bluez, number, mtu)
        await phone.subscribe()
        assert phone.device in self.diary.centrals
        return phone

    def send(self, phone: FakePhone, frame: bytes) -> bool:
        return self.diary.centrals[phone.device].send(frame)


@asynccontextmanager
async def scene(directory: Path, version: tuple[int, int], profile: Profile = PROFILE, rate: float = FAST) -> AsyncIterator[Scene]:
    async with bus(directory) as address, fake_bluez(address, version) as bluez:
        connection = await BluezBus.connect(address)
        run = await Scene(bluez, connection, profile, rate).ready()
        try:
            yield run
        finally:
            await run.stop()
            await connection.close()


# What is offered


async def test_one_service_with_one_characteristic_is_offered(tmp_path: Path) -> None:
    async with scene(tmp_path, OLD) as run:
        (service,) = (path for path, interfaces in run.bluez.application.items() if "org.bluez.GattService1" in interfaces)
        assert run.bluez.application[service] == {"org.bluez.GattService1": {"UUID": SERVICE, "Primary": True}}
        assert run.bluez.application[run.bluez.characteristic] == {
            CHARACTERISTIC: {
                "UUID": UUID,
                "Service": service,
                "Flags": ["read", "write", "write-without-response", "notify"],
                "NotifyAcquired": False,
            }
        }
        reply = await run.bluez.call(run.bluez.characteristic, CHARACTERISTIC, "ReadValue", "a{sv}", {})
        assert reply.body == [b""]


async def test_the_advertisement_names_the_service_and_nobody(tmp_path: Path) -> None:
    async with scene(tmp_path, OLD) as run:
        assert run.bluez.advertisement == {"Type": "peripheral", "ServiceUUIDs": [SERVICE], "Discoverable": True}
        assert run.peripheral.advertising


async def test_a_tag_goes_into_the_scan_response(tmp_path: Path) -> None:
    async with scene(tmp_path, OLD, Profile(SERVICE, UUID, tag=bytes(range(8)))) as run:
        assert run.bluez.advertisement["ScanResponseServiceData"] == {SERVICE: bytes(range(8))}


async def test_a_silent_peripheral_does_not_advertise(tmp_path: Path) -> None:
    async with scene(tmp_path, OLD, Profile(SERVICE, UUID, advertise=False)) as run:
        assert not run.peripheral.advertising
        assert "RegisterAdvertisement" not in run.bluez.calls


def test_a_tag_that_does_not_fit_is_refused() -> None:
    assert Profile(SERVICE, UUID, bytes(13)).tag
    with pytest.raises(ValueError, match="14 bytes"):
        Profile(SERVICE, UUID, bytes(14))


async def test_the_end_takes_everything_back_and_ends_connections(tmp_path: Path) -> None:
    async with scene(tmp_path, NEW) as run:
        before = descriptors()
        phone = await run.arrive()
        run.bluez.answers["Disconnect"] = "org.bluez.Error.Failed"
        await run.stop()
        await run.bluez.until(lambda: phone.socket is None)
        assert descriptors() == before
        assert run.diary.lefts == [(phone.device, "the gateway ends its service")]
        assert run.bluez.calls[-3:] == ["Disconnect", "UnregisterAdvertisement", "UnregisterApplication"]
        assert not run.connection._bus._path_exports
        assert not run.connection._listeners


async def test_advertising_again_registers_anew(tmp_path: Path) -> None:
    async with scene(tmp_path, OLD) as run:
        before = run.bluez.advertisement_path
        await run.peripheral.advertise_again()
        assert run.bluez.advertisement_path != before
        assert run.peripheral.advertising
        run.bluez.answers["UnregisterAdvertisement"] = "org.bluez.Error.DoesNotExist"
        await run.peripheral.advertise_again()
        run.bluez.answers["RegisterAdvertisement"] = "org.bluez.Error.NotPermitted"
        with pytest.raises(BluezError, match="NotPermitted"):
            await run.peripheral.advertise_again()
        assert not run.peripheral.advertising


# Frames


@both
async def test_frames_go_both_ways(tmp_path: Path, version: tuple[int, int]) -> None:
    async with scene(tmp_path, version) as run:
        phone = await run.arrive()
        frames = [b"f" * size for size in (1, 20, 512)]
        for frame in frames:
            assert run.send(phone, frame)
        await run.bluez.until(lambda: len(phone.frames) == 3)
        assert phone.frames == frames
        for frame in frames:
            assert await phone.write(frame) == ""
        await run.diary.until(lambda: len(run.diary.frames) == 3)
        assert run.diary.frames == [(phone.device, frame) for frame in frames]
        assert run.peripheral.counters["writes"] == run.peripheral.counters["notifications"] == 3


@both
async def test_a_central_is_who_it_is(tmp_path: Path, version: tuple[int, int]) -> None:
    async with scene(tmp_path, version) as run:
        phone = await run.arrive(7, mtu=185)
        central = run.diary.centrals[phone.device]
        assert central.address == "5A:00:00:00:00:07"
        assert central.mtu == 180
        assert list(run.peripheral.centrals) == [central]


@both
async def test_who_writes_is_known(tmp_path: Path, version: tuple[int, int]) -> None:
    async with scene(tmp_path, version) as run:
        phones = [await run.arrive(number) for number in range(4)]
        for phone in reversed(phones):
            await phone.write(phone.device.encode())
        await run.diary.until(lambda: len(run.diary.frames) == 4)
        assert all(device.encode() == frame for device, frame in run.diary.frames)


@both
@pytest.mark.parametrize("size", [0, 513, 600])
async def test_what_is_no_frame_is_counted_and_dropped(tmp_path: Path, version: tuple[int, int], size: int) -> None:
    async with scene(tmp_path, version) as run:
        phone = await run.arrive()
        assert await phone.write(bytes(size)) == "org.bluez.Error.InvalidValueLength"
        await phone.write(b"after")
        await run.diary.until(lambda: run.diary.frames)
        assert run.diary.frames == [(phone.device, b"after")]
        assert run.peripheral.counters["malformed"] == 1


@both
async def test_half_a_write_is_refused(tmp_path: Path, version: tuple[int, int]) -> None:
    async with scene(tmp_path, version) as run:
        phone = await run.arrive()
        assert await phone.write(b"second half", offset=Variant("q", 20)) == "org.bluez.Error.InvalidOffset"
        assert await phone.write(b"whole", offset=Variant("q", 0)) == ""
        assert [frame for _, frame in run.diary.frames] == [b"whole"]


async def test_options_that_say_nothing_or_nonsense_are_refused(tmp_path: Path) -> None:
    async with scene(tmp_path, NEW) as run:
        for member, arguments in (("WriteValue", ("aya{sv}", b"frame")), ("AcquireNotify", ("a{sv}",))):
            signature, *body = arguments
            for options in ({}, {"device": Variant("u", 7), "mtu": Variant("s", "much")}):
                reply = await run.bluez.call(run.bluez.characteristic, CHARACTERISTIC, member, signature, *body, options)
                assert reply.error_name == "org.bluez.Error.InvalidArguments"


async def test_an_unsubscribed_write_is_no_link(tmp_path: Path) -> None:
    async with scene(tmp_path, OLD) as run:
        phone = FakePhone(run.bluez)
        assert await phone.write(b"hello") == ""
        assert run.peripheral.counters["unsubscribed"] == 1
        assert not run.diary.arrivals


# The shared way


async def test_a_frame_for_all_goes_out_once(tmp_path: Path) -> None:
    async with scene(tmp_path, OLD) as run:
        phones = [await run.arrive(number) for number in range(3)]
        frames = [bytes([number]) * 100 for number in range(10)]
        for frame in frames:
            assert all(run.send(phone, frame) for phone in phones)
        await run.bluez.until(lambda: len(phones[0].frames) == 10)
        assert all(phone.frames == frames for phone in phones)
        assert run.peripheral.counters["notifications"] == 10
        assert run.peripheral.counters["shared"] == 20


async def test_the_shortest_frames_count_for_all_who_share(tmp_path: Path) -> None:
    async with scene(tmp_path, OLD) as run:
        ada = await run.arrive(1)
        assert run.diary.centrals[ada.device].mtu == 512
        bela = await run.arrive(2, mtu=185)
        assert [run.diary.centrals[phone.device].mtu for phone in (ada, bela)] == [180, 180]
        assert run.diary.lefts == [(ada.device, "a phone has come that takes shorter frames only")]
        chen = await run.arrive(3)
        assert run.diary.centrals[chen.device].mtu == 180
        assert len(run.diary.lefts) == 1
        bela.disconnect()
        await run.diary.until(lambda: len(run.diary.centrals) == 2)
        dina = await run.arrive(4)
        assert run.diary.centrals[dina.device].mtu == 512


async def test_a_phone_with_tiny_frames_does_not_spoil_them_for_the_others(tmp_path: Path) -> None:
    async with scene(tmp_path, OLD) as run:
        ada = await run.arrive(1)
        tiny = FakePhone(run.bluez, 2, mtu=23)
        await tiny.subscribe()
        assert list(run.diary.centrals) == [ada.device]
        assert run.diary.centrals[ada.device].mtu == 512
        assert run.peripheral.counters["small_mtu"] == 1
        tiny.mtu = 247
        await tiny.write(b"now I can")
        assert run.diary.centrals[tiny.device].mtu == 242
        assert run.diary.frames == [(tiny.device, b"now I can")]


async def test_bluez_is_never_far_behind(tmp_path: Path) -> None:
    async with scene(tmp_path, OLD, rate=1e9) as run:
        phone = await run.arrive()
        run.bluez.answers["Ping"] = None
        frames = [bytes([number, 1]) for number in range(200)]
        sent = 0
        while run.send(phone, frames[sent]):
            sent += 1
        assert sent == 16
        await run.bluez.until(lambda: len(phone.frames) == 16)
        assert not run.send(phone, frames[sent])
        assert not run.diary.rooms


async def test_who_was_refused_is_told_of_room_in_turn(tmp_path: Path) -> None:
    async with scene(tmp_path, OLD, rate=1e9) as run:
        ada, bela = await run.arrive(1), await run.arrive(2)
        turns: list[str] = []
        left: dict[str, list[bytes]] = {
            phone.device: [bytes([number]) * (50 + index) for number in range(60)] for index, phone in enumerate((ada, bela))
        }

        def push(central: Any) -> None:
            frames = left[central.device]
            turns.append(central.device)
            while frames and central.send(frames[0]):
                del frames[0]

        run.diary.on_writable = push
        for phone in (ada, bela):
            push(run.diary.centrals[phone.device])
        await run.bluez.until(lambda: len(ada.frames) == len(bela.frames) == 120)
        assert [frame for frame in ada.frames if len(frame) == 50] == [bytes([number]) * 50 for number in range(60)]
        assert turns[:6] == [ada.device, bela.device] * 3


async def test_the_pace_counts_every_listener(tmp_path: Path) -> None:
    async with scene(tmp_path, OLD, rate=20_000) as run:
        phones = [await run.arrive(number) for number in range(4)]
        assert run.send(phones[0], bytes(500))
        assert not run.send(phones[0], bytes(500))
        await run.diary.until(lambda: run.diary.rooms)
        assert run.send(phones[0], bytes(500))


# Sockets of the phones' own


async def test_each_phone_is_sent_its_own(tmp_path: Path) -> None:
    async with scene(tmp_path, NEW) as run:
        ada, bela = await run.arrive(1), await run.arrive(2, mtu=185)
        assert [run.diary.centrals[phone.device].mtu for phone in (ada, bela)] == [512, 180]
        run.send(ada, b"for Ada")
        run.send(bela, b"for Bela")
        await run.bluez.until(lambda: ada.frames and bela.frames)
        assert (ada.frames, bela.frames) == ([b"for Ada"], [b"for Bela"])


async def test_a_phone_whose_connection_agrees_on_more_is_sent_longer_frames(tmp_path: Path) -> None:
    async with scene(tmp_path, NEW) as run:
        phone = FakePhone(run.bluez, 2, mtu=23)
        await phone.subscribe()
        phone.mtu = 247
        await phone.write(b"now I can")
        assert run.send(phone, bytes(242))
        await run.bluez.until(lambda: phone.frames)
        assert phone.frames == [bytes(242)]


@both
@pytest.mark.parametrize("size", [0, 181])
async def test_a_frame_that_a_phone_cannot_take_is_a_bug_of_who_sends_it(tmp_path: Path, version: tuple[int, int], size: int) -> None:
    async with scene(tmp_path, version) as run:
        phone = await run.arrive(mtu=185)
        with pytest.raises(ValueError, match=f"{size} bytes"):
            run.send(phone, bytes(size))


@both
async def test_each_phone_has_its_own_count_of_what_it_took_and_refused(tmp_path: Path, version: tuple[int, int]) -> None:
    async with scene(tmp_path, version, rate=20_000) as run:
        ada, bela = await run.arrive(1), await run.arrive(2)
        assert run.send(bela, bytes(20))
        taken = 0
        while run.send(ada, bytes(500)):
            taken += 1
        counts = {phone.device: (phone.sent, phone.refused) for phone in run.peripheral.centrals}
        assert taken
        assert counts == {ada.device: (taken, 1), bela.device: (1, 0)}


async def test_a_phone_that_does_not_read_is_refused_and_costs_the_others_nothing(tmp_path: Path) -> None:
    async with scene(tmp_path, NEW, rate=1e9) as run:
        deaf, ada = await run.arrive(1), await run.arrive(2)
        assert deaf.socket is not None
        asyncio.get_running_loop().remove_reader(deaf.socket)
        while run.send(deaf, bytes(512)):
            pass
        assert not run.send(deaf, b"more")
        assert run.send(ada, b"frame")
        await run.bluez.until(lambda: ada.frames)
        asyncio.get_running_loop().add_reader(deaf.socket, deaf._read)
        await run.diary.until(lambda: run.diary.rooms)
        assert run.send(deaf, b"more")


async def test_whose_socket_bluez_closes_by_mistake_stays_and_is_notified_the_shared_way(tmp_path: Path) -> None:
    async with scene(tmp_path, NEW) as run:
        ada, bela, chen = [await run.arrive(number) for number in range(3)]
        bela.disconnect()
        await run.diary.until(lambda: run.diary.lefts)
        assert ada.socket is None
        await run.diary.until(lambda: run.peripheral.counters["socket_lost"] == 1 and run.diary.rooms)
        assert run.diary.lefts == [(bela.device, "disconnected")]
        frame = b"for all"
        assert run.send(ada, frame)
        assert run.send(chen, frame)
        await run.bluez.until(lambda: ada.frames and chen.frames)
        assert ada.frames == chen.frames == [frame]
        assert run.send(chen, b"for Chen")
        await run.bluez.until(lambda: len(chen.frames) == 2)
        assert len(ada.frames) == 1
        await ada.write(b"still here")
        await run.diary.until(lambda: run.diary.frames == [(ada.device, b"still here")])
        ada.disconnect()
        await run.diary.until(lambda: len(run.diary.lefts) == 2)


async def test_a_frame_that_came_the_shared_way_too_early_is_sent_again(tmp_path: Path) -> None:
    async with scene(tmp_path, NEW) as run:
        ada, bela, chen = [await run.arrive(number) for number in range(3)]
        bela.disconnect()
        await run.diary.until(lambda: run.peripheral.counters["socket_lost"])
        for_all = b"for all"
        run.send(ada, for_all)
        await run.bluez.until(lambda: chen.frames == [for_all])
        run.send(chen, b"for Chen, first")
        run.send(chen, for_all)
        await run.bluez.until(lambda: chen.frames == [for_all, b"for Chen, first", for_all])


async def test_what_it_could_not_take_before_is_asked_for_again(tmp_path: Path) -> None:
    async with scene(tmp_path, NEW, rate=1e9) as run:
        ada, bela = await run.arrive(1), await run.arrive(2)
        assert ada.socket is not None
        asyncio.get_running_loop().remove_reader(ada.socket)
        while run.send(ada, bytes(512)):
            pass
        bela.disconnect()
        await run.diary.until(lambda: run.diary.rooms)
        assert run.send(ada, b"more")
        await run.bluez.until(lambda: ada.frames == [b"more"])


async def test_the_shared_way_has_room_for_the_shortest_here_too(tmp_path: Path) -> None:
    async with scene(tmp_path, NEW) as run:
        ada, bela = await run.arrive(1), await run.arrive(2, mtu=185)
        chen = await run.arrive(3)
        chen.disconnect()
        await run.diary.until(lambda: len(run.diary.lefts) == 2)
        assert run.diary.lefts[1] == (ada.device, "a phone has come that takes shorter frames only")
        assert [run.diary.centrals[phone.device].mtu for phone in (ada, bela)] == [180, 180]
        dina = await run.arrive(4, mtu=150)
        assert [run.diary.centrals[phone.device].mtu for phone in (ada, bela, dina)] == [145, 180, 145]


async def test_a_second_subscription_of_a_phone_that_has_a_socket_is_refused(tmp_path: Path) -> None:
    async with scene(tmp_path, NEW) as run:
        phone = await run.arrive()
        socket = phone.socket
        assert await phone.subscribe() == "org.bluez.Error.Failed"
        assert phone.socket is socket
        assert not run.diary.lefts
        assert run.send(phone, b"frame")
        await run.bluez.until(lambda: phone.frames)


# Coming and going


@both
async def test_what_a_phone_wrote_last_comes_before_it_leaves(tmp_path: Path, version: tuple[int, int]) -> None:
    async with scene(tmp_path, version) as run:
        phone = await run.arrive()
        for number in range(5):
            await phone.write(bytes([number]))
        phone.disconnect()
        await run.diary.until(lambda: run.diary.lefts)
        assert run.diary.lefts == [(phone.device, "disconnected")]
        assert [frame for _, frame in run.diary.frames] == [bytes([number]) for number in range(5)]


@both
async def test_a_phone_that_is_forgotten_has_left(tmp_path: Path, version: tuple[int, int]) -> None:
    async with scene(tmp_path, version) as run:
        phone = await run.arrive()
        central = run.diary.centrals[phone.device]
        run.bluez.remove(phone.device)
        await run.diary.until(lambda: run.diary.lefts)
        assert not central.is_here
        assert not central.send(b"into the void")


@both
async def test_a_phone_that_comes_again_is_another_central(tmp_path: Path, version: tuple[int, int]) -> None:
    async with scene(tmp_path, version) as run:
        phone = await run.arrive()
        first = run.diary.centrals[phone.device]
        phone.close()
        await phone.subscribe()
        assert run.diary.lefts == [(phone.device, "subscribed anew")]
        assert run.diary.centrals[phone.device] is not first
        assert run.send(phone, b"hello again")
        await run.bluez.until(lambda: phone.frames == [b"hello again"])


@both
async def test_the_crowd_is_bounded(tmp_path: Path, version: tuple[int, int]) -> None:
    async with scene(tmp_path, version) as run:
        for number in range(MAX_CENTRALS):
            await run.arrive(number)
        phone = FakePhone(run.bluez, 999)
        assert await phone.subscribe() == "org.bluez.Error.Failed"
        await run.bluez.until(lambda: "Disconnect" in run.bluez.calls)
        assert len(run.diary.centrals) == MAX_CENTRALS
        assert run.peripheral.counters["turned_away"] == 1


@both
async def test_a_connection_is_ended_once_and_twice(tmp_path: Path, version: tuple[int, int]) -> None:
    async with scene(tmp_path, version) as run:
        phone = await run.arrive()
        central = run.diary.centrals[phone.device]
        await central.disconnect()
        await run.diary.until(lambda: run.diary.lefts)
        run.bluez.answers["Disconnect"] = "org.bluez.Error.NotConnected"
        await central.disconnect()
        run.bluez.answers["Disconnect"] = "org.bluez.Error.Failed"
        with pytest.raises(BluezError, match="Failed"):
            await central.disconnect()


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def any_connected(connection: BluezBus) -> bool:
    return any(interfaces.get(DEVICE, {}).get("Connected") for interfaces in connection.objects.values())


@both
async def test_a_thousand_phones_leave_no_descriptor_behind(tmp_path: Path, version: tuple[int, int]) -> None:
    async with scene(tmp_path, version) as run:
        before = descriptors()
        for number in range(1_000):
            phone = await run.arrive(number)
            if number % 10 == 0:
                await phone.write(b"hello")
            phone.disconnect()
        await run.diary.until(lambda: len(run.diary.lefts) == 1_000)
        assert descriptors() == before
        assert not run.connection._bus._travelling
        assert len(run.diary.frames) == 100


# What goes wrong


@pytest.mark.parametrize("member", ["RegisterApplication", "RegisterAdvertisement"])
@pytest.mark.parametrize("error", ["InProgress", "NotPermitted", "DoesNotExist", "NotReady"])
async def test_a_refused_registration_ends_the_run(tmp_path: Path, member: str, error: str) -> None:
    async with bus(tmp_path) as address, fake_bluez(address) as bluez:
        connection = await BluezBus.connect(address)
        bluez.answers[member] = f"org.bluez.Error.{error}"
        run = Scene(bluez, connection)
        assert (await run.error()).is_(error)
        assert not connection._bus._path_exports
        del bluez.answers[member]
        again = await Scene(bluez, connection).ready()
        await again.stop()
        await connection.close()


async def test_a_bluez_that_does_not_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hw.bluez.peripheral.REGISTER_TIMEOUT_S", 0.05)
    async with bus(tmp_path) as address, fake_bluez(address) as bluez:
        connection = await BluezBus.connect(address)
        bluez.answers["RegisterApplication"] = None
        assert (await Scene(bluez, connection).error()).is_("NoReply")
        await connection.close()


async def test_a_bluez_that_hangs_at_the_end_does_not_keep_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hw.bluez.peripheral.FAREWELL_TIMEOUT_S", 0.05)
    async with scene(tmp_path, OLD) as run:
        await run.arrive()
        run.bluez.answers.update(Disconnect=None, UnregisterAdvertisement=None, UnregisterApplication=None)
        await run.stop()
        assert not run.connection._bus._path_exports


@both
async def test_a_bluez_that_ends_takes_everybody_along(tmp_path: Path, version: tuple[int, int]) -> None:
    async with bus(tmp_path) as address:
        async with fake_bluez(address, version) as bluez:
            connection = await BluezBus.connect(address)
            run = await Scene(bluez, connection).ready()
            await run.arrive()
            bluez.connection.disconnect()
            assert (await run.error()).is_("NameHasNoOwner")
            assert len(run.diary.lefts) == 1
        async with fake_bluez(address, version) as bluez:
            assert await connection.until(lambda: connection.present, 5)
            again = await Scene(bluez, connection).ready()
            await again.arrive()
            await again.stop()
        await connection.close()


@both
async def test_a_lost_bus_takes_everybody_along(tmp_path: Path, version: tuple[int, int]) -> None:
    async with daemon(tmp_path) as (address, process), fake_bluez(address, version) as bluez:
        connection = await BluezBus.connect(address)
        run = await Scene(bluez, connection).ready()
        await run.arrive()
        process.kill()
        assert (await run.error()).is_("Disconnected")
        assert len(run.diary.lefts) == 1
        await connection.close()


async def test_an_advertisement_that_is_released_ends_the_run(tmp_path: Path) -> None:
    async with scene(tmp_path, OLD) as run:
        await run.arrive()
        await run.bluez.call(run.bluez.advertisement_path, "org.bluez.LEAdvertisement1", "Release")
        assert (await run.error()).is_("Released")
        assert not run.peripheral.advertising


@pytest.mark.parametrize("part", ["adapter", "manager"])
async def test_an_adapter_that_goes_ends_the_run(tmp_path: Path, part: str) -> None:
    async with scene(tmp_path, OLD) as run:
        await run.arrive()
        if part == "adapter":
            run.bluez.remove("/org/bluez/hci0")
        else:
            interfaces = run.bluez.objects["/org/bluez/hci0"]
            run.bluez.objects["/org/bluez/hci0"] = {GATT: interfaces.pop(GATT)}
            run.bluez.remove("/org/bluez/hci0")
            run.bluez.objects["/org/bluez/hci0"] = interfaces
        assert (await run.error()).is_("AdapterRemoved")


async def test_an_adapter_that_is_switched_off_ends_the_run_and_none_begins(tmp_path: Path) -> None:
    async with scene(tmp_path, OLD) as run:
        run.bluez.change("/org/bluez/hci0", ADAPTER, Powered=Variant("b", False))
        assert (await run.error()).is_("NotReady")
        assert (await Scene(run.bluez, run.connection).error()).is_("NotReady")


async def test_an_adapter_that_is_not_there_is_not_served(tmp_path: Path) -> None:
    async with bus(tmp_path) as address, fake_bluez(address, adapters=("hci0", "hci1")) as bluez:
        connection = await BluezBus.connect(address)
        adapter = list_adapters(connection)[1]
        bluez.remove(adapter.path)
        assert await connection.until(lambda: adapter.path not in connection.objects, 5)
        with pytest.raises(BluezError, match="hci1"):
            await Peripheral(connection, adapter, PROFILE, Diary(), loop_pace()).run()
        await connection.close()


async def test_another_adapters_troubles_are_not_ours(tmp_path: Path) -> None:
    async with scene(tmp_path, OLD) as run:
        run.bluez.plug("hci1")
        run.bluez.change("/org/bluez/hci1", ADAPTER, Powered=Variant("b", False))
        run.bluez.remove("/org/bluez/hci1")
        phone = await run.arrive()
        await phone.write(b"still here")
        assert run.diary.frames
        assert not run.task.done()
