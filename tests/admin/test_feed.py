"""What happens, for everybody who follows it."""

import asyncio
import json
import time

import msgspec
import pytest

from gateway.admin.feed import WAKE_S, Feed, FullError, Kind, Topic
from gateway.admin.limits import EVENT_BURST, MAX_EVENT_LAG, MAX_EVENT_LISTENERS, MAX_EVENTS_RING
from gateway.admin.news import News
from gateway.errors import Reason
from gateway.mesh.effects import PeerLost, PeerSeen, Receipt
from gateway.mesh.records import Decided, Verb
from gateway.status import PeerSummary
from tests.admin.documents import BROKEN, RADIO, document
from tests.testing.virtual_loop import run
from transports.link import TransportState, TransportStatus


def feed() -> Feed:
    return Feed(lambda topics, names: {"topics": sorted(topics), "names": names}, lambda: 1_800_000_000.0, "run")


async def told(follower) -> list[dict]:
    return [json.loads(text) for text in await follower.next()]


def test_first_comes_the_state_and_then_what_happens() -> None:
    async def scene() -> None:
        ring = feed()
        ring.tell(Kind.PEER_LOST, {"id": "old"})
        follower = ring.follow([Topic.PEERS], "", names=False)
        (state,) = await told(follower)
        assert (state["id"], state["type"], state["data"]) == ("run-1", "state", {"topics": ["peers"], "names": False})
        ring.tell(Kind.PEER_SEEN, {"id": "aa"}, {"nickname": "Ada"})
        ring.tell(Kind.MESSAGE_SENT, {"id": "bb"})
        assert await told(follower) == [{"id": "run-2", "type": "peer.seen", "time": "2027-01-15T08:00:00Z", "data": {"id": "aa"}}]

    run(scene())


def test_names_are_for_those_who_may_read_them() -> None:
    async def scene() -> None:
        ring = feed()
        followers = {names: ring.follow((), "", names=names) for names in (True, False)}
        for follower in followers.values():
            await follower.next()
        ring.tell(Kind.PEER_SEEN, {"id": "aa"}, {"nickname": "Ada"})
        assert [("Ada" in str(await told(follower))) for follower in followers.values()] == [True, False]

    run(scene())


def test_who_comes_back_is_told_what_it_missed() -> None:
    async def scene() -> None:
        ring = feed()
        for number in range(10):
            ring.tell(Kind.PEER_LOST, {"id": str(number)})
        missed = await told(ring.follow((), "run-6", names=False))
        assert [one["data"]["id"] for one in missed] == ["6", "7", "8", "9"]

    run(scene())


@pytest.mark.parametrize("since", ["run-3", "other-9", "run-99999999", "run-x", "run-", "9" * 60])
def test_what_is_no_place_in_the_ring_any_more_is_a_gap_and_then_the_state(since: str) -> None:
    async def scene() -> None:
        ring = feed()
        for number in range(MAX_EVENTS_RING + 10):
            ring.tell(Kind.PEER_LOST, {"id": str(number)})
        assert [one["type"] for one in await told(ring.follow((), since, names=False))] == ["gap", "state"]

    run(scene())


def test_who_falls_too_far_behind_gets_a_gap_and_not_everything() -> None:
    async def scene() -> None:
        ring = feed()
        slow = ring.follow((), "", names=False)
        await slow.next()
        for number in range(MAX_EVENT_LAG):
            ring.tell(Kind.PEER_LOST, {"id": str(number)})
        assert len(await told(slow)) == MAX_EVENT_LAG
        for number in range(MAX_EVENT_LAG + 1):
            ring.tell(Kind.PEER_LOST, {"id": str(number)})
        assert [one["type"] for one in await told(slow)] == ["gap", "state"]
        ring.tell(Kind.PEER_LOST, {"id": "next"})
        assert [one["data"] for one in await told(slow)] == [{"id": "next"}]

    run(scene())


def test_only_so_many_follow_and_whoever_leaves_makes_room() -> None:
    async def scene() -> None:
        ring = feed()
        followers = [ring.follow((), "", names=False) for _ in range(MAX_EVENT_LISTENERS)]
        with pytest.raises(FullError):
            ring.follow((), "", names=False)
        ring.leave(followers[0])
        ring.follow((), "", names=False)

    run(scene())


def test_who_follows_is_woken_once_for_what_happens_together() -> None:
    async def scene() -> None:
        ring = feed()
        follower = ring.follow((), "", names=False)
        await follower.next()
        for number in range(50):
            ring.tell(Kind.PEER_LOST, {"id": str(number)})
        began = asyncio.get_running_loop().time()
        assert len(await follower.next()) == 50
        assert asyncio.get_running_loop().time() - began == pytest.approx(WAKE_S)

    run(scene())


def test_the_end_is_the_end_for_everybody() -> None:
    async def scene() -> None:
        ring = feed()
        follower = ring.follow((), "", names=False)
        ring.close()
        assert await follower.next() == []
        assert follower.has_ended

    run(scene())


def test_telling_two_hundred_costs_what_telling_nobody_costs() -> None:
    async def cost(followers: int) -> float:
        ring = feed()
        everybody = [ring.follow((), "", names=False) for _ in range(followers)]
        for one in everybody:
            await one.next()
        best = 1e9
        for _ in range(7):
            began = time.perf_counter()
            for number in range(500):
                ring.tell(Kind.PEER_LOST, {"id": number})
            best = min(best, time.perf_counter() - began)
        return best

    nobody, many = run(cost(0)), run(cost(200))
    assert many < 2 * nobody + 0.001


def kinds_told(*effects) -> list[str]:
    async def scene() -> list[str]:
        ring = feed()
        news = News(ring)
        follower = ring.follow((), "", names=True)
        await follower.next()
        for effect in effects:
            news.take(effect, 0.0)
        return [one["type"] for one in await told(follower)]

    return run(scene())


def test_what_the_engine_reports_has_the_words_of_the_api() -> None:
    subject = b"\x01" * 16
    assert kinds_told(
        PeerSeen(b"12345678", "Ada", direct=True, link="radio:1"),
        PeerLost(b"12345678", "it left"),
        Decided(subject, Verb.HEARD),
        Decided(subject, Verb.KNOWN_AS),
        Decided(subject, Verb.HELD),
        Decided(subject, Verb.SENT, b"siteid88"),
        Decided(subject, Verb.REFUSED, reason=Reason.SIGNATURE),
        Decided(subject, Verb.DROPPED, reason=Reason.EXPIRED),
        Receipt(b"12345678", "ID", "delivered"),
        Receipt(b"12345678", "ID", "read"),
    ) == [
        *("peer.seen", "peer.lost", "message.received", "message.queued", "message.sent"),
        *("message.dropped", "message.expired", "message.delivered", "message.read"),
    ]


def test_a_flood_of_strangers_is_counted_and_not_told() -> None:
    flood = [Decided(b"\x02" * 16, Verb.REFUSED, reason=Reason.RATE)] * (int(EVENT_BURST) + 50)
    assert len(kinds_told(*flood)) == EVENT_BURST


def test_what_has_changed_between_two_looks_is_told() -> None:
    async def scene() -> None:
        ring = feed()
        news = News(ring)
        follower = ring.follow((), "", names=True)
        await follower.next()
        near = PeerSummary("aa", "Ada", direct=True, local=True, remote=False, last_heard_s=1.0)
        before = document(RADIO, BROKEN)
        before = msgspec.structs.replace(before, mesh=msgspec.structs.replace(before.mesh, peers=(near,)))
        far = msgspec.structs.replace(near, direct=False, local=False, remote=True)
        after = document(RADIO, TransportStatus("libp2p", TransportState.UP, "Listening.", ""))
        after = msgspec.structs.replace(after, mesh=msgspec.structs.replace(after.mesh, peers=(far,)))
        news.look(before)
        news.look(before)
        news.look(after)
        news.alert("clock_not_set", "", "error", "Nobody knows the time.", raised=True)
        news.alert("clock_not_set", "", "error", "Nobody knows the time.", raised=False)
        assert [one["type"] for one in await told(follower)] == ["transport.up", "peer.updated", "alert.raised", "alert.cleared"]

    run(scene())
