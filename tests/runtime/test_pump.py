import asyncio
from collections.abc import Callable

import pytest

from gateway.limits import EMERGENCY_RESERVE, QUEUE_BYTES, SITE_QUEUE_BYTES
from gateway.mesh.effects import CloseLink, Effect, PeerLost, PeerSeen, Priority, SendFrame
from gateway.mesh.events import MeshEvent, Say, Tick, Unsent
from gateway.runtime.pump import Pump
from tests.runtime.engines import FAR, GO, Rig, ScriptedEngine, linked, turns
from tests.testing.virtual_loop import run
from transports.link import Capability, FrameReceived, LinkDown, LinkId, LinkUp, Writable
from transports.loopback import LoopbackHub, LoopbackTransport

SITE = Capability.WIDE_AREA
FRAME = 8_192  # bytes of the large ones, so that few fill a queue
PUBLIC, DIRECTED, VOICE, BULK = Priority.PUBLIC, Priority.DIRECTED, Priority.VOICE, Priority.BULK
USUAL = int(QUEUE_BYTES * (1 - EMERGENCY_RESERVE))  # bytes for everything but emergencies


def numbered(count: int, size: int = FRAME) -> list[bytes]:
    return [number.to_bytes(2, "big") + bytes(size - 2) for number in range(count)]


async def fill(rig: Rig) -> list[bytes]:
    """Make the link refuse the next frame; returns what it has taken."""
    rig.far.pause()
    taken = [b"first", b"second"]
    rig.send(*((frame, PUBLIC) for frame in taken))
    assert rig.pump.waiting_bytes == 0
    return taken


async def test_what_transports_post_reaches_the_engine_in_order() -> None:
    async with linked() as rig:
        rig.far.send(LinkId("loopback:near"), b"one")
        rig.far.send(LinkId("loopback:near"), b"two")
        await turns()
        assert [type(event) for event in rig.engine.events] == [LinkUp, FrameReceived, FrameReceived]
        assert [event.frame for event in rig.engine.events[1:]] == [b"one", b"two"]
    assert isinstance(rig.engine.events[-1], LinkDown)


async def test_a_transport_that_hands_out_senders_is_not_asked_for_the_link_again() -> None:
    class Mouth:
        def __init__(self) -> None:
            self.frames: list[bytes] = []
            self.send = self.take

        def take(self, frame: bytes) -> bool:
            self.frames.append(frame)
            return True

        def refuse(self, _frame: bytes) -> bool:
            return False

    class Direct(LoopbackTransport):
        def sender(self, link: LinkId) -> Mouth:
            assert link == FAR
            return mouth

        def send(self, link: LinkId, frame: bytes) -> bool:
            raise AssertionError(f"{frame!r} for {link}")

    mouth, engine = Mouth(), ScriptedEngine()
    pump = Pump(engine, lambda _effect, _now: None)
    post = pump.post_to(Direct(LoopbackHub(), "near"))
    post(LinkUp(FAR, 512, Capability.LOCAL))
    engine.answer = [SendFrame((FAR,), b"one", PUBLIC)]
    pump.send(GO)
    mouth.send = mouth.refuse
    engine.answer = [SendFrame((FAR,), b"two", PUBLIC)]
    pump.send(GO)
    assert (mouth.frames, pump.waiting_frames) == ([b"one"], 1)
    mouth.send = mouth.take
    post(Writable(FAR))
    assert (mouth.frames, pump.waiting_frames) == ([b"one", b"two"], 0)


async def test_effects_are_carried_out_in_order_and_at_once() -> None:
    async with linked() as rig:
        seen, lost = PeerSeen(b"12345678", "Ada", direct=True, link=FAR), PeerLost(b"12345678", "left")
        rig.engine.answer = [seen, SendFrame((FAR,), b"one", PUBLIC), lost, SendFrame((FAR,), b"two", DIRECTED)]
        rig.pump.send(GO)
        assert rig.notices == [seen, lost]
        await turns()
        assert rig.frames == [b"one", b"two"]


async def test_the_effects_of_an_event_are_done_before_the_next_event_is_taken() -> None:
    order = []
    async with linked(notice=lambda effect: order.append(effect.reason)) as rig:

        def react(event: MeshEvent) -> list[Effect]:
            order.append(type(event).__name__)
            return [PeerLost(b"12345678", "told")] if isinstance(event, FrameReceived) else []

        rig.engine.react = react
        rig.far.send(LinkId("loopback:near"), b"one")
        rig.far.send(LinkId("loopback:near"), b"two")
        await turns()
        assert order == ["FrameReceived", "told"] * 2


async def test_refused_frames_wait_and_leave_in_order_when_the_link_is_writable() -> None:
    async with linked() as rig:
        taken = await fill(rig)
        late = [b"3", b"4", b"5", b"6"]
        for frame in late:
            rig.send((frame, PUBLIC))
        assert rig.pump.waiting_bytes == 4
        rig.far.resume()
        await turns(30)
        assert rig.frames == taken + late
        assert rig.pump.waiting_bytes == sum(rig.pump.shed.values()) == 0
        assert Writable(FAR) in rig.engine.events


async def test_a_frame_never_overtakes_those_that_wait() -> None:
    async with linked() as rig:
        taken = await fill(rig)
        rig.send((b"waits", PUBLIC))
        rig.far.resume()
        await turns(1)  # there is room again, but Writable has not come yet
        rig.send((b"newer", PUBLIC))
        await turns(30)
        assert rig.frames == [*taken, b"waits", b"newer"]


async def test_a_local_link_serves_the_urgent_first() -> None:
    async with linked() as rig:
        taken = await fill(rig)
        rig.send((b"file", BULK), (b"said", PUBLIC), (b"whispered", DIRECTED))
        rig.far.resume()
        await turns(30)
        assert rig.frames == [*taken, b"whispered", b"said", b"file"]


async def test_a_full_local_queue_sheds_the_oldest_of_the_least_urgent_and_counts_it() -> None:
    async with linked() as rig:
        taken = await fill(rig)
        speech, bulk = numbered(7)[:3], numbered(7)[3:]
        rig.send(*((frame, VOICE) for frame in speech), *((frame, BULK) for frame in bulk))
        assert rig.pump.waiting_bytes == USUAL
        rig.send((b"said".ljust(FRAME), PUBLIC))
        assert rig.pump.waiting_bytes == USUAL
        assert rig.pump.shed == dict.fromkeys(Priority, 0) | {BULK: 1}
        rig.far.resume()
        await turns(100)
        assert rig.frames[:3] == [*taken, b"said".ljust(FRAME)]
        assert sorted(rig.frames[3:]) == [*speech, *bulk[1:]]


async def test_a_full_local_queue_of_urgent_frames_refuses_what_is_less_urgent() -> None:
    async with linked() as rig:
        taken = await fill(rig)
        urgent = numbered(USUAL // FRAME)
        rig.send(*((frame, DIRECTED) for frame in urgent), (b"file", BULK))
        assert rig.pump.shed == dict.fromkeys(Priority, 0) | {BULK: 1}
        rig.far.resume()
        await turns(100)
        assert rig.frames == taken + urgent


async def test_a_site_keeps_the_order_whatever_the_urgency() -> None:
    async with linked(SITE) as rig:
        taken = await fill(rig)
        rig.send((b"file", BULK), (b"said", PUBLIC), (b"whispered", DIRECTED))
        rig.far.resume()
        await turns(30)
        assert rig.frames == [*taken, b"file", b"said", b"whispered"]


async def test_a_full_site_queue_refuses_the_newest_even_if_it_is_urgent() -> None:
    async with linked(SITE) as rig:
        taken = await fill(rig)
        size = 65_536
        waiting = numbered(SITE_QUEUE_BYTES // size, size)
        rig.send(*((frame, BULK) for frame in waiting), (b"whispered", DIRECTED))
        assert (rig.pump.waiting_bytes, rig.pump.shed[DIRECTED], sum(rig.pump.shed.values())) == (SITE_QUEUE_BYTES, 1, 1)
        rig.far.resume()
        await turns(300)
        assert rig.frames == taken + waiting


async def test_a_link_that_goes_down_takes_its_queue_with_it() -> None:
    async with linked() as rig:
        await fill(rig)
        rig.send((b"waits", PUBLIC))
        rig.near.close(FAR, "test")
        await turns()
        assert rig.pump.waiting_bytes == 0
        rig.send((b"nobody there", PUBLIC))
        assert rig.pump.waiting_bytes == sum(rig.pump.shed.values()) == 0
        rig.far.resume()
        rig.hub.connect(rig.near, rig.far)
        await turns()
        before = len(rig.frames)
        rig.send((b"fresh", PUBLIC))
        await turns()
        assert rig.frames[before:] == [b"fresh"]


async def test_what_waited_for_a_link_that_went_down_is_handed_to_the_engine_before_it_is_told() -> None:
    async with linked() as rig:
        await fill(rig)
        rig.send((b"said", PUBLIC), (b"whispered", DIRECTED))
        rig.near.close(FAR, "test")
        await turns()
        assert rig.engine.events[-2] == Unsent(FAR, ((b"whispered", DIRECTED), (b"said", PUBLIC)))
        assert isinstance(rig.engine.events[-1], LinkDown)


async def test_a_link_that_goes_down_with_nothing_waiting_hands_nothing_over() -> None:
    async with linked() as rig:
        rig.near.close(FAR, "test")
        await turns()
        assert not [event for event in rig.engine.events if isinstance(event, Unsent)]


async def test_one_busy_link_does_not_hold_up_another() -> None:
    async with linked() as rig:
        other, heard = rig.hub.transport("other"), []
        running = asyncio.create_task(other.run(heard.append))
        await turns()
        await fill(rig)
        rig.engine.answer = [SendFrame((FAR, LinkId("loopback:other")), b"to both", PUBLIC)]
        rig.pump.send(GO)
        await turns()
        assert [event.frame for event in heard if isinstance(event, FrameReceived)] == [b"to both"]
        assert rig.pump.waiting_bytes == len(b"to both")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_what_is_meant_for_links_nobody_has_is_ignored() -> None:
    async with linked() as rig:
        nowhere = LinkId("loopback:nowhere")
        rig.engine.answer = [SendFrame((nowhere, FAR), b"frame", PUBLIC), CloseLink(nowhere, "gone")]
        rig.pump.send(GO)
        rig.pump.post_to(rig.near)(Writable(nowhere))
        await turns()
        assert rig.frames == [b"frame"]
        assert not rig.pump.broken.done()


async def test_the_engine_closes_links_through_their_owner() -> None:
    async with linked() as rig:
        rig.engine.answer = [CloseLink(FAR, "enough")]
        rig.pump.send(GO)
        await turns()
        assert rig.heard[-1] == LinkDown(LinkId("loopback:near"), "the other gateway closed the link: enough")
        assert LinkDown(FAR, "enough") in rig.engine.events


def test_a_tick_comes_exactly_when_it_was_wanted() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        engine = ScriptedEngine()
        pump = Pump(engine, lambda _effect, _now: None)
        start = loop.time()
        wanted = [start + 5.0, start + 5.25, start + 70.0]

        def react(_event: MeshEvent) -> list:
            engine.wakeup = wanted.pop(0) if wanted else None
            return []

        engine.react = react
        pump.send(GO)
        await asyncio.sleep(200)
        assert engine.events == [GO, Tick(), Tick(), Tick()]
        assert engine.times == [start, start + 5.0, start + 5.25, start + 70.0]

    run(main())


def test_the_timer_follows_the_engine_earlier_later_and_away() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        engine = ScriptedEngine()
        pump = Pump(engine, lambda _effect, _now: None)
        start = loop.time()
        for engine.wakeup in (start + 50.0, start + 10.0, start + 30.0):
            pump.send(GO)
        engine.react = lambda event: setattr(engine, "wakeup", None) or [] if isinstance(event, Tick) else []
        await asyncio.sleep(100)
        assert engine.times[3:] == [start + 30.0]
        engine.wakeup = start + 150.0
        pump.send(GO)
        engine.wakeup = None
        pump.send(GO)
        await asyncio.sleep(100)
        assert engine.events.count(Tick()) == 1

    run(main())


def test_nothing_reaches_the_engine_after_the_stop() -> None:
    async def main() -> None:
        engine = ScriptedEngine()
        pump = Pump(engine, lambda _effect, _now: None)
        engine.wakeup = asyncio.get_running_loop().time() + 1.0
        pump.send(GO)
        pump.stop()
        pump.send(GO)
        pump.post_to(None)(Writable(FAR))
        await asyncio.sleep(10)
        assert engine.events == [GO]

    run(main())


class BugError(Exception):
    """What no engine should raise."""


def on(kind: type) -> Callable[[MeshEvent], list]:
    def react(event: MeshEvent) -> list:
        if isinstance(event, kind):
            raise BugError(kind.__name__)
        return []

    return react


async def test_what_escapes_the_engine_on_a_frame_breaks_the_pump_and_not_the_transport() -> None:
    async with linked() as rig:
        rig.engine.react = on(FrameReceived)
        rig.far.send(LinkId("loopback:near"), b"one")
        rig.far.send(LinkId("loopback:near"), b"two")
        await turns()
        with pytest.raises(BugError, match="FrameReceived"):
            await rig.pump.broken
        assert len(rig.engine.events) == 2  # LinkUp and the one that broke it


def test_what_escapes_the_engine_in_a_timer_breaks_the_pump_and_is_not_left_to_the_loop() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        complaints = []
        loop.set_exception_handler(lambda _loop, context: complaints.append(context))
        engine = ScriptedEngine()
        pump = Pump(engine, lambda _effect, _now: None)
        engine.react = on(Tick)
        engine.wakeup = loop.time() + 1.0
        pump.send(GO)
        with pytest.raises(BugError, match="Tick"):
            await pump.broken
        await asyncio.sleep(10)
        assert engine.events == [GO, Tick()]
        assert not complaints

    run(main())


async def test_what_escapes_the_notice_breaks_the_pump() -> None:
    def notice(_effect: Effect) -> None:
        raise BugError

    async with linked(notice=notice) as rig:
        rig.engine.answer = [PeerLost(b"12345678", "left")]
        rig.pump.send(GO)
        with pytest.raises(BugError):
            await rig.pump.broken


async def test_a_frame_no_transport_can_take_is_a_bug_that_breaks_the_pump() -> None:
    async with linked() as rig:
        rig.send((bytes(rig.hub.mtu + 1), PUBLIC))
        with pytest.raises(ValueError, match="mtu"):
            await rig.pump.broken


async def test_even_the_one_exception_futures_cannot_hold_breaks_the_pump() -> None:
    async with linked() as rig:
        rig.engine.react = lambda _event: [next(iter(()))]
        rig.pump.send(Say("go"))
        with pytest.raises(RuntimeError, match="StopIteration"):
            await rig.pump.broken
