"""A gateway's store under load, in a process that is made to be killed: see `test_crash`.

Says on standard output what it has promised, one line each, and takes receipts on standard input:

    P phase        about to do something of that kind
    T ms           the time it is
    A id ms hash   accepted, wanted until then: a promise
    S id hash      sent to the phone
    D id           the phone's receipt is written down
    E ms           about to give up what was wanted until then
    X id           given up, its deadline is over
    M id hash      a letter is kept: a promise
    C id copies    about to give copies of it away; so many are left
    K id copies    that is written down
    G id           about to hand it over
    H id           that is written down: it must never be taken again
"""

import asyncio
import os
import sys
from hashlib import sha256
from pathlib import Path
from random import Random

from gateway.runtime import writer as writing
from gateway.runtime.writer import StoreWriter
from gateway.store import spool
from gateway.store.decisions import Decision
from gateway.store.history import Kept
from gateway.store.mail import Letter
from gateway.store.message import Accepted, Message
from gateway.store.quotas import Class
from gateway.store.shapes import Shape
from gateway.store.store import open_store
from gateway.wire.types import MessageType

STEP_MS = 400
STEPS = 2_000


def say(*words: object) -> None:
    """One write, so that the line is there whole or not at all."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def digest(body: bytes) -> str:
    return sha256(body).hexdigest()[:16]


class Life:
    def __init__(self, path: Path, seed: int, life: int, now_ms: int) -> None:
        self.rng = Random(seed)
        self.life = life
        self.now_ms = now_ms
        self.count = 0
        self.mail: list[bytes] = []
        self.handed: list[Letter] = []
        self.known: list[Message] = []
        self.heard = b""
        self.writer = StoreWriter(lambda distrust: open_store(path, self.rng, distrust=distrust), self.compacting, lambda _sentence: None)
        os.set_blocking(0, False)

    def compacting(self) -> int:
        """Asked for the time right before the upkeep."""
        say("P", "compact")
        return self.now_ms

    async def run(self) -> None:
        say("P", "migrate")
        running = asyncio.create_task(self.writer.run())
        doings = (self.queue, self.queue, self.send, self.send, self.acknowledge, self.keep_mail, self.keep_mail, self.note, self.expire)
        for _ in range(STEPS):
            self.now_ms += STEP_MS
            say("T", self.now_ms)
            await self.rng.choice(doings)()
        running.cancel()

    async def queue(self) -> None:
        say("P", "queue")
        fresh = [self.message() for _ in range(self.rng.randrange(1, 8))]
        again = self.rng.sample(self.known, min(2, len(self.known)))
        await asyncio.gather(*map(self.accept, [*fresh, *again]))
        self.known = [*self.known, *fresh][-50:]

    async def accept(self, message: Message) -> None:
        answer = await self.writer.accept(message, self.now_ms)
        if isinstance(answer, Accepted) and answer.fresh:
            say("A", message.id.decode(), message.expires_ms, digest(message.body))

    async def send(self) -> None:
        say("P", "send")
        for one in await self.writer.ask(lambda store: store.spool.ready(self.now_ms, limit=20)):
            if one.id.startswith(b"mail"):
                continue  # letters leave when whoever they are for is here
            say("S", one.id.decode(), digest(one.body))
            await self.writer.ask(lambda store, one=one: store.spool.sent(one.id, self.now_ms))

    async def acknowledge(self) -> None:
        say("P", "acknowledge")
        try:
            self.heard += os.read(0, 65_536)
        except BlockingIOError:
            return
        *lines, self.heard = self.heard.split(b"\n")
        for line in lines:
            if await self.writer.ask(lambda store, line=line: store.spool.delivered(line, self.now_ms)):
                say("D", line.decode())

    async def expire(self) -> None:
        say("E", self.now_ms)
        for gone in await self.writer.ask(lambda store: store.spool.expire(self.now_ms)):
            say("X", gone.decode())

    async def keep_mail(self) -> None:
        say("P", "mail")
        fresh = [self.letter() for _ in range(self.rng.randrange(1, 4))]
        await asyncio.gather(*map(self.take, [*fresh, *self.rng.sample(self.handed, min(1, len(self.handed)))]))
        if self.mail and self.rng.random() < 0.5:
            name, copies = self.rng.choice(self.mail), self.rng.randrange(1, 5)
            say("C", name.decode(), copies)
            await self.writer.ask(lambda store: store.mail.given(name, copies, (b"courier1",)))
            say("K", name.decode(), copies)
        if self.mail and self.rng.random() < 0.7:
            gone = self.mail.pop(0)
            say("G", gone.decode())
            await self.writer.ask(lambda store: store.mail.end(gone, None, self.now_ms))
            say("H", gone.decode())
            self.handed.append(Letter(gone, b"again", self.now_ms + 86_400_000, b"", b"", b"", 1, regular=False, holders=()))

    async def take(self, letter: Letter) -> None:
        if await self.writer.ask(lambda store: store.mail.take(letter, self.now_ms), durable=True) is None:
            say("M", letter.name.decode(), digest(letter.payload))
            self.mail.append(letter.name)

    def letter(self) -> Letter:
        name = self.name("mail").encode()
        payload = self.rng.randbytes(self.rng.choice((300, 300, 4_000)))
        return Letter(name, payload, self.now_ms + 86_400_000, name[-8:], name[-16:], b"", 4, regular=False, holders=())

    async def note(self) -> None:
        for _ in range(30):
            name = self.name("packet")
            packet = Kept(MessageType.MESSAGE, name.encode(), self.rng.randbytes(300), self.now_ms + 60_000)
            self.writer.note(lambda store, packet=packet: store.history.add(packet, self.now_ms), 300)
            self.writer.note(lambda store, name=name: store.decisions.add(Decision(name, self.now_ms, "radio", "heard")))
            shape = Shape(name.encode(), self.now_ms, 2, 300, directed=False, signed=True, origin=b"ada", via=b"", verdict="crossed")
            self.writer.note(lambda store, shape=shape: store.shapes.add(shape))
        if self.rng.random() < 0.2:
            await self.writer.flush()

    def message(self) -> Message:
        lifetime = self.rng.choice((20_000, 100_000_000))
        size = self.rng.choice((100, 100, 100, 5_000, 60_000))
        name = self.name("message").encode()
        site = self.rng.choice((b"", b"hall"))
        return Message(name, Class.DIRECTED, self.rng.randbytes(size), self.now_ms + lifetime, origin=name[-1:], site=site)

    def name(self, kind: str) -> str:
        self.count += 1
        return f"{kind}-{self.life}-{self.count}"


def main() -> None:
    path, seed, life, now_ms = Path(sys.argv[1]), *map(int, sys.argv[2:])
    writing.UPKEEP_S = 0.02
    spool.DEAD_LETTERS_MS = 1_000
    asyncio.run(Life(path, seed, life, now_ms).run())


if __name__ == "__main__":
    main()
