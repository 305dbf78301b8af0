"""Two members that talk over streams which break wherever a test wants them to. No I/O, no clock."""

from collections import deque
from itertools import count

from transports.libp2p.effects import Arrived, Counters, Down, Drop, Effect, Room, Up, Write
from transports.libp2p.member import Member

_tokens = count(1)


class Side:
    """One gateway process as far as one link is concerned."""

    def __init__(self, own: str, other: str, grace: float = 20.0) -> None:
        self.count = Counters()
        self.member = Member(own, other, token=lambda: next(_tokens).to_bytes(8, "big"), grace=grace, counters=self.count)
        self.accepted: list[bytes] = []
        self.arrived: list[bytes] = []
        self.events: list[str] = []
        self.rooms = 0

    def send(self, frame: bytes) -> bool:
        taken = self.member.offer(frame)
        if taken:
            self.accepted.append(frame)
        return taken


class World:
    """A small and a large peer ID, and the stream between them."""

    def __init__(self, grace: float = 20.0) -> None:
        self.now = 100.0
        self.grace = grace
        self.sides = [Side("a", "b", grace), Side("b", "a", grace)]
        self.stream: int | None = None
        self._last = 0
        self._wires: list[deque[bytes]] = [deque(), deque()]  # bytes on their way from side 0 and from side 1
        self._unconfirmed = [0, 0]

    def open(self) -> None:
        self.cut()
        self._last += 1
        self.stream = self._last
        for index, side in enumerate(self.sides):
            self.heed(index, side.member.opened(self.stream, self.now))

    def cut(self, *, first: int = 0) -> None:
        """Everything on its way is gone; the sides learn of it one after the other."""
        if self.stream is None:
            return
        stream, self.stream = self.stream, None
        for wire in self._wires:
            wire.clear()
        self._unconfirmed = [0, 0]
        for index in (first, 1 - first):
            self.heed(index, self.sides[index].member.closed(stream, self.now))

    def restart(self, index: int) -> Side:
        """A gateway process dies and another takes its place, knowing nothing."""
        self.cut()
        old = self.sides[index]
        self.sides[index] = Side("ab"[index], "ba"[index], self.grace)
        return old

    def flush(self, index: int) -> None:
        self.heed(index, self.sides[index].member.flush(self.now))

    def carry(self, index: int, size: int) -> None:
        """Bring the next bytes of one side to the other, cut where it pleases the network."""
        wire = self._wires[index]
        if wire and self.stream is not None:
            data = wire.popleft()
            if size < len(data):
                data, rest = data[:size], data[size:]
                wire.appendleft(rest)
            self.heed(1 - index, self.sides[1 - index].member.feed(self.stream, data, self.now))

    def confirm(self, index: int) -> None:
        size, self._unconfirmed[index] = self._unconfirmed[index], 0
        if self.stream is not None and size:
            self.heed(index, self.sides[index].member.written(self.stream, size, self.now))

    def tick(self, seconds: float) -> None:
        self.now += seconds
        for index, side in enumerate(self.sides):
            self.heed(index, side.member.acknowledge(self.now))
            self.heed(index, side.member.tick(self.now))

    def settle(self) -> None:
        """Let everything happen that can, on a network that works."""
        if self.stream is None:
            self.open()
        for _ in range(2_000):
            for index in (0, 1):
                self.flush(index)
                while self._wires[index]:
                    self.carry(index, 1 << 30)
                self.confirm(index)
            if not any(self._wires) and not any(self._unconfirmed) and not any(side.member.owes_ack for side in self.sides):
                return
            self.tick(0.03)
        raise AssertionError("the world does not come to rest")

    def heed(self, index: int, effects: list[Effect]) -> None:
        side = self.sides[index]
        for effect in effects:
            if isinstance(effect, Write):
                if effect.stream == self.stream:
                    self._wires[index].append(effect.data)
                    self._unconfirmed[index] += len(effect.data)
            elif isinstance(effect, Arrived):
                assert side.events, "frames arrived before the link was up"
                assert side.events[-1] == "up", "frames arrived while the link was down"
                side.arrived += effect.frames
            elif isinstance(effect, Up):
                side.events.append("up")
            elif isinstance(effect, Down):
                side.events.append("down")
            elif isinstance(effect, Room):
                side.rooms += 1
            elif isinstance(effect, Drop) and effect.stream == self.stream:
                self.cut(first=index)
