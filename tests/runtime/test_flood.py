"""One stranger's flood beside two people who talk, over links that carry as much as a radio link does."""

import asyncio
from collections import deque
from random import Random

from gateway.limits import QUEUE_BYTES, RELAY_BURST
from gateway.mesh.engine import Mesh
from gateway.mesh.events import ClockSet
from gateway.runtime.pump import Pump
from gateway.wire.packet import peek
from gateway.wire.types import MessageType
from tests.mesh.nodes import EPOCH, Clock, Node
from tests.mesh.playbook import LOCAL, QUIET
from tests.testing.virtual_loop import run
from transports.link import FrameReceived, LinkId, LinkUp, Post, TransportState, TransportStatus, Writable

CARRIES = 12_000.0  # bytes a second of one link: one without data length extension
DEPTH = 16  # frames a transport takes before it refuses more
SECONDS = 7  # the burst a stranger may bring is used up after five
FLOOD = 150  # announces a second, each of somebody else


class SlowAir:
    """Links that carry so much a second, and who got what when."""

    name = "air"
    capabilities = LOCAL

    def __init__(self) -> None:
        self.post: Post = lambda _event: None
        self.arrived: dict[bytes, float] = {}  # what came out at "b": when, by payload
        self._waiting: dict[LinkId, deque[bytes]] = {}
        self._refused: set[LinkId] = set()

    async def run(self, post: Post) -> None:
        """Links come up by `join`."""
        self.post = post

    def send(self, link: LinkId, frame: bytes) -> bool:
        """Take a frame if there is room."""
        if len(self._waiting[link]) >= DEPTH:
            self._refused.add(link)
            return False
        self._waiting[link].append(frame)
        return True

    def close(self, link: LinkId, why: str) -> None:
        """Nobody is sent away here."""
        raise AssertionError(f"{link}: {why}")

    def status(self) -> TransportStatus:
        """It works."""
        return TransportStatus(self.name, TransportState.UP, "It works.")

    async def join(self, link: LinkId) -> None:
        """Bring a link up and carry what is sent over it."""
        self._waiting[link] = waiting = deque()
        self.post(LinkUp(link, 512, LOCAL))
        while True:
            if not waiting:
                await asyncio.sleep(0.001)
                continue
            frame = waiting.popleft()
            await asyncio.sleep(len(frame) / CARRIES)
            if link == "b" and (header := peek(frame)).type == MessageType.MESSAGE:
                self.arrived[frame[header.payload_start : header.payload_end]] = asyncio.get_running_loop().time()
            if link in self._refused and len(waiting) <= DEPTH // 2:
                self._refused.discard(link)
                self.post(Writable(link))


async def waits(flood: int) -> tuple[list[float], Pump]:
    """Seconds that each of a person's messages took to another, while a stranger announces so many people a second."""
    loop, air, clock = asyncio.get_running_loop(), SlowAir(), Clock()
    pump = Pump(Mesh(Node("gateway", clock).identity, Random(1), QUIET, verify=lambda *_: True), lambda _effect, _now: None)
    await air.run(pump.post_to(air))
    links = [asyncio.create_task(air.join(LinkId(link))) for link in ("a", "b", "stranger")]
    await asyncio.sleep(0)
    began = loop.time()
    pump.send(ClockSet(EPOCH - began))
    ada, said = Node("ada", clock), dict[bytes, float]()
    air.post(FrameReceived(LinkId("a"), ada.announce()))
    for step in range(SECONDS * 10):
        clock.now = loop.time() - began
        for number in range(flood // 10):
            air.post(FrameReceived(LinkId("stranger"), Node(f"nobody {step} {number}", clock).announce(ttl=5)))
        if step >= 20 and step % 5 == 0:
            said[str(step).encode()] = loop.time()
            air.post(FrameReceived(LinkId("a"), ada.say(str(step))))
        await asyncio.sleep(0.1)
    await asyncio.sleep(QUEUE_BYTES / CARRIES + 1)
    for link in links:
        link.cancel()
    assert not pump.broken.done()
    pump.stop()
    assert said.keys() <= air.arrived.keys(), "what an honest person said was lost"
    return [air.arrived[text] - at for text, at in said.items()], pump


def test_a_flood_of_announces_neither_displaces_nor_holds_up_what_others_say() -> None:
    alone, _ = run(waits(0))
    beside, pump = run(waits(FLOOD))
    assert sum(pump.shed.values()) == 0, "people nobody knows go no further than a link may bring them"
    taken = (DEPTH + 2) * 250 / CARRIES  # seconds for what a transport has taken already
    assert max(beside) < max(alone) + taken + RELAY_BURST / CARRIES, "no more is ahead of it than a stranger's share"
    assert max(beside[-6:]) < max(alone) + taken, "which is used up soon"
