"""The demo's talk: numbered messages whose every delivery can be accounted for.

Each phone says a short public message every few seconds, and whispers to a phone of
another island as soon as it has seen one announced there. Both kinds are written into a
`Ledger` when they leave and when they arrive. Public texts carry their own number, so that
a receiver knows which message it has without trusting anything else.
"""

import re
from collections.abc import Collection
from random import Random
from uuid import UUID

from gateway.mesh.effects import PeerSeen, PrivateMessage, PublicMessage
from gateway.testing.island import Island
from gateway.testing.ledger import Books
from gateway.testing.node import Notice

PUBLIC = "public"
PRIVATE = "private"

_NUMBERED = re.compile(r"(\S+) says #\d+ of [0-9a-f]{8}", re.ASCII)


class Chat:
    """Lets the phones of one island talk, and keeps the books.

    Args:
        island: where the talkers are.
        ledger: the books; times in them are unix seconds.
        rng: decides who talks when.
        everyone: names of all phones of all islands that should get a public message.
        say_every: mean seconds between two public messages of one phone.
        whisper_every: the same for private messages.

    """

    def __init__(
        self,
        island: Island,
        ledger: Books,
        rng: Random,
        everyone: Collection[str],
        *,
        say_every: float = 5.0,
        whisper_every: float = 8.0,
    ) -> None:
        self._island = island
        self._ledger = ledger
        self._rng = rng
        self._everyone = frozenset(everyone)
        self._say_every = say_every
        self._whisper_every = whisper_every
        self._run = rng.randbytes(4).hex()  # so that numbers of an earlier run are not taken for ours
        self._count = 0
        self._until = float("-inf")
        self._far: dict[str, dict[str, bytes]] = {name: {} for name in island.phones}
        island.listeners.append(self._notice)

    def start(self, until: float) -> None:
        """Let everybody talk from now to `until` (seconds of the island)."""
        self._until = until
        for name in self._island.phones:
            self._later(self._say_every * self._rng.random(), name, PUBLIC)
            self._later(self._whisper_every * self._rng.random(), name, PRIVATE)

    def far_peers(self, phone: str) -> dict[str, bytes]:
        """Phones of other islands this phone has seen announced: name to peer ID."""
        return self._far[phone]

    def _later(self, delay: float, phone: str, kind: str) -> None:
        when = self._island.now + delay
        if when < self._until:
            self._island.at(when, lambda: self._talk(phone, kind))

    def _talk(self, phone: str, kind: str) -> None:
        if self._island.now >= self._until:
            return  # stopped early
        spread = 0.5 + self._rng.random()
        if kind == PUBLIC:
            self._say(phone)
            self._later(self._say_every * spread, phone, kind)
        else:
            self._whisper(phone)
            self._later(self._whisper_every * spread, phone, kind)

    def _say(self, phone: str) -> None:
        self._count += 1
        text = f"{phone} says #{self._count} of {self._run}"
        self._ledger.sent(text, PUBLIC, phone, self._everyone, self._island.unix)
        self._island.say(phone, text)

    def _whisper(self, phone: str) -> None:
        far = self._far[phone]
        if not far:
            return
        name = self._rng.choice(sorted(far))
        message_id = str(UUID(bytes=self._rng.randbytes(16), version=4)).upper()
        self._ledger.sent(message_id, PRIVATE, phone, (name,), self._island.unix)
        self._island.whisper(phone, far[name], message_id, f"for {name} alone")

    def _notice(self, notice: Notice) -> None:
        match notice.effect:
            case PublicMessage(text=text):
                numbered = _NUMBERED.fullmatch(text)
                if numbered is not None and numbered[1] != notice.node:
                    self._ledger.received(text, notice.node, self._island.unix)
            case PrivateMessage(message_id=message_id):
                self._ledger.received(message_id, notice.node, self._island.unix)
            case PeerSeen(peer_id=peer_id, nickname=nickname):
                if nickname in self._everyone and nickname not in self._island.phones:
                    self._far[notice.node][nickname] = peer_id
