"""The links of a phone: what waits to leave over each, and what came in before it was announced."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from itertools import count

from bumble.device import Connection

from gateway.testing.ether import RADIO
from tests.rig.phone_profile import ATT_HEADER, MAX_VALUE
from transports.link import FrameReceived, LinkDown, LinkEvent, LinkId, LinkUp, Post, Writable

DEPTH = 32  # frames waiting on one link before it refuses more
MAX_EARLY = 64  # frames kept until the link is announced


class PhoneLink:
    """A connection that carries frames, in whichever role.

    Args:
        link_id: its name.
        connection: the connection underneath.
        role: ``central`` if the phone called, else ``peripheral``.
        put: hands one packet to the controller: a write command or a notification.
        burst: packets handed over before the first has left.

    """

    def __init__(self, link_id: LinkId, connection: Connection, role: str, put: Callable[[bytes], None], burst: int) -> None:
        self.id = link_id
        self.connection = connection
        self.role = role
        self.tag = b""
        self.neighbour = ""  # name of the station at the other end
        self.why = ""  # it went down
        self.mtu = min(connection.att_mtu - ATT_HEADER, MAX_VALUE)
        self.up = False
        self.early: deque[bytes] = deque(maxlen=MAX_EARLY)
        self.frames_in = self.frames_out = 0
        self.carrier: asyncio.Task[None] | None = None
        self._put = put
        self._burst = burst
        self._queue: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._refused = False

    def send(self, frame: bytes) -> bool:
        """Take a frame to be sent, or refuse it."""
        if len(self._queue) >= DEPTH:
            self._refused = True
            return False
        self._queue.append(frame)
        self._news.set()
        return True

    def to_json(self) -> dict[str, object]:
        """Everything about it."""
        return {key: getattr(self, key) for key in ("id", "role", "neighbour", "mtu", "up", "frames_in", "frames_out")}

    async def carry(self, writable: Callable[[], None]) -> None:
        """Put what waits on the air, in order and at the controller's pace, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._queue:
                for _ in range(min(self._burst, len(self._queue))):
                    self._put(self._queue.popleft())
                    self.frames_out += 1
                await self.connection.drain()
                if self._refused and len(self._queue) <= DEPTH // 2:
                    self._refused = False
                    writable()


class PhoneLinks:
    """All links of one phone, by name and by connection, and the engine's ear they report to.

    Args:
        name: prefix of the links' names.
        burst: see `PhoneLink`.
        counters: where everything that happens is counted.
        neighbour: names the station at the other end of a connection, for the diary.

    """

    def __init__(self, name: str, burst: int, counters: Counter[str], neighbour: Callable[[Connection], str]) -> None:
        self.post: Post | None = None
        self.changed: Callable[[PhoneLink], None] = lambda _link: None  # told of every link that came up or went down
        self._neighbour = neighbour
        self._name = name
        self._burst = burst
        self._counters = counters
        self._links: dict[LinkId, PhoneLink] = {}
        self._by_connection: dict[Connection, PhoneLink] = {}
        self._numbers = count(1)

    def __iter__(self):
        return iter(tuple(self._links.values()))

    def get(self, link: LinkId) -> PhoneLink | None:
        """The link of that name."""
        return self._links.get(link)

    def of(self, connection: Connection) -> PhoneLink | None:
        """The link over that connection."""
        return self._by_connection.get(connection)

    @property
    def tags(self) -> set[bytes]:
        """Tags of the neighbours that were called."""
        return {link.tag for link in self._links.values() if link.tag}

    def make(self, connection: Connection, role: str, put: Callable[[bytes], None]) -> PhoneLink:
        """Make a link that is not announced yet."""
        link_id = LinkId(f"{self._name}:{next(self._numbers)}")
        link = PhoneLink(link_id, connection, role, put, self._burst)
        link.neighbour = self._neighbour(connection)
        self._links[link_id] = self._by_connection[connection] = link
        return link

    def announce(self, link: PhoneLink) -> None:
        """Let the engine know of a link that is ready, and of what came in over it already."""
        link.mtu = min(link.connection.att_mtu - ATT_HEADER, MAX_VALUE)
        link.up = True
        link.carrier = asyncio.create_task(link.carry(lambda: self._tell(Writable(link.id))))
        self._counters["links_up"] += 1
        self.changed(link)
        self._tell(LinkUp(link.id, link.mtu, RADIO))
        while link.early and link.up:
            self._tell(FrameReceived(link.id, link.early.popleft()))

    def received(self, link: PhoneLink, pdu: bytes) -> None:
        """Pass on what one write or notification brought."""
        link.frames_in += 1
        if link.up:
            self._tell(FrameReceived(link.id, pdu))
        else:
            link.early.append(pdu)

    def down(self, link: PhoneLink, why: str) -> None:
        """Forget a link."""
        if self._links.pop(link.id, None) is None:
            return
        self._by_connection.pop(link.connection, None)
        self._counters["frames_in"] += link.frames_in
        self._counters["frames_out"] += link.frames_out
        if link.carrier is not None:
            link.carrier.cancel()
        if link.up:
            link.up, link.why = False, why
            self.changed(link)
            self._tell(LinkDown(link.id, why))

    def end(self) -> None:
        """Forget them all."""
        for link in self:
            self.down(link, "switched off")
        self.post = None

    def _tell(self, event: LinkEvent) -> None:
        if self.post is not None:
            self.post(event)
