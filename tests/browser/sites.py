"""Two real gateways, linked, each with an island of virtual phones that talk, and each with its page on a port of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from gateway.admin.page import Page
from gateway.app import Gateway
from gateway.config import load
from gateway.config.editing import ConfigFile
from gateway.config.load import Loaded
from gateway.testing.chat import Chat
from gateway.testing.island import Island
from gateway.testing.ledger import Ledger
from gateway.testing.radio import VirtualRadio
from tests.app.processes import free_port
from transports.libp2p.identity import load_peer_id

HALL = ("Ada", "Boris", "Chidi", "Dana", "Emil", "Farida", "Goran", "Hana", "Imre")
HUT = ("Jun", "Kofi", "Lea", "Mina")
PATIENCE_S = 20.0


@dataclass(frozen=True)
class Site:
    gateway: Gateway
    radio: VirtualRadio
    chat: Chat

    @property
    def page(self) -> Page:
        if self.gateway.page is None:
            raise LookupError("the page is switched off")
        return self.gateway.page

    @property
    def listens(self) -> bool:
        return bool(self.page.listener.bound)

    @property
    def address(self) -> str:
        """Where its page is, without the last slash."""
        return self.page.addresses()[0].rstrip("/")

    def setup_code(self) -> str:
        """A new code, as at the box."""
        entrance = self.page.entrance
        return entrance.code.issue(entrance.now())


@dataclass(frozen=True)
class Town:
    hall: Site
    hut: Site


def site(directory: Path, nickname: str, phones: tuple[str, ...], *settings: str) -> Site:
    """A gateway with its phones."""
    overrides = (
        f'gateway.nickname="{nickname}"',
        f"gateway.state_dir={directory}",
        f"control.socket={directory}/control.sock",
        'radio.clock="trust"',
        'page.listen=["127.0.0.1:0"]',
        *settings,
    )
    island = Island(nickname, phones)
    radio = VirtualRadio(island)
    chat = Chat(island, Ledger(), Random(nickname), HALL + HUT, say_every=4.0)
    written = directory / "config.toml"
    written.write_text("config_version = 1\n")

    def again(path: Path, text: str | None) -> Loaded:
        return load(written, {}, overrides, instead=None if text is None else (path, text))

    return Site(Gateway(again(written, None).config, [radio], file=ConfigFile(written, again)), radio, chat)


def linked(directory: Path, mode: str = "open") -> tuple[Site, Site]:
    """Two gateways that may link over a WebSocket: the second calls the first."""
    port, ids = free_port(), []
    for name in ("hall", "hut"):
        (directory / name).mkdir()
        ids.append(load_peer_id(directory / name / "libp2p.key"))
    shared = ("transports.websocket.enabled=true", f'bridge.mode="{mode}"', 'bridge.cell="u4pruy"')
    listen = f'transports.websocket.listen=["127.0.0.1:{port}"]'
    hall = site(directory / "hall", "Town hall", HALL, *shared, listen, f'transports.libp2p.members=["{ids[1]}"]')
    call = f'transports.websocket.peers=["wss://127.0.0.1:{port}#{ids[0]}"]'
    hut = site(
        directory / "hut", "Hill hut", HUT, *shared, "transports.websocket.listen=[]", f'transports.libp2p.members=["{ids[0]}"]', call
    )
    return hall, hut


@asynccontextmanager
async def running(*sites: Site) -> AsyncIterator[None]:
    """Run gateways while the context lasts."""
    stop = asyncio.Event()
    tasks = [asyncio.create_task(one.gateway.run(stop)) for one in sites]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens in real time."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 -- nobody tells
            await asyncio.sleep(0.02)


@asynccontextmanager
async def town(directory: Path, mode: str = "open", talk_s: float = 3600.0) -> AsyncIterator[Town]:
    """The two gateways, linked and with messages crossing; nobody has set up their pages yet."""
    hall, hut = linked(directory, mode)
    async with running(hall, hut):
        found = Town(hall, hut)
        await until(lambda: hall.listens and hut.listens)
        await until(lambda: hall.gateway.status().bridge.sites == 1)
        for one in (hall, hut):
            one.radio.do(lambda one=one: one.chat.start(one.radio.island.now + talk_s))
        if mode == "open":
            await until(lambda: hall.gateway.status().bridge.crossed_in > 3)
        yield found
