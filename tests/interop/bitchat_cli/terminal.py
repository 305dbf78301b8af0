"""bitchat-cli at a terminal of its own: somebody types, and everything it prints is kept.

It is another program under another licence (GPL): started, typed at and read, never imported.
"""

import asyncio
import os
import pty
import re
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

INSTALL = Path(__file__).with_name("install")
PATIENCE_S = 120.0
STOP_S = 10.0
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-_]|[\x00-\x08\x0b-\x1f]")


class BitchatCli:
    """One run of the program.

    Args:
        home: where it keeps its identity and downloads.
        program: path of the executable.

    """

    def __init__(self, home: Path, program: Path) -> None:
        self.home = home
        self._program = program
        self._process: Process | None = None
        self._terminal = -1
        self._printed = bytearray()
        self._news = asyncio.Event()

    @property
    def printed(self) -> str:
        """Everything on its screen so far, without colours and movements of the cursor."""
        return _CONTROL.sub("", self._printed.decode(errors="replace").replace("\r\n", "\n"))

    @property
    def peer_id(self) -> str:
        """Its peer ID, which its banner tells; empty until then."""
        found = re.search(r"peer ([0-9a-f]{16})", self.printed)
        return found[1] if found else ""

    async def start(self) -> None:
        """Run it."""
        self._terminal, its_end = pty.openpty()
        try:
            self._process = await asyncio.create_subprocess_exec(
                self._program,
                stdin=its_end,
                stdout=its_end,
                stderr=its_end,
                cwd=self.home,
                env={"PATH": os.environ["PATH"], "HOME": str(self.home), "TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "200", "LINES": "50"},
                start_new_session=True,
            )
        finally:
            os.close(its_end)
        asyncio.get_running_loop().add_reader(self._terminal, self._read)

    async def stop(self) -> None:
        """End it as a person would, and by force if it does not listen."""
        if self._process is None:
            return
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGINT)
            try:
                async with asyncio.timeout(STOP_S):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        self._hang_up()

    def type(self, line: str) -> None:
        """Type a line and press Enter."""
        os.write(self._terminal, line.encode() + b"\r")

    async def until(self, condition: Callable[[str], object], patience: float = PATIENCE_S) -> str:
        """Wait until what is on its screen is as wanted; returns all of it.

        Raises:
            AssertionError: it was not in time, or the program ended, with what it printed.

        """
        try:
            async with asyncio.timeout(patience):
                while not condition(self.printed) and self._terminal >= 0:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            pass
        if condition(self.printed):
            return self.printed
        raise AssertionError(f"not so within {patience:.0f} s; bitchat-cli printed: {self.printed[-4000:]}")

    async def shows(self, text: str, patience: float = PATIENCE_S) -> str:
        """Wait until a text is on its screen."""
        return await self.until(lambda printed: text in printed, patience)

    def _read(self) -> None:
        try:
            self._printed += os.read(self._terminal, 65_536)
        except OSError:  # its end is closed
            self._hang_up()
        self._news.set()

    def _hang_up(self) -> None:
        if self._terminal >= 0:
            asyncio.get_running_loop().remove_reader(self._terminal)
            os.close(self._terminal)
            self._terminal = -1


async def installed() -> Path:
    """Return the program; installs it where that was not done before.

    Raises:
        RuntimeError: it is not there and cannot be installed.

    """
    process = await asyncio.create_subprocess_exec(INSTALL, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"bitchat-cli is not installed; outside of the guest, and with a network, run {INSTALL}")
    return Path(out.decode().strip())


@asynccontextmanager
async def bitchat_cli(home: Path) -> AsyncIterator[BitchatCli]:
    """Run it until the end of the block."""
    program = BitchatCli(home, await installed())
    await program.start()
    try:
        yield program
    finally:
        await program.stop()
