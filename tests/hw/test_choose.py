import pytest
from dbus_fast import Variant

from hw.bluez.adapters import (
    Adapter,
    BluetoothUnavailableError,
    Device,
    Role,
    Trouble,
    Wish,
    choose,
    devices,
    forget_device,
    list_adapters,
    parse_wish,
    power,
)
from hw.bluez.bus import BluezBus
from hw.bluez.errors import BluezError
from tests.hw.fake_bluez import ADAPTER, DEVICE, FakePhone, fake_bluez
from tests.hw.private_bus import bus, needs_daemon

CENTRAL, PERIPHERAL, BOTH = Role.CENTRAL, Role.PERIPHERAL, Role.BOTH


def adapter(number: int, roles: Role = BOTH, *, powered: bool = True, advertisements: int = 5) -> Adapter:
    name = f"hci{number}"
    address = f"AA:BB:CC:DD:EE:{number:02X}"
    return Adapter(f"/org/bluez/{name}", name, powered, address, roles=roles, bluez=(5, 66), advertisements=advertisements)


def names(chosen: list[tuple[Adapter, Role]]) -> list[tuple[str, Role]]:
    return [(adapter.name, role) for adapter, role in chosen]


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("hci0", Wish("hci0", BOTH)),
        ("HCI12=central", Wish("HCI12", CENTRAL)),
        (" aa:bb:cc:dd:ee:ff = Peripheral ", Wish("aa:bb:cc:dd:ee:ff", PERIPHERAL)),
        ("AA:BB:CC:DD:EE:FF=both", Wish("AA:BB:CC:DD:EE:FF", BOTH)),
    ],
)
def test_a_wish_is_read(text: str, wish: Wish) -> None:
    assert parse_wish(text) == wish


@pytest.mark.parametrize("text", ["", "hci", "hci0:central", "eth0", "AA:BB:CC:DD:EE", "hci0=", "hci0=king", "=central", "hci99999"])
def test_what_is_no_wish_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_wish(text)
    assert str(caught.value).endswith(".")


def test_one_adapter_does_both() -> None:
    assert names(choose([adapter(0)], [])) == [("hci0", BOTH)]


def test_of_several_one_looks_and_the_next_is_found() -> None:
    assert names(choose([adapter(0), adapter(1), adapter(2)], [])) == [("hci0", CENTRAL), ("hci1", PERIPHERAL)]


def test_who_cannot_advertise_does_not() -> None:
    assert names(choose([adapter(0, advertisements=0), adapter(1)], [])) == [("hci0", CENTRAL), ("hci1", PERIPHERAL)]
    assert names(choose([adapter(0), adapter(1, advertisements=0)], [])) == [("hci0", BOTH)]
    assert names(choose([adapter(0), adapter(1, CENTRAL), adapter(2)], [])) == [("hci0", CENTRAL), ("hci2", PERIPHERAL)]
    assert names(choose([adapter(0, advertisements=0)], [])) == [("hci0", CENTRAL)]
    assert names(choose([adapter(0, PERIPHERAL)], [])) == [("hci0", PERIPHERAL)]


def test_one_that_is_off_may_be_able_to_advertise() -> None:
    assert names(choose([adapter(0, powered=False, advertisements=0)], [])) == [("hci0", BOTH)]


def test_wishes_are_granted_by_name_and_by_address_whatever_the_case() -> None:
    adapters = [adapter(0), adapter(1), adapter(2)]
    assert names(choose(adapters, [Wish("HCI2", CENTRAL)])) == [("hci2", CENTRAL)]
    wishes = [Wish("aa:bb:cc:dd:ee:01", PERIPHERAL), Wish("hci0", CENTRAL)]
    assert names(choose(adapters, wishes)) == [("hci1", PERIPHERAL), ("hci0", CENTRAL)]
    assert names(choose(adapters, [Wish("hci0", CENTRAL), Wish("hci0", PERIPHERAL)])) == [("hci0", BOTH)]


def test_a_wished_adapter_that_is_missing_is_left_out() -> None:
    assert names(choose([adapter(0)], [Wish("hci7"), Wish("hci0", CENTRAL)])) == [("hci0", CENTRAL)]


def test_no_adapter_is_given_a_role_that_it_does_not_have() -> None:
    assert names(choose([adapter(0, CENTRAL)], [Wish("hci0")])) == [("hci0", CENTRAL)]
    with pytest.raises(BluetoothUnavailableError):
        choose([adapter(0, CENTRAL)], [Wish("hci0", PERIPHERAL)])


@pytest.mark.parametrize("wishes", [[], [Wish("hci7")]])
def test_nothing_left_is_no_adapter(wishes: list[Wish]) -> None:
    with pytest.raises(BluetoothUnavailableError) as caught:
        choose([adapter(0)] if wishes else [], wishes)
    assert caught.value.trouble is Trouble.NO_ADAPTER


@needs_daemon
async def test_an_adapter_says_what_it_is(tmp_path) -> None:
    async with bus(tmp_path) as address, fake_bluez(address, (5, 82)) as bluez:
        bluez.plug("hci1", Roles=Variant("as", ["peripheral"]), Modalias=Variant("s", "usb:v0000"), Powered=Variant("b", False))
        connection = await BluezBus.connect(address)
        assert list_adapters(connection) == [
            Adapter("/org/bluez/hci0", "hci0", True, "00:00:5E:00:53:00", False, BOTH, (5, 82), 5),
            Adapter("/org/bluez/hci1", "hci1", False, "00:00:5E:00:53:01", False, PERIPHERAL, None, 5),
        ]
        await connection.close()


@needs_daemon
async def test_devices_are_listed_and_forgotten(tmp_path) -> None:
    async with bus(tmp_path) as address, fake_bluez(address, adapters=("hci0", "hci1")) as bluez:
        phone, _ = FakePhone(bluez, 1), FakePhone(bluez, 2, adapter="hci1")
        bluez.change(phone.device, DEVICE, RSSI=Variant("n", -61), UUIDs=Variant("as", ["F47B5E2D"]))
        connection = await BluezBus.connect(address)
        assert devices(connection, "/org/bluez/hci0") == [Device(phone.device, "5A:00:00:00:00:01", True, -61, ("f47b5e2d",))]
        await forget_device(connection, phone.device)
        assert await connection.until(lambda: not devices(connection, "/org/bluez/hci0"), 5)
        await forget_device(connection, phone.device)
        bluez.answers["RemoveDevice"] = "org.bluez.Error.NotReady"
        with pytest.raises(BluezError, match="NotReady"):
            await forget_device(connection, phone.device)
        await connection.close()


@needs_daemon
async def test_an_adapter_is_switched(tmp_path) -> None:
    async with bus(tmp_path) as address, fake_bluez(address) as bluez:
        connection = await BluezBus.connect(address)
        await power(connection, "/org/bluez/hci0", on=False)
        assert bluez.objects["/org/bluez/hci0"][ADAPTER]["Powered"].value is False
        bluez.answers["Set"] = "org.bluez.Error.Blocked"
        with pytest.raises(BluezError, match="Blocked"):
            await power(connection, "/org/bluez/hci0", on=True)
        await connection.close()
