"""Two phones on one air, without a gateway: what they are worth as witnesses."""

import asyncio

import pytest

from tests.rig_phones.stage import on_stage


@pytest.mark.parametrize("platforms", [("ios", "ios"), ("ios", "android"), ("android", "ios"), ("android", "android")], ids="-".join)
@pytest.mark.parametrize("roles", [("central", "peripheral"), ("peripheral", "central"), ("both", "both")], ids="-".join)
def test_what_one_says_or_whispers_the_other_gets_once(platforms, roles):
    async def play(stage):
        for name, platform, role in zip(("Ada", "Bela"), platforms, roles, strict=True):
            await stage.add(name, platform=platform, role=role)
        await asyncio.sleep(10)
        await stage.do("say", name="Ada", text="hello")
        await stage.do("say", name="Bela", text="x" * 2_000)
        await stage.do("whisper", name="Ada", to="Bela")
        await stage.do("whisper", name="Bela", to="Ada")
        await asyncio.sleep(20)
        report = await stage.do("report")
        assert (report["messages"], report["delivered"], report["lost"], report["duplicates"]) == (4, 4, 0, 0)
        assert len((await stage.do("receipts", name="Ada"))["receipts"]) == 1
        assert not [phone["fault"] for phone in (await stage.do("status"))["phones"] if phone["fault"]]

    on_stage(play)


def test_a_phone_with_one_address_has_one_link_and_with_two_it_may_have_two():
    async def play(stage):
        await stage.add("Ada", "Bela")
        await asyncio.sleep(30)
        assert [len(await stage.links(name)) for name in ("Ada", "Bela")] == [1, 1]
        await stage.add("Chen", "Dina", two_addresses=True)
        stage.reach("Ada", "Chen", up=False)
        for a in ("Ada", "Bela"):
            for b in ("Chen", "Dina"):
                stage.reach(a, b, up=False)
        await asyncio.sleep(30)
        assert sorted(link["role"] for link in await stage.links("Chen")) == ["central", "peripheral"]
        await stage.do("say", name="Chen", expected=["Dina"])
        await asyncio.sleep(5)
        report = await stage.do("report")
        assert (report["lost"], report["duplicates"]) == (0, 0)

    on_stage(play)


def test_what_was_said_out_of_reach_is_fetched_afterwards_and_meanwhile_missing():
    async def play(stage):
        await stage.add("Ada", "Bela")
        await asyncio.sleep(10)
        stage.reach("Ada", "Bela", up=False)
        said = await stage.do("say", name="Ada")
        whispered = await stage.do("whisper", name="Ada", to="Bela")
        await asyncio.sleep(300)
        report = await stage.do("report")
        assert sorted(report["missing"]) == sorted([[said["id"], "Bela"], [whispered["id"], "Bela"]])
        assert report["by_receiver"]["Bela"]["lost"] == 2
        stage.reach("Ada", "Bela", up=True)
        await asyncio.sleep(60)
        report = await stage.do("report")
        assert (report["lost"], report["duplicates"]) == (0, 0)
        assert report["max_ms"] > 300_000
        assert report["p50_ms"] <= report["p95_ms"] <= report["p99_ms"] <= report["max_ms"]

    on_stage(play)


def test_people_talk_by_themselves_until_they_are_hushed():
    async def play(stage):
        await stage.add("Ada", "Bela", "Chen")
        await asyncio.sleep(20)
        await stage.do("talk", seconds=600, say_every=20, whisper_every=30)
        await asyncio.sleep(300)
        await stage.do("hush")
        await asyncio.sleep(60)
        report = await stage.do("report")
        private = await stage.do("report", kind="private")
        assert 40 <= report["messages"] <= 110
        assert 15 <= private["messages"] <= 45
        assert (report["lost"], report["duplicates"]) == (0, 0)
        await asyncio.sleep(600)
        assert (await stage.do("report"))["messages"] == report["messages"]

    on_stage(play)


def test_a_phone_that_was_removed_is_off_the_air_and_its_name_is_free():
    async def play(stage):
        await stage.add("Ada", "Bela")
        await asyncio.sleep(10)
        assert len(await stage.links("Bela")) == 1
        await stage.do("remove", name="Ada")
        await asyncio.sleep(1)
        assert await stage.links("Bela") == []
        assert [node.name for node in stage.air.controllers] == ["Bela"]
        await stage.add("Ada")
        await asyncio.sleep(10)
        assert len(await stage.links("Bela")) == 1

    on_stage(play)


@pytest.mark.parametrize(
    "request_",
    [{"do": "dance"}, {}, {"do": "say", "name": "Nobody"}, {"do": "add", "name": "Ada"}, {"do": "whisper", "name": "Ada", "to": "Nobody"}],
)
def test_a_request_that_makes_no_sense_is_refused_in_words(request_):
    async def play(stage):
        await stage.add("Ada")
        with pytest.raises(ValueError, match=r"no verb|no phone|already"):
            await stage.phones.handle(request_)

    on_stage(play)
