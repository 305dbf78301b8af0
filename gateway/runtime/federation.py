"""Carries out what the federation decides: keeps its book, opens and closes the doors, passes its messages on.

One task does one thing after the other, so what is decided later is never done earlier: the book is on the disk before
anybody hears of what is in it. Only shutting out does not wait for a disk that cannot be written.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.admin.audit import Witness, nobody
from gateway.bridge.membership import Membership
from gateway.bridge.membership_book import Book
from gateway.bridge.membership_events import (
    Admit,
    Close,
    Dial,
    Effect,
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
from gateway.bridge.membership_questions import CAPABILITIES
from gateway.bridge.tickets import Refusal
from gateway.limits import MAX_PRESENTING, MAX_RPC_WAITING, MAX_RPC_WAITING_BYTES
from gateway.mesh.effects import SiteMet, SiteParted, SiteSpoke
from gateway.mesh.events import CatchUpSite, MeshEvent, PartWithSite, TellSite
from gateway.runtime.bookfile import BookFile
from gateway.runtime.doors import Doors, with_peer
from gateway.store.audit import Action, Actor
from gateway.wire.federation import Hello, Status, kind_of
from gateway.wire.federation import encode as encode_message
from gateway.wire.ticket import Scope
from transports.libp2p.identity import peer_id_from, public_key_of

LOOK_S: Final = 15.0  # seconds between two looks at whose time is up
JOIN_S: Final = 600.0  # seconds after which a gateway that does not answer our ticket is given up
RETRY_S: Final = 5.0  # seconds until a book that could not be written is tried again
PARTING_S: Final = 0.3  # seconds the last words to somebody have before its links are closed
NOT_KEPT: Final = "The list of the federation's members cannot be written ({}). Nobody can join until it can be."

Answer = list[Effect] | Refusal


def found_membership(seed: bytes, book: Book, hello: Hello, configured: Iterable[str]) -> Membership:
    """Return this gateway's membership.

    Args:
        seed: of its Ed25519 key, 32 bytes.
        book: what was kept.
        hello: what it says of itself.
        configured: peer IDs of the members its configuration lists.

    """
    private = Ed25519PrivateKey.from_private_bytes(seed)
    own = private.public_key().public_bytes_raw()
    return Membership(own, private.sign, book, hello, CAPABILITIES, map(public_key_of, configured))


@dataclass(slots=True, eq=False)
class _Job:
    """Something to be decided; `done` has the refusal, or None, once what follows from it is done."""

    decide: Callable[[], Answer]
    done: asyncio.Future[Refusal | None] | None = None
    peer: str = ""  # who said it, for the cap on what waits
    size: int = 0


class Federation:
    """One gateway's part in its federation, while it runs.

    Args:
        membership: decides.
        file: keeps its book.
        doors: the transports.
        unix: Unix seconds, None while the time of day is not known.
        how: how this gateway is, for members that ask.
        report: told one sentence per change of state, for the log.
        forget: told who is no member any more, once the doors are shut: what was saved up for it is nobody's.
        witness: notes who joins and who goes.

    Attributes:
        statuses: what other gateways said last of how they are, by peer ID.
        outcomes: of the latest tickets that were used: "joined", or the word of the gateway that did not take it.

    """

    def __init__(
        self,
        membership: Membership,
        file: BookFile,
        doors: Doors,
        unix: Callable[[], int | None],
        how: Callable[[], Status],
        report: Callable[[str], None],
        forget: Callable[[str], None] = lambda _peer: None,
        witness: Witness = nobody,
    ) -> None:
        self.membership = membership
        self.statuses: dict[str, Status] = {}
        self.outcomes: dict[str, asyncio.Future[str]] = {}
        self.trouble = ""
        self._file = file
        self._doors = doors
        self.can_call = doors.can_call
        self.unix = unix
        self._how = how
        self._report = report
        self._forget = forget
        self._witness = witness
        self._expelled: set[str] = set()  # since the doors were renewed last
        self._give: Callable[[MeshEvent], None] = lambda _event: None
        self._jobs: deque[_Job] = deque()
        self._news = asyncio.Event()
        self._told = asyncio.Event()  # somebody has said how it is
        self._waiting: Counter[str] = Counter()
        self._waiting_bytes = 0
        self._presenting = 0
        self._admitted: set[str] = set()
        self._places: dict[str, tuple[str, ...]] = {}
        self._tickets: dict[str, bytes] = {}
        self._given_up_at: dict[str, float] = {}

    def start(self, give: Callable[[MeshEvent], None]) -> None:
        """Open the doors to the members there are; before the transports run.

        Args:
            give: hands the engine an event.

        """
        self._give = give
        for effect in self.membership.start(self.unix()):
            self._do(effect)
        self._renew()

    @property
    def found(self) -> tuple[str, str] | None:
        """What is wrong and what to do about it, None while all is well."""
        return (self.trouble, "Make room on the disk, or see that it can be written.") if self.trouble else None

    async def run(self) -> None:
        """Do what is to be done, one after the other, until cancelled; a mistake of ours is raised."""
        while True:
            if not self._jobs:
                self._news.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await self._news.wait()
            if self._jobs:
                await self._work(self._jobs.popleft())
            else:
                await self._work(_Job(self._look))

    def may_be_told(self, peer: str) -> bool:
        """Say whether a linked site may be told what it missed."""
        with suppress(ValueError):
            standing = self.membership.members(self.unix()).get(public_key_of(peer))
            return standing is not None and bool(standing.scope & Scope.HISTORY)
        return False

    def take(self, effect: SiteMet | SiteParted | SiteSpoke) -> None:
        """Note what the engine says of other sites; what somebody says too much of is dropped."""
        peer = effect.peer
        try:
            key = public_key_of(peer)
        except ValueError:
            return
        match effect:
            case SiteMet():
                self._put(_Job(lambda: self._handle(Linked(key))))
            case SiteParted():
                self._put(_Job(lambda: self._handle(Unlinked(key))))
            case SiteSpoke(body=body):
                if self._waiting[peer] >= MAX_RPC_WAITING or self._waiting_bytes + len(body) > MAX_RPC_WAITING_BYTES:
                    self.membership.counts.unused["waiting"] += 1
                    return
                self._waiting[peer] += 1
                self._waiting_bytes += len(body)
                self._put(_Job(lambda: self._handle(Received(key, body)), None, peer, len(body)))

    async def judge(self, peer: str, shown: bytes) -> str:
        """Judge what somebody shows who is no member; empty once it is one, and that is kept."""
        counts = self.membership.counts
        if self._presenting >= MAX_PRESENTING:
            counts.tickets[Refusal.TOO_MANY_TRIES] += 1
            return Refusal.TOO_MANY_TRIES.value
        self._presenting += 1
        try:
            now, key = asyncio.get_running_loop().time(), public_key_of(peer)
            was_member = peer in self._admitted
            refusal = await self.decide(lambda: self.membership.present(key, shown, self.unix(), now))
        finally:
            self._presenting -= 1
        if refusal is not None:
            counts.tickets[refusal] += 1
            self._report(f"{peer} showed a ticket that was not taken: {refusal}.")
        elif not was_member:
            self._report(f"{peer} has joined with a ticket.")
            self._witness(Actor.SYSTEM, Action.MEMBER_JOINED)
        return "" if refusal is None else refusal.value

    def told(self, peer: str, word: str) -> None:
        """Another gateway has answered the ticket it was shown."""
        key = public_key_of(peer)
        if not word:
            self._tickets.pop(peer, None)
            self._renew()
        elif key in self.membership.joining:
            self._put(_Job(lambda: self.membership.turned_away(key, word, self.unix())))

    async def decide(self, decide: Callable[[], Answer]) -> Refusal | None:
        """Decide something in its turn; returns once all that follows from it is done, or it was refused."""
        done: asyncio.Future[Refusal | None] = asyncio.get_running_loop().create_future()
        self._put(_Job(decide, done))
        return await done

    def look(self) -> None:
        """Look at the time, because it was set."""
        self._put(_Job(self._look))

    async def told_by(self, peers: Iterable[str]) -> None:
        """Wait until all of them have said how they are, from now on."""
        missing = set(peers)
        for peer in missing:
            self.statuses.pop(peer, None)
        while missing - self.statuses.keys():
            self._told.clear()
            await self._told.wait()

    def outcome(self, peer: str) -> asyncio.Future[str]:
        """Return what will have the outcome of the ticket that is shown to this gateway."""
        known = self.outcomes.get(peer)
        if known is None or known.done():
            known = self.outcomes[peer] = asyncio.get_running_loop().create_future()
        return known

    def _put(self, job: _Job) -> None:
        self._jobs.append(job)
        self._news.set()

    async def _work(self, job: _Job) -> None:
        if job.peer:
            self._waiting[job.peer] -= 1
            self._waiting += Counter()  # forgets those of whom nothing waits
            self._waiting_bytes -= job.size
        if job.done is not None and job.done.cancelled():
            return
        answer = job.decide()
        if not isinstance(answer, Refusal):
            for effect in answer:
                if isinstance(effect, Save):
                    await self._save(effect.data, answer)
                else:
                    self._do(effect)
            if {one.key for one in answer if isinstance(one, Expel)} & {one.key for one in answer if isinstance(one, Send)}:
                await asyncio.sleep(PARTING_S)
            self._renew()
        if job.done is not None and not job.done.done():
            job.done.set_result(answer if isinstance(answer, Refusal) else None)

    async def _save(self, data: bytes, effects: list[Effect]) -> None:
        while True:
            try:
                await asyncio.to_thread(self._file.save, data)
            except OSError as error:
                trouble, self.trouble = self.trouble, NOT_KEPT.format(error.strerror or error)
                if self.trouble != trouble:
                    self._report(self.trouble)
                for effect in effects:
                    if isinstance(effect, Expel):
                        self._do(effect)
                self._renew()
                await asyncio.sleep(RETRY_S)
            else:
                self.trouble = ""
                return

    def _handle(self, event: Linked | Unlinked | Received) -> list[Effect]:
        return self.membership.handle(event, self.unix(), asyncio.get_running_loop().time())

    def _look(self) -> list[Effect]:
        unix, now = self.unix(), asyncio.get_running_loop().time()
        effects = self.membership.tick(unix)
        for peer in [peer for peer, at in self._given_up_at.items() if now >= at]:
            effects += self.membership.turned_away(public_key_of(peer), "no_answer", unix)
        return effects

    def _do(self, effect: Effect) -> None:
        peer = "" if isinstance(effect, Save) else peer_id_from(effect.key)
        match effect:
            case Admit():
                self._admitted.add(peer)
            case Expel(_, why):
                self._admitted.discard(peer)
                self._expelled.add(peer)
                for known in (self._places, self._tickets, self._given_up_at, self.statuses):
                    known.pop(peer, None)
                self._report(f"{peer} may not link any more: {why}.")
                self._witness(Actor.SYSTEM, Action.MEMBER_LEFT)
            case Dial(_, addresses, shown):
                self._dial(peer, addresses, shown)
            case Send(_, data):
                self.membership.counts.said[kind_of(data)] += 1
                self._give(TellSite(peer, data))
            case Close(_, why):
                self._give(PartWithSite(peer, why))
            case Joined():
                self._end(peer, "joined")
                self._report(f"This gateway is a member by the word of {peer}.")
            case TurnedAway(_, reason):
                self._end(peer, reason)
                self._report(f"{peer} does not let this gateway in: {reason}.")
            case HistoryAsked(_, since_ms):
                self._give(CatchUpSite(peer, since_ms))
            case StatusAsked():
                self._do(Send(effect.key, encode_message(self._how())))
            case StatusTold(_, status):
                self.statuses[peer] = status
                self._told.set()

    def _dial(self, peer: str, addresses: tuple[str, ...], shown: bytes) -> None:
        places = []
        for address in addresses:
            with suppress(ValueError):  # one that this version cannot call
                places.append(with_peer(address, peer))
        self._places[peer] = tuple(places)
        if shown:
            self._tickets[peer] = shown
            self._given_up_at[peer] = asyncio.get_running_loop().time() + JOIN_S

    def _end(self, peer: str, outcome: str) -> None:
        """The ticket that was shown to somebody has come to something."""
        self._tickets.pop(peer, None)
        self._given_up_at.pop(peer, None)
        waiting = self.outcomes.pop(peer, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(outcome)

    def _renew(self) -> None:
        self._doors.renew(self._admitted, self._places, self._tickets, guests=self.membership.expects_guests(self.unix()))
        while self._expelled:
            self._forget(self._expelled.pop())
