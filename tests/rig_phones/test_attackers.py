"""Strangers against a simulated phone: they must really do what they say, or the gateway is tested against nobody."""

import asyncio

import pytest

from tests.rig_phones.stage import PACE, on_stage

pytestmark = pytest.mark.timeout(60)  # a flood is work


@pytest.mark.parametrize(
    ("kind", "options", "did"),
    [
        ("every_length", {}, {"lengths": 513, "done": 1}),
        ("flood", {"what": "noise"}, {"written": 500}),
        ("flood", {"what": "duplicates", "burst": 1}, {"written": 500}),
        ("flood", {"what": "announces", "burst": 1}, {"written": 500}),
        ("flood", {"what": "halves"}, {"written": 500}),
        ("hit_and_run", {"times": 60}, {"addresses": 60, "calls_taken": 55, "subscribed": 15, "done": 1}),
        ("squat", {}, {"calls_taken": 1}),
        ("squat", {"subscribes": True}, {"subscribed": 1, "notified": 1}),
        ("never_reads", {"says": 2}, {"subscribed": 1, "written": 10}),
    ],
    ids=str,
)
def test_those_who_call(kind, options, did):
    async def play(stage):
        await stage.add("Ada", role="peripheral")
        await asyncio.sleep(1)
        await stage.do("attack", name="Eve", kind=kind, target="Ada", options=options)
        await asyncio.sleep(60)
        counters = (await stage.do("attacks"))["Eve"]
        assert {what: counters.get(what, 0) >= count for what, count in did.items()} == dict.fromkeys(did, True), counters
        assert not (await stage.do("status", name="Ada"))["fault"]
        if kind == "never_reads":
            assert counters.get("notified", 0) == 0
        await stage.do("relent", name="Eve")
        assert "Eve" not in stage.air.stations

    on_stage(play)


@pytest.mark.parametrize(
    ("kind", "options", "did", "seen"),
    [
        ("no_service", {}, {"called": 2}, "failed_no_service"),
        ("no_characteristic", {}, {"called": 2}, "failed_no_cccd"),
        ("false_tag", {"tag": "0102030405060708"}, {"called": 1}, "links_up"),
        ("absurd", {}, {"shown": 30}, "heard"),
        ("thousand_addresses", {"count": 100}, {"addresses": 100, "done": 1}, "heard"),
        ("silent_server", {}, {"called": 1, "ignored": 1}, "failed_session"),
        ("shouter", {}, {"subscribed": 1, "shouted": 100}, "links_up"),
        ("small_mtu", {}, {"called": 1}, "links_up"),
    ],
    ids=str,
)
def test_those_who_wait_to_be_called(kind, options, did, seen):
    async def play(stage):
        await stage.add("Ada", role="central", pace={**PACE, "hold_failed": 1.0})
        await stage.do("attack", name="Eve", kind=kind, options=options)
        await asyncio.sleep(60)
        counters = (await stage.do("attacks"))["Eve"]
        assert {what: counters.get(what, 0) >= count for what, count in did.items()} == dict.fromkeys(did, True), counters
        status = await stage.do("status", name="Ada")
        assert status["counters"].get(seen, 0) >= 1, status
        assert not status["fault"]
        await stage.do("relent", name="Eve")

    on_stage(play)


def test_a_tag_of_ones_own_is_never_called():
    async def play(stage):
        await stage.add("Ada", role="central", platform="android")
        tag = stage.phones.phones["Ada"].peer_id.hex()
        await stage.do("attack", name="Eve", kind="false_tag", options={"tag": tag})
        await asyncio.sleep(60)
        assert "called" not in await stage.do("relent", name="Eve")

    on_stage(play)
