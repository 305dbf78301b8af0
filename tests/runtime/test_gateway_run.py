"""How a whole gateway ends, in virtual time (tests.testing.virtual_loop): in good order when told to, loudly when its engine is broken."""

import asyncio
from pathlib import Path

import pytest

from gateway.app import Gateway
from gateway.mesh.effects import Effect, PeerLost, PeerSeen
from gateway.mesh.events import Tick
from gateway.runtime.clock import NOT_SET
from tests.runtime.gateways import PHONES, Site, play
from transports.link import FrameReceived, LinkDown, Post, TransportState


class BugError(Exception):
    """What no engine should raise."""


def break_on(gateway: Gateway, kind: type) -> None:
    sound = gateway.engine.handle

    def handle(event, now):
        if isinstance(event, kind):
            raise BugError(kind.__name__)
        return sound(event, now)

    gateway.engine.handle = handle


@pytest.mark.parametrize("kind", [FrameReceived, Tick])
def test_what_escapes_the_engine_ends_the_gateway_with_it(tmp_path: Path, kind: type) -> None:
    async def scene() -> None:
        site = Site(tmp_path)
        break_on(site.gateway, kind)
        with pytest.raises(BugError, match=kind.__name__):
            await site.run_for(600)
        assert not site.stop.is_set()
        assert not site.socket.exists()
        assert not site.reports  # it is no fault of the radio, which must not be blamed or started again

    play(scene)


def test_what_a_listener_to_notices_raises_ends_the_gateway_with_it(tmp_path: Path) -> None:
    def notice(effect: Effect, _now: float) -> None:
        if isinstance(effect, PeerSeen):
            raise BugError(effect.nickname)

    async def scene() -> None:
        with pytest.raises(BugError, match=r"Ada|Bela"):
            await Site(tmp_path, notice).run_for(600)

    play(scene)


def test_an_engine_that_breaks_while_the_gateway_stops_is_not_hushed_up(tmp_path: Path) -> None:
    async def scene() -> None:
        site = Site(tmp_path)
        asyncio.get_running_loop().call_later(5, break_on, site.gateway, LinkDown)
        with pytest.raises(BugError, match="LinkDown"):
            await site.run_for(10)
        assert site.stop.is_set()

    play(scene)


def test_a_gateway_told_to_stop_says_goodbye_to_the_phones(tmp_path: Path) -> None:
    async def scene() -> None:
        site = Site(tmp_path)
        await site.run_for(3)
        own = site.gateway.identity.peer_id
        lost = {notice.node for notice in site.island.notices if isinstance(notice.effect, PeerLost) and notice.effect.peer_id == own}
        assert lost == set(PHONES)
        assert not site.socket.exists()

    play(scene)


def test_a_radio_that_fails_is_started_again_and_the_gateway_goes_on(tmp_path: Path) -> None:
    async def scene() -> None:
        site = Site(tmp_path)
        sound, failures = site.radio.run, [OSError("the adapter is gone"), OSError("still gone")]

        async def run_radio(post: Post) -> None:
            if failures:
                raise failures.pop(0)
            await sound(post)

        site.radio.run = run_radio
        seen = []
        loop = asyncio.get_running_loop()
        loop.call_later(30, lambda: seen.append(site.gateway.status()))
        await site.run_for(40)
        assert [report.partition(".")[0] for report in site.reports] == ["radio stopped: the adapter is gone", "radio stopped: still gone"]
        (status,) = seen
        assert status.sentence.startswith("2 phones near.")
        assert status.transports["radio"].state is TransportState.UP
        assert status.transports["radio"].counters["failures"] == 2

    play(scene)


def test_a_gateway_whose_clock_nobody_vouches_for_is_silent_says_so_and_starts_by_itself(tmp_path: Path) -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
        since = loop.time()
        site = Site(tmp_path, trusted=lambda: loop.time() >= since + 95.0)
        own, seen = site.gateway.identity.peer_id, []

        def look() -> None:
            heard = [notice for notice in site.island.notices if isinstance(notice.effect, PeerSeen) and notice.effect.peer_id == own]
            seen.append((bool(heard), [problem.sentence for problem in site.gateway.status().problems]))

        for at in (90.0, 130.0):
            loop.call_later(at, look)
        await site.run_for(140)
        assert seen == [(False, [NOT_SET[0]]), (True, [])]
        assert [report.partition(",")[0].partition(":")[0] for report in site.reports] == [
            "The clock of this gateway is not set",
            "The clock is set",
        ]

    play(scene)


def test_a_second_gateway_on_the_same_socket_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        first, second = Site(tmp_path), Site(tmp_path)
        running = asyncio.create_task(first.run_for(20))
        await asyncio.sleep(10)
        with pytest.raises(Exception, match="Another gateway is running"):
            await second.run_for(5)
        assert first.socket.exists()
        await running

    play(scene)
