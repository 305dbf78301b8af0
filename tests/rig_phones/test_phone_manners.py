"""What each platform does with its radio, as far as it differs (specification, sections 2 and 14)."""

import asyncio
from random import Random

import pytest
from bumble import att, gatt
from bumble.device import DeviceConfiguration

from gateway.testing.manners import Why
from tests.rig.phone_host import new_device
from tests.rig.phone_profile import CHARACTERISTIC, SERVICE, advertisement, static_address
from tests.rig_phones.stage import PACE, on_stage
from transports.link import FrameReceived

FRAME = bytes((1, 2, 7, *bytes(9), 0, 3, *bytes(8))) + b"abc"  # a public message nobody can verify


async def tap(stage, name):
    """Every frame that reaches the engine of a phone from now on."""
    frames = []
    links = stage.radio(name).links
    post = links.post

    def listen(event):
        if isinstance(event, FrameReceived):
            frames.append(event.frame)
        post(event)

    links.post = listen
    return frames


def refused(stage, name, kind):
    return [one.frame for one in stage.phones.phones[name].manners.refused if one.why is kind]


@pytest.mark.parametrize(("platform", "joins"), [("ios", True), ("android", False)])
def test_pieces_of_a_packet_in_several_notifications_are_joined_by_ios_alone(platform, joins):
    async def play(stage):
        await stage.add("Ada", role="central", platform=platform)
        await stage.add("Bela", role="peripheral")
        await asyncio.sleep(10)
        pieces = [FRAME[at : at + 10] for at in range(0, len(FRAME), 10)]
        for link in stage.radio("Bela").links:
            for piece in pieces:
                link.send(piece)
        await asyncio.sleep(0.1)
        assert refused(stage, "Ada", Why.NOT_A_PACKET) == ([] if joins else pieces)

    on_stage(play)


@pytest.mark.parametrize("platform", ["ios", "android"])
def test_one_write_is_one_packet_to_both(platform):
    async def play(stage):
        await stage.add("Ada", role="central")
        await stage.add("Bela", role="peripheral", platform=platform)
        await asyncio.sleep(10)
        frames = await tap(stage, "Bela")
        for link in stage.radio("Ada").links:
            for piece in (FRAME[:10], FRAME[10:], FRAME):
                link.send(piece)
        await asyncio.sleep(0.1)
        assert frames == [FRAME[:10], FRAME[10:], FRAME]
        assert refused(stage, "Bela", Why.NOT_A_PACKET) == [FRAME[:10], FRAME[10:]]

    on_stage(play)


@pytest.mark.parametrize(("platform", "takes"), [("ios", True), ("android", False)])
def test_a_long_write_is_taken_by_ios_and_refused_by_android(platform, takes):
    async def play(stage):
        await stage.add("Ada", role="central")
        await stage.add("Bela", role="peripheral", platform=platform)
        await asyncio.sleep(10)
        frames = await tap(stage, "Bela")
        connection = next(iter(stage.radio("Ada").links)).connection
        characteristic = connection.gatt_client.get_characteristics_by_uuid(CHARACTERISTIC)[0]
        write = connection.gatt_client.write_long_value(characteristic.handle, FRAME)
        if takes:
            await write
        else:
            with pytest.raises(att.ATT_Error):
                await write
        assert (frames == [FRAME]) is takes
        assert stage.radio("Bela").counters["long_writes_refused"] == (0 if takes else 1)

    on_stage(play)


@pytest.mark.parametrize(("mtu", "room"), [(None, 512), (517, 512), (185, 182), (110, 107)])
def test_a_link_takes_what_the_smaller_mtu_of_both_ends_leaves(mtu, room):
    async def play(stage):
        await stage.add("Ada", role="central", platform="android")
        await stage.add("Bela", role="peripheral", mtu=mtu)
        await asyncio.sleep(10)
        links = [*stage.radio("Ada").links, *stage.radio("Bela").links]
        assert [link.mtu for link in links] == [room, room]

    on_stage(play)


def test_the_tag_is_shown_by_android_alone_and_nobody_shows_a_name():
    async def play(stage):
        for name, platform in (("Ada", "ios"), ("Bela", "android")):
            await stage.add(name, role="peripheral", platform=platform)
        await stage.add("Chen", role="central", platform="android")
        await asyncio.sleep(10)
        tags = {link.tag for link in stage.radio("Chen").links}
        assert tags == {b"", stage.phones.phones["Bela"].peer_id}
        assert stage.radio("Chen").counters["heard_names"] == 0

    on_stage(play)


@pytest.mark.parametrize(("platform", "calls_again"), [("android", False), ("ios", True)])
def test_a_neighbour_under_a_new_address_is_known_by_its_tag_to_android_alone(platform, calls_again):
    async def play(stage):
        await stage.add("Ada", role="central", platform=platform)
        await stage.add("Bela", role="peripheral", platform="android")
        await asyncio.sleep(10)
        before = stage.radio("Bela").address
        for name in ("Ada", "Bela"):
            await stage.do("rotate", name=name)
        assert stage.radio("Bela").address != before
        await asyncio.sleep(30)
        assert len(await stage.links("Ada")) == (2 if calls_again else 1)

    on_stage(play)


@pytest.mark.parametrize("platform", ["ios", "android"])
def test_a_server_without_cccd_is_left(platform):
    async def play(stage):
        config = DeviceConfiguration(address=static_address(Random(1)), advertising_data=advertisement())
        controller = stage.plug("server")
        server = new_device(controller, config)
        mute = gatt.Characteristic(CHARACTERISTIC, gatt.Characteristic.Properties.WRITE, gatt.Characteristic.WRITEABLE)
        server.add_service(gatt.Service(SERVICE, [mute]))
        await server.power_on()
        await server.start_advertising(auto_restart=True)
        await stage.add("Ada", role="central", platform=platform)
        await asyncio.sleep(10)
        assert await stage.links("Ada") == []
        assert stage.radio("Ada").counters["failed_no_cccd"] == 1
        assert not server.connections
        await asyncio.sleep(60)
        assert 2 <= stage.radio("Ada").counters["calls"] <= 6  # it tries again, and not in a rage
        await server.stop_advertising()

    on_stage(play)


def test_a_phone_that_goes_silent_is_gone_at_once_and_comes_back():
    async def play(stage):
        await stage.add("Ada", "Bela")
        await asyncio.sleep(10)
        await stage.do("silent", name="Ada")
        await asyncio.sleep(0.5)
        assert await stage.links("Bela") == []
        await asyncio.sleep(60)
        assert await stage.links("Bela") == []
        await stage.do("silent", name="Ada", silent=False)
        await asyncio.sleep(30)
        assert len(await stage.links("Bela")) == 1

    on_stage(play)


def test_a_phone_with_links_enough_neither_scans_nor_wakes_for_it():
    async def play(stage):
        await stage.add("Ada", role="central", pace={**PACE, "enough": 1})
        await stage.add("Bela", role="peripheral")
        await asyncio.sleep(10)
        controller = stage.phones.phones["Ada"].controller
        assert not controller.le_scan_enable
        heard = stage.radio("Ada").counters["heard"]
        await asyncio.sleep(600)
        assert not controller.le_scan_enable
        assert stage.radio("Ada").counters["heard"] == heard

    on_stage(play)


def test_two_who_call_each_other_at_the_same_moment_end_with_one_link():
    async def play(stage):
        for number in range(20):
            names = (f"Ada{number}", f"Bela{number}")
            await stage.add(*names)
            await asyncio.sleep(8)
            assert [len(await stage.links(name)) for name in names] == [1, 1]
            for name in names:
                await stage.do("remove", name=name)

    on_stage(play)
