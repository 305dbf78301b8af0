"""The packet monitor: what it shows of frames, what it never shows, and that it costs and keeps nothing when nobody looks."""

import asyncio
from random import Random
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from gateway.admin.access.roles import Role
from gateway.admin.frames import FrameMonitor, Frames, FramesDocument, FramesQuery, Way
from gateway.admin.limits import MAX_FRAMES_WATCHED, MAX_LINKS_WATCHED, WATCH_S
from gateway.admin.problems import ProblemError
from gateway.admin.route import Call
from gateway.errors import Reason
from gateway.mesh.effects import Effect, Priority, SendFrame
from gateway.mesh.records import Decided, Verb
from gateway.wire.packet import Packet, encode
from gateway.wire.types import MessageType
from tests.admin.listening import known
from tests.runtime.engines import linked, turns
from tests.testing.virtual_loop import run
from transports.link import Capability, FrameReceived, LinkId

SENDER = bytes.fromhex("00112233aabbccdd")
SECRET = b"meet at the old mill"
MESSAGE = encode(Packet(MessageType.MESSAGE, 7, 1_800_000_000_000, SENDER, SECRET))
LINK = LinkId("ble:AA:BB:CC:DD:EE:FF")


def quiet(_event: FrameReceived, _now: float) -> list[Effect]:
    return []


class Room:
    """What answers for the monitor, and what watches at the moment."""

    def __init__(self, *, there: bool = True) -> None:
        self.drops = dict.fromkeys(Reason, 0)
        self.watching: list[FrameMonitor | None] = []
        self._there = there
        self.frames = Frames(self.drops, self._attach, lambda: 1_800_000_000.0)

    def _attach(self, monitor: FrameMonitor | None) -> bool:
        self.watching.append(monitor)
        return self._there

    @property
    def monitor(self) -> FrameMonitor:
        assert self.watching[-1] is not None
        return self.watching[-1]

    async def ask(self, role: Role = Role.OPERATOR, **query: Any) -> FramesDocument:
        answer = self.frames.answers()["watch_frames"]
        request = make_mocked_request("GET", "/")
        found = await answer(Call(request, known(role)(request), FramesQuery(**query), None))
        assert isinstance(found, FramesDocument)
        return found


def dropped(room: Room, reason: Reason) -> Any:
    def handle(_event: FrameReceived, _now: float) -> list[Effect]:
        room.drops[reason] += 1
        return []

    return handle


def test_a_frame_is_its_header_and_what_became_of_it_and_nothing_of_what_it_says() -> None:
    async def watched() -> None:
        room = Room()
        assert (await room.ask()).frames == ()
        room.monitor.came(FrameReceived(LINK, MESSAGE), asyncio.get_running_loop().time(), quiet, wide=False)
        (frame,) = (await room.ask()).frames
        assert (frame.way, frame.kind, frame.size, frame.ttl, frame.directed, frame.signed) == (
            Way.IN,
            "message",
            len(MESSAGE),
            7,
            False,
            False,
        )
        assert (frame.link, frame.links, frame.over, frame.verdict, frame.reason, frame.sender) == (1, 1, "ble", "taken", "", None)
        assert "AA:BB" not in repr(frame)
        assert SECRET.decode() not in repr(list(room.monitor))
        room.frames.close()

    run(watched())


def test_only_an_admin_who_asks_for_them_sees_peer_ids() -> None:
    async def watched() -> None:
        room = Room()
        await room.ask()
        room.monitor.came(FrameReceived(LINK, MESSAGE), 0.0, quiet, wide=False)
        with pytest.raises(ProblemError):
            await room.ask(peer_ids=True)
        assert (await room.ask(Role.ADMIN)).frames[0].sender is None
        assert (await room.ask(Role.ADMIN, peer_ids=True)).frames[0].sender == SENDER.hex()
        room.frames.close()

    run(watched())


def test_watching_begins_with_a_look_and_ends_a_while_after_the_last_one() -> None:
    async def watched() -> None:
        room = Room()
        assert room.watching == []
        await room.ask()
        await asyncio.sleep(WATCH_S - 1)
        await room.ask()
        await asyncio.sleep(WATCH_S - 1)
        first = room.monitor
        await asyncio.sleep(2)
        assert room.watching == [first, None]
        await room.ask()
        assert room.monitor is not first
        room.frames.close()
        assert room.watching[-1] is None

    run(watched())


def test_before_the_gateway_moves_frames_there_is_nothing_to_watch() -> None:
    async def watched() -> None:
        room = Room(there=False)
        with pytest.raises(ProblemError):
            await room.ask()

    run(watched())


def test_what_was_dropped_says_why_and_can_be_asked_for_alone() -> None:
    async def watched() -> None:
        room = Room()
        await room.ask()
        monitor, refused = room.monitor, [Decided(b"id", Verb.REFUSED, "x", "", Reason.POLICY)]
        monitor.came(FrameReceived(LINK, MESSAGE), 0.0, dropped(room, Reason.DUPLICATE), wide=False)
        monitor.came(FrameReceived(LINK, b"\x09\x00"), 0.0, dropped(room, Reason.SHORT), wide=False)
        monitor.came(FrameReceived(LinkId("ble:2"), MESSAGE), 0.0, lambda _event, _now: refused, wide=False)
        monitor.came(FrameReceived(LinkId("libp2p:3"), b"\x00" * 90), 0.0, quiet, wide=True)
        monitor.went(SendFrame((LINK, LinkId("ble:2")), MESSAGE, Priority.PUBLIC), 0.0, wide=False)
        frames = (await room.ask()).frames
        assert [(one.kind, one.verdict, one.reason, one.link, one.links) for one in frames] == [
            ("message", "sent", "", None, 2),
            ("site", "taken", "", 3, 1),
            ("message", "refused", "policy", 2, 1),
            ("", "dropped", "short", 1, 1),
            ("message", "dropped", "duplicate", 1, 1),
        ]
        for query, count in (
            ({"verdict": "dropped"}, 2),
            ({"verdict": "policy"}, 1),
            ({"kind": "message"}, 3),
            ({"way": Way.OUT}, 1),
            ({"link": 2}, 1),
            ({"limit": 2}, 2),
            ({"kind": "voice"}, 0),
        ):
            assert len((await room.ask(**query)).frames) == count, query
        room.frames.close()

    run(watched())


def test_a_flood_pushes_out_the_oldest_and_invented_links_take_no_more_room() -> None:
    monitor = FrameMonitor({})
    for number in range(MAX_LINKS_WATCHED + MAX_FRAMES_WATCHED):
        monitor.came(FrameReceived(LinkId(f"ble:{number}"), MESSAGE), float(number), quiet, wide=False)
    assert monitor.passed == MAX_LINKS_WATCHED + MAX_FRAMES_WATCHED
    assert len(list(monitor)) == MAX_FRAMES_WATCHED
    assert next(iter(monitor)).at == monitor.passed - 1
    assert len(monitor._numbers) <= MAX_LINKS_WATCHED


def test_no_bytes_make_the_monitor_raise_because_that_would_end_the_gateway() -> None:
    seed = Random().randrange(2**32)
    print("seed", seed)
    rng, monitor = Random(seed), FrameMonitor({})
    for _ in range(2_000):
        frame = bytearray(MESSAGE[: rng.randrange(len(MESSAGE) + 1)])
        for _ in range(rng.randrange(4)):
            if frame:
                frame[rng.randrange(len(frame))] = rng.randrange(256)
        monitor.came(FrameReceived(LinkId(""), bytes(frame)), 0.0, quiet, wide=False)
    assert monitor.passed == 2_000


@pytest.mark.parametrize(("capabilities", "kind"), [(Capability.LOCAL, "message"), (Capability.WIDE_AREA, "site")])
async def test_the_pump_shows_every_frame_that_comes_or_goes_and_moves_them_all_the_same(capabilities, kind) -> None:
    async with linked(capabilities) as rig:
        monitor = rig.pump.watch = FrameMonitor({})
        rig.far.send(LinkId("loopback:near"), MESSAGE)
        rig.send((MESSAGE, Priority.PUBLIC))
        await turns()
        assert sorted((one.way, one.kind, one.over) for one in monitor) == [(Way.IN, kind, "loopback"), (Way.OUT, kind, "loopback")]
        assert rig.frames == [MESSAGE]
        assert any(isinstance(event, FrameReceived) for event in rig.engine.events)
        rig.pump.watch = None
        rig.send((MESSAGE, Priority.PUBLIC))
        await turns()
        assert monitor.passed == 2
