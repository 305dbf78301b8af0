import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from random import Random

import pytest

from gateway.runtime.supervise import HEALTHY_S, Supervised
from tests.testing.virtual_loop import run
from transports.limits import BACKOFF_CAP_S, BACKOFF_FIRST_S
from transports.link import Capability, FrameReceived, LinkDown, LinkId, LinkUp, Post, TransportState, TransportStatus

LINK = LinkId("frail:one")
UP = LinkUp(LINK, 512, Capability.LOCAL)


class Longest(Random):
    """Draws the longest wait there can be."""

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


class Frail:
    """A transport that lives as a test wants it; `starts` has the times of its starts."""

    name = "frail"
    capabilities = Capability.LOCAL

    def __init__(self, life: Callable[[Post], Awaitable[None]]) -> None:
        self._life = life
        self.starts: list[float] = []

    async def run(self, post: Post) -> None:
        self.starts.append(asyncio.get_running_loop().time())
        await self._life(post)

    def send(self, _link: LinkId, _frame: bytes) -> bool:
        return False

    def close(self, _link: LinkId, _why: str) -> None:
        pass

    def status(self) -> TransportStatus:
        return TransportStatus(self.name, TransportState.UP, "It lives.", counters={"frames": 7})


def dies_after(seconds: float, error: Exception | None = None) -> Callable[[Post], Awaitable[None]]:
    async def life(_post: Post) -> None:
        await asyncio.sleep(seconds)
        if error is not None:
            raise error

    return life


def supervise(life: Callable[[Post], Awaitable[None]], seconds: float) -> tuple[Frail, Supervised, list, list[str]]:
    """Let a transport live and die under supervision for so long, in virtual time, then cancel it."""
    transport, events, reports = Frail(life), [], []
    supervised = Supervised(transport, Longest(), reports.append)

    async def main() -> None:
        task = asyncio.create_task(supervised.run(events.append))
        await asyncio.sleep(seconds)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())
    return transport, supervised, events, reports


def gaps(times: list[float], life: float) -> list[float]:
    """The waits between an end and the next start."""
    return [round(later - earlier - life, 6) for earlier, later in pairwise(times)]


def test_a_transport_that_fails_is_started_again_and_waits_longer_each_time_up_to_a_cap() -> None:
    transport, supervised, _, reports = supervise(dies_after(1.0, OSError("the adapter is gone")), 400)
    waits = gaps(transport.starts, 1.0)
    assert waits[:7] == [BACKOFF_FIRST_S * factor for factor in (1, 2, 4, 8, 16, 32)] + [BACKOFF_CAP_S]
    assert set(waits[6:]) == {BACKOFF_CAP_S}
    assert supervised.failures == len(reports) == len(transport.starts)
    assert reports[1] == "frail stopped: the adapter is gone. Starting it again in 2 s."


def test_a_minute_of_health_makes_the_next_failure_a_first_one() -> None:
    lives = [1.0, 1.0, 1.0, HEALTHY_S, 1.0, HEALTHY_S - 1, 1.0]

    async def life(_post: Post) -> None:
        await asyncio.sleep(lives.pop(0) if lives else 1e9)
        raise OSError

    transport, *_ = supervise(life, 300)
    ends = [later - earlier for earlier, later in pairwise(transport.starts)]
    lived = [1.0, 1.0, 1.0, HEALTHY_S, 1.0, HEALTHY_S - 1, 1.0]
    assert [round(end - life, 6) for end, life in zip(ends, lived, strict=True)] == [1, 2, 4, 1, 2, 4, 8]


def test_the_status_tells_of_the_fault_while_it_waits_and_of_the_transport_while_it_runs() -> None:
    transport = Frail(dies_after(10.0, OSError("the adapter is gone.")))
    supervised = Supervised(transport, Longest(), lambda _sentence: None)

    async def main() -> None:
        task = asyncio.create_task(supervised.run(lambda _event: None))
        await asyncio.sleep(5)
        healthy = supervised.status()
        await asyncio.sleep(5.5)
        failed = supervised.status()
        await asyncio.sleep(1)
        again = supervised.status()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert healthy == transport.status()
        assert (failed.state, failed.sentence, failed.links) == (TransportState.DOWN, "frail stopped: the adapter is gone.", 0)
        assert failed.remedy
        assert failed.counters == {"failures": 1}
        assert (again.state, again.counters) == (TransportState.UP, {"frames": 7, "failures": 1})

    run(main())


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (None, "it ended by itself"),
        (KeyError(), "KeyError"),
        (ExceptionGroup("unhandled errors in a TaskGroup", [ExceptionGroup("inner", [OSError("no such device")])]), "no such device"),
    ],
)
def test_every_end_has_a_reason_a_person_can_read(error: Exception | None, words: str) -> None:
    *_, reports = supervise(dies_after(0.0, error), 0.5)
    assert reports == [f"frail stopped: {words}. Starting it again in 1 s."]


def test_no_link_outlives_its_transport() -> None:
    async def life(post: Post) -> None:
        post(UP)
        post(LinkUp(LinkId("frail:two"), 512, Capability.LOCAL))
        post(LinkDown(LinkId("frail:two"), "gone already"))
        post(FrameReceived(LINK, b"frame"))
        await asyncio.sleep(1)
        raise OSError

    _, _, events, _ = supervise(life, 1.5)
    assert events[3:] == [FrameReceived(LINK, b"frame"), LinkDown(LINK, "the transport stopped")]


def test_a_transport_that_says_goodbye_itself_is_not_spoken_for() -> None:
    async def life(post: Post) -> None:
        post(UP)
        try:
            await asyncio.sleep(1e9)
        finally:
            post(LinkDown(LINK, "stopped"))

    _, supervised, events, reports = supervise(life, 1.0)
    assert events == [UP, LinkDown(LINK, "stopped")]
    assert supervised.failures == 0
    assert not reports


def test_cancelling_while_it_waits_to_start_again_ends_it() -> None:
    transport, *_ = supervise(dies_after(1.0, OSError("gone")), 1.5)
    assert len(transport.starts) == 1


@pytest.mark.parametrize("error", [OSError("the socket was gone"), None], ids=["raises", "returns"])
def test_a_transport_that_does_not_end_with_its_cancellation_is_not_started_again(error: Exception | None) -> None:
    async def life(_post: Post) -> None:
        try:
            await asyncio.sleep(1e9)
        except asyncio.CancelledError:
            if error is not None:
                raise error from None

    transport, _, _, reports = supervise(life, 1.0)
    assert len(transport.starts) == 1
    assert len(reports) == 1
