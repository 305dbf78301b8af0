"""Two real gateways, linked, each with an island of virtual phones that talk; and the pages of the first on a port."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from aiohttp import web

from gateway.admin.access.roles import Role
from gateway.admin.api import application
from gateway.admin.pages import Pages
from gateway.admin.requests import answers
from gateway.app import Gateway
from gateway.config import load
from gateway.config.editing import ConfigFile
from gateway.config.load import Loaded
from gateway.testing.chat import Chat
from gateway.testing.island import Island
from gateway.testing.ledger import Ledger
from gateway.testing.radio import VirtualRadio
from tests.admin.listening import serving
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


def site(directory: Path, nickname: str, phones: tuple[str, ...], *settings: str) -> Site:
    """A gateway with its phones."""
    overrides = (
        f'gateway.nickname="{nickname}"',
        f"gateway.state_dir={directory}",
        f"control.socket={directory}/control.sock",
        'radio.clock="trust"',
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


def page_of(gateway: Gateway, role: Role = Role.ADMIN) -> web.Application:
    """The application with API and pages, as a listener of its own would serve it."""
    everybody = answers(gateway.status, gateway.radio, gateway._keeping.recorder, gateway._rulebook, gateway._desk, gateway.wiping.wipe)
    everybody = {**everybody, **gateway.api.answers()}
    app = application(everybody, lambda _request: role)
    app.add_routes(Pages(everybody, lambda _request: role, gateway.status, name=gateway.config.gateway.nickname).routes())
    return app


@asynccontextmanager
async def town(directory: Path, mode: str = "open", talk_s: float = 600.0) -> AsyncIterator[str]:
    """The two gateways, linked and with messages crossing; yields where the pages of the first are."""
    hall, hut = linked(directory, mode)
    async with running(hall, hut), serving(page_of(hall.gateway)) as base:
        await until(lambda: hall.gateway.status().bridge.sites == 1)
        for one in (hall, hut):
            one.radio.do(lambda one=one: one.chat.start(one.radio.island.now + talk_s))
        if mode == "open":
            await until(lambda: hall.gateway.status().bridge.crossed_in > 3)
        yield base
