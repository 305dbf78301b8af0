"""A test's side of the air's control socket."""

import asyncio
import json
import os
from collections.abc import Sequence
from typing import Any, Self

Who = int | str | Sequence[int | str]  # an adapter's number, a station's name, or several
LONGEST_LINE = 16 << 20


class AirError(Exception):
    """The air refused a request."""


class AirClient:
    """Moves stations about, plugs adapters, breaks them, and talks to the phones. Use it as ``async with AirClient() as air``."""

    def __init__(self, path: str | None = None) -> None:
        self._path = path or os.environ["RIG_AIR"]
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_unix_connection(self._path, limit=LONGEST_LINE)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def ask(self, op: str, **what: Any) -> Any:
        """Send one request and wait for its result.

        Raises:
            AirError: it was refused, and why.

        """
        async with self._lock:
            self._writer.write(json.dumps({"op": op, **what}, default=list).encode() + b"\n")
            line = await self._reader.readline()
        answer = json.loads(line or b'{"ok": false, "error": "the air is gone"}')
        if not answer["ok"]:
            raise AirError(answer["error"])
        return answer["result"]

    async def stations(self) -> dict[str, dict[str, Any]]:
        """Who is on the air, by name."""
        return {station["name"]: station for station in await self.ask("stations")}

    async def link(self, a: Who, b: Who, up: bool | None = None, *, rssi: int | None = None, connects: bool | None = None) -> None:
        """Change the contact between stations, or between two groups; None leaves it as it is."""
        await self.ask("link", a=a, b=b, up=up, rssi=rssi, connects=connects)

    async def island(self, name: str | None, *stations: int | str) -> None:
        """Put stations, also of later, on an island: out of reach of all other islands."""
        await self.ask("island", name=name, stations=stations)

    async def unplug(self, adapter: int) -> None:
        """Pull an adapter out."""
        await self.ask("unplug", a=adapter)

    async def plug(self, adapter: int | None = None) -> str:
        """Plug it in again, or one more."""
        return str(await self.ask("plug", a=adapter))

    async def fault(self, who: Who, kind: str, until: str = "plug") -> None:
        """Break a controller: "deaf", "mute" or "hung", until "scan", "advertise", "reset" or "plug"."""
        await self.ask("fault", a=who, kind=kind, until=until)

    async def heal(self, who: Who) -> None:
        """Mend it."""
        await self.ask("heal", a=who)

    async def limit(self, who: Who, links: int) -> None:
        """Let a controller take so many links and no more."""
        await self.ask("limit", a=who, links=links)

    async def reset(self) -> None:
        """Have everything as it was at boot."""
        await self.ask("reset")

    async def phone(self, do: str, **what: Any) -> Any:
        """Ask something of the phones; see `tests.rig.phones`."""
        return await self.ask("phone", do=do, **what)
