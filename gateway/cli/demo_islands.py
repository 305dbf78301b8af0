"""The demo's two gateway processes: starting them, listening to them, adding up what they say."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Protocol, Self

import msgspec

from gateway.cli.island import Doing, Got, Report, Said, Spec, Told
from gateway.errors import GatewayError
from gateway.testing.chat import PRIVATE
from gateway.testing.ledger import Ledger
from transports.libp2p.identity import load_peer_id

START_S = 90.0  # seconds until both islands must know each other: importing libp2p takes long on a small board
SETTLE_S = 40.0  # seconds the last messages may take to arrive
STOP_S = 15.0
KILL_AFTER_S = 10.0  # without --seconds
REPORT_LINES = 200
NAMES = ("Ada", "Bela", "Chen", "Dina", "Emre", "Fay", "Goro", "Hana", "Ines", "Jan")


class DemoError(GatewayError):
    """The demo could not be shown; `hint` says what to do."""

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.hint = hint


@dataclass(slots=True)
class IslandProcess:
    """One gateway process and the last it said about itself."""

    name: str
    phones: tuple[str, ...]
    directory: Path
    process: asyncio.subprocess.Process | None = None
    doing: Doing | None = None
    said: deque[str] = field(default_factory=lambda: deque(maxlen=REPORT_LINES))

    @property
    def key_file(self) -> Path:
        """The libp2p identity of this island's gateway."""
        return self.directory / "libp2p.key"


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
        seconds: how long they talk; None until cancelled.
        kill_node: kill one libp2p child half way.

    """

    def __init__(self, directory: Path, phones: int, *, seconds: float | None, kill_node: bool) -> None:
        self.seconds = seconds
        self.phase = "starting"
        self.killed = 0
        self.ledger = Ledger()
        self.recent: deque[tuple[str, str, str, float]] = deque(maxlen=8)  # who, to whom, kind, latency
        self._kill_node = kill_node
        names = _names(2 * phones)
        self.islands = (
            IslandProcess("North", names[:phones], directory / "north"),
            IslandProcess("South", names[phones:], directory / "south"),
        )
        self.everyone = names
        self._changed = asyncio.Event()

    async def run(self, view: View) -> None:
        """Start both gateways, let everybody talk, wait for the last message, stop."""
        loop = asyncio.get_running_loop()
        interrupted = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, interrupted.set)
        readers: list[asyncio.Task[None]] = []
        with view:
            try:
                await self._start(readers)
                waiting = asyncio.create_task(interrupted.wait())
                talk = asyncio.create_task(self._talk(readers, view, waiting))
                await talk
                waiting.cancel()
            finally:
                await self._stop(readers)

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
            "killed_nodes": self.killed,
            "transports": {
                island.name.lower(): island.doing.libp2p | {"crossed_out": island.doing.crossed_out, "crossed_in": island.doing.crossed_in}
                for island in self.islands
                if island.doing is not None
            },
        }

    def is_clean(self) -> bool:
        """Say whether everything arrived, and once."""
        account = self.ledger.account()
        private = self.ledger.account(PRIVATE)
        return account.messages > 0 and private.delivered > 0 and not (account.lost or account.duplicates or account.strays)

    async def _start(self, readers: list[asyncio.Task[None]]) -> None:
        north, south = self.islands
        port = _free_port()
        peer_ids = {}
        for island in self.islands:
            island.directory.mkdir(mode=0o700)
            peer_ids[island.name] = load_peer_id(island.key_file)
        address = f"/ip4/127.0.0.1/tcp/{port}"
        for island, listen, peers in ((north, [address], []), (south, [], [f"{address}/p2p/{peer_ids['North']}"])):
            config = island.directory / "config.toml"
            other = south if island is north else north
            _write_config(config, island, listen, peers, peer_ids[other.name])
            spec = Spec(str(config), (), token_hex(8), island.phones, self.everyone)
            island.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "gateway.cli.island", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20
            )
            _write(island, msgspec.json.encode(spec) + b"\n")
            readers.append(asyncio.create_task(self._read(island)))

    async def _talk(self, readers: list[asyncio.Task[None]], view: View, interrupted: "asyncio.Task[bool]") -> None:
        self.phase = "getting to know each other"
        if not await self._until(self._all_acquainted, START_S, readers, view, interrupted):
            if interrupted.done():
                return
            raise DemoError("The two islands did not find each other in time.", _last_words(self.islands))
        self.phase = "talking"
        seconds = self.seconds or 86_400.0
        for island in self.islands:
            _write(island, f"talk {seconds}\n".encode())
        if self._kill_node:
            await self._until(lambda: False, seconds / 2 if self.seconds else KILL_AFTER_S, readers, view, interrupted)
            self._kill()
            seconds = seconds / 2 if self.seconds else seconds
        await self._until(lambda: False, seconds, readers, view, interrupted)
        self.phase = "waiting for the last messages"
        for island in self.islands:
            _write(island, b"talk 0\n")
        await self._until(lambda: not self.ledger.missing(), SETTLE_S, readers, view, None)
        self.phase = "done"

    async def _until(
        self,
        done: Callable[[], bool],
        seconds: float,
        readers: list[asyncio.Task[None]],
        view: View,
        interrupted: "asyncio.Task[bool] | None",
    ) -> bool:
        """Wait for a condition; False if the time ran out or somebody pressed Ctrl-C."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not done():
            left = deadline - loop.time()
            if left <= 0 or (interrupted is not None and interrupted.done()):
                return False
            ended = [task for task in readers if task.done()]
            if ended:
                raise DemoError("A gateway process ended by itself.", _last_words(self.islands))
            view.update()
            changed = asyncio.create_task(self._changed.wait())
            await asyncio.wait(
                [changed, *([interrupted] if interrupted is not None else [])], timeout=min(left, 0.5), return_when="FIRST_COMPLETED"
            )
            changed.cancel()
            self._changed.clear()
        return True

    async def _read(self, island: IslandProcess) -> None:
        if island.process is None or island.process.stdout is None:
            return
        decoder = msgspec.json.Decoder(Report)
        async for line in island.process.stdout:
            self._take(island, decoder.decode(line))
            self._changed.set()

    def _take(self, island: IslandProcess, report: Report) -> None:
        match report:
            case Said():
                self.ledger.sent(report.message_id, report.kind, report.sender, report.expected, report.at)
            case Got():
                self.ledger.received(report.message_id, report.recipient, report.at)
                sent = self.ledger.messages.get(report.message_id)
                if sent is not None and sent.sender not in island.phones:
                    self.recent.append((sent.sender, report.recipient, sent.kind, report.at - sent.at))
            case Doing():
                island.doing = report
            case Told():
                island.said.append(report.sentence)

    def _all_acquainted(self) -> bool:
        wanted = len(self.everyone) - 1
        return all(
            island.doing is not None and island.doing.sites == 1 and island.doing.acquainted >= wanted * len(island.phones)
            for island in self.islands
        )

    def _kill(self) -> None:
        """End the listening gateway's libp2p process as rudely as possible."""
        doing = self.islands[0].doing
        if doing is not None and doing.child_pid is not None:
            os.kill(doing.child_pid, signal.SIGKILL)
            self.killed += 1

    async def _stop(self, readers: list[asyncio.Task[None]]) -> None:
        for island in self.islands:
            if island.process is not None and island.process.stdin is not None:
                island.process.stdin.close()
        for island in self.islands:
            if island.process is None:
                continue
            try:
                async with asyncio.timeout(STOP_S):
                    await island.process.wait()
            except TimeoutError:
                island.process.kill()
                await island.process.wait()
        for task in readers:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def _names(count: int) -> tuple[str, ...]:
    return tuple(NAMES[index % len(NAMES)] + (str(index // len(NAMES) + 1) if index >= len(NAMES) else "") for index in range(count))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _write(island: IslandProcess, data: bytes) -> None:
    if island.process is not None and island.process.stdin is not None:
        island.process.stdin.write(data)


def _write_config(path: Path, island: IslandProcess, listen: list[str], peers: list[str], member: str) -> None:
    import tomlkit  # noqa: PLC0415 -- only the demo writes configuration

    document = {
        "config_version": 1,
        "gateway": {"nickname": f"Meshgate {island.name}", "state_dir": str(island.directory)},
        "bridge": {"mode": "open"},
        "transports": {
            "libp2p": {"enabled": True, "listen": listen, "identity_file": str(island.key_file), "members": [member], "peers": peers}
        },
        "control": {"socket": str(island.directory / "control.sock")},
    }
    path.write_text(tomlkit.dumps(document), encoding="utf-8")


def _last_words(islands: tuple[IslandProcess, ...]) -> str:
    words = [f"{island.name}: {island.said[-1]}" for island in islands if island.said]
    return " ".join(words) or "Run it again; if it stays like this, run `meshgate run --simulate 3` and read what it says."
