"""The federation as one gateway takes part in it: who may link, who was invited, who was shut out.

A state machine without links, files or clocks. Links say what happened (`handle`), the operator says what is wanted (`invite`, `join`,
`revoke`, …), and the effects say what to do about it, in order. `Save` comes before whatever follows from it.

    operator ── invite ──▶ ticket ─ ─ QR or code ─ ─▶ operator of the other gateway ── join
                                                          │ Admit, Dial
        Admit ◀── present (by the transport's hello) ◀────┘
          │    ◀── Join over the link, answered Welcome or Refused
          └──▶ Membership, ShutOut to every member, who pass on what is news to them
"""

from collections.abc import Iterable, Mapping
from typing import Final

from gateway.bridge import tickets
from gateway.bridge.membership_book import Book
from gateway.bridge.membership_events import (
    Admit,
    Close,
    Dial,
    Effect,
    Event,
    Expel,
    Joined,
    Linked,
    Received,
    Save,
    Send,
    TurnedAway,
    Unlinked,
)
from gateway.bridge.membership_links import Counts, Link
from gateway.bridge.membership_news import News
from gateway.bridge.membership_questions import answer, ask_history, ask_status
from gateway.bridge.standing import Standing, standing
from gateway.bridge.tickets import Refusal, Sign
from gateway.errors import DecodeError
from gateway.limits import (
    CODE_BURST,
    CODE_RATE,
    MAX_FEDERATION,
    MAX_INVITATIONS,
    MAX_JOINING,
    RPC_BURST,
    RPC_RATE,
)
from gateway.session.rate import TokenBucket
from gateway.wire import federation as wire
from gateway.wire.federation import CODE_MARK, Capabilities, Have, Hello, Join, Leave, Message, Refused, ShutOut, Welcome
from gateway.wire.federation import Membership as RosterNews
from gateway.wire.roster import Listed
from gateway.wire.ticket import EVERYTHING, ORDINARY, SECRET, Scope, Ticket, encode, secret_of

_SHUT_OUT: Final = "it is no member of the federation any more"


class Membership:
    """One gateway's part in its federation.

    Args:
        own: the gateway's Ed25519 key, 32 bytes.
        sign: with it.
        book: what was kept, or a new one.
        hello: what it says of itself.
        capabilities: what it can be asked for.
        configured: keys the operator wrote into the configuration; they may link, and not invite.

    Attributes:
        book: the durable state; to be changed by this class only.
        counts: what other gateways said, and what was refused to them.

    """

    def __init__(
        self, own: bytes, sign: Sign, book: Book, hello: Hello, capabilities: Capabilities, configured: Iterable[bytes] = ()
    ) -> None:
        self.own = own
        self.book = book
        self.counts = Counts()
        self._sign = sign
        self._words = tuple(wire.encode(word) for word in (hello, capabilities))
        self._configured = tuple(Listed(key, ORDINARY, 0) for key in configured if key != own)
        self._news = News(own, sign, book)
        self._links: dict[bytes, Link] = {}
        self._joining: dict[bytes, bytes] = {}  # what is shown, by the gateway it is shown to
        self._places: dict[bytes, tuple[str, ...]] = {}  # where those are called
        self._admitted: frozenset[bytes] = frozenset()
        self._inviting: frozenset[bytes] = frozenset()
        self._codes = TokenBucket(CODE_RATE, CODE_BURST)

    def start(self, unix: int | None) -> list[Effect]:
        """Return who may link to begin with, and who is to be called."""
        effects = self._settle(unix)
        return [*effects, *(Dial(key, places, b"") for key, places in self.book.places.items() if key in self._admitted)]

    def expects_guests(self, unix: int | None) -> bool:
        """Say whether somebody who is no member could have a ticket to show: one that is good, or that was used and is to be told so."""
        tickets_out = (*self.book.invitations.values(), *self.book.used)
        return unix is not None and any(one.expires > unix for one in tickets_out)

    @property
    def joining(self) -> frozenset[bytes]:
        """Those to whom a ticket has been shown, or will be, and nothing came of it so far."""
        return frozenset(self._joining)

    def is_linked(self, key: bytes) -> bool:
        """Say whether a gateway is linked that can be spoken to."""
        return key in self._links

    def shut_out(self, unix: int | None) -> dict[bytes, bytes]:
        """Return whom a member that counts shuts out, with one of those who do; this gateway first."""
        members = self.members(unix)
        counts = [issuer for issuer, one in members.items() if one.scope & Scope.INVITE]
        by = self._news.shut_out_by()
        return {key: issuer for issuer in reversed(counts) for key in by.get(issuer, ()) if key not in members}

    def ask_status(self) -> list[Effect]:
        """Ask every linked member how it is that can be asked."""
        return [effect for key in self._linked_members() for effect in ask_status(key, self._links[key].capabilities)]

    def members(self, unix: int | None) -> dict[bytes, Standing]:
        """Return everybody who is a member now, this gateway first."""
        book = self.book
        beside = (*book.trusted.values(), *self._configured)
        return standing(self.own, beside, book.members.values(), book.rosters, self._news.shut_out_by(), unix)

    def hello_of(self, key: bytes) -> tuple[Hello | None, tuple[str, ...]]:
        """Return what a linked gateway says of itself: its hello, once it came, and what it can be asked for."""
        link = self._links.get(key)
        return (None, ()) if link is None else (link.hello, link.capabilities)

    def next_change(self, unix: int) -> int | None:
        """Return when somebody's time is up, Unix seconds: call `tick` then."""
        return min((one.until for one in self.members(unix).values() if one.until), default=None)

    def tick(self, unix: int | None) -> list[Effect]:
        """Look at the time: memberships end. To be called also when the clock was set."""
        return self._settle(unix)

    def invite(
        self,
        nonce: bytes,
        unix: int | None,
        lifetime_s: int,
        *,
        scope: Scope = ORDINARY,
        audience: bytes = b"",
        uses: int = 1,
        until: int = 0,
        addresses: tuple[str, ...] = (),
    ) -> tuple[Ticket, list[Effect]] | Refusal:
        """Make a ticket; the arguments are those of `gateway.bridge.tickets.issue`.

        Raises:
            ValueError: for a ticket that nobody would take.

        """
        if unix is None:
            return Refusal.CLOCK
        if self.book.is_out(audience):
            return Refusal.REVOKED
        known = {name: one for name, one in self.book.invitations.items() if one.expires > unix}
        if len(known) >= MAX_INVITATIONS:
            return Refusal.MEMORY_FULL
        made = tickets.issue(
            self._sign, self.own, nonce, unix, lifetime_s, scope=scope, audience=audience, uses=uses, until=until, addresses=addresses
        )
        self.book.invitations = known | {secret_of(made): made}
        return made, [self._save()]

    def join(self, ticket: Ticket, unix: int | None, addresses: tuple[str, ...] = ()) -> list[Effect] | Refusal:
        """Use a ticket of another gateway: link to that, and take its word on who is a member once it agrees.

        It is called at `addresses` if there are any, else where the ticket says.
        """
        if ticket.issuer == self.own:
            return Refusal.OWN
        refusal = tickets.examine(ticket, self.own, {ticket.issuer: EVERYTHING}, Scope.LINK, unix)
        return refusal or self._ask(ticket.issuer, addresses or ticket.addresses, encode(ticket))

    def join_by_code(self, secret: bytes, issuer: bytes, addresses: tuple[str, ...]) -> list[Effect] | Refusal:
        """Do the same with the secret of a code; `issuer` is a gateway that was found and that `Code.is_of` accepts."""
        return Refusal.OWN if issuer == self.own else self._ask(issuer, addresses, bytes((CODE_MARK,)) + secret)

    def present(self, key: bytes, shown: bytes, unix: int | None, now: float) -> list[Effect] | Refusal:
        """Judge what a gateway shows that wants in.

        Args:
            key: its key, which was proved.
            shown: a ticket, or the secret of a code behind `CODE_MARK`; nothing where it takes itself for a member.
            unix: now, Unix seconds; None while nobody vouches for the time.
            now: the same moment, seconds, monotonic.

        Returns:
            What to do, which is nothing for a member; or why it is not let in, which changes nothing.

        """
        if key == self.own:
            return Refusal.OWN
        members = self.members(unix)
        if key in members:
            return []
        if self._is_shut_out(key, members):
            return Refusal.REVOKED
        ticket = self._by_code(shown[1:], unix, now) if shown[:1] == bytes((CODE_MARK,)) else tickets.read(shown)
        if isinstance(ticket, Refusal):
            return ticket
        refusal = tickets.examine(ticket, key, {self.own: EVERYTHING}, Scope.LINK, unix)
        if refusal is None and (len(members) > MAX_FEDERATION or len(self.book.members) >= MAX_FEDERATION):
            refusal = Refusal.FEDERATION_FULL
        if refusal is None and unix is not None:
            refusal = self.book.used.use(ticket, key, unix)
        if refusal is not None:
            return refusal
        self.book.members[key] = Listed(key, ticket.scope, ticket.until)
        if ticket.uses == 1:
            self.book.invitations.pop(secret_of(ticket), None)
        return self._publish(unix)

    def revoke(self, key: bytes, unix: int | None) -> list[Effect] | Refusal:
        """Shut a gateway out for good; every member that stands further from the centre than we do hears it."""
        if key == self.own:
            return Refusal.OWN
        if not self.book.turn(key, unix, out=True):
            return Refusal.REVOCATIONS_FULL
        self.book.members.pop(key, None)
        self.book.trusted.pop(key, None)
        self.book.places.pop(key, None)
        self.book.invitations = {name: one for name, one in self.book.invitations.items() if one.audience != key}
        effects = self._publish(unix)
        if key in self._links:
            effects.insert(1, Send(key, wire.encode(Refused(Refusal.REVOKED.value))))
        return effects

    def pardon(self, key: bytes, unix: int | None) -> list[Effect]:
        """Take a revocation of our own back; it still needs a new ticket."""
        return self._publish(unix) if key in self.book.revoked and self.book.turn(key, unix, out=False) else []

    def leave(self, unix: int | None) -> list[Effect]:
        """Leave the federation: tell everybody who is linked, and forget all of it but who is shut out and which tickets were used."""
        goodbyes: list[Effect] = [Send(key, wire.encode(Leave())) for key in self._links]
        book = self.book
        for known in (book.members, book.trusted, book.places, book.rosters, book.revocations, book.invitations, self._joining):
            known.clear()
        self._news.publish()
        return [self._save(), *goodbyes, *self._settle(unix)]

    def turned_away(self, key: bytes, reason: str, unix: int | None) -> list[Effect]:
        """Give up on a gateway that does not want us: because it said so, or a transport says it did, or nobody wants to wait."""
        self._places.pop(key, None)
        if self._joining.pop(key, None) is not None:
            return [TurnedAway(key, reason), *self._settle(unix)]
        if self.book.trusted.pop(key, None) is not None:
            self.book.places.pop(key, None)
            return [*self._publish(unix), TurnedAway(key, reason)]
        return []

    def handle(self, event: Event, unix: int | None, now: float) -> list[Effect]:
        """Take one event; `unix` and `now` are the same moment on the two clocks."""
        match event:
            case Linked(key):
                self._links[key] = Link(TokenBucket(RPC_RATE, RPC_BURST))
                return self._greet(key)
            case Unlinked(key):
                self._links.pop(key, None)
                return []
            case Received(key, data):
                return self._received(key, data, unix, now)

    def _greet(self, key: bytes) -> list[Effect]:
        words: list[Effect] = [Send(key, word) for word in self._words]
        if key in self._joining:
            words.append(Send(key, wire.encode(Join(self._joining[key]))))
        return [*words, Send(key, self._news.have())]

    def _received(self, key: bytes, data: bytes, unix: int | None, now: float) -> list[Effect]:
        link = self._links.get(key)
        if link is None:
            return []
        if not link.messages.take(now):
            self.counts.unused["rate"] += 1
            return []
        try:
            message = wire.decode(data)
        except DecodeError as error:
            self.counts.unused["malformed"] += 1
            return [Close(key, f"sent something that is no message about the federation ({error.reason.value})")]
        self.counts.heard[wire.kind_of(data)] += 1
        match message:
            case Hello():
                link.hello = message
            case Capabilities():
                link.capabilities = message.names
            case Join():
                return self._joins(key, message, unix, now)
            case _ if key in self._admitted:
                return self._told(key, message, unix)
        return []

    def _told(self, key: bytes, message: Message, unix: int | None) -> list[Effect]:
        match message:
            case Have():
                return [Send(key, data) for data in self._news.lacking(message)]
            case RosterNews() | ShutOut():
                return self._news_from(key, message, unix)
            case Welcome() if key in self._joining:
                del self._joining[key]
                self.book.trusted[key] = Listed(key, EVERYTHING, message.until)
                if places := self._places.pop(key, ()):
                    self.book.places[key] = places
                return [*self._publish(unix), Joined(key), *ask_history(key, message.scope, self._links[key].capabilities)]
            case Refused():
                return self.turned_away(key, message.reason, unix)
            case Leave():
                return self._left(key, unix)
            case _ if (member := self.members(unix).get(key)) is not None:
                return answer(key, message, member)
        return []

    def _joins(self, key: bytes, message: Join, unix: int | None, now: float) -> list[Effect]:
        effects = self.present(key, message.shown, unix, now)
        if isinstance(effects, Refusal):
            self.counts.tickets[effects] += 1
            return [Send(key, wire.encode(Refused(effects.value)))]
        one = self.members(unix)[key]
        return [*effects, Send(key, wire.encode(Welcome(one.scope, one.until))), Send(key, self._news.have())]

    def _news_from(self, key: bytes, message: RosterNews | ShutOut, unix: int | None) -> list[Effect]:
        news = self._news.learn(message, lambda: self.members(unix))
        if not news:
            return []
        effects: list[Effect] = [self._save(), *self._settle(unix)]
        heard = wire.encode(message)
        return [*effects, *(Send(other, data) for other in self._linked_members() for data in news if (other, data) != (key, heard))]

    def _left(self, key: bytes, unix: int | None) -> list[Effect]:
        known = [self.book.members.pop(key, None), self.book.trusted.pop(key, None)]
        self.book.places.pop(key, None)
        return self._publish(unix) if any(known) else []

    def _ask(self, issuer: bytes, addresses: tuple[str, ...], shown: bytes) -> list[Effect] | Refusal:
        if self.book.is_out(issuer):
            return Refusal.REVOKED
        if issuer not in self._joining and (
            len(self._joining) >= MAX_JOINING or len(self._joining) + len(self.book.trusted) >= MAX_FEDERATION
        ):
            return Refusal.FEDERATION_FULL
        self._joining[issuer], self._places[issuer] = shown, addresses
        effects: list[Effect] = [] if issuer in self._admitted else [Admit(issuer)]
        self._admitted |= {issuer}
        if issuer in self._links:
            return [*effects, Send(issuer, wire.encode(Join(shown)))]
        return [*effects, Dial(issuer, addresses, shown)]

    def _is_shut_out(self, key: bytes, members: Mapping[bytes, Standing]) -> bool:
        """Tell whether somebody whose word comes before that of our tickets shuts a gateway out."""
        return any(key in out for issuer, out in self._news.shut_out_by().items() if issuer in members and members[issuer].steps <= 1)

    def _by_code(self, secret: bytes, unix: int | None, now: float) -> Ticket | Refusal:
        """Find the ticket a code stands for. Right ones wait as well when too many were wrong, or guessing would be for free."""
        if self._codes.level(now) < 1:
            return Refusal.TOO_MANY_TRIES
        found = self.book.invitations.get(secret) if len(secret) == SECRET else None
        if found is None or (unix is not None and unix >= found.expires):
            self._codes.take(now)
            return Refusal.UNKNOWN_CODE
        return found

    def _publish(self, unix: int | None) -> list[Effect]:
        """Sign anew what we say about others, keep it, and tell everybody."""
        documents = self._news.publish()
        effects: list[Effect] = [self._save(), *self._settle(unix)]
        return [*effects, *(Send(key, data) for key in self._linked_members() for data in documents)]

    def _settle(self, unix: int | None) -> list[Effect]:
        """Compare who is a member with who may link."""
        members = self.members(unix)
        if unix is not None:  # else many stand aside who will be back once the time is known
            self._news.forget_all_but(members)
        wanted = frozenset(key for key, one in members.items() if one.scope & Scope.LINK) | self._joining.keys()
        wanted -= {self.own}
        effects: list[Effect] = [Expel(key, _SHUT_OUT) for key in sorted(self._admitted - wanted)]
        effects += [Admit(key) for key in sorted(wanted - self._admitted)]
        inviting = frozenset(key for key, one in members.items() if one.scope & Scope.INVITE)
        if inviting - self._inviting:  # what they signed was passed over while it did not count
            effects += [Send(key, self._news.have()) for key in sorted(self._links.keys() & wanted)]
        self._admitted, self._inviting = wanted, inviting
        return effects

    def _linked_members(self) -> list[bytes]:
        return sorted(self._links.keys() & self._admitted)

    def _save(self) -> Save:
        return Save(self.book.encode())
