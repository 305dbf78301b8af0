"""The inhabitants of a world: engines at their ports, and what they tell the outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.mesh.effects import Priority
from gateway.mesh.events import MeshEvent
from gateway.mesh.queue import Queue, Shed
from gateway.testing.ether import Ether
from transports.link import LinkEvent, LinkId


class Engine(Protocol):
    """Anything that turns events into effects and says when it wants to be woken."""

    def handle(self, event: MeshEvent, now: float) -> Sequence[object]:
        """Take one event; the effects are carried out in order."""

    def next_wakeup(self) -> float | None:
        """When the next `Tick` is due, or None."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a node told the outside at a time: any effect but `SendFrame` and `CloseLink`."""

    at: float
    node: str
    effect: object


class Node:
    """One engine in a world, or a port without one whose events pile up in `events`."""

    __slots__ = ("address", "engine", "events", "links", "lost", "name", "queues", "received", "sent", "shed", "wake", "wakeups", "wanted")

    def __init__(self, name: str, engine: Engine | None, address: bytes | None) -> None:
        self.name = name
        self.engine = engine
        self.address = address  # peer ID, so that own packets are not counted as relays
        self.links: dict[LinkId, Ether] = {}  # links that are up, as the node knows them
        self.queues: dict[LinkId, Queue] = {}  # only of links that were full once
        self.events: list[LinkEvent] = []  # only without an engine
        self.wanted: float | None = None  # what the engine last asked for
        self.wake: float | None = None  # the tick that was made of it
        self.wakeups = 0
        self.sent = 0  # frames
        self.received = 0  # frames
        self.shed: Shed = dict.fromkeys(Priority, 0)  # frames given up because a link stayed full
        self.lost = 0  # frames that were waiting when a link went down

    @property
    def dropped(self) -> int:
        """Frames that were meant to be sent and never were."""
        return self.lost + sum(self.shed.values())
