"""What a program is told, and the place where that waits for it.

Messages and other news wait in one line, in the order they came. Each has room of its own: when there is no room for a
message it is refused, and its sender is told so; when there is none for other news the oldest is given up.
Of both the program gets a `Gap` before the next event, so nothing is missing without a word.
"""

from collections import Counter, deque
from dataclasses import dataclass

from gateway.limits import MAX_NETWORK_NEWS, MAX_UNTAKEN, MAX_UNTAKEN_BYTES, MAX_UNTAKEN_BYTES_PER_PEER, MAX_UNTAKEN_PER_PEER
from gateway.wire.program import Value


@dataclass(frozen=True, slots=True)
class PeerUp:
    """Another program is linked and takes messages."""

    peer_id: str


@dataclass(frozen=True, slots=True)
class PeerDown:
    """It is not any more; what is sent meanwhile waits as long as its sender said."""

    peer_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Message:
    """Another program said something. By taking this event from the line the program acknowledges it."""

    peer_id: str  # proved
    message_id: str  # 32 hexadecimal digits, the same as on the receipt of the sender
    value: Value


@dataclass(frozen=True, slots=True)
class Trouble:
    """A transport has something to say that a person should read."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Gap:
    """The program was too slow."""

    events: int  # other than messages, given up
    messages: int  # refused; their senders know


Event = PeerUp | PeerDown | Message | Trouble | Gap


class Line:
    """Events that wait to be taken, in order."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Event, int]] = deque()  # with the bytes of a message
        self._count: Counter[str] = Counter()  # messages by peer
        self._bytes: Counter[str] = Counter()
        self._news = 0
        self._missed = self._refused = 0

    def __len__(self) -> int:
        return len(self._waiting) + self._has_gap

    @property
    def messages(self) -> int:
        """Messages that wait."""
        return len(self._waiting) - self._news

    def tell(self, event: PeerUp | PeerDown | Trouble) -> None:
        """Append news; the oldest news is given up for it if there is no room."""
        if self._news >= MAX_NETWORK_NEWS:
            oldest = next(index for index, (waiting, _) in enumerate(self._waiting) if not isinstance(waiting, Message))
            del self._waiting[oldest]
            self._news -= 1
            self._missed += 1
        self._waiting.append((event, 0))
        self._news += 1

    def offer(self, message: Message, size: int) -> bool:
        """Append a message of `size` bytes; False if there is no room for it."""
        peer_id = message.peer_id
        if (
            self.messages >= MAX_UNTAKEN
            or self._bytes.total() + size > MAX_UNTAKEN_BYTES
            or self._count[peer_id] >= MAX_UNTAKEN_PER_PEER
            or self._bytes[peer_id] + size > MAX_UNTAKEN_BYTES_PER_PEER
        ):
            self._refused += 1
            return False
        self._waiting.append((message, size))
        self._count[peer_id] += 1
        self._bytes[peer_id] += size
        return True

    def take(self) -> Event | None:
        """Return the next event, None if there is none."""
        if self._has_gap:
            gap = Gap(self._missed, self._refused)
            self._missed = self._refused = 0
            return gap
        if not self._waiting:
            return None
        event, size = self._waiting.popleft()
        if isinstance(event, Message):
            for counter, amount in ((self._count, 1), (self._bytes, size)):
                counter[event.peer_id] -= amount
                if not counter[event.peer_id]:
                    del counter[event.peer_id]
        else:
            self._news -= 1
        return event

    @property
    def _has_gap(self) -> bool:
        return bool(self._missed or self._refused)
