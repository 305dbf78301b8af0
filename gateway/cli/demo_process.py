"""One of the demo's gateway processes: started, spoken to, listened to, ended."""

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from secrets import token_hex

import msgspec
import tomlkit

from gateway.cli.island import Doing, Report, Spec, Told
from transports.libp2p.identity import load_peer_id

STOP_S = 15.0  # seconds a gateway may take to end when asked
REPORT_LINES = 200  # sentences kept of what it said
MAX_REPORT = 1 << 20  # bytes of one report


class IslandProcess:
    """A gateway and its virtual phones in a process of their own, and the last it said about itself.

    The process is in a session of its own: a Ctrl-C is for the demo, which then ends it in
    good order. It also ends when its standard input does, so it cannot outlive the demo.
    """

    def __init__(self, name: str, phones: tuple[str, ...], directory: Path) -> None:
        self.name = name
        self.phones = phones
        self.directory = directory
        self.doing: Doing | None = None
        self.said: deque[str] = deque(maxlen=REPORT_LINES)
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Its process ID, None before it was started."""
        return self._process.pid if self._process is not None else None

    @property
    def ended(self) -> bool:
        """Whether it was started and is gone."""
        return self._reading is not None and self._reading.done()

    def make_keys(self) -> str:
        """Make its directory and its libp2p identity; returns the peer ID."""
        self.directory.mkdir(mode=0o700)
        return load_peer_id(self._key_file)

    async def start(
        self,
        everyone: tuple[str, ...],
        transports: Mapping[str, Mapping[str, list[str]]],
        page: str | None,
        take: Callable[["IslandProcess", Report], None],
        ended: Callable[[], None],
    ) -> None:
        """Start it.

        Args:
            everyone: the phones of all islands.
            transports: ``listen``, ``members`` and ``peers`` of its configuration, for each transport it uses.
            page: where its page listens, None for no page.
            take: given every report, after this object has looked at it.
            ended: called when nothing more will come.

        """
        config = self.directory / "config.toml"
        self._write_config(config, transports, page)
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "gateway.cli.island"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=MAX_REPORT,
            start_new_session=True,
        )
        self.tell(msgspec.json.encode(Spec(str(config), (), token_hex(8), self.phones, everyone)))
        self._reading = asyncio.create_task(self._read(self._process, take))
        self._reading.add_done_callback(lambda _task: ended())

    def tell(self, line: bytes) -> None:
        """Send a command; it is lost if the process is gone."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(line + b"\n")

    def hang_up(self) -> None:
        """Ask it to end."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    async def stop(self) -> None:
        """See it end, the hard way if it must be; everything it said before is taken."""
        if self._process is None:
            return
        self.hang_up()
        try:
            async with asyncio.timeout(STOP_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        if self._reading is not None:
            await asyncio.wait([self._reading])

    def last_words(self) -> str:
        """What it said last, or nothing."""
        return f"{self.name}: {self.said[-1]}" if self.said else ""

    @property
    def _key_file(self) -> Path:
        return self.directory / "libp2p.key"

    async def _read(self, process: asyncio.subprocess.Process, take: Callable[["IslandProcess", Report], None]) -> None:
        if process.stdout is None:
            return
        decoder = msgspec.json.Decoder(Report)
        async for line in process.stdout:
            report = decoder.decode(line)
            if isinstance(report, Doing):
                self.doing = report
            elif isinstance(report, Told):
                self.said.append(report.sentence)
            take(self, report)

    def _write_config(self, path: Path, transports: Mapping[str, Mapping[str, list[str]]], page: str | None) -> None:
        tables: dict[str, dict[str, object]] = {name: {"enabled": True, **keys} for name, keys in transports.items()}
        tables.setdefault("libp2p", {})["identity_file"] = str(self._key_file)
        document = {
            "config_version": 1,
            "gateway": {"nickname": f"Meshgate {self.name}", "state_dir": str(self.directory)},
            "bridge": {"mode": "open"},
            "transports": tables,
            "page": {"enabled": page is not None, **({"listen": [page]} if page is not None else {})},
            "control": {"socket": str(self.directory / "control.sock")},
        }
        path.write_text(tomlkit.dumps(document), encoding="utf-8")
