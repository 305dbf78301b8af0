"""The controller on the machine's serial line, without a machine."""

import asyncio
from random import Random

import pytest

from tests.image.boot.radio import NAME, Framing, SerialAdapter, on_air
from tests.rig.air import Air
from tests.rig.air_client import AirClient

RESET = bytes.fromhex("01030c00")
RESET_DONE = bytes.fromhex("040e0401030c00")
SCAN = bytes.fromhex("010c20020100")
DATA = bytes.fromhex("0240000500") + b"hello"


@pytest.mark.parametrize("seed", range(20))
def test_packets_are_whole_however_the_line_cuts_them(seed):
    print(f"seed {seed}")
    rng, framing, sent = Random(seed), Framing(), [Random(seed).choice((RESET, SCAN, DATA)) for _ in range(50)]
    line, got = b"".join(sent), []
    while line:
        size = rng.randint(1, 9)
        got += framing.feed(line[:size])
        line = line[size:]
    assert got == sent
    assert framing.skipped == 0


def test_what_begins_no_packet_is_skipped():
    framing = Framing()
    assert list(framing.feed(b"\r\n\xff" + RESET)) == [RESET]
    assert framing.skipped == 3


async def test_a_machine_on_the_line_has_a_controller_and_one_that_is_switched_off_leaves_it_silent(tmp_path):
    adapter = SerialAdapter(Air())
    async with await asyncio.start_unix_server(adapter.take, tmp_path / "line"):
        for _ in range(2):
            reader, writer = await asyncio.open_unix_connection(tmp_path / "line")
            writer.write(RESET)
            assert await reader.readexactly(len(RESET_DONE)) == RESET_DONE
            assert adapter.index("hci0") == 0
            writer.write(SCAN)
            while not adapter.station.le_scan_enable:  # noqa: ASYNC110 -- the controller tells nobody
                await asyncio.sleep(0)
            another, second = await asyncio.open_unix_connection(tmp_path / "line")
            assert await another.read() == b""
            second.close()
            writer.close()
            while adapter.index("hci0") is not None:  # noqa: ASYNC110 -- the same
                await asyncio.sleep(0)
            assert not adapter.station.le_scan_enable


@pytest.mark.timeout(90)
async def test_the_air_in_a_process_of_its_own_has_an_adapter_and_takes_phones(tmp_path):
    control = tmp_path / "air"
    with on_air(tmp_path / "line", control, tmp_path / "log"):
        async with AirClient(str(control)) as air:
            assert set(await air.stations()) == {NAME}
            await air.phone("add", name="Ada", platform="ios", role="central")
            assert set(await air.stations()) == {NAME, "Ada"}
    assert not control.exists()
