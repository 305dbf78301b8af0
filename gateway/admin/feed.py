"""What happens, for everybody who follows it: a bounded ring of events, and for each who follows a place in it.

Rules:

* Telling of something costs the same however many follow, and waits for nobody: who follows is woken every tenth of a second.
* Who falls too far behind gets a ``gap`` in place of what it missed, and then the whole state anew; nothing is kept for it.
* An ID names a place in the ring of one run of the gateway. Who comes back with it is told what it missed, or that there is a gap.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import msgspec

from gateway.admin.limits import MAX_EVENT_LAG, MAX_EVENT_LISTENERS, MAX_EVENTS_RING

WOKEN_AT_ONCE: Final = 8  # who follow: each is sent something, which takes a tenth of a millisecond and more
WAKE_S: Final = 0.1  # seconds what happens may wait for company before those who follow are woken


class Topic(StrEnum):
    """What can be followed."""

    PEERS = "peers"
    MESSAGES = "messages"
    TRANSPORTS = "transports"
    POLICY = "policy"
    ADAPTERS = "adapters"
    ALERTS = "alerts"


class Kind(StrEnum):
    """What can happen; the part before the dot says of which topic it is."""

    PEER_SEEN = "peer.seen"
    PEER_UPDATED = "peer.updated"
    PEER_LOST = "peer.lost"
    MESSAGE_RECEIVED = "message.received"
    MESSAGE_QUEUED = "message.queued"
    MESSAGE_SENT = "message.sent"
    MESSAGE_DELIVERED = "message.delivered"
    MESSAGE_READ = "message.read"
    MESSAGE_DROPPED = "message.dropped"
    MESSAGE_EXPIRED = "message.expired"
    FILE_RECEIVED = "file.received"
    TRANSPORT_UP = "transport.up"
    TRANSPORT_DOWN = "transport.down"
    TRANSPORT_DEGRADED = "transport.degraded"
    POLICY_CHANGED = "policy.changed"
    ADAPTER_RECOVERING = "adapter.recovering"
    ADAPTER_RECOVERED = "adapter.recovered"
    ALERT_RAISED = "alert.raised"
    ALERT_CLEARED = "alert.cleared"

    @property
    def topic(self) -> Topic:
        """Of which topic it is; files are messages."""
        return _TOPICS[self.value.partition(".")[0]]


_TOPICS: Final = {
    "peer": Topic.PEERS,
    "message": Topic.MESSAGES,
    "file": Topic.MESSAGES,
    "transport": Topic.TRANSPORTS,
    "policy": Topic.POLICY,
    "adapter": Topic.ADAPTERS,
    "alert": Topic.ALERTS,
}


class EventDocument(msgspec.Struct, frozen=True):
    """Something that happened; of the type ``state`` all there is, and of the type ``gap`` that something is missing."""

    id: str  # where to go on after it
    type: str
    time: datetime | None  # None while the time of day is not known
    data: Mapping[str, Any]


class Happened:
    """One event in the ring, spelled out at most once for those who may read names, and once for the others."""

    __slots__ = ("_document", "_named", "_plain", "_private", "kind")

    def __init__(self, kind: Kind, document: EventDocument, private: Mapping[str, Any]) -> None:
        self.kind = kind
        self._document = document
        self._private = private
        self._named = self._plain = b""

    def text(self, *, names: bool) -> bytes:
        """Return it as JSON."""
        if not names or not self._private:
            self._plain = self._plain or msgspec.json.encode(self._document)
            return self._plain
        if not self._named:
            whole: EventDocument = msgspec.structs.replace(self._document, data={**self._document.data, **self._private})
            self._named = msgspec.json.encode(whole)
        return self._named


class FullError(Exception):
    """So many follow that nobody else can."""


class Feed:
    """The ring, and those who follow.

    Args:
        state: makes all there is to know of some topics; whether with what people are called is the second argument.
        wall: Unix seconds, None while the time of day is not known.
        run: a word for this run of the gateway, without a dash.

    """

    def __init__(self, state: Callable[[Collection[Topic], bool], Mapping[str, Any]], wall: Callable[[], float | None], run: str) -> None:
        self._state = state
        self._wall = wall
        self._run = run
        self._ring: deque[Happened] = deque(maxlen=MAX_EVENTS_RING)
        self.last = 0  # number of the latest event
        self._followers: set[Follower] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._followers)

    def tell(self, kind: Kind, data: Mapping[str, Any], private: Mapping[str, Any] | None = None) -> None:
        """Tell of something; `private` is what only those are told who may read what people are called."""
        self.last += 1
        self._ring.append(Happened(kind, EventDocument(self.id_of(self.last), kind.value, self.time(), data), private or {}))
        if self._timer is None and self._followers:
            self._timer = asyncio.get_running_loop().call_later(WAKE_S, self._wake)

    def follow(self, topics: Collection[Topic], since: str, *, names: bool) -> "Follower":
        """Let somebody follow, until `leave`; raises `FullError`.

        Args:
            topics: what is followed; nothing is everything.
            since: the ID after which to go on; empty begins with the state.
            names: whether to tell what people are called.

        """
        if len(self._followers) >= MAX_EVENT_LISTENERS:
            raise FullError(f"{MAX_EVENT_LISTENERS} follow already")
        follower = Follower(self, topics, since, names=names)
        self._followers.add(follower)
        return follower

    def leave(self, follower: "Follower") -> None:
        """Let somebody go."""
        self._followers.discard(follower)

    def close(self) -> None:
        """End for everybody who follows."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for follower in self._followers:
            follower.end()

    def after(self, place: int) -> list[Happened]:
        """Return what came after a place; empty if that is too long ago."""
        missing = self.last - place
        return list(self._ring)[len(self._ring) - missing :] if 0 < missing <= len(self._ring) else []

    def has(self, place: int) -> bool:
        """Whether nothing after a place is lost."""
        return 0 <= self.last - place <= len(self._ring)

    def place_of(self, since: str) -> int | None:
        """Return the place an ID names, None if it is of another run, or of none."""
        run, _, number = since.partition("-")
        usable = run == self._run and number.isascii() and number.isdecimal() and len(number) < 19
        return int(number) if usable and int(number) <= self.last else None

    def id_of(self, place: int) -> str:
        """Return the ID of a place."""
        return f"{self._run}-{place}"

    def all_there_is(self, topics: Collection[Topic], *, names: bool) -> bytes:
        """Return the state as an event that stands at the end of the ring."""
        return msgspec.json.encode(EventDocument(self.id_of(self.last), "state", self.time(), self._state(topics, names)))

    def time(self) -> datetime | None:
        """Return the time of day."""
        wall = self._wall()
        return None if wall is None else datetime.fromtimestamp(round(wall, 3), UTC)

    def _wake(self) -> None:
        self._timer = None
        self._wake_some(tuple(self._followers))

    def _wake_some(self, followers: "tuple[Follower, ...]") -> None:
        """Wake a few at a time: between them the loop looks at what else has come, a phone's frame above all."""
        for follower in followers[:WOKEN_AT_ONCE]:
            follower.wake()
        if len(followers) > WOKEN_AT_ONCE:
            asyncio.get_running_loop().call_soon(self._wake_some, followers[WOKEN_AT_ONCE:])


class Follower:
    """Somebody who follows; one task asks for what is `next`."""

    def __init__(self, feed: Feed, topics: Collection[Topic], since: str, *, names: bool) -> None:
        self._feed = feed
        self._names = names
        self._news = asyncio.Event()
        self._ended = False
        self._place: int | None = None  # None: it needs the state
        self._missed = self._resumes = False
        self.choose(topics, since)

    def choose(self, topics: Collection[Topic], since: str) -> None:
        """Follow these from now on; what is followed begins with the state, or goes on after `since`."""
        self._topics = frozenset(topics) or frozenset(Topic)
        place = self._feed.place_of(since)
        self._missed = bool(since) and (place is None or not self._feed.has(place))
        self._place = None if self._missed else place
        self._resumes = self._place is not None  # the whole ring is there for it, once
        self._news.set()

    def wake(self) -> None:
        """There may be news."""
        self._news.set()

    def end(self) -> None:
        """There will be no more."""
        self._ended = True
        self._news.set()

    @property
    def has_ended(self) -> bool:
        """Whether there will be no more."""
        return self._ended

    async def next(self) -> list[bytes]:
        """Wait for news, and return them as JSON, one document each; nothing if there will be no more."""
        while not self._ended:
            await self._news.wait()
            self._news.clear()
            if found := self._take():
                return found
        return []

    def _take(self) -> list[bytes]:
        feed = self._feed
        if self._ended:
            return []
        if self._place is not None and feed.last - self._place > (MAX_EVENTS_RING if self._resumes else MAX_EVENT_LAG):
            self._missed, self._place = True, None
        self._resumes = False
        if self._place is None:
            told = [self._gap()] if self._missed else []
            self._missed, self._place = False, feed.last
            return [*told, feed.all_there_is(self._topics, names=self._names)]
        found, self._place = feed.after(self._place), feed.last
        return [one.text(names=self._names) for one in found if one.kind.topic in self._topics]

    def _gap(self) -> bytes:
        feed = self._feed
        return msgspec.json.encode(EventDocument(feed.id_of(feed.last), "gap", feed.time(), {}))
