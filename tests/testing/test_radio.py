import asyncio

import pytest

from gateway.mesh.effects import PublicMessage
from gateway.mesh.events import ClockSet, Say
from gateway.testing.radio import Pace, VirtualRadio
from tests.testing.small_islands import flooding_island
from tests.testing.virtual_loop import run
from transports.link import FrameReceived, LinkDown, LinkUp, TransportState, Writable

NAMES = ["a1", "a2", "a3"]


def over(island):
    return VirtualRadio(island, pace=Pace(island, wall=lambda: 5_000_000.0))


async def started(radio):
    events = []
    task = asyncio.create_task(radio.run(events.append))
    await asyncio.sleep(0.1)  # virtual
    return events, task


async def stopped(task):
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_links_come_up_and_frames_flow_both_ways():
    async def main():
        radio = VirtualRadio(flooding_island(NAMES))
        events, task = await started(radio)
        assert {event.link for event in events if isinstance(event, LinkUp)} == {f"radio:{name}@gateway" for name in NAMES}
        radio.command("a2", Say("up"))
        assert radio.send("radio:a1@gateway", b"\x01\x02\x07" + bytes(11) + b"gateway!down")
        await asyncio.sleep(0.5)
        assert any(isinstance(event, FrameReceived) and event.frame.endswith(b"up") for event in events)
        heard = {
            notice.node for notice in radio.island.notices if isinstance(notice.effect, PublicMessage) and notice.effect.text == "down"
        }
        assert heard == {*NAMES}
        await stopped(task)

    run(main())


def test_the_island_lives_at_the_pace_of_the_loop():
    async def main():
        radio = over(flooding_island(NAMES))
        _, task = await started(radio)
        assert ClockSet(5_000_000.0) in radio.island.phones["a1"].engine.events
        before = radio.island.now
        await asyncio.sleep(60.0)
        assert radio.island.now - before == pytest.approx(60.0, abs=5.1)
        assert len(radio.island.phones["a1"].engine.ticks) == 13
        await stopped(task)

    run(main())


def test_cancelling_takes_every_link_down_and_leaves_no_task():
    async def main():
        radio = VirtualRadio(flooding_island(NAMES))
        events, task = await started(radio)
        assert radio.status().state is TransportState.UP
        assert radio.status().links == 3
        await stopped(task)
        assert {event.link for event in events if isinstance(event, LinkDown)} == {f"radio:{name}@gateway" for name in NAMES}
        seen = len(events)
        await asyncio.sleep(60.0)
        assert len(events) == seen
        assert radio.status().state is TransportState.DOWN
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())


def test_a_radio_can_be_run_again():
    async def main():
        radio = VirtualRadio(flooding_island(NAMES))
        _, task = await started(radio)
        await stopped(task)
        events, task = await started(radio)
        assert sum(isinstance(event, LinkUp) for event in events) == 3
        await stopped(task)

    run(main())


def test_closing_a_link_posts_its_end_and_what_follows_is_refused():
    async def main():
        radio = VirtualRadio(flooding_island(NAMES))
        events, task = await started(radio)
        radio.close("radio:a1@gateway", "test")
        await asyncio.sleep(0.1)
        assert LinkDown("radio:a1@gateway", "test") in events
        assert radio.status().links == 2
        assert not radio.send("radio:a1@gateway", b"x" * 22)
        await stopped(task)

    run(main())


def test_a_full_link_says_false_and_then_writable():
    async def main():
        radio = VirtualRadio(flooding_island(NAMES))
        events, task = await started(radio)
        frame = b"\x01\x02\x00" + bytes(19) + b"x" * 400
        accepted = 0
        while radio.send("radio:a1@gateway", frame):
            accepted += 1
        assert accepted == 16_384 // len(frame)
        await asyncio.sleep(0.2)
        assert Writable("radio:a1@gateway") in events
        assert radio.send("radio:a1@gateway", frame)
        with pytest.raises(ValueError, match="MTU"):
            radio.send("radio:a1@gateway", bytes(513))
        await stopped(task)

    run(main())


def test_a_fault_inside_the_island_ends_run_loudly():
    async def main():
        radio = VirtualRadio(flooding_island(NAMES))
        _, task = await started(radio)
        radio.island.at(radio.island.now + 0.5, lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(task, 10)

    run(main())


def test_two_gateways_on_one_island_hear_each_other_and_the_phones():
    async def main():
        island = flooding_island(NAMES, places=("north", "south"))
        pace = Pace(island)
        north, south = (VirtualRadio(island, place, pace=pace) for place in ("north", "south"))
        events, task = await started(north)
        assert "radio:south@north" not in {event.link for event in events}
        more, other = await started(south)
        heard = {"north": {*NAMES, "south"}, "south": {*NAMES, "north"}}
        assert {event.link for event in events if isinstance(event, LinkUp)} == {f"radio:{name}@north" for name in heard["north"]}
        assert {event.link for event in more if isinstance(event, LinkUp)} == {f"radio:{name}@south" for name in heard["south"]}
        assert south.send("radio:north@south", b"\x01\x02\x01" + bytes(19))
        await asyncio.sleep(0.1)
        assert FrameReceived("radio:south@north", b"\x01\x02\x01" + bytes(19)) in events
        await stopped(task)
        await asyncio.sleep(0.1)
        assert LinkDown("radio:north@south", "out of range") in more
        await stopped(other)

    run(main())


def test_a_radio_that_is_off_refuses_frames():
    radio = VirtualRadio(flooding_island(NAMES))
    assert not radio.send("radio:a1@gateway", b"x")
    radio.close("radio:a1@gateway", "nobody there")
    assert radio.status().links == 0
