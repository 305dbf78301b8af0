"""Does what the operator asks of the federation, and says what came of it."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Final

from gateway.admin.federation import (
    FederationDocument,
    FederationRefusal,
    InvitationDocument,
    InviteDocument,
    InviteRequest,
    JoinDocument,
    JoinRequest,
    LeaveDocument,
    MemberDocument,
    RemoteStatus,
    RevokeDocument,
    RevokeRequest,
    ShutOutDocument,
)
from gateway.bridge.membership_events import Send
from gateway.bridge.standing import Standing
from gateway.bridge.tickets import Refusal
from gateway.limits import MAX_TICKET_ADDRESSES, STATUS_WAIT_S
from gateway.runtime.doors import without_peer
from gateway.runtime.federation import Answer, Federation
from gateway.runtime.federation_wishes import COMMON, SHORTEST_PREFIX, check_addresses, invited, read, words
from gateway.wire.ticket import NONCE, Code, Ticket, code_of, to_text
from transports.libp2p.identity import is_peer_id, peer_id_from, public_key_of

_MOST_PATIENCE_S: Final = 120.0
_WAITING: Final = "The other gateway has not answered yet; it goes on being called. See: meshgate federation list."
_HINTS: Final[Mapping[str, str]] = {
    Refusal.CLOCK: 'Check the time; if it is right, set radio.clock = "trust".',
    Refusal.MEMORY_FULL: "Wait until invitations expire, or revoke nothing and invite fewer.",
    Refusal.UNKNOWN_CODE: "The code may also have been used.",
}


class FederationDesk:
    """Implements `gateway.admin.federation.FederationControl`.

    Args:
        federation: the room that does it.
        randbytes: source of secrets.
        names: what people call the sites, by peer ID.
        listening: addresses where this gateway can be called, with its peer ID.
        configured: peer IDs in the configuration.

    """

    def __init__(
        self,
        federation: Federation,
        randbytes: Callable[[int], bytes],
        names: Callable[[], Mapping[str, str]],
        listening: Callable[[], Iterable[str]],
        configured: frozenset[str],
    ) -> None:
        self._room = federation
        self._membership = federation.membership
        self._randbytes = randbytes
        self._names = names
        self._listening = listening
        self._configured = configured

    async def show(self, *, ask: bool) -> FederationDocument:
        """Tell who is a member; `ask` also asks the linked ones how they are, and waits for the answers."""
        if ask:
            await self._ask()
        membership, unix = self._membership, self._room.unix()
        members = membership.members(unix)
        used = {one.nonce: len(one.bearers) for one in membership.book.used}
        return FederationDocument(
            peer_id_from(membership.own),
            tuple(self._member(key, standing) for key, standing in members.items() if key != membership.own),
            tuple(peer_id_from(key) for key in membership.joining),
            tuple(
                InvitationDocument(
                    one.expires,
                    peer_id_from(one.audience) if one.audience else "",
                    words(one.scope),
                    one.uses,
                    used.get(one.nonce, 0),
                )
                for one in membership.book.invitations.values()
                if unix is not None and one.expires > unix
            ),
            tuple(
                ShutOutDocument(peer_id_from(key), self._name(peer_id_from(key)), peer_id_from(issuer))
                for key, issuer in membership.shut_out(unix).items()
            ),
            self._room.trouble,
        )

    async def invite(self, wanted: InviteRequest) -> InviteDocument:
        """Make a ticket; it is told here and nowhere else."""
        own = peer_id_from(self._membership.own)
        scope, audience, addresses = invited(wanted, self._room.unix(), own, self._listening)
        made: list[Ticket] = []

        def decide() -> Answer:
            answer = self._membership.invite(
                self._randbytes(NONCE),
                self._room.unix(),
                wanted.valid_s,
                scope=scope,
                audience=audience,
                uses=wanted.uses,
                until=wanted.until,
                addresses=addresses,
            )
            if isinstance(answer, Refusal):
                return answer
            made.append(answer[0])
            return answer[1]

        _raise_if(await self._room.decide(decide))
        ticket = made[0]
        return InviteDocument(
            to_text(ticket), code_of(ticket), ticket.expires, wanted.audience, words(scope), ticket.uses, ticket.until, addresses
        )

    async def join(self, wanted: JoinRequest) -> JoinDocument:
        """Use a ticket, and wait a while for what comes of it."""
        ticket = read(wanted.ticket)
        if isinstance(ticket, Code):
            issuer = self._issuer_of(ticket, wanted.addresses)
            addresses = tuple(without_peer(address) for address in wanted.addresses)
            secret = ticket.secret
            refusal = await self._room.decide(lambda: self._membership.join_by_code(secret, issuer, addresses))
        else:
            issuer, shown = ticket.issuer, ticket
            check_addresses(wanted.addresses, peer_id_from(issuer))
            more = (*map(without_peer, wanted.addresses), *ticket.addresses)[:MAX_TICKET_ADDRESSES]
            if not more:
                raise FederationRefusal(400, "no_address", "The ticket does not say where the other gateway is.", "Name it with --at.")
            if not self._room.can_call(more):
                hint = f"It leads to {', '.join(more)}: switch that transport on here, or name another address with --at."
                raise FederationRefusal(400, "no_way", "The ticket leads over transports that are switched off here.", hint)
            refusal = await self._room.decide(lambda: self._membership.join(shown, self._room.unix(), more))
        _raise_if(refusal)
        return await self._await(peer_id_from(issuer), wanted.patience_s)

    async def revoke(self, wanted: RevokeRequest) -> RevokeDocument:
        """Shut somebody out, or take that back."""
        peer = self._find(wanted.who)
        key, name = public_key_of(peer), self._name(peer)
        called = f"{name} ({peer})" if name else peer
        if wanted.pardon:
            if not self._membership.book.is_out(key):
                hint = "Whoever shut it out has to take it back. See: meshgate federation list."
                raise FederationRefusal(404, "not_shut_out", f"This gateway does not shut {called} out.", hint)
            await self._room.decide(lambda: self._membership.pardon(key, self._room.unix()))
            return RevokeDocument(peer, name, f"{called} is not shut out any more. It needs a new ticket to join.")
        _raise_if(await self._room.decide(lambda: self._membership.revoke(key, self._room.unix())))
        return RevokeDocument(peer, name, f"{called} is shut out. Its links are closed, and every linked member is told.")

    async def leave(self) -> LeaveDocument:
        """Leave: tell everybody who is linked, and forget them."""
        membership = self._membership
        before = [peer_id_from(key) for key in membership.members(self._room.unix()) if key != membership.own]
        await self._room.decide(lambda: membership.leave(self._room.unix()))
        staying = tuple(peer for peer in before if peer in self._configured)
        left = tuple(peer for peer in before if peer not in self._configured)
        sentence = f"This gateway has left {len(left)} other{'' if len(left) == 1 else 's'}."
        if staying:
            sentence += f" {len(staying)} may link as before, because the configuration lists them."
        return LeaveDocument(left, staying, sentence)

    async def is_there(self, peer: str) -> bool:
        """Ask how others are, and say whether one of them has answered in time."""
        return peer in await self._ask() and peer in self._room.statuses

    async def _ask(self) -> set[str]:
        """Ask everybody who can be asked how they are; returns who that was."""
        asked: set[str] = set()

        def decide() -> Answer:
            questions = self._membership.ask_status()
            asked.update(peer_id_from(one.key) for one in questions if isinstance(one, Send))
            return questions

        await self._room.decide(decide)
        with suppress(TimeoutError):
            async with asyncio.timeout(STATUS_WAIT_S):
                await self._room.told_by(asked)
        return asked

    async def _await(self, peer: str, patience_s: float) -> JoinDocument:
        name = self._name(peer)
        called = f"{name} ({peer})" if name else peer
        try:
            async with asyncio.timeout(max(0.0, min(patience_s, _MOST_PATIENCE_S))):
                outcome = await asyncio.shield(self._room.outcome(peer))
        except TimeoutError:
            return JoinDocument(peer, name, "waiting", _WAITING)
        if outcome == "joined":
            return JoinDocument(peer, name, "joined", f"This gateway is a member now: {called} has let it in.")
        if outcome in set(Refusal):
            raise FederationRefusal(403, outcome, f"The other gateway answers: {Refusal(outcome).sentence}", _HINTS.get(outcome, ""))
        raise FederationRefusal(403, "refused", "The other gateway did not take the ticket.", "Ask its operator for a new one.")

    def _member(self, key: bytes, standing: Standing) -> MemberDocument:
        peer = peer_id_from(key)
        hello, _ = self._membership.hello_of(key)
        told = self._room.statuses.get(peer)
        status = None if told is None else RemoteStatus(told.phones, told.sites, told.waiting_bytes, told.uptime_s)
        return MemberDocument(
            peer,
            self._name(peer),
            words(standing.scope),
            standing.until,
            peer_id_from(standing.via),
            standing.steps,
            self._membership.is_linked(key),
            "" if hello is None else hello.software,
            status,
        )

    def _name(self, peer: str) -> str:
        return self._names().get(peer, "")

    def _issuer_of(self, code: Code, addresses: Iterable[str]) -> bytes:
        """Find the gateway that gave the code: to nobody else may it be shown."""
        named = [address.rpartition("/")[2].rpartition("#")[2] for address in addresses]
        known = [peer_id_from(key) for key in self._membership.members(self._room.unix())]
        for peer in (*named, *known):
            if is_peer_id(peer) and code.is_of(public_key_of(peer)):
                check_addresses(addresses, peer)
                return public_key_of(peer)
        if any(map(is_peer_id, named)):
            raise FederationRefusal(403, "other_gateway", "Another gateway than the one at that address gave this code.")
        hint = "Name its address with its ID, which `meshgate status` shows there: --at /ip4/…/tcp/4001/p2p/12D3KooW…. Or use the ticket."
        raise FederationRefusal(400, "unknown_issuer", "A code does not say where the gateway is that gave it.", hint)

    def _find(self, who: str) -> str:
        """Return the peer ID of whom the operator means."""
        if is_peer_id(who):
            return who
        unix = self._room.unix()
        known = {peer_id_from(key) for key in (*self._membership.members(unix), *self._membership.shut_out(unix))}
        known.discard(peer_id_from(self._membership.own))
        begun = who.removeprefix(COMMON) if len(who) > len(COMMON) else who
        by_id = {peer for peer in known if len(begun) >= SHORTEST_PREFIX and peer.removeprefix(COMMON).startswith(begun)}
        found = by_id or {peer for peer in known if self._name(peer) == who}
        if len(found) == 1:
            return found.pop()
        if found:
            hint = f"Name one of them by its ID: {', '.join(sorted(found))}."
            raise FederationRefusal(400, "ambiguous", f"Several gateways are called {who!r}.", hint)
        hint = "`meshgate federation list` shows who is; anybody else can be named by the whole ID."
        raise FederationRefusal(404, "unknown_member", f"No member is called {who!r}.", hint)


def _raise_if(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise FederationRefusal(403, refusal.value, refusal.sentence, _HINTS.get(refusal, ""))
