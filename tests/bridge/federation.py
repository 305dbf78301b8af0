"""Gateways that are linked by being told so: every effect is carried out at once, every message arrives."""

from collections import deque
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.bridge.membership import Membership
from gateway.bridge.membership_book import Book, decode_book
from gateway.bridge.membership_events import (
    Admit,
    Close,
    Dial,
    Expel,
    HistoryAsked,
    Joined,
    Linked,
    Received,
    Save,
    Send,
    StatusAsked,
    StatusTold,
    TurnedAway,
    Unlinked,
)
from gateway.bridge.tickets import Refusal
from gateway.wire.federation import Capabilities, Hello
from gateway.wire.ticket import ORDINARY

NOW = 1_800_000_000
HELLO = Hello(1, 1, bytes(8), "meshgate test")
DAY = 24 * 3600


@dataclass
class Gateway:
    """One gateway of a `Federation`."""

    name: str
    private: Ed25519PrivateKey
    membership: Membership
    kept: bytes = b""
    allowed: set[bytes] = field(default_factory=set)
    links: set[bytes] = field(default_factory=set)
    notes: list[object] = field(default_factory=list)
    asked: list[object] = field(default_factory=list)

    @property
    def key(self) -> bytes:
        return self.membership.own


class Federation:
    """Gateways by name, and a time that all of them know."""

    def __init__(self, *names: str) -> None:
        self.unix: int | None = NOW
        self.now = 0.0
        self.sent = 0
        self.lossy: set[frozenset[bytes]] = set()  # pairs between which nothing arrives
        self._nonce = 0
        self._mail: deque[tuple[Gateway, Gateway, bytes]] = deque()
        self.gateways = {name: self._make(name, Book()) for name in names}
        self._by_key = {one.key: one for one in self.gateways.values()}

    def __getitem__(self, name: str) -> Gateway:
        return self.gateways[name]

    def _make(self, name: str, book: Book, configured: tuple[bytes, ...] = ()) -> Gateway:
        private = Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"."))
        membership = Membership(
            private.public_key().public_bytes_raw(), private.sign, book, HELLO, Capabilities(("history/1",)), configured
        )
        return Gateway(name, private, membership, book.encode())

    def configure(self, name: str, *others: str) -> None:
        """Write members into a gateway's configuration, and start it anew."""
        self._replace(name, decode_book(self[name].kept), tuple(self[other].key for other in others))

    def restart(self, name: str, kept: bytes | None = None) -> None:
        """Start a gateway from what it kept."""
        self._replace(name, decode_book(self[name].kept if kept is None else kept))

    def _replace(self, name: str, book: Book, configured: tuple[bytes, ...] = ()) -> None:
        for other in list(self[name].links):
            self.unlink(name, self._by_key[other].name)
        fresh = self._make(name, book, configured)
        self.gateways[name] = self._by_key[fresh.key] = fresh
        self.do(fresh, fresh.membership.start(self.unix))

    def do(self, one: Gateway, effects) -> object:
        """Carry effects out and deliver whatever follows; returns a refusal, if it is one."""
        if isinstance(effects, Refusal):
            return effects
        for effect in effects:
            match effect:
                case Save(data):
                    one.kept = data
                case Admit(key):
                    one.allowed.add(key)
                case Expel(key):
                    one.allowed.discard(key)
                    self._break(one, key)
                case Close(key):
                    one.notes.append(effect)
                    self._break(one, key)
                case Send(key, data):
                    self.sent += 1
                    if key in one.links:
                        self._mail.append((one, self._by_key[key], data))
                case Dial(key, _, shown):
                    self._dial(one, self._by_key[key], shown)
                case Joined() | TurnedAway():
                    one.notes.append(effect)
                case HistoryAsked() | StatusAsked() | StatusTold():
                    one.asked.append(effect)
        self._deliver()
        return None

    def _deliver(self) -> None:
        while self._mail:
            one, other, data = self._mail.popleft()
            if one.key in other.links and frozenset((one.key, other.key)) not in self.lossy:
                self.do(other, other.membership.handle(Received(one.key, data), self.unix, self.now))

    def _dial(self, one: Gateway, other: Gateway, shown: bytes) -> None:
        """The transport's hello, which carries what is shown."""
        answer = other.membership.present(one.key, shown, self.unix, self.now)
        if isinstance(answer, Refusal):
            self.do(one, one.membership.turned_away(other.key, answer.value, self.unix))
            return
        self.do(other, answer)
        self.link(one.name, other.name)

    def link(self, one: str, other: str) -> bool:
        """Link two gateways if both allow it."""
        ends = self[one], self[other]
        if ends[1].key not in ends[0].allowed or ends[0].key not in ends[1].allowed:
            return False
        for end, far in (ends, ends[::-1]):
            end.links.add(far.key)
        greetings = [(end, end.membership.handle(Linked(far.key), self.unix, self.now)) for end, far in (ends, ends[::-1])]
        for end, words in reversed(greetings):  # who was called has greeted before it hears the caller
            self.do(end, words)
        return True

    def unlink(self, one: str, other: str) -> None:
        self._break(self[one], self[other].key)

    def _break(self, one: Gateway, key: bytes) -> None:
        other = self._by_key[key]
        for end, far in ((one, other), (other, one)):
            if far.key in end.links:
                end.links.discard(far.key)
                self.do(end, end.membership.handle(Unlinked(far.key), self.unix, self.now))

    def invite(self, name: str, **changes):
        """A ticket of one gateway."""
        self._nonce += 1
        lifetime = changes.pop("lifetime_s", 3_600)
        made = self[name].membership.invite(self._nonce.to_bytes(16), self.unix, lifetime, **{"scope": ORDINARY} | changes)
        if isinstance(made, Refusal):
            return made
        ticket, effects = made
        self.do(self[name], effects)
        return ticket

    def join(self, name: str, ticket) -> object:
        """Use a ticket."""
        return self.do(self[name], self[name].membership.join(ticket, self.unix))

    def bring_in(self, inviter: str, name: str, **changes) -> None:
        """Invite and join."""
        self.join(name, self.invite(inviter, **changes))

    def revoke(self, name: str, other: str) -> object:
        return self.do(self[name], self[name].membership.revoke(self[other].key, self.unix))

    def leave(self, name: str) -> None:
        self.do(self[name], self[name].membership.leave(self.unix))

    def tick(self) -> None:
        for one in list(self.gateways.values()):
            self.do(one, one.membership.tick(self.unix))

    def link_all(self) -> None:
        """Link whoever allows each other."""
        names = sorted(self.gateways)
        for one in names:
            for other in names:
                if one < other and self[other].key not in self[one].links:
                    self.link(one, other)

    def members(self, name: str) -> set[str]:
        """The names of a gateway's members, without its own."""
        return {self._by_key[key].name for key in self[name].membership.members(self.unix)} - {name}

    def allowed(self, name: str) -> set[str]:
        """The names of those a gateway lets link."""
        return {self._by_key[key].name for key in self[name].allowed}
