"""Exactly once and in order over streams that may break at any byte.

Both ends of a session live in the gateway processes, so that the child processes between them may die.
The sender numbers its batches from 0 and keeps each until the receiver has counted it; after a break it
sends everything the receiver has not counted again. The receiver drops what it has counted already.

Nothing here knows about streams, time or the wire; `member` does.
"""

from collections import deque
from dataclasses import dataclass, field

from transports.libp2p.blob import encode_frames
from transports.libp2p.framing import GarbageError
from transports.limits import ACK_BATCHES, ACK_BYTES, BATCH_BYTES, BATCH_FRAMES, FRAME_COST, LINK_WINDOW_BYTES, LINK_WINDOW_FRAMES


@dataclass(frozen=True, slots=True)
class SentBatch:
    """A batch that is kept until it is acknowledged."""

    sequence: int
    body: bytes  # msgpack list of frames
    frames: int
    cost: int  # bytes it counts for in the window


class Outbox:
    """The sending half of a session: frames waiting, and batches sent but not acknowledged."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._kept: deque[SentBatch] = deque()
        self._cursor = 0  # how many of the kept batches were sent on the present stream
        self._next = 0  # sequence number of the next new batch
        self._refused = 0  # cost of a frame that found no room, 0 if none did since there was room
        self.waiting_bytes = 0
        self.held_frames = 0  # waiting or unacknowledged
        self.held_bytes = 0

    def offer(self, frame: bytes) -> bool:
        """Take a frame; False if the window is full, in which case `acknowledge` tells when there is room."""
        cost = len(frame) + FRAME_COST
        held = self.held_frames
        if held and (held >= LINK_WINDOW_FRAMES or self.held_bytes + cost > LINK_WINDOW_BYTES):
            self._refused = cost
            return False
        self._waiting.append(frame)
        self.waiting_bytes += cost
        self.held_bytes += cost
        self.held_frames = held + 1
        return True

    @property
    def has_full_batch(self) -> bool:
        """Whether waiting longer would not make the next batch any fuller."""
        return self._cursor < len(self._kept) or self.waiting_bytes >= BATCH_BYTES or len(self._waiting) >= BATCH_FRAMES

    def next_batch(self) -> tuple[SentBatch, bool] | None:
        """The next batch to put on the stream and whether it was sent before; None if there is nothing to send."""
        if self._cursor < len(self._kept):
            batch = self._kept[self._cursor]
            self._cursor += 1
            return batch, True
        waiting = self._waiting
        if not waiting:
            return None
        frames = [waiting.popleft()]
        cost = len(frames[0]) + FRAME_COST
        while waiting and len(frames) < BATCH_FRAMES and cost + len(waiting[0]) + FRAME_COST <= BATCH_BYTES:
            frame = waiting.popleft()
            frames.append(frame)
            cost += len(frame) + FRAME_COST
        self.waiting_bytes -= cost
        batch = SentBatch(self._next, encode_frames(frames), len(frames), cost)
        self._next += 1
        self._kept.append(batch)
        self._cursor += 1
        return batch, False

    def acknowledge(self, received: int) -> bool:
        """The receiver has counted `received` batches; True if a refused frame would now find room.

        Raises:
            GarbageError: it counted batches that were never sent, or fewer than before.
        """
        kept = self._kept
        base = self._next - len(kept)
        if not base <= received <= base + self._cursor:
            raise GarbageError(f"{received} batches were acknowledged where {base} to {base + self._cursor} are possible")
        for _ in range(received - base):
            batch = kept.popleft()
            self.held_frames -= batch.frames
            self.held_bytes -= batch.cost
        self._cursor -= received - base
        if not self._refused or not self._has_room(self._refused):
            return False
        self._refused = 0
        return True

    def rewind(self, received: int) -> bool:
        """A new stream begins where the receiver counted `received` batches; the rest is sent again.

        True if a refused frame would now find room.

        Raises:
            GarbageError: as for `acknowledge`.
        """
        self._cursor = len(self._kept)
        room = self.acknowledge(received)
        self._cursor = 0
        return room

    def _has_room(self, cost: int) -> bool:
        """Whether half the window is free, so that a refused sender is not woken for every frame."""
        if not self.held_frames:
            return True
        return (
            self.held_frames <= LINK_WINDOW_FRAMES // 2
            and self.held_bytes <= LINK_WINDOW_BYTES // 2
            and self.held_bytes + cost <= LINK_WINDOW_BYTES
        )


class Inbox:
    """The receiving half of a session."""

    def __init__(self) -> None:
        self.received = 0  # batches counted, which is also the sequence number expected next
        self._told_batches = 0  # of those, how many the sender knows of
        self._untold_bytes = 0

    def accept(self, sequence: int, size: int) -> bool:
        """Count a batch of `size` bytes; False if it is a duplicate.

        Raises:
            GarbageError: batches before it are missing.
        """
        if sequence > self.received:
            raise GarbageError(f"batch {sequence} came where {self.received} was next")
        if sequence < self.received:
            return False
        self.received += 1
        self._untold_bytes += size
        return True

    @property
    def owes_ack(self) -> bool:
        """Whether the sender does not know yet of everything that arrived."""
        return self.received != self._told_batches

    @property
    def owes_ack_now(self) -> bool:
        """Whether so much arrived that the sender should know at once."""
        return self.received - self._told_batches >= ACK_BATCHES or self._untold_bytes >= ACK_BYTES

    def told(self) -> int:
        """The count to send along; from here on the sender counts as knowing it."""
        self._told_batches = self.received
        self._untold_bytes = 0
        return self.received


@dataclass(slots=True)
class Session:
    """Both halves, and the name of the session at each end (8 random bytes)."""

    ours: bytes
    theirs: bytes
    outbox: Outbox = field(default_factory=Outbox)
    inbox: Inbox = field(default_factory=Inbox)
