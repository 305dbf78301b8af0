"""Scripts for many mesh engines and the wires between them."""

import heapq
from collections.abc import Callable
from itertools import count, pairwise
from random import Random

from gateway.mesh.effects import Effect, SendFrame
from gateway.mesh.engine import Mesh
from gateway.mesh.events import ClockSet, MeshEvent, Tick
from gateway.mesh.settings import MeshSettings
from tests.mesh.nodes import EPOCH, Clock, Node
from tests.mesh.playbook import LOCAL, check_send
from transports.link import FrameReceived, LinkDown, LinkId, LinkUp


def nothing_is_lost(_source: str, _target: str, _frame: bytes) -> bool:
    return False


class Cast:
    """Many engines with wires between them, which take `delay` seconds.

    `lose` may be set to a function that says whether a frame from one to another is lost.
    """

    def __init__(self, *names: str, settings: MeshSettings | None = None, delay: float = 0.005) -> None:
        self.clock = Clock()
        self.delay = delay
        self.engines: dict[str, Mesh] = {}
        self.effects: dict[str, list[Effect]] = {name: [] for name in names}
        self.carried: list[tuple[float, str, str, bytes]] = []
        self.lose: Callable[[str, str, bytes], bool] = nothing_is_lost
        self._mtus: dict[str, dict[LinkId, int]] = {name: {} for name in names}
        self._flying: list[tuple[float, int, str, str, bytes]] = []
        self._order = count()
        for name in names:
            own = MeshSettings(nickname=name) if settings is None else settings
            self.engines[name] = Mesh(Node(name).identity, Random(name), own)
            self.do(name, ClockSet(EPOCH))

    def __getitem__(self, name: str) -> Mesh:
        return self.engines[name]

    def id(self, name: str) -> bytes:
        return self.engines[name].identity.peer_id

    def join(self, a: str, b: str, *, mtu: int = 512) -> None:
        for one, other in ((a, b), (b, a)):
            self._mtus[one][LinkId(other)] = mtu
        for one, other in ((a, b), (b, a)):
            self.do(one, LinkUp(LinkId(other), mtu, LOCAL))

    def part(self, a: str, b: str) -> None:
        for one, other in ((a, b), (b, a)):
            del self._mtus[one][LinkId(other)]
            self.do(one, LinkDown(LinkId(other), "gone"))

    def line(self, *names: str, mtu: int = 512) -> None:
        for a, b in pairwise(names):
            self.join(a, b, mtu=mtu)

    def do(self, name: str, event: MeshEvent) -> list[Effect]:
        effects = self.engines[name].handle(event, self.clock.now)
        for effect in effects:
            if isinstance(effect, SendFrame):
                check_send(effect, self._mtus[name])
                for link in effect.links:
                    if not self.lose(name, link, effect.frame):
                        heapq.heappush(self._flying, (self.clock.now + self.delay, next(self._order), name, link, effect.frame))
            else:
                self.effects[name].append(effect)
        return effects

    def wait(self, seconds: float) -> None:
        until = self.clock.now + seconds
        while True:
            wakeups = [(at, name) for name, engine in self.engines.items() if (at := engine.next_wakeup()) is not None]
            at, name = min(wakeups, default=(until + 1, ""))
            if self._flying and self._flying[0][0] <= min(at, until):
                self.clock.now, _, source, target, frame = heapq.heappop(self._flying)
                if LinkId(source) in self._mtus[target]:
                    self.carried.append((self.clock.now, source, target, frame))
                    self.do(target, FrameReceived(LinkId(source), frame))
            elif at <= until:
                self.clock.now = max(self.clock.now, at)
                self.do(name, Tick())
            else:
                break
        self.clock.now = until

    def seen(self, name: str, kind: type) -> list[Effect]:
        return [effect for effect in self.effects[name] if isinstance(effect, kind)]

    def frames(self, source: str, target: str, kind: int) -> list[bytes]:
        """Frames of one type that arrived over one wire."""
        return [frame for _, a, b, frame in self.carried if (a, b) == (source, target) and frame[1] == kind]
