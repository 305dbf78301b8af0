"""What every transport must do, as checks that any implementation can be put through.

    bench = Bench(make=lambda: (left, right))      # two transports that will link with each other

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    async def test_conforms(check):
        await check(bench)

Each check makes a pair of its own, runs both, looks at everything they post, and raises `ConformanceError`
with a sentence at the first rule that is broken. The rules are those of `transports.link`; one is made more
precise here: `send` to a link that is not up returns False, and no `Writable` follows.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from transports.link import FrameReceived, LinkDown, LinkEvent, LinkId, LinkUp, Transport, Writable

MANY = 10_000  # frames that must survive
_SENDS_UNTIL_FULL = 100_000  # a transport that takes more without a pause has no bound


class ConformanceError(AssertionError):
    """A rule of the contract is broken; the text says which."""


class Witness:
    """Runs one transport and holds what it posts against the rules."""

    def __init__(self, transport: Transport, patience_s: float) -> None:
        self.transport = transport
        self.events: list[LinkEvent] = []
        self.frames: list[bytes] = []
        self.up: dict[LinkId, LinkUp] = {}
        self.downs = 0
        self.writables = 0
        self.broken = ""
        self._patience = patience_s
        self._news = asyncio.Event()
        self._over = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Run the transport."""
        self._task = asyncio.create_task(self.transport.run(self.post))

    async def stop(self) -> None:
        """Cancel the transport and wait for it; everything it posts later breaks a rule."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
            if self.up:
                self._break(f"run was cancelled and left {', '.join(self.up)} without a LinkDown")
        self._over = True

    def post(self, event: LinkEvent) -> None:
        """Take an event from the transport."""
        link = event.link
        if self._over:
            self._break(f"{type(event).__name__} was posted after run had ended")
        elif isinstance(event, LinkUp):
            if link in self.up:
                self._break(f"{link} came up twice")
            if event.mtu <= 0:
                self._break(f"{link} came up with an mtu of {event.mtu}")
            self.up[link] = event
        elif link not in self.up:
            self._break(f"{type(event).__name__} was posted for {link}, which is not up")
        elif isinstance(event, LinkDown):
            del self.up[link]
            self.downs += 1
        elif isinstance(event, FrameReceived):
            self.frames.append(event.frame)
        elif isinstance(event, Writable):
            self.writables += 1
        self.events.append(event)
        self._news.set()

    @property
    def link(self) -> LinkUp:
        """The one link that is up."""
        self.check()
        if len(self.up) != 1:
            raise ConformanceError(f"{len(self.up)} links are up where one should be")
        return next(iter(self.up.values()))

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for something the transport has to do.

        Raises:
            ConformanceError: it did not, or broke a rule meanwhile.
        """
        try:
            async with asyncio.timeout(self._patience):
                while not condition():
                    self.check()
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise ConformanceError(f"within {self._patience:g} s {what} did not happen; {self.transport.status().sentence}") from None
        self.check()

    async def send(self, frame: bytes) -> None:
        """Send on the one link, waiting for `Writable` as often as it takes."""
        while not self.transport.send(self.link.link, frame):
            seen = self.writables
            await self.until(lambda: self.writables > seen, "Writable after a refused frame")  # noqa: B023 - awaited here

    def clear(self) -> None:
        """Forget what was posted; links that are up stay known."""
        self.events.clear()
        self.frames.clear()
        self.downs = self.writables = 0

    def check(self) -> None:
        """Raise what was found broken."""
        if self.broken:
            raise ConformanceError(self.broken)

    def _break(self, sentence: str) -> None:
        self.broken = self.broken or sentence
        self._news.set()


@dataclass(frozen=True)
class Bench:
    """How to make a pair of transports, and how long their kind takes."""

    make: Callable[[], tuple[Transport, Transport]]
    patience_s: float = 5.0  # how long anything may take
    quiet_s: float = 0.0  # how long to listen when nothing may happen

    def witnesses(self) -> tuple[Witness, Witness]:
        """A new pair that does not run yet."""
        left, right = self.make()
        return Witness(left, self.patience_s), Witness(right, self.patience_s)

    @asynccontextmanager
    async def linked(self) -> AsyncIterator[tuple[Witness, Witness]]:
        """A running pair with its link up at both ends; stopped and checked at the end.

        Where a pair is slow to start, a subclass may hand out the same one again, with its witnesses cleared.
        """
        left, right = self.witnesses()
        left.start()
        right.start()
        try:
            await left.until(lambda: left.up, "LinkUp")
            await right.until(lambda: right.up, "LinkUp")
            yield left, right
        finally:
            await asyncio.gather(left.stop(), right.stop())
        left.check()
        right.check()


async def comes_up_only_after_a_round_trip(bench: Bench) -> None:
    """No LinkUp while the other end does not run; then one at each end."""
    left, right = bench.witnesses()
    left.start()
    try:
        await asyncio.sleep(bench.quiet_s)
        if left.events:
            raise ConformanceError(f"{type(left.events[0]).__name__} was posted before the other end ran")
        right.start()
        await left.until(lambda: left.up, "LinkUp")
        await right.until(lambda: right.up, "LinkUp")
        if not left.link.capabilities & left.transport.capabilities:
            raise ConformanceError("the link has none of the transport's capabilities")
        for witness in (left, right):
            if witness.transport.status().links != 1 or not witness.transport.status().sentence:
                raise ConformanceError("status does not tell of the link")
    finally:
        await asyncio.gather(left.stop(), right.stop())
    left.check()
    right.check()


async def keeps_the_order(bench: Bench) -> None:
    """Frames of all sizes, both ways at once, arrive whole and in order."""
    async with bench.linked() as (left, right):
        largest = min(left.link.mtu, right.link.mtu)
        sizes = [1 + number * number % min(3_001, largest) for number in range(300)]
        sizes[150] = largest
        frames = {who: [bytes([number % 251]) * size for number, size in enumerate(sizes)] for who in (left, right)}

        async def send_all(witness: Witness) -> None:
            for frame in frames[witness]:
                await witness.send(frame)

        await asyncio.gather(send_all(left), send_all(right))
        for sender, receiver in ((left, right), (right, left)):
            await receiver.until(lambda: len(receiver.frames) >= len(sizes), "the arrival of all frames")  # noqa: B023 - awaited here
            if receiver.frames != frames[sender]:
                raise ConformanceError("frames arrived changed, twice or out of order")


async def carries_ten_thousand_frames(bench: Bench) -> None:
    """None is lost, none comes twice."""
    async with bench.linked() as (left, right):
        for number in range(MANY):
            await left.send(number.to_bytes(4, "big") * 8)
        await right.until(lambda: len(right.frames) >= MANY, f"the arrival of {MANY} frames")
        if [int.from_bytes(frame[:4], "big") for frame in right.frames] != list(range(MANY)):
            raise ConformanceError("frames were lost, doubled or put out of order")


async def pushes_back(bench: Bench) -> None:
    """Send returns False when full, Writable follows, and what was accepted arrives."""
    async with bench.linked() as (left, right):
        link, size = left.link.link, min(left.link.mtu, 8_192)
        accepted = 0
        while left.transport.send(link, accepted.to_bytes(4, "big") + bytes(size - 4)):
            accepted += 1
            if accepted > _SENDS_UNTIL_FULL:
                raise ConformanceError(f"{accepted} frames were accepted without a pause: there is no bound")
        if not accepted:
            raise ConformanceError("an idle link refused a frame")
        await left.until(lambda: left.writables, "Writable after a refused frame")
        if not left.transport.send(link, accepted.to_bytes(4, "big")):
            raise ConformanceError("a frame was refused right after Writable")
        await right.until(lambda: len(right.frames) > accepted, "the arrival of the accepted frames")
        if [int.from_bytes(frame[:4], "big") for frame in right.frames] != list(range(accepted + 1)):
            raise ConformanceError("accepted frames were lost, doubled or put out of order")


async def refuses_what_it_must(bench: Bench) -> None:
    """A frame above the mtu is a ValueError; an unknown link is False; neither harms the link."""
    async with bench.linked() as (left, right):
        try:
            left.transport.send(left.link.link, bytes(left.link.mtu + 1))
        except ValueError:
            pass
        else:
            raise ConformanceError("a frame above the mtu was not refused with ValueError")
        nowhere = LinkId(f"{left.transport.name}:nowhere")
        if left.transport.send(nowhere, b"frame"):
            raise ConformanceError("a frame for an unknown link was accepted")
        left.transport.close(nowhere, "there is none")
        await left.send(b"still there")
        await right.until(lambda: right.frames == [b"still there"], "the arrival of a frame after refusals")


async def closes_at_both_ends(bench: Bench) -> None:
    """Close is followed by LinkDown here and there."""
    async with bench.linked() as (left, right):
        left.transport.close(left.link.link, "the check wants it so")
        await left.until(lambda: left.downs, "LinkDown where the link was closed")
        await right.until(lambda: right.downs, "LinkDown at the other end")


async def cancellation_leaves_nothing(bench: Bench) -> None:
    """Cancelling run in mid-traffic posts LinkDown here and there, and leaves no task."""
    before = asyncio.all_tasks()
    async with bench.linked() as (left, right):
        link = left.link.link
        size = min(500, left.link.mtu, right.link.mtu)
        for _ in range(50):
            left.transport.send(link, bytes(size))
            right.transport.send(right.link.link, bytes(size))
        await left.stop()
        if left.transport.send(link, b"too late"):
            raise ConformanceError("a frame was accepted after run had ended")
        await right.until(lambda: right.downs, "LinkDown at the other end")
    left_over = asyncio.all_tasks() - before
    if left_over:
        raise ConformanceError(f"{len(left_over)} tasks were left behind, one is {left_over.pop().get_name()}")


Check = Callable[[Bench], Awaitable[None]]

CHECKS: tuple[Check, ...] = (
    comes_up_only_after_a_round_trip,
    keeps_the_order,
    carries_ten_thousand_frames,
    pushes_back,
    refuses_what_it_must,
    closes_at_both_ends,
    cancellation_leaves_nothing,
)
