"""Moves events into the engine and effects out to the transports. It decides nothing.

Everything happens in one event loop and without queues on the way in: a transport posts,
the engine answers, the frames leave, all in the same call. A link that will not take a
frame gets a queue until it says `Writable`.

Whatever an engine raises is a bug, and an engine that has raised is not to be trusted any
more. The loop would only log what a timer raises, and a transport would take it for a fault
of its own; so the pump catches it, stands still, and hands it to `Pump.broken`, whose owner
ends the whole gateway with it.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

from gateway.limits import SITE_QUEUE_BYTES
from gateway.mesh.effects import CloseLink, Effect, Priority, SendFrame
from gateway.mesh.events import MeshEvent, Tick, Unsent
from gateway.mesh.queue import InOrderQueue, LinkQueue, Queue, Shed
from transports.link import Capability, DirectSending, FrameReceived, LinkDown, LinkId, LinkUp, Post, Sender, Transport, Writable

Handle = Callable[[FrameReceived, float], list[Effect]]


class Engine(Protocol):
    """The two verbs of every engine."""

    def handle(self, event: MeshEvent, now: float) -> list[Effect]:
        """Take one event."""

    def next_wakeup(self) -> float | None:
        """Say when a `Tick` is wanted."""


class Watch(Protocol):
    """Whoever looks at every frame for a while; it must not raise."""

    def came(self, event: FrameReceived, now: float, handle: Handle, *, wide: bool) -> list[Effect]:
        """Have `handle` take a frame, and return what it returns; `wide` is whether the link leads to another site."""

    def went(self, effect: SendFrame, now: float, *, wide: bool) -> None:
        """See a frame leave."""


class _ByLink:
    """Sends through a transport that finds the link for every frame."""

    __slots__ = ("send",)

    def __init__(self, transport: Transport, link: LinkId) -> None:
        self.send: Callable[[bytes], bool] = partial(transport.send, link)


Notice = Callable[[Effect, float], None]
"""Told of every effect that is no sending: who was seen, what was said."""


class Pump:
    """Drives one engine over any number of transports.

    Args:
        engine: see `Engine`.
        notice: called with the other effects, in order.
        now: monotonic seconds, the event loop's time by default.

    `shed` counts the frames given up because they waited in vain, by class, `turns` the events that were dealt
    with: whoever wants to know that the pump gets on gives it a `Tick`. `broken` is a future that never
    has a result; it gets the exception that escaped the engine or the carrying out of its effects. `watch` is
    whoever looks at frames now, None if nobody does.

    """

    def __init__(self, engine: Engine, notice: Notice, now: Callable[[], float] | None = None) -> None:
        self._engine = engine
        self._notice = notice
        self._loop = asyncio.get_running_loop()
        self._now = now or self._loop.time
        self._owners: dict[LinkId, Transport] = {}
        self._senders: dict[LinkId, Sender] = {}
        self._queues: dict[LinkId, Queue] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: float | None = None
        self._stopped = False
        self.broken: asyncio.Future[None] = self._loop.create_future()
        self.shed: Shed = dict.fromkeys(Priority, 0)
        self.turns = 0
        self.watch: Watch | None = None

    def post_to(self, transport: Transport) -> Post:
        """Return the callable through which one transport reports; it never raises."""
        return partial(self._take, transport)

    def send(self, event: MeshEvent) -> None:
        """Give the engine an event that comes from no transport; never raises either."""
        self._take(None, event)

    def carry_out(self, effects: Sequence[Effect], now: float) -> None:
        """Do what the engine wants done."""
        for effect in effects:
            if type(effect) is SendFrame:
                frame, queues, senders = effect.frame, self._queues, self._senders
                if self.watch is not None and effect.links:
                    self.watch.went(effect, now, wide=self._is_wide(effect.links[0]))
                for link in effect.links:
                    queue = queues.get(link)
                    if queue is not None and (queue.bytes or not senders[link].send(frame)):
                        queue.push(frame, effect.priority, now, effect.source)
            elif isinstance(effect, CloseLink):
                owner = self._owners.get(effect.link)
                if owner is not None:
                    owner.close(effect.link, effect.why)
            else:
                self._notice(effect, now)

    def stop(self) -> None:
        """Forget the timer and give the engine nothing any more, whoever posts."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._timer_at = None

    @property
    def waiting_bytes(self) -> int:
        """Bytes waiting for busy links."""
        return sum(queue.bytes for queue in self._queues.values())

    @property
    def queues(self) -> Mapping[LinkId, Queue]:
        """What waits for each link."""
        return self._queues

    @property
    def waiting_frames(self) -> int:
        """Frames waiting for busy links."""
        return sum(map(len, self._queues.values()))

    def _take(self, transport: Transport | None, event: MeshEvent) -> None:
        if self._stopped:
            return
        try:
            now = self._now()
            if type(event) is not FrameReceived and transport is not None:
                self._note(transport, event, now)
            if self.watch is not None and type(event) is FrameReceived:
                effects = self.watch.came(event, now, self._engine.handle, wide=self._is_wide(event.link))
            else:
                effects = self._engine.handle(event, now)
            self.carry_out(effects, now)
            self._arm()
            self.turns += 1
        except Exception as error:  # noqa: BLE001 - `broken` has it
            self._break(error)

    def _is_wide(self, link: LinkId) -> bool:
        return isinstance(self._queues.get(link), InOrderQueue)

    def _note(self, transport: Transport, event: MeshEvent, now: float) -> None:
        if isinstance(event, LinkUp):
            wide = Capability.WIDE_AREA in event.capabilities
            self._owners[event.link] = transport
            self._senders[event.link] = (
                transport.sender(event.link) if isinstance(transport, DirectSending) else _ByLink(transport, event.link)
            )
            self._queues[event.link] = InOrderQueue(SITE_QUEUE_BYTES, self.shed) if wide else LinkQueue(self.shed)
        elif isinstance(event, LinkDown):
            self._owners.pop(event.link, None)
            self._senders.pop(event.link, None)
            queue = self._queues.pop(event.link, None)
            if queue is not None and queue.bytes:
                self.carry_out(self._engine.handle(Unsent(event.link, queue.take_all()), now), now)
        elif isinstance(event, Writable):
            self._drain(event.link, now)

    def _drain(self, link: LinkId, now: float) -> None:
        sender, queue = self._senders.get(link), self._queues.get(link)
        if sender is not None and queue is not None:
            queue.drain(lambda frame: sender.send(frame), now)  # noqa: PLW0108 - it may become another meanwhile

    def _arm(self) -> None:
        at = self._engine.next_wakeup()
        if at == self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if at is None else self._loop.call_at(at, self._tick)
        self._timer_at = at

    def _tick(self) -> None:
        self._timer = self._timer_at = None
        self.send(Tick())

    def _break(self, error: Exception) -> None:
        self.stop()
        if isinstance(error, StopIteration):  # the one exception a future cannot hold
            error = RuntimeError(f"the engine let a {error!r} escape")
        if not self.broken.done():
            self.broken.set_exception(error)
