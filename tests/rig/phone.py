"""A whole simulated phone: the project's own engine with the manners of an app, on a Bumble host of its own."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from gateway.errors import DecodeError
from gateway.mesh.effects import Effect, PeerLost, PeerSeen, PrivateMessage, PublicMessage, Receipt
from gateway.mesh.events import ClockSet, Rename, Say, Whisper
from gateway.mesh.identity import Identity
from gateway.runtime.pump import Pump
from gateway.testing.manners import Role
from gateway.testing.manners_phones import manners_of
from gateway.wire.packet import peek
from gateway.wire.types import type_name
from tests.rig.controllers import Station
from tests.rig.phone_links import PhoneLink
from tests.rig.phone_platform import PhoneOptions
from tests.rig.phone_radio import PhoneRadio
from transports.link import LinkId

MAX_LOG = 20_000  # messages a phone remembers


@dataclass(frozen=True, slots=True)
class Received:
    """One message a phone showed to its owner."""

    kind: str  # public, private
    message_id: str  # the text of a public message, which is unique in a test; the ID of a private one
    sender: str  # peer ID, hex
    text: str
    at: float  # unix seconds


class RigPhone:
    """A phone with an owner who can talk.

    Args:
        name: its nickname.
        controller: its controller, already on the air.
        options: see `PhoneOptions`.
        rng: decides everything about it that is random.
        heard: told of every message it receives.
        wall: unix seconds.

    """

    def __init__(
        self,
        name: str,
        controller: Station,
        options: PhoneOptions,
        rng: Random,
        heard: Callable[["RigPhone", Received], None] = lambda _phone, _received: None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.controller = controller
        self.options = options
        self.identity = Identity.generate(rng.randbytes)
        self.radio = PhoneRadio(name, controller, options, self.identity.peer_id, rng)
        self.manners = manners_of(options.platform.name, self.identity, name, rng, self._role_of)
        self.received: deque[Received] = deque(maxlen=MAX_LOG)
        self.receipts: deque[str] = deque(maxlen=MAX_LOG)  # IDs of private messages the other end has
        self.peers: dict[bytes, str] = {}  # who is around: peer ID to nickname
        self.diary: deque[tuple[float, str, str, bool, str]] = deque(maxlen=MAX_LOG)  # when, link, station there, up, why not
        self.acquaintances: set[bytes] = set()  # who was ever around
        self._heard = heard
        self.radio.links.changed = self._note_link
        self._wall = wall
        self._pump: Pump | None = None
        self._running: asyncio.Task[None] | None = None

    @property
    def peer_id(self) -> bytes:
        """Its peer ID."""
        return self.identity.peer_id

    def start(self) -> None:
        """Switch it on."""
        loop = asyncio.get_running_loop()
        self._pump = Pump(self.manners, self._notice)
        self._pump.send(ClockSet(self._wall() - loop.time()))
        self._running = asyncio.create_task(self.radio.run(self._pump.post_to(self.radio)), name=f"phone {self.name}")

    async def stop(self) -> None:
        """Switch it off.

        Raises:
            Exception: whatever broke it while it ran.

        """
        if self._running is None or self._pump is None:
            return
        self._running.cancel()
        await asyncio.wait([self._running])
        self._pump.stop()
        if self._pump.broken.done():
            self._pump.broken.result()
        if not self._running.cancelled():
            self._running.result()
        self._running = None

    def say(self, text: str) -> None:
        """Say something to everybody."""
        self._send(Say(text))

    def whisper(self, recipient: bytes, message_id: str, text: str) -> None:
        """Say something to one peer alone."""
        self._send(Whisper(recipient, message_id, text))

    def rename(self, nickname: str) -> None:
        """Take another nickname."""
        self._send(Rename(nickname))

    def status(self) -> dict[str, Any]:
        """Everything about it, as JSON."""
        return {
            "name": self.name,
            "peer_id": self.peer_id.hex(),
            "platform": self.options.platform.name,
            "address": self.radio.address,
            "fault": self.fault,
            "links": [link.to_json() for link in self.radio.links],
            "peers": {peer_id.hex(): name for peer_id, name in self.peers.items()},
            "received": len(self.received),
            "shed": self._pump.shed if self._pump is not None else 0,
            "counters": dict(self.radio.status().counters),
            "refused": Counter(f"{refused.why}: {type_name(refused.kind)} of {_sender(refused.frame)}" for refused in self.manners.refused),
            "drops": dict(self.manners.mesh.status(asyncio.get_running_loop().time()).drops),
        }

    @property
    def fault(self) -> str:
        """What broke it, empty while it is sound."""
        if self._pump is not None and self._pump.broken.done():
            return repr(self._pump.broken.exception())
        if self._running is not None and self._running.done() and not self._running.cancelled():
            return repr(self._running.exception())
        return ""

    def log(self, since: int = 0) -> list[dict[str, Any]]:
        """What it received, from that entry on."""
        return [asdict(entry) for entry in list(self.received)[since:]]

    def _send(self, event: Say | Whisper | Rename) -> None:
        if self._pump is None:
            raise RuntimeError(f"{self.name} is off")
        self._pump.send(event)

    def _notice(self, effect: Effect, _now: float) -> None:
        match effect:
            case PublicMessage(sender_id=sender, text=text):
                self._note(Received("public", text, sender.hex(), text, self._wall()))
            case PrivateMessage(sender_id=sender, message_id=message_id, text=text):
                self._note(Received("private", message_id, sender.hex(), text, self._wall()))
            case PeerSeen(peer_id=peer_id, nickname=nickname):
                self.peers[peer_id] = nickname
                self.acquaintances.add(peer_id)
            case PeerLost(peer_id=peer_id):
                self.peers.pop(peer_id, None)
            case Receipt(message_id=message_id):
                self.receipts.append(message_id)
            case _:
                pass

    def _role_of(self, link: LinkId) -> Role:
        known = self.radio.links.get(link)
        return Role.CENTRAL if known is not None and known.role == "central" else Role.PERIPHERAL

    def _note_link(self, link: PhoneLink) -> None:
        self.diary.append((self._wall(), link.id, link.neighbour, link.up, link.why))

    def _note(self, received: Received) -> None:
        self.received.append(received)
        self._heard(self, received)


def _sender(frame: bytes) -> str:
    """The peer ID a packet names as its sender, or that it is no packet."""
    try:
        return peek(frame).sender_id.hex()
    except DecodeError:
        return "nobody"
