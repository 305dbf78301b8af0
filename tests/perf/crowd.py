"""Two hundred people at the page of one gateway: what they cost the messages that cross it, and its memory.

Run as a program (``python -m tests.perf.crowd``) it is the crowd: it reads one JSON object (`Visit`) from standard input, and
writes one (`Seen`) when it has gone.
"""

import asyncio
import os
import re
import ssl
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self
from urllib.parse import urlencode

import aiohttp
import msgspec

from gateway.admin.access.documents import TokenRequest
from gateway.admin.client import make_setup_code, make_token
from gateway.admin.stream import PROTOCOL
from gateway.cli.demo_islands import Demo, Phase
from tests.perf.measure import Bench, Budget

FOLLOWERS = 200  # half of them over WebSockets, half over server-sent events
REQUESTS = 100  # a second
SECONDS = 60.0  # of talk without anybody, and again with the crowd
REST_S = 10.0  # after the crowd has gone, before the memory is read once more
PHONES = 6  # on each island
SOURCES = 25  # addresses of loopback they come from: one may hold so many connections only
PATHS = ("/api/v1/status", "/api/v1/peers", "/api/v1/messages", "/api/v1/transports", "/api/v1/charts", "/status", "/messages", "/topology")
PASSPHRASE = "correct horse battery staple"  # noqa: S105 -- of a gateway that lives for three minutes
SLOWER = Budget(1.5, "x")
GROWTH = Budget(30, "MiB")
ANSWERED = Budget(0.95 * REQUESTS, "/s", at_most=False)
NONE = Budget(0, "")


class Visit(msgspec.Struct, frozen=True):
    """What the crowd does."""

    base: str
    token: str
    seconds: float


class Seen(msgspec.Struct, frozen=True):
    """What came of it."""

    statuses: dict[str, int]
    events: int
    followed: int  # of the followers, those who followed until the end


def measure(bench: Bench) -> None:
    """Talk, talk with the crowd, and talk after it."""
    seconds = SECONDS / 3 if bench.quick else SECONDS
    with TemporaryDirectory() as directory:
        asyncio.run(_measure(bench, Path(directory), seconds))


async def _measure(bench: Bench, directory: Path, seconds: float) -> None:
    demo = Demo(directory, PHONES, seconds=2 * seconds + REST_S, transports=("websocket",))
    north = demo.islands[0]
    running = asyncio.create_task(demo.run(Silent()))
    try:
        await _until(lambda: demo.phase is Phase.TALKING, running)
        base, token = await _come_in(directory / "north")
        began = time.time()
        await asyncio.sleep(seconds)
        calm, before = time.time(), _resident_mib(north.pid)
        crowd = asyncio.create_task(_crowd(Visit(base, token, seconds)))
        most = before
        while not crowd.done():
            await asyncio.wait([crowd], timeout=1.0)
            most = max(most, _resident_mib(north.pid))
        seen, busy = crowd.result(), time.time()
        await asyncio.sleep(REST_S)
        after = _resident_mib(north.pid)
        await running
    finally:
        demo.interrupt()
        await asyncio.gather(running, return_exceptions=True)
    account = demo.ledger.account()
    quiet, loud = (percentile(demo, since, until) for since, until in ((began, calm), (calm, busy)))
    bench.add("followers who followed to the end, of 200", seen.followed, "")
    bench.add(
        "requests answered with 200 a second", seen.statuses.get("200", 0) / seconds, "/s", Budget(0.95 * REQUESTS, "/s", at_most=False)
    )
    bench.add("events they were told a second", seen.events / seconds, "/s")
    bench.add("latency of messages between two islands, p99, nobody at the page", quiet * 1000, "ms")
    bench.add("    and with the crowd at the page of one", loud * 1000, "ms")
    bench.add("    in times of that without", loud / quiet, "x", SLOWER)
    bench.add("messages lost or twice", account.lost + account.duplicates + account.strays, "", NONE)
    bench.add("memory the crowd took", most - before, "MiB", GROWTH)
    bench.add("    and what was left of that afterwards", after - before, "MiB", GROWTH)


def percentile(demo: Demo, since: float, until: float, percent: float = 99.0) -> float:
    """Seconds that so many of the deliveries on the other island took at most, of what was said in that time."""
    island = {phone: one.name for one in demo.islands for phone in one.phones}
    took = sorted(
        times[0] - sent.at
        for message, sent in demo.ledger.messages.items()
        if since <= sent.at < until
        for recipient, times in demo.ledger.arrivals.get(message, {}).items()
        if island[recipient] != island[sent.sender]
    )
    if not took:
        raise RuntimeError("nobody said anything")
    return took[min(len(took) - 1, int(len(took) * percent / 100))]


class Silent:
    """Shows nothing of the demo."""

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *exc: object) -> None:
        """End."""

    def update(self) -> None:
        """Show nothing."""


async def _come_in(directory: Path) -> tuple[str, str]:
    """Set the page up, as a person would, and make a token for the crowd."""
    code = await make_setup_code(directory / "control.sock")
    base = code.addresses[0].rstrip("/")
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.get(f"{base}/setup") as shown:
            seal = re.search(r'name="form" value="(\w+)"', await shown.text())
        if seal is None:
            raise RuntimeError("the page has no form")
        data = urlencode({"form": seal[1], "code": code.code, "name": "ada", "passphrase": PASSPHRASE, "again": PASSPHRASE})
        headers = {"Origin": base, "Content-Type": "application/x-www-form-urlencoded"}
        async with session.post(f"{base}/setup", data=data, headers=headers, allow_redirects=False) as answer:
            if answer.status != 303:
                raise RuntimeError(f"the page could not be set up: {answer.status}")
    made = await make_token(directory / "control.sock", TokenRequest("crowd", "read", 1))
    return base.replace("http://", "https://"), made.token


async def _crowd(visit: Visit) -> Seen:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.perf.crowd", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate(msgspec.json.encode(visit))
    return msgspec.json.decode(out, type=Seen)


async def _until(condition: Callable[[], bool], running: asyncio.Task[None]) -> None:
    while not condition():
        if running.done():
            running.result()
            raise RuntimeError("the demo ended")
        await asyncio.sleep(0.1)


def _resident_mib(pid: int | None) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    if found is None:
        raise RuntimeError("the gateway is gone")
    return int(found[1]) / 1024


async def come(visit: Visit) -> Seen:
    """Be the crowd, which has computers of its own: what it does itself gives way to the gateways."""
    os.nice(19)
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    statuses: Counter[str] = Counter()
    told = [0]
    headers = {"Authorization": f"Bearer {visit.token}"}
    sessions = [
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trusting, local_addr=(f"127.0.0.{2 + number}", 0), limit=0), headers=headers
        )
        for number in range(SOURCES)
    ]
    loop = asyncio.get_running_loop()
    over = loop.time() + visit.seconds
    try:
        followers = [
            asyncio.create_task(_follow(sessions[number % SOURCES], visit.base, told, over, socket=number % 2 == 0))
            for number in range(FOLLOWERS)
        ]
        asking = []
        while loop.time() < over:
            for _ in range(REQUESTS // 10):
                path = PATHS[len(asking) % len(PATHS)]
                asking.append(asyncio.create_task(_ask(sessions[len(asking) % SOURCES], visit.base + path, statuses)))
            await asyncio.sleep(0.1)
        await asyncio.gather(*asking)
        followed = sum(await asyncio.gather(*followers))
    finally:
        await asyncio.gather(*(session.close() for session in sessions))
    return Seen(dict(statuses), told[0], followed)


async def _ask(session: aiohttp.ClientSession, url: str, statuses: Counter[str]) -> None:
    try:
        async with session.get(url, allow_redirects=False) as answer:
            await answer.read()
            statuses[str(answer.status)] += 1
    except aiohttp.ClientError as error:
        statuses[type(error).__name__] += 1


async def _follow(session: aiohttp.ClientSession, base: str, told: list[int], over: float, *, socket: bool) -> bool:
    """Follow what happens; False if the gateway ended it."""
    try:
        async with asyncio.timeout_at(over):
            if socket:
                async with session.ws_connect(f"{base}/api/v1/events", protocols=(PROTOCOL,)) as events:
                    async for _ in events:
                        told[0] += 1
            else:
                timeout = aiohttp.ClientTimeout(total=None)
                async with session.get(f"{base}/api/v1/events", timeout=timeout) as answer:
                    async for line in answer.content:
                        told[0] += line.startswith(b"id:")
    except TimeoutError:
        return True
    except aiohttp.ClientError:
        return False
    return False


if __name__ == "__main__":
    print(msgspec.json.encode(asyncio.run(come(msgspec.json.decode(sys.stdin.buffer.read(), type=Visit)))).decode())
