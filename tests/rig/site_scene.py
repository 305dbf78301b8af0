"""Real gateway processes in the guest, as an ordinary user without a group or a capability, and islands for them to stand on."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Self

import msgspec
import tomlkit

from gateway.admin.client import UnreachableError, get_status
from gateway.testing.manners import Why
from tests.rig.air_client import AirClient
from tests.rig.guest import NOBODY, as_nobody
from transports.libp2p.identity import load_peer_id

ROOT = Path(__file__).parent.parent.parent
ADDRESS = "F0:F1:F2:F3:F4:{:02X}"  # of the adapter in socket N
PATIENCE_S = 120.0  # of the guest's time
POLL_S = 0.5
STOP_S = 20.0
PORT = 4001


class Site:
    """One gateway: its configuration, its process, and what it says.

    Args:
        name: its nickname, and the island it stands on.
        directory: where it keeps everything.
        adapters: as in the configuration, by address, because the kernel hands out names anew after every loss.

    """

    def __init__(self, name: str, directory: Path, adapters: Sequence[str]) -> None:
        self.name = name
        self.directory = directory
        self.adapters = tuple(adapters)
        self.restarts = 0
        self._process: Process | None = None
        directory.mkdir(mode=0o700)
        self.site_id = load_peer_id(directory / "libp2p.key")

    def configure(self, *, listen: Sequence[str] = (), members: Sequence[str] = (), peers: Sequence[str] = ()) -> None:
        """Write its configuration, and give everything to the user it runs as."""
        document = {
            "gateway": {"nickname": self.name, "state_dir": str(self.directory / "state")},
            "bridge": {"mode": "open"},
            "radio": {"adapters": list(self.adapters), "clock": "trust", "recovery_socket": str(self.directory / "nobody-there.sock")},
            "page": {"enabled": False},
            "control": {"socket": str(self.directory / "control.sock")},
            "transports": {
                "libp2p": {
                    "enabled": bool(listen or peers),
                    "listen": list(listen),
                    "identity_file": str(self.directory / "libp2p.key"),
                    "members": list(members),
                    "peers": list(peers),
                }
            },
        }
        (self.directory / "config.toml").write_text(tomlkit.dumps(document))
        for path in (self.directory, *self.directory.rglob("*")):
            os.chown(path, NOBODY, NOBODY)

    async def start(self) -> None:
        """Start it."""
        with (self.directory / "said").open("ab") as said:
            self._process = await asyncio.create_subprocess_exec(
                *as_nobody(str(Path(sys.executable).parent / "meshgate"), "run", "--config", str(self.directory / "config.toml")),
                stdin=DEVNULL,
                stdout=said,
                stderr=said,
                cwd="/",
                env={"PATH": os.environ["PATH"], "HOME": str(self.directory), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
                start_new_session=True,
            )

    async def stop(self) -> int | None:
        """Stop it as systemd would; returns its exit status, None if it never ran."""
        process, self._process = self._process, None
        if process is None:
            return None
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(STOP_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        return process.returncode

    @property
    def pid(self) -> int:
        """Its process ID."""
        if self._process is None:
            raise RuntimeError(f"{self.name} does not run")
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it ended by itself."""
        return self._process is not None and self._process.returncode is not None

    @property
    def said(self) -> str:
        """Everything it said so far."""
        return (self.directory / "said").read_text(errors="replace")

    @property
    def rss(self) -> int:
        """Bytes of memory it holds, without its child processes."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))

    def rights(self) -> dict[str, str]:
        """Its user, groups and capabilities, as the kernel tells them."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return {
            name: value.strip()
            for name, _, value in (line.partition(":") for line in lines)
            if name in ("Uid", "Groups", "CapEff", "CapPrm")
        }

    async def status(self) -> dict[str, Any] | None:
        """Ask it how it is doing; None while it does not answer."""
        try:
            return msgspec.to_builtins(await get_status(self.directory / "control.sock"))
        except UnreachableError:
            return None

    async def until(self, condition: Callable[[dict[str, Any]], object], patience: float = PATIENCE_S) -> dict[str, Any]:
        """Ask again and again until the answer is as wanted.

        Raises:
            AssertionError: it was not in time, with the last answer and what the gateway said.

        """
        seen: dict[str, Any] | None = None
        for _ in range(int(patience / POLL_S)):
            if self.ended:
                break
            seen = await self.status()
            if seen is not None and condition(seen):
                return seen
            await asyncio.sleep(POLL_S)
        raise AssertionError(f"{self.name}: not so within {patience:.0f} s; last answer {seen}; it said {self.said[-4000:]}")


class Islands:
    """Two gateways out of reach of each other's radio, joined by libp2p over loopback, and the phones around each."""

    def __init__(self, air: AirClient, north: Site, south: Site) -> None:
        self.air = air
        self.north = north
        self.south = south
        self.phones: dict[str, Site] = {}

    def __iter__(self):
        return iter((self.north, self.south))

    async def start(self) -> Self:
        """Start both and wait until they know each other."""
        for site in self:
            await site.start()
        for site in self:
            await site.until(lambda status: status["bridge"]["sites"] == 1 and not status["problems"])
        return self

    async def add(self, site: Site, *names: str, **options: Any) -> None:
        """Put phones around a gateway."""
        for name in names:
            await self.air.island(site.name, name)
            await self.air.phone("add", name=name, **options)
            self.phones[name] = site

    async def clear(self) -> None:
        """Take all phones away and begin new books."""
        await self.air.phone("hush")
        await self.air.phone("books")
        await self.remove(*self.phones)

    async def remove(self, *names: str) -> None:
        """Take phones away."""
        for name in names:
            await self.air.phone("remove", name=name)
            del self.phones[name]

    async def acquainted(self, patience: float = PATIENCE_S) -> None:
        """Wait until every phone knows every other one."""
        await self.wait(self._all_know_all, patience, "the acquaintance of all phones")

    async def settled(self, patience: float = PATIENCE_S) -> dict[str, Any]:
        """Wait until nothing that was said is missing any more, and return the report."""
        report = await self.air.phone("report")
        for _ in range(int(patience / POLL_S)):
            if not report["missing"]:
                break
            await asyncio.sleep(POLL_S)
            report = await self.air.phone("report")
        return report

    async def refused(self) -> dict[str, dict[str, int]]:
        """What the phones would not take, and from whom, by phone.

        A message that reached a phone before the announce of its sender counts only if that sender is here: of people
        who have left, an Android phone takes nothing.
        """
        phones = (await self.air.phone("status"))["phones"]
        here = {phone["peer_id"] for phone in phones} | {status["peer_id"] for site in self if (status := await site.status()) is not None}
        return {
            f"{phone['name']} ({phone['platform']})": refused
            for phone in phones
            if (
                refused := {what: count for what, count in phone["refused"].items() if what[-16:] in here or Why.UNKNOWN_SENDER not in what}
            )
        }

    async def linked(self, name: str) -> list[dict[str, Any]]:
        """The links of a phone that are up."""
        return [link for link in (await self.air.phone("status", name=name))["links"] if link["up"]]

    async def wait(self, condition: Callable[[], Any], patience: float, what: str) -> None:
        """Look again and again.

        Raises:
            AssertionError: in vain, with everything that may say why.

        """
        for _ in range(int(patience / POLL_S)):
            if await condition():
                return
            await asyncio.sleep(POLL_S)
        phones = (await self.air.phone("status"))["phones"]
        sites = [(site.name, await site.status(), site.said[-3000:]) for site in self]
        raise AssertionError(f"within {patience:.0f} s {what} did not happen\nphones {phones}\nsites {sites}")

    async def _all_know_all(self) -> bool:
        phones = (await self.air.phone("status"))["phones"]
        everybody = {phone["peer_id"] for phone in phones}
        return all(everybody - {phone["peer_id"]} <= set(phone["peers"]) for phone in phones)


@contextlib.asynccontextmanager
async def islands(adapters_each: int = 1) -> AsyncIterator[Islands]:
    """Two joined gateways with so many adapters each: hci0 and up for the north, the next for the south."""
    directory = _new_directory()
    async with AirClient() as air:
        sites = []
        for number, name in enumerate(("north", "south")):
            sockets = range(number * adapters_each, (number + 1) * adapters_each)
            await air.island(name, *sockets)
            wishes = [ADDRESS.format(socket) for socket in sockets]
            if adapters_each == 2:
                wishes = [f"{wish}={role}" for wish, role in zip(wishes, ("central", "peripheral"), strict=True)]
            sites.append(Site(name, directory / name, wishes))
        north, south = sites
        address = f"/ip4/127.0.0.1/tcp/{PORT}"
        north.configure(listen=(address,), members=(south.site_id,))
        south.configure(members=(north.site_id,), peers=(f"{address}/p2p/{north.site_id}",))
        scene = Islands(air, north, south)
        try:
            yield await scene.start()
        finally:
            await scene.clear()
            for site in sites:
                await site.stop()
            await air.reset()
            shutil.rmtree(directory)


def _new_directory() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="islands-"))
    directory.chmod(0o755)
    return directory
