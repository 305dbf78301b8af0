"""bitchat-cli 0.2.3, somebody else's program, beside a real bluetoothd: it sees our gateway, hears us, and is relayed by us."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.limits import MAX_TTL
from gateway.testing.manners import Why
from gateway.wire.fragment import Assembler, decode_fragment
from gateway.wire.packet import decode, peek
from gateway.wire.types import MessageType
from hw.bluez.adapters import Role, devices, forget_device
from hw.bluez.bus import BluezBus
from tests.interop.bitchat_cli.terminal import BitchatCli, bitchat_cli
from tests.rig.air_client import AirClient
from tests.rig.radio_scene import radio, running
from tests.rig.site_scene import ADDRESS, Site

pytestmark = [pytest.mark.rig, pytest.mark.timeout(900)]


@contextlib.asynccontextmanager
async def phone(air: AirClient, name: str) -> AsyncIterator[str]:
    """A phone that hears the gateway and nobody else; gives its peer ID."""
    await air.island("hut", name)
    await air.link(name, [0, 2], up=False)
    try:
        yield (await air.phone("add", name=name, platform="android"))["peer_id"]
    finally:
        await air.phone("remove", name=name)


@contextlib.asynccontextmanager
async def hut() -> AsyncIterator[tuple[Site, AirClient, BitchatCli]]:
    """A gateway on the second adapter, bitchat-cli on the first."""
    directory = new_directory()
    async with AirClient() as air:
        await forget_everybody("/org/bluez/hci0")
        await air.island("hut", 0, 1, 2)
        site = Site("hut", directory / "hut", [ADDRESS.format(1)])
        site.configure()
        await site.start()
        try:
            await site.until(lambda status: status["transports"]["ble"]["state"] == "up")
            async with on_the_first_adapter(air, directory) as cli:
                yield site, air, cli
        finally:
            await site.stop()
            await air.island(None, 0, 1, 2)
            shutil.rmtree(directory)


@contextlib.asynccontextmanager
async def on_the_first_adapter(air: AirClient, home: Path) -> AsyncIterator[BitchatCli]:
    """Run bitchat-cli until it has taken the first adapter.

    It takes one out of a Python set of their paths: another one each time it is started, and sometimes the gateway's own.
    """
    for _ in range(30):
        async with bitchat_cli(home) as cli:
            await cli.until(lambda printed: "Scanning" in printed or "Could not start" in printed)
            for _ in range(20):
                if "Scanning" in cli.printed and (await air.stations())["hci0"]["scans"]:
                    yield cli
                    return
                await asyncio.sleep(0.25)
    raise AssertionError("bitchat-cli never took the first adapter")


async def forget_everybody(adapter: str) -> None:
    """Have BlueZ forget the devices of an adapter.

    bitchat-cli never does, and BlueZ hides from it a gateway that stopped while they were connected, as long as it remembers it.
    """
    bus = await BluezBus.connect()
    try:
        for device in devices(bus, adapter):
            await forget_device(bus, device.path)
    finally:
        await bus.close()


def new_directory() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="hut-"))
    directory.chmod(0o755)
    return directory


async def test_it_finds_the_gateway_and_knows_it_by_its_announce() -> None:
    async with hut() as (site, _, cli):
        await cli.shows("hut (open bridge) is now online")
        own_id = (await site.until(lambda status: status["transports"]["ble"]["links"] == 1))["peer_id"]
        cli.type("/w")
        await cli.shows(f"hut (open bridge) {own_id}")


async def test_it_shows_once_what_a_phone_out_of_its_reach_says() -> None:
    async with hut() as (_, air, cli), phone(air, "ada") as ada:
        await cli.shows("ada is now online")
        cli.type("/w")
        await cli.shows(f"ada {ada}")
        for number in range(5):
            text = (await air.phone("say", name="ada", text=f"number {number}", expected=[]))["id"]
            await cli.shows(text)
        await asyncio.sleep(60)  # in which gossip could bring it again
        assert [cli.printed.count(f"number {number}") for number in range(5)] == [1] * 5


async def test_it_hears_the_phone_again_after_the_gateway_was_restarted() -> None:
    async with hut() as (site, air, cli), phone(air, "ada"):
        await cli.shows("ada is now online")
        await site.stop()
        await cli.shows("Disconnected")
        await asyncio.sleep(5)  # BlueZ 5.66 takes no RemoveDevice right after a disconnection
        await forget_everybody("/org/bluez/hci0")
        await site.start()
        await cli.until(lambda printed: printed.count("Connected to") >= 2)
        text = (await air.phone("say", name="ada", text="back again", expected=[]))["id"]
        await cli.shows(text)


@pytest.mark.parametrize(
    ("text", "hops"),
    [("hello from the terminal", MAX_TTL - 2), (" ".join(["a longer line"] * 20), MAX_TTL - 1)],  # as iOS does it among three neighbours
    ids=["whole", "in fragments"],
)
async def test_what_it_says_goes_on_through_us_once(text: str, hops: int) -> None:
    async with hut() as (_, air, cli), phone(air, "ada"):
        await air.link(0, 2, up=False)
        async with running(radio(ADDRESS.format(2), Role.CENTRAL)) as (far,):
            await far.until(lambda: far.up, "LinkUp")
            await cli.shows("hut (open bridge) is now online")
            cli.type(text)
            await far.until(lambda: said_by(cli, far.frames, text), "the message")
            await reached(air, "ada", cli)
            await asyncio.sleep(60)  # in which gossip could bring it again
            assert len(said_by(cli, far.frames, text)) == 1
            assert {frame[2] for frame in far.frames if peek(frame).sender_id.hex() == cli.peer_id} == {hops}


def said_by(cli: BitchatCli, frames: list[bytes], text: str) -> list[bytes]:
    """The packets of bitchat-cli's own making that say so, put together where they came in fragments."""
    assembler, found = Assembler(), []
    for frame in frames:
        packet = decode(frame)
        if packet.sender_id.hex() != cli.peer_id:
            continue
        whole = frame
        if packet.type == MessageType.FRAGMENT:
            whole = assembler.add(packet.sender_id, decode_fragment(packet.payload), 0.0)
        if whole is not None and decode(whole).type == MessageType.MESSAGE and decode(whole).payload == text.encode():
            found.append(whole)
    return found


async def reached(air: AirClient, name: str, cli: BitchatCli) -> None:
    """Wait until a phone has got the message too, and refused to believe it.

    bitchat-cli takes a peer ID at random, not the hash of its Noise key, so no phone of today believes its announce, or shows what it says.
    """
    refused: dict[str, int] = {}
    for _ in range(60):
        refused = (await air.phone("status", name=name))["refused"]
        if any(why.startswith(Why.UNKNOWN_SENDER) and cli.peer_id in why for why in refused):
            return
        await asyncio.sleep(1)
    raise AssertionError(f"{name} has not got it: {refused}")
