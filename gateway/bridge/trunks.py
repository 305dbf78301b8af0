"""Makes one link of all links to the same gateway, so that the engine behind it knows sites and not ways.

It has the two verbs of the engine it stands before. Links of the local mesh pass through untouched. Links that say WIDE_AREA are
put together by the identity the transports have proved for their far ends, never by what a site says of itself; the
engine sees `site:<that identity>`, up as long as any of them is.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from gateway.bridge.delays import Delays
from gateway.bridge.line import Line
from gateway.bridge.route import Decision
from gateway.bridge.trunk import NEVER, Trunk
from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_ENVELOPE, MAX_ROUTE_CHANGES, MAX_SITES, TRUNK_KEEP_S
from gateway.mesh.effects import CloseLink, Effect, SendFrame
from gateway.mesh.events import MeshEvent, Tick, Unsent
from gateway.wire.trunk import NAME, decode_trunk
from transports.link import Capability, FrameReceived, LinkDown, LinkId, LinkUp, Writable


class Inner(Protocol):
    """The engine behind."""

    def handle(self, event: MeshEvent, now: float) -> list[Effect]:
        """Take one event."""

    def next_wakeup(self) -> float | None:
        """Say when a `Tick` is wanted."""

    def leave(self, now: float) -> list[Effect]:
        """Say goodbye."""


@dataclass(frozen=True, slots=True)
class Route:
    """How a site is reached right now."""

    site: str
    using: LinkId | None
    spare: tuple[LinkId, ...]
    why: str
    waiting_bytes: int


class Trunks:
    """Stands between an engine and the links to other gateways.

    Args:
        engine: what the frames of sites are for.
        order: names of transports, the preferred one first; one that is not listed comes last.
        randbytes: source of names.

    """

    def __init__(self, engine: Inner, order: Sequence[str], randbytes: Callable[[int], bytes]) -> None:
        self._engine = engine
        self._order = {name: index for index, name in enumerate(order)}
        self._randbytes = randbytes
        self._trunks: dict[LinkId, Trunk] = {}  # by the name the engine knows
        self._by_line: dict[LinkId, Trunk] = {}
        self._due: dict[LinkId, float] = {}
        self._up: set[LinkId] = set()  # as the engine sees it
        self.decisions: deque[Decision] = deque(maxlen=MAX_ROUTE_CHANGES)
        self.drops: dict[Reason, int] = dict.fromkeys(Reason, 0)
        self._refused = self._repeated = self._missed = 0  # of trunks that are gone
        self.lost = 0  # frames that were kept in vain
        self.delays = Delays()  # until what was sent was acknowledged

    def handle(self, event: MeshEvent, now: float) -> list[Effect]:
        """Take one event; returns the effects in the order they are to be carried out."""
        effects: list[Effect] = []
        if isinstance(event, FrameReceived) and event.link in self._by_line:
            self._from_line(event, effects, now)
        elif isinstance(event, LinkUp) and Capability.WIDE_AREA in event.capabilities:
            self._line_up(event, effects, now)
        elif isinstance(event, LinkDown | Writable | Unsent) and event.link in self._by_line:
            # What did not leave over a link is kept here anyway, so nothing is done about `Unsent`.
            if isinstance(event, LinkDown):
                trunk = self._by_line.pop(event.link)
                trunk.remove(event.link, event.reason, effects, now)
                self._settle(trunk, effects, now)
        else:
            if isinstance(event, Tick):
                self._tick(effects, now)
            self._to_engine(event, effects, now)
        return effects

    def next_wakeup(self) -> float | None:
        """Return when to send a `Tick`."""
        inner = self._engine.next_wakeup()
        due = min(self._due.values(), default=NEVER)
        if inner is None:
            return due if due < NEVER else None
        return min(inner, due)

    def leave(self, now: float) -> list[Effect]:
        """Say goodbye."""
        effects: list[Effect] = []
        self._translate(self._engine.leave(now), effects, now)
        return effects

    @property
    def waiting_bytes(self) -> int:
        """Bytes that wait for a link, or for what is on its way to arrive."""
        return sum(trunk.outbox.waiting_bytes for trunk in self._trunks.values())

    @property
    def unacknowledged(self) -> tuple[int, int, float | None]:
        """Frames kept for sites, their bytes, and when the oldest of those somebody may ask about was taken."""
        trunks = self._trunks.values()
        oldest = min((trunk.oldest for trunk in trunks if trunk.oldest is not None), default=None)
        return self.kept, sum(trunk.outbox.bytes for trunk in trunks), oldest

    @property
    def kept(self) -> int:
        """Frames that no site has counted yet."""
        return sum(len(trunk.outbox) for trunk in self._trunks.values())

    @property
    def failed(self) -> tuple[LinkId, ...]:
        """The links that are not used because they failed."""
        return tuple(link for trunk in self._trunks.values() for link in trunk.failed)

    @property
    def counters(self) -> dict[str, int]:
        """Plain counts over all sites."""
        trunks = self._trunks.values()
        return {
            "refused": self._refused + sum(trunk.refused for trunk in trunks),
            "repeated": self._repeated + sum(trunk.repeated for trunk in trunks),
            "missed": self._missed + sum(trunk.missed for trunk in trunks),
            "lost": self.lost,
        }

    def routes(self) -> tuple[Route, ...]:
        """How each site is reached."""
        return tuple(
            Route(
                trunk.site,
                trunk.using.link if trunk.using is not None else None,
                tuple(line.link for line in trunk.lines.values() if line is not trunk.using),
                trunk.why,
                trunk.outbox.waiting_bytes,
            )
            for trunk in self._trunks.values()
            if trunk.lines
        )

    def _line_up(self, event: LinkUp, effects: list[Effect], now: float) -> None:
        trunk = self._trunk_for(event, effects, now)
        if trunk is None:
            effects.append(CloseLink(event.link, "too many sites"))
            return
        name = event.link.partition(":")[0]
        order = self._order.get(name, len(self._order))
        line = Line(event.link, event.mtu, order, Capability.METERED in event.capabilities, trunk.breaker(event.link), heard=now)
        trunk.add(line, effects)
        if event.link in trunk.lines:
            self._by_line[event.link] = trunk
        self._settle(trunk, effects, now)

    def _trunk_for(self, event: LinkUp, effects: list[Effect], now: float) -> Trunk | None:
        site = event.peer or event.link
        link = LinkId(f"site:{site}")
        if link not in self._trunks:
            if len(self._trunks) >= MAX_SITES:
                resting = [trunk for trunk in self._trunks.values() if trunk.down_at is not None]
                if not resting:
                    return None
                self._forget(min(resting, key=lambda trunk: trunk.down_at or now), effects)
            proved = bool(event.peer)
            self._trunks[link] = Trunk(site, self._randbytes(NAME), self.decisions.append, self.delays, is_proved=proved)
        return self._trunks[link]

    def _from_line(self, event: FrameReceived, effects: list[Effect], now: float) -> None:
        trunk = self._by_line[event.link]
        try:
            envelope = trunk.take(event.link, decode_trunk(event.frame), effects, now)
        except DecodeError as error:
            self.drops[error.reason] += 1
            effects.append(CloseLink(event.link, f"sent something that does not belong between sites ({error.reason.value})"))
            return
        self._settle(trunk, effects, now)
        if envelope is not None:
            self._to_engine(FrameReceived(trunk.link, envelope), effects, now)
        trunk.acknowledge(effects, now)
        self._due[trunk.link] = self._due_of(trunk)

    def _to_engine(self, event: MeshEvent, effects: list[Effect], now: float) -> None:
        self._translate(self._engine.handle(event, now), effects, now)

    def _translate(self, inner: list[Effect], effects: list[Effect], now: float) -> None:
        """Turn what is meant for sites into what is meant for links."""
        if not self._trunks:
            effects += inner
            return
        for effect in inner:
            if isinstance(effect, SendFrame):
                near = tuple(link for link in effect.links if link not in self._trunks)
                for link in effect.links if len(near) < len(effect.links) else ():
                    if link in self._up:
                        self._trunks[link].send(effect.frame, effect.subject, effects, now)
                        self._due[link] = self._due_of(self._trunks[link])
                if near:
                    effects.append(effect if len(near) == len(effect.links) else replace(effect, links=near))
            elif isinstance(effect, CloseLink) and effect.link in self._trunks:
                effects += [CloseLink(line, effect.why) for line in self._trunks[effect.link].lines]
            else:
                effects.append(effect)

    def _settle(self, trunk: Trunk, effects: list[Effect], now: float) -> None:
        """Tell the engine if a site came or went by what just happened."""
        if trunk.is_up and trunk.link not in self._up:
            self._up.add(trunk.link)
            capabilities = Capability.WIDE_AREA | Capability.DIRECTED
            self._to_engine(LinkUp(trunk.link, MAX_ENVELOPE, capabilities, trunk.site if trunk.is_proved else None), effects, now)
        elif not trunk.is_up and trunk.link in self._up:
            self._up.discard(trunk.link)
            self._to_engine(LinkDown(trunk.link, trunk.why), effects, now)
        self._due[trunk.link] = self._due_of(trunk)

    def _tick(self, effects: list[Effect], now: float) -> None:
        for link in [link for link, due in self._due.items() if due <= now]:
            trunk = self._trunks[link]
            if trunk.down_at is not None and now >= trunk.down_at + TRUNK_KEEP_S:
                self._forget(trunk, effects)
                continue
            trunk.tick(effects, now)
            self._settle(trunk, effects, now)

    def _due_of(self, trunk: Trunk) -> float:
        return trunk.next_at() if trunk.down_at is None else trunk.down_at + TRUNK_KEEP_S

    def _forget(self, trunk: Trunk, effects: list[Effect]) -> None:
        trunk.give_up(effects)
        self.lost += len(trunk.outbox)
        self._refused += trunk.refused
        self._repeated += trunk.repeated
        self._missed += trunk.missed
        del self._trunks[trunk.link], self._due[trunk.link]
