"""Talk among phones that can be accounted for: each says and whispers numbered messages now and then."""

import asyncio
from collections.abc import Callable, Collection
from random import Random
from uuid import UUID

from gateway.testing.chat import PRIVATE, PUBLIC
from gateway.testing.ledger import Ledger
from tests.rig.phone import Received, RigPhone


class Talk:
    """The books about everything said, and people who talk by themselves.

    Args:
        rng: decides who talks when and to whom.
        wall: unix seconds.

    """

    def __init__(self, rng: Random, wall: Callable[[], float]) -> None:
        self.ledger = Ledger()
        self._wall = wall
        self._rng = rng
        self._run = rng.randbytes(4).hex()
        self._closed: set[str] = set()  # message IDs of earlier books
        self._count = 0
        self._timers: set[asyncio.TimerHandle] = set()

    def open_books(self) -> None:
        """Begin new books; what arrives of the old ones does not count any more."""
        self._closed.update(self.ledger.messages)
        self.ledger = Ledger()

    def say(self, phone: RigPhone, expected: Collection[str], text: str = "") -> str:
        """Have a phone say something to everybody, and expect it at those of that name; returns the message ID.

        A text of one's own is made unique by a number.
        """
        self._count += 1
        text = f"{text or 'something'} #{self._count} of {self._run}"
        self.ledger.sent(text, PUBLIC, phone.name, expected, self._wall())
        phone.say(text)
        return text

    def whisper(self, phone: RigPhone, to: RigPhone, text: str = "") -> str:
        """Have a phone say something to one other alone; returns the message ID."""
        message_id = str(UUID(bytes=self._rng.randbytes(16), version=4)).upper()
        self.ledger.sent(message_id, PRIVATE, phone.name, (to.name,), self._wall())
        phone.whisper(to.peer_id, message_id, text or f"for {to.name} alone")
        return message_id

    def heard(self, phone: RigPhone, received: Received) -> None:
        """Note an arrival; what was said before these books were opened, or by nobody here, does not count."""
        if received.message_id not in self._closed and (received.kind == PRIVATE or received.message_id.endswith(f" of {self._run}")):
            self.ledger.received(received.message_id, phone.name, received.at)

    def start(self, phones: Collection[RigPhone], seconds: float, say_every: float, whisper_every: float) -> None:
        """Let these talk among each other for a while; 0 as a mean pause means never."""
        until = asyncio.get_running_loop().time() + seconds
        for phone in phones:
            for kind, every in ((PUBLIC, say_every), (PRIVATE, whisper_every)):
                if every:
                    self._later(phone, phones, kind, every, until, self._rng.random())

    def stop(self) -> None:
        """Let nobody talk by himself any more."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _later(self, phone: RigPhone, phones: Collection[RigPhone], kind: str, every: float, until: float, spread: float) -> None:
        loop = asyncio.get_running_loop()
        when = loop.time() + every * spread

        def talk() -> None:
            self._timers.discard(timer)
            if kind == PUBLIC:
                self.say(phone, [other.name for other in phones])
            else:
                self._whisper_to_somebody(phone, phones)
            self._later(phone, phones, kind, every, until, 0.5 + self._rng.random())

        if when < until:
            timer = loop.call_at(when, talk)
            self._timers.add(timer)

    def _whisper_to_somebody(self, phone: RigPhone, phones: Collection[RigPhone]) -> None:
        known = sorted((other for other in phones if other.peer_id in phone.acquaintances), key=lambda other: other.name)
        if known:
            self.whisper(phone, self._rng.choice(known))
