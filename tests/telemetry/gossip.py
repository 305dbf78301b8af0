"""A town whose people must not be told of: they chat, whisper, leave letters, change their names, go away and come back.

Two whole gateways on virtual time (tests.testing.virtual_loop); everything the western one emits is collected, and so is
every secret that passed it.
"""

import asyncio
import json
import logging
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from hashlib import sha256
from itertools import count
from pathlib import Path
from random import Random
from urllib.parse import quote

import aiohttp

from gateway.admin.table import TABLE
from gateway.bridge.engine import BridgeMode
from gateway.doctor.bundle import documents, write_bundle
from gateway.doctor.finding import fail
from gateway.mesh.events import Rename, Say, Whisper
from gateway.mesh.identity import Identity
from gateway.telemetry.mqtt.values import Message
from gateway.testing.bridging import Author, BridgingPhone
from gateway.testing.faults import around, outage
from gateway.testing.phone import Phone, new_phone
from gateway.wire.board import URGENT
from gateway.wire.courier import encode_courier
from gateway.wire.nostr import bridge_key
from gateway.wire.schnorr import public_key_of
from gateway.wire.ticket import encode as encode_ticket
from gateway.wire.ticket import from_text as ticket_in
from gateway.wire.types import MessageType
from hw.systemd.notify import Notifier
from tests.app.processes import free_port
from tests.mesh.mail import sealed
from tests.mesh.nodes import Clock, Node, board, forged
from tests.telemetry.sights import MemoryBroker
from tests.telemetry.spilled import Hit, Secrets
from tests.telemetry.world import LINE, Site, until
from transports.libp2p.identity import peer_id_from
from transports.link import FrameReceived
from transports.loopback import LoopbackHub

WEST = ("Ottoline Quux", 'Ünï "cödé" Ñandú', "Kasimir\\Bo")
EAST = ("Philomena Zorn", "Wenzeslaus Ypsilon")
CELL = "u4pruy"
STATUS = "/api/v1/status"
"""It lists who is near, by name and ID, and is for the operator alone: nobody else can open the control socket. Of it, all
but that list is looked at."""
NAMING = ("/api/v1/peers", "/api/v1/topology", "/api/v1/events", "/api/v1/diagnostics/bundle", "/api/v1/operations/{id}")
"""These say who is near, to whoever may know; `tests/app/test_api.py` asks as somebody who may not. The bundle is read in parts."""
ASKED = {"/api/v1/policy/history": "from_ms=0&to_ms=9000000000000", "/api/v1/why": "last=100"}
RECORDS = ("decision", "shape")
"""Tables of what was done with messages, kept for days; other tables hold packets, because they have to."""
OF_THE_OPERATOR = ("/api/", "table ")
"""Where other gateways may be named, by their IDs, because the operator has to tell them apart; nowhere else."""


class Signing(BridgingPhone):
    """A phone with the bridge switched on, and who it is."""

    @property
    def identity(self) -> Identity:
        return self.mesh.identity

    @property
    def author(self) -> Author:
        return self._author


def bridging(name: str, rng: Random) -> Phone:
    phone = new_phone(name, rng)
    return replace(phone, engine=Signing(phone.engine, Random(f"{name}/events")))


class Told(Notifier):
    """Stands for systemd, and remembers what it is told."""

    def __init__(self) -> None:
        super().__init__({})
        self.said: list[str] = []

    def _send(self, text: str) -> bool:
        self.said.append(text)
        return True


class Records(logging.Handler):
    """What libraries write."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.written: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.written.append(self.format(record))


class Town:
    """Two sites, their people, and what is whispered about them."""

    def __init__(self, directory: Path, seed: int, *overrides: str, mode: BridgeMode) -> None:
        hub = LoopbackHub(capabilities=LINE)
        self.directory = directory
        self.rng = Random(seed)
        self.systemd = Told()
        self.broker = MemoryBroker()
        outward = (
            *("mqtt.enabled=true", 'mqtt.brokers=["broker.example"]', "mqtt.tls=off", f"bridge.cell={CELL}"),
            *("transports.websocket.enabled=true", f'transports.websocket.listen=["127.0.0.1:{free_port()}"]'),
        )
        bridge, kind = f"bridge.mode={mode.value}", {"make_phone": bridging if mode is BridgeMode.CONSENT else new_phone}
        self.west = Site(directory, "hall", hub, WEST, bridge, *outward, *overrides, notifier=self.systemd, **kind)
        self.east = Site(directory, "barn", hub, EAST, bridge, f"bridge.cell={CELL}", **kind)
        self.west.gateway._mqtt._open_line = self.broker.open_line
        self.secrets = Secrets()  # of people; of this gateway nothing but its place, because it may say who it is
        self.gateways = Secrets()  # who the others are
        self.emitted: dict[str, list[bytes]] = {}
        self.clock = Clock()
        self.records = Records()
        self.numbers: dict[str, dict[tuple[str, ...], object]] = {}
        self.letters = self.spoken = 0
        self._numbers = count(1)
        self.visitors = [Node(f"Visitor {name}", self.clock) for name in ("Xanthippe", "Ypolita")]
        for phone in (*self.west.island.phones.values(), *self.east.island.phones.values()):
            self.secrets.word("nickname", phone.name)
            self._person(phone.engine.identity)
            if isinstance(phone.engine, Signing):
                self.secrets.key("bridge key", public_key_of(bridge_key(phone.engine.author.seed, CELL)))
        for visitor in self.visitors:
            self.secrets.word("nickname", visitor.name)
            self._person(visitor.identity)
        self._somebodys(self.gateways, self.east.gateway.identity)
        self.gateways.word("cell", CELL)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        logging.getLogger().addHandler(self.records)
        for site in (self.west, self.east):
            site.start()
        await until(lambda: self.west.samples()["bridge_sites"][()] == 1)
        try:
            yield
        finally:
            for site in (self.west, self.east):
                await site.end()
            logging.getLogger().removeHandler(self.records)

    async def live(self, seconds: float, pause: float) -> None:
        """Let somebody do something every `pause` seconds or so, and look at everything each 25th time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        deeds = (self.chat, self.chat, self.chat, self.whisper, self.rename, self.leave_letter, self.post, self.go_away, self.call)
        for number in count():
            if loop.time() >= end:
                break
            deeds[number % len(deeds)]()
            await asyncio.sleep(pause * self.rng.uniform(0.5, 1.5))
            if number % 25 == 24:
                await self.invite(number)
                await self.look()
        await self.look()

    def chat(self) -> None:
        site, name = self._somebody()
        site.radio.command(name, Say(self._words("Meet me")))

    def whisper(self) -> None:
        site, name = self._somebody()
        _, other = self._somebody()
        phones = {**self.west.island.phones, **self.east.island.phones}
        to = self.west.gateway.identity.peer_id if other == name else phones[other].peer_id
        site.radio.command(name, Whisper(to, f"ID{next(self._numbers)}", self._words("Only for you")))

    def rename(self) -> None:
        site, name = self._somebody()
        nickname = f"Alias {next(self._numbers)} {self.rng.randbytes(4).hex()} Ö"
        self.secrets.word("nickname", nickname)
        site.radio.command(name, Rename(nickname))

    def leave_letter(self) -> None:
        """With the gateway, which may hold it, and at times one that is over already."""
        sender, recipient = self.visitors
        number = next(self._numbers)
        envelope = sealed(sender, recipient, self._words("By hand"), self._now(), lifetime_s=3_600.0 if number % 3 else -3_600.0)
        self.secrets.key("recipient's tag", envelope.recipient_tag)
        self.secrets.key("sealed letter", envelope.ciphertext)
        self._bring(sender.announce())
        self._bring(sender.packet(MessageType.COURIER, encode_courier(envelope), to=self.west.gateway.identity.peer_id))
        if number % 2:
            self._bring(recipient.announce())
        self.letters += 1

    def post(self) -> None:
        author = self.visitors[0]
        self._now()
        content = board(author, URGENT, content=self._words("On the board"), expires_s=self.clock.now + 900.0)
        self._bring(author.packet(MessageType.BOARD, content, ttl=5))

    def go_away(self) -> None:
        site, name = self._somebody()
        island = site.island
        site.radio.do(lambda: outage(island.world, around(name), island.now + 1, island.now + 200))

    def call(self) -> None:
        """Somebody speaks who is unknown, then says who it is, and forges: what is refused is written down as well."""
        stranger = Node(f"Stranger {next(self._numbers)}", self.clock)
        self._now()
        self.secrets.word("nickname", stranger.name)
        self._person(stranger.identity)
        self._bring(stranger.say(self._words("Who am I")))
        self._bring(stranger.announce())
        self._bring(forged(stranger.say(self._words("Believe me"))))

    async def invite(self, number: int) -> None:
        """The operator invites somebody, who comes; and somebody comes with nothing."""
        async with self._socket() as session, session.post("http://hall/api/v1/federation/invite", json={}) as answer:
            made = await answer.json()
        self.secrets.word("ticket", made["ticket"])
        self.secrets.word("code", made["code"])
        ticket = encode_ticket(ticket_in(made["ticket"]))
        self.secrets.key("ticket", ticket)
        for name, shown in ((f"guest {number}", ticket), (f"late {number}", ticket), (f"intruder {number}", b"a ticket")):
            public = Identity.generate(Random(name).randbytes).signing_public
            self.gateways.word("peer ID of a gateway", peer_id_from(public))
            self.gateways.key("key of a gateway", public)
            await self.west.gateway.federation.judge(peer_id_from(public), shown)

    async def look(self) -> None:
        """Collect what everybody can ask for now."""
        west, now = self.west, asyncio.get_running_loop().time()
        gateway = west.gateway
        async with self._socket() as session:
            latest = (await self._get(session, "/api/v1/why"))["latest"]
            for path in self.asked():
                if "{" in path:
                    named = [one["id"] for one in latest[:10]] if "{id}" in path else ["loopback"]
                    for one in named:
                        await self._get(session, re.sub("{.*}", quote(one), path), path)
                else:
                    await self._get(session, f"{path}?{ASKED.get(path, '')}", path)
        west.radio.fail(OSError(f"no answer from {self._somebodys_address()}"))
        await asyncio.sleep(2)
        self._emit("metrics", gateway._observed.exposition.page("application/openmetrics-text").body)
        status = gateway.status()
        problems = [fail("gateway", problem.sentence, problem.remedy) for problem in status.problems]
        path = self.directory / f"{now:.0f}.tar.gz"
        found = documents(west.loaded, problems, status, "5.66")
        write_bundle(path, found)
        for name, text in found.items():
            self._emit(f"bundle {name}", text.encode())

    def asked(self) -> list[str]:
        """Every path that can be asked for, so that a new one is looked at as well."""
        return [way.path for way in TABLE if way.method == "GET" and not way.path.startswith(NAMING)]

    def hits(self) -> list[Hit]:
        """Everything that should not have been said, of all that was."""
        self._emit("log", self.west.written.getvalue().encode())
        with closing(sqlite3.connect(self.directory / "hall" / "store.db")) as store:
            for table in RECORDS:
                self._emit(f"table {table}", "\n".join(map(repr, store.execute(f"SELECT * FROM {table}"))).encode())  # noqa: S608
        self._emit("libraries", "\n".join(self.records.written).encode())
        self._emit("systemd", "\n".join(self.systemd.said).encode())
        self._emit("mqtt", b"\n".join(_line(message) for message in self.broker.heard))
        self._emit("mqtt retained", b"\n".join(topic.encode() + b" " + kept for topic, kept in self.broker.retained.items()))
        found = []
        for where, pieces in self.emitted.items():
            whole = b"\n".join(pieces)
            found += self.secrets.found(where, whole)
            if not where.startswith(OF_THE_OPERATOR):
                found += self.gateways.found(where, whole)
        return found

    def _somebody(self) -> tuple[Site, str]:
        site = self.rng.choice((self.west, self.west, self.east))
        return site, self.rng.choice(list(site.island.phones))

    def _words(self, beginning: str) -> str:
        text = f'{beginning} at "the {self.rng.randbytes(5).hex()}" · nö {next(self._numbers)}'
        self.secrets.word("text", text)
        self.spoken += 1
        return text

    def _somebodys_address(self) -> str:
        """What a radio complains of: by chance it names a phone."""
        return self.rng.choice(list(self.west.island.phones.values())).peer_id.hex()

    def _now(self) -> float:
        self.clock.now = asyncio.get_running_loop().time()
        return self.clock.now

    def _bring(self, frame: bytes) -> None:
        self._now()
        pump = self.west.gateway._pump
        links = [link for link, owner in pump._owners.items() if owner is self.west.radio]
        if links:
            pump.post_to(self.west.radio)(FrameReceived(links[0], frame))

    def _person(self, identity: Identity) -> None:
        self._somebodys(self.secrets, identity)

    def _somebodys(self, secrets: Secrets, identity: Identity) -> None:
        secrets.key("fingerprint", sha256(identity.noise_public).digest())
        secrets.key("peer ID", identity.peer_id)
        secrets.key("noise key", identity.noise_public)
        secrets.key("signing key", identity.signing_public)
        secrets.word("libp2p name of a key", peer_id_from(identity.signing_public))

    def _emit(self, where: str, data: bytes) -> None:
        self.emitted.setdefault(where, []).append(data)

    def _socket(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(self.west.loaded.config.control.socket)))

    async def _get(self, session: aiohttp.ClientSession, path: str, where: str = "") -> dict:
        async with session.get(f"http://hall{path}") as answer:
            body = await answer.read()
            document = json.loads(body) if answer.content_type == "application/json" else {}
            if where == STATUS:
                del document["mesh"]["peers"]
                body = json.dumps(document, ensure_ascii=False).encode()
            self._emit(where or path, body)
            return document


def _line(message: Message) -> bytes:
    return message.topic.encode() + b" " + message.payload
