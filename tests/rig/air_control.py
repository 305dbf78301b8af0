"""What tests may ask of the air: one JSON object a line over a Unix socket, one answer a line.

    {"op": "stations"}                                         who is there, and with how many links
    {"op": "link", "a": X, "b": Y, "up": …, "rssi": …, "connects": …}    contact between stations or groups of them (`Air.set_contact`)
    {"op": "island", "stations": X, "name": "north"}           out of reach of every other island; null: within reach of all
    {"op": "unplug", "a": 1}, {"op": "plug", "a": 1}           adapter hci1; without a: one more adapter
    {"op": "fault", "a": X, "kind": "deaf" | "mute" | "hung", "until": "scan" | "advertise" | "reset" | "plug"}
    {"op": "heal", "a": X}
    {"op": "limit", "a": X, "links": 4}                        a controller that takes so many links
    {"op": "reset"}                                            everything as it was at boot: no phones, all adapters plugged in and sound
    {"op": "phone", "do": …}                                   see `tests.rig.phones`

X and Y name stations: an adapter's number, any station's name, or a list of these; of stations to come as well.
An answer is {"ok": true, "result": …} or {"ok": false, "error": "…"}.
"""

import asyncio
import importlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

from tests.rig.air import Air
from tests.rig.air_adapters import Adapters
from tests.rig.controllers import MAX_LINKS, Station

PHONE_ADDRESS = "F0:F1:F2:F5:{:02X}:{:02X}"
FAULTS = ("deaf", "mute", "hung")
LONGEST_LINE = 16 << 20


def names(some: Any) -> list[str]:
    """Read what a request calls stations by."""
    return [f"hci{name}" if isinstance(name, int) else name for name in (some if isinstance(some, list) else [some])]


class AirControl:
    """The server of one air."""

    def __init__(self, air: Air, adapters: Adapters) -> None:
        self._air = air
        self._adapters = adapters
        self._phones: Any = None
        self._phones_made = 0
        self._verbs: dict[str, Callable[[dict[str, Any]], Awaitable[Any]]] = {
            "stations": self._stations,
            "link": self._link,
            "island": self._island,
            "unplug": self._unplug,
            "plug": self._plug,
            "fault": self._fault,
            "heal": self._heal,
            "limit": self._limit,
            "reset": self._reset,
            "phone": self._phone,
        }

    async def serve(self, path: str) -> None:
        """Answer for ever."""
        server = await asyncio.start_unix_server(self._client, path, limit=LONGEST_LINE)
        async with server:
            await server.serve_forever()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for line in reader:
            try:
                request = json.loads(line)
                answer = {"ok": True, "result": await self._verbs[request["op"]](request)}
            except Exception as error:  # noqa: BLE001 - whatever it is, the test that asked has to see it
                answer = {"ok": False, "error": repr(error)}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()

    def _named(self, request: dict[str, Any]) -> list[Station]:
        return [self._air.stations[name] for name in names(request["a"])]

    async def _stations(self, _request: dict[str, Any]) -> Any:
        return [
            {
                "name": station.name,
                "index": self._adapters.index(station.name),
                "address": str(station.public_address),
                "advertises": station.advertiser.enabled,
                "scans": station.le_scan_enable,
                "connects": station.pending_le_connection is not None,
                "links": sorted(end.link.other(end).controller.name for end in station.ends),
            }
            for station in self._air.stations.values()
        ]

    async def _link(self, request: dict[str, Any]) -> None:
        what = {key: request.get(key) for key in ("up", "rssi", "connects")}
        self._air.set_contact(names(request["a"]), names(request["b"]), **what)

    async def _island(self, request: dict[str, Any]) -> None:
        self._air.set_island(names(request["stations"]), request["name"])

    async def _unplug(self, request: dict[str, Any]) -> None:
        self._adapters.unplug(request["a"])

    async def _plug(self, request: dict[str, Any]) -> Any:
        return self._adapters.plug(request.get("a"))

    async def _fault(self, request: dict[str, Any]) -> None:
        kind, until = request["kind"], request.get("until", "plug")
        if kind not in FAULTS:
            raise ValueError(f"no fault {kind!r}")
        for station in self._named(request):
            setattr(station, kind, True if kind == "hung" else until)

    async def _heal(self, request: dict[str, Any]) -> None:
        for station in self._named(request):
            station.heal()

    async def _limit(self, request: dict[str, Any]) -> None:
        for station in self._named(request):
            station.max_links = request["links"]

    async def _reset(self, _request: dict[str, Any]) -> None:
        if self._phones is not None:
            await self._phones.close()
        self._air.forget_places()
        self._adapters.restore()
        for station in self._air.stations.values():
            station.max_links = MAX_LINKS
            station.heal()

    async def _phone(self, request: dict[str, Any]) -> Any:
        if self._phones is None:  # only a test with phones pays for loading them
            self._phones = importlib.import_module("tests.rig.phones").Phones(self._phone_station, self._air.remove_controller)
        return await self._phones.handle(request)

    def _phone_station(self, name: str) -> Station:
        self._phones_made += 1
        return Station(name, self._air, PHONE_ADDRESS.format(*divmod(self._phones_made, 256)))
