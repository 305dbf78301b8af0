"""The demo: two gateway processes whose phones talk, and exact books about every message."""

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol, Self

from gateway.cli.demo_door import HOSTS, free_place, sentence
from gateway.cli.demo_failover import BACK_AFTER_S, BACK_AT, GONE_AFTER_S, GONE_AT, Failover
from gateway.cli.demo_process import IslandProcess
from gateway.cli.island import Doing, Got, Quiet, Report, Said
from gateway.cli.radios import phone_names
from gateway.errors import GatewayError
from gateway.testing.chat import PRIVATE
from gateway.testing.ledger import Ledger

START_S = 90.0  # seconds until both islands must know each other: importing libp2p takes long on a small board
SETTLE_S = 40.0  # seconds the last messages may take to arrive
HURRIED_S = 5.0  # the same after a Ctrl-C
FOREVER_S = 86_400.0  # of talk without --seconds
KILL_AFTER_S = 10.0  # without --seconds
POLL_S = 0.5  # seconds between two looks while nothing is reported
KEPT_CROSSINGS = 12


class DemoError(GatewayError):
    """The demo could not be shown; `hint` says what to do."""

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.hint = hint


class Phase(StrEnum):
    """How far the demo is, in words for a person."""

    STARTING = "starting two gateways"
    MEETING = "getting to know each other"
    TALKING = "talking"
    SETTLING = "waiting for the last messages"
    STOPPING = "stopping"
    DONE = "done"


@dataclass(slots=True)
class Crossing:
    """A message that crossed from one island to the other."""

    message_id: str
    sender: str
    kind: str  # of `gateway.testing.chat`
    recipients: list[str] = field(default_factory=list)  # of the other island, as they got it
    slowest: float = 0.0  # seconds


class View(Protocol):
    """Whoever shows the demo while it runs."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(self, *exc: object) -> None:
        """End."""

    def update(self) -> None:
        """Show the present state of the demo."""


class Demo:
    """Two islands and the books about everything said on them.

    Args:
        directory: where both gateways keep their state; removed by the caller.
        phones: virtual phones per island.
        seconds: how long they talk; None until Ctrl-C.
        kill_node: kill one libp2p child half way.
        transports: what joins the gateways; with two, libp2p is killed on the way and comes back later.

    """

    def __init__(
        self, directory: Path, phones: int, *, seconds: float | None, kill_node: bool = False, transports: Sequence[str] = ("libp2p",)
    ) -> None:
        self.seconds = seconds
        self.phase = Phase.STARTING
        self.phase_began = time.monotonic()
        self.interrupted = False
        self.killed = 0
        self.ledger = Ledger()
        self.recent: deque[Crossing] = deque(maxlen=KEPT_CROSSINGS)
        self.transports = tuple(transports)
        self.failover = Failover() if len(self.transports) > 1 else None
        self._kill_node = kill_node
        self.everyone = tuple(phone_names(2 * phones))
        self.islands = (
            IslandProcess("North", self.everyone[:phones], directory / "north"),
            IslandProcess("South", self.everyone[phones:], directory / "south"),
        )
        self._quiet: set[str] = set()
        self._changed = asyncio.Event()
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()

    async def run(self, view: View) -> None:
        """Start both gateways, let everybody talk, wait for the last message, stop.

        The first Ctrl-C ends the talk, a second one the waiting for what is on its way.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.interrupt)
        with view:
            try:
                await self._start()
                await self._talk(view)
                self._enter(Phase.STOPPING, view)
            finally:
                for island in self.islands:
                    island.hang_up()
                for island in self.islands:
                    await island.stop()
            self._enter(Phase.DONE, view)

    def interrupt(self) -> None:
        """End the talk; a second time, end at once."""
        (self._hurry if self._stop.is_set() else self._stop).set()
        self.interrupted = True
        self._changed.set()

    def result(self) -> dict[str, object]:
        """The figures: deliveries (one message to five phones counts five), and the private ones among them."""
        everything, private = self.ledger.account(), self.ledger.account(PRIVATE)
        return {
            "sent": everything.expected,
            "delivered": everything.delivered,
            "lost": everything.lost,
            "duplicates": everything.duplicates + everything.strays,
            "messages": everything.messages,
            "latency_ms": {"p50": round(everything.percentile(50) * 1000, 1), "p99": round(everything.percentile(99) * 1000, 1)},
            "private": {"sent": private.expected, "delivered": private.delivered},
            "order": {"overtaken": self.ledger.overtaken(PRIVATE)},
            "killed_nodes": self.killed,
            "transports": {island.name.lower(): self._figures(island.doing) for island in self.islands if island.doing is not None},
        } | ({"failover": self.failover.result()} if self.failover is not None else {})

    def _figures(self, doing: Doing) -> dict[str, object]:
        crossed = {"crossed_out": doing.crossed_out, "crossed_in": doing.crossed_in}
        if len(self.transports) > 1:
            return {**doing.counters, **crossed}
        return {**doing.counters.get(self.transports[0], {}), **crossed}

    def is_clean(self) -> bool:
        """Say whether something was said, and all of it arrived, and once, and whatever moved did so in time and order."""
        account = self.ledger.account()
        if account.messages == 0 or account.lost or account.duplicates or account.strays or self.ledger.overtaken(PRIVATE):
            return False
        return self.failover is None or self.failover.is_clean

    def acquaintances(self) -> tuple[int, int]:
        """Count the pairs of phones where the first knows the second: so many now, so many when everybody knows everybody."""
        now = sum(island.doing.acquainted for island in self.islands if island.doing is not None)
        return now, len(self.everyone) * (len(self.everyone) - 1)

    @property
    def is_linked(self) -> bool:
        """Whether both gateways have each other."""
        return all(island.doing is not None and island.doing.sites == 1 for island in self.islands)

    @property
    def used(self) -> tuple[str | None, ...]:
        """The transport each gateway uses to reach the other."""
        return tuple(island.doing.links[0] if island.doing is not None and island.doing.links else None for island in self.islands)

    def doors(self) -> list[str]:
        """Say where the pages are that are open now, and how to come in."""
        found = [(island.name, island.doing) for island in self.islands if island.doing is not None and island.doing.page]
        return [sentence(name, doing.page, doing.setup_code) for name, doing in found if self.phase not in (Phase.STOPPING, Phase.DONE)]

    def take(self, island: IslandProcess, report: Report) -> None:
        """Enter what an island reports into the books."""
        match report:
            case Said():
                self.ledger.sent(report.message_id, report.kind, report.sender, report.expected, report.at)
            case Got():
                self.ledger.received(report.message_id, report.recipient, report.at)
                self._note_crossing(island, report)
            case Doing() if self.phase is Phase.STARTING:
                self._begin(Phase.MEETING)
            case Quiet():
                self._quiet.add(island.name)
        if self.failover is not None:
            self.failover.look(self.used)
        self._changed.set()

    async def _start(self) -> None:
        north, south = self.islands
        north_id, south_id = north.make_keys(), south.make_keys()
        there, here = {}, {}
        for name in self.transports:
            place = f"127.0.0.1:{_free_port()}"
            listen = place if name == "websocket" else "/ip4/127.0.0.1/tcp/" + place.rpartition(":")[2]
            address = f"wss://{place}#{north_id}" if name == "websocket" else f"{listen}/p2p/{north_id}"
            there[name] = {"listen": [listen], "members": [south_id], "peers": []}
            here[name] = {"listen": [], "members": [north_id], "peers": [address]}
        places = [free_place(host) for host in HOSTS]
        await north.start(self.everyone, there, places[0], self.take, self._changed.set)
        await south.start(self.everyone, here, places[1], self.take, self._changed.set)

    async def _talk(self, view: View) -> None:
        if not await self._until(self._all_acquainted, START_S, view, self._stop):
            if self._stop.is_set():
                return
            raise DemoError("The two islands did not find each other in time.", self._last_words())
        self._enter(Phase.TALKING, view)
        seconds = self.seconds or FOREVER_S
        self._tell(f"talk {seconds}")
        if self._kill_node:
            before = self.seconds / 2 if self.seconds else KILL_AFTER_S
            await self._until(lambda: False, before, view, self._stop)
            self._kill()
            seconds -= before
        if self.failover is not None:
            seconds -= await self._fail_over(self.failover, view)
        await self._until(lambda: False, seconds, view, self._stop)
        self._enter(Phase.SETTLING, view)
        self._tell("hush")
        patience = HURRIED_S if self._stop.is_set() else SETTLE_S
        await self._until(self._is_settled, patience, view, self._hurry)

    async def _fail_over(self, failover: Failover, view: View) -> float:
        """Take libp2p away from the gateway that calls, and give it back; returns the seconds that took."""
        gone = self.seconds * GONE_AT if self.seconds else GONE_AFTER_S
        back = self.seconds * BACK_AT if self.seconds else BACK_AFTER_S
        await self._until(lambda: False, gone, view, self._stop)
        if not self._stop.is_set():
            failover.kill()
            self.islands[1].tell(b"rest")
            self.killed += 1
        await self._until(lambda: False, back - gone, view, self._stop)
        if not self._stop.is_set():
            failover.allow()
            self.islands[1].tell(b"resume")
        return back

    async def _until(self, done: Callable[[], bool], seconds: float, view: View, stop: asyncio.Event) -> bool:
        """Wait for a condition; False if the time ran out or `stop` was set."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not done():
            left = deadline - loop.time()
            if left <= 0 or stop.is_set():
                return False
            for island in self.islands:
                if island.ended:
                    raise DemoError(f"The gateway of island {island.name} ended by itself.", self._last_words())
            view.update()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, POLL_S)):
                    await self._changed.wait()
            self._changed.clear()
        return True

    def _begin(self, phase: Phase) -> None:
        self.phase, self.phase_began = phase, time.monotonic()

    def _enter(self, phase: Phase, view: View) -> None:
        self._begin(phase)
        view.update()

    def _note_crossing(self, island: IslandProcess, got: Got) -> None:
        sent = self.ledger.messages.get(got.message_id)
        if sent is None or sent.sender in island.phones:
            return
        crossing = next((one for one in self.recent if one.message_id == got.message_id), None)
        if crossing is None:
            crossing = Crossing(got.message_id, sent.sender, sent.kind)
            self.recent.append(crossing)
        if got.recipient not in crossing.recipients:
            crossing.recipients.append(got.recipient)
            crossing.slowest = max(crossing.slowest, got.at - sent.at)

    def _all_acquainted(self) -> bool:
        now, everybody = self.acquaintances()
        complete = all(island.doing is not None and len(island.doing.links) == len(self.transports) for island in self.islands)
        return self.is_linked and complete and now >= everybody

    def _is_settled(self) -> bool:
        returned = self.failover is None or self.failover.back_at is None or self.failover.returned_s is not None
        return returned and len(self._quiet) == len(self.islands) and not self.ledger.missing()

    def _kill(self) -> None:
        """End the listening gateway's libp2p process as rudely as possible."""
        doing = self.islands[0].doing
        if doing is not None and doing.child_pid is not None and not self._stop.is_set():
            with contextlib.suppress(ProcessLookupError):
                os.kill(doing.child_pid, signal.SIGKILL)
                self.killed += 1

    def _tell(self, command: str) -> None:
        for island in self.islands:
            island.tell(command.encode())

    def _last_words(self) -> str:
        words = " ".join(filter(None, (island.last_words() for island in self.islands)))
        return words or "Run it again; if it stays like this, run `meshgate run --simulate 3` and read what it says."


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
