import asyncio
import socket
from pathlib import Path

import pytest

from hw.bluez import bus as bus_module
from hw.bluez.adapters import Adapter, BluetoothUnavailableError, Trouble, find_adapters
from tests.hw.private_bus import NOBODY_MAY, bluez, bus, needs_daemon


async def trouble_on(address: str) -> Trouble:
    with pytest.raises(BluetoothUnavailableError) as caught:
        await find_adapters(address)
    assert caught.value.sentence.endswith(".")
    assert caught.value.remedy.endswith(".")
    return caught.value.trouble


@pytest.mark.parametrize("address", ["unix:path=/nowhere/bus", "carrier-pigeon:loft=3", "no address at all"])
async def test_without_a_bus_there_is_nobody_to_ask(address: str) -> None:
    assert await trouble_on(address) is Trouble.NO_BUS


async def test_a_socket_nobody_listens_on_is_no_bus(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "bus"))
    assert await trouble_on(f"unix:path={tmp_path}/bus") is Trouble.NO_BUS


@pytest.mark.parametrize("answer", [b"", b"REJECTED EXTERNAL\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
async def test_something_else_that_answers_is_no_bus(tmp_path: Path, answer: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_unix_server(talk, tmp_path / "bus")
    async with server:
        assert await trouble_on(f"unix:path={tmp_path}/bus") is Trouble.NO_BUS


async def test_a_bus_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_module, "CONNECT_TIMEOUT_S", 0.05)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "bus"))
        silent.listen()
        assert await trouble_on(f"unix:path={tmp_path}/bus") is Trouble.NO_BUS


@needs_daemon
async def test_a_bus_without_bluez(tmp_path: Path) -> None:
    async with bus(tmp_path) as address:
        assert await trouble_on(address) is Trouble.NO_BLUEZ


@needs_daemon
async def test_a_bluez_this_user_may_not_ask(tmp_path: Path) -> None:
    async with bus(tmp_path, NOBODY_MAY) as address, bluez(address, {"hci0": True}):
        assert await trouble_on(address) is Trouble.DENIED


@needs_daemon
async def test_a_bluez_without_adapters(tmp_path: Path) -> None:
    async with bus(tmp_path) as address, bluez(address, {}):
        assert await trouble_on(address) is Trouble.NO_ADAPTER


@needs_daemon
@pytest.mark.parametrize("powered", [True, False])
async def test_one_adapter_powered_or_not(tmp_path: Path, powered: bool) -> None:
    async with bus(tmp_path) as address, bluez(address, {"hci0": powered}):
        assert await find_adapters(address) == [Adapter("/org/bluez/hci0", "hci0", powered=powered)]


@needs_daemon
async def test_several_adapters_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    async with bus(tmp_path) as address, bluez(address, {"hci10": True, "hci1": False, "hci2": True}):
        assert [adapter.name for adapter in await find_adapters(address)] == ["hci1", "hci2", "hci10"]


@needs_daemon
async def test_bluez_that_goes_away_is_noticed_at_the_next_question(tmp_path: Path) -> None:
    async with bus(tmp_path) as address:
        async with bluez(address, {"hci0": True}):
            assert await find_adapters(address)
        assert await trouble_on(address) is Trouble.NO_BLUEZ
