"""Whether a ticket is good, here and now, for who shows it; and the memory of those that were used.

A ticket is judged in this order, and the first thing wrong with it is the reason it is refused for:

    form and version ─▶ issuer ─▶ signature ─▶ time ─▶ audience ─▶ scope ─▶ used before?

The signature comes before whatever a forger could have written, so a reason can be believed. Nothing is changed by a refusal.
A used ticket is remembered until it has expired. The memory has a cap and never forgets one that has not:
when it is full of those, every further ticket is refused and says so.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_TICKET_LIFETIME_S, MAX_USED_TICKETS
from gateway.wire import ticket as wire
from gateway.wire.ticket import Scope, Ticket, is_genuine, signed_bytes

Sign = Callable[[bytes], bytes]
"""Signs with the gateway's own Ed25519 key; 64 bytes."""


class Refusal(StrEnum):
    """Why a ticket, or a code in its place, is not taken."""

    TRUNCATED = "truncated"
    UNKNOWN_VERSION = "unknown_version"
    MALFORMED = "malformed"
    MISREAD = "misread"
    FOREIGN_ISSUER = "foreign_issuer"
    FORGED = "forged"
    CLOCK = "clock"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    TOO_LONG_LIVED = "too_long_lived"
    FOREIGN_AUDIENCE = "foreign_audience"
    OUT_OF_SCOPE = "out_of_scope"
    REPLAYED = "replayed"
    QUOTA_USED_UP = "quota_used_up"
    MEMORY_FULL = "memory_full"
    REVOKED = "revoked"
    UNKNOWN_CODE = "unknown_code"
    TOO_MANY_TRIES = "too_many_tries"
    FEDERATION_FULL = "federation_full"
    OWN = "own"
    REVOCATIONS_FULL = "revocations_full"

    @property
    def sentence(self) -> str:
        """What happened and what to do, for a person."""
        return _SENTENCES[self]


_SENTENCES = {
    Refusal.TRUNCATED: "The end of the ticket is missing. Scan or copy it again.",
    Refusal.UNKNOWN_VERSION: "The ticket was made by a newer Meshgate. Update this one.",
    Refusal.MALFORMED: "This is not a ticket of Meshgate.",
    Refusal.MISREAD: "A character was misread or is missing. Scan or type it again.",
    Refusal.FOREIGN_ISSUER: "The ticket was made by a gateway that may not invite anybody here. Show it to the gateway that made it.",
    Refusal.FORGED: "The signature is wrong: the gateway named on the ticket did not make it.",
    Refusal.CLOCK: "This gateway does not know the time yet, so it cannot tell whether the ticket is valid. Set its clock, then try again.",
    Refusal.NOT_YET_VALID: "The ticket is not valid yet. Wait, or compare the clocks of both gateways.",
    Refusal.EXPIRED: "The ticket has expired. Ask for a new one.",
    Refusal.TOO_LONG_LIVED: "The ticket is valid for longer than any ticket may be. Ask for a new one.",
    Refusal.FOREIGN_AUDIENCE: "The ticket was made for another gateway. Ask for one that is for this one.",
    Refusal.OUT_OF_SCOPE: "The ticket does not allow this.",
    Refusal.REPLAYED: "The ticket was used already. Ask for a new one.",
    Refusal.QUOTA_USED_UP: "As many gateways as the ticket is for have used it. Ask for a new one.",
    Refusal.MEMORY_FULL: "This gateway has too many used tickets to remember. Try again when some of them have expired.",
    Refusal.REVOKED: "This gateway was shut out of the federation. Ask its operator.",
    Refusal.UNKNOWN_CODE: "No invitation has this code; it may have expired. Ask for a new one.",
    Refusal.TOO_MANY_TRIES: "Too many wrong codes were tried. Wait a minute, or use the QR code.",
    Refusal.FEDERATION_FULL: "The federation has as many members as it can have. One has to leave first.",
    Refusal.OWN: "This is about this gateway itself; it must be about another one.",
    Refusal.REVOCATIONS_FULL: "The list of gateways that were shut out is full. Found a new federation with those you trust.",
}


def issue(
    sign: Sign,
    issuer: bytes,
    nonce: bytes,
    unix: int,
    lifetime_s: int,
    *,
    scope: Scope = wire.ORDINARY,
    audience: bytes = b"",
    uses: int = 1,
    until: int = 0,
    addresses: tuple[str, ...] = (),
) -> Ticket:
    """Return a signed ticket.

    Args:
        sign: with the issuer's key.
        issuer: the key it is signed with, 32 bytes.
        nonce: 16 random bytes.
        unix: now, Unix seconds; the ticket is valid from here.
        lifetime_s: for how long, at most `MAX_TICKET_LIFETIME_S`.
        scope: what its bearer may do.
        audience: the key of the only gateway that may use it; empty for anyone.
        uses: how many gateways may.
        until: when their membership ends, Unix seconds; 0 when it is revoked.
        addresses: where the issuer can be reached.

    Raises:
        ValueError: for a ticket that nobody would take.

    """
    if not 0 < lifetime_s <= MAX_TICKET_LIFETIME_S:
        raise ValueError("a ticket is valid for 30 days at most")
    if until and until <= unix:
        raise ValueError("the membership would be over before it began")
    draft = Ticket(scope, uses, unix, unix + lifetime_s, until, nonce, issuer, audience, addresses)
    return replace(draft, signature=sign(signed_bytes(draft)))


def read(data: bytes) -> Ticket | Refusal:
    """Return the ticket in the bytes somebody showed, or why there is none."""
    try:
        return wire.decode(data)
    except DecodeError as error:
        return _UNREADABLE.get(error.reason, Refusal.MALFORMED)


def read_text(text: str) -> Ticket | Refusal:
    """Return the ticket in what somebody scanned or typed, or why there is none."""
    if not "".join(text.split()).upper().startswith(wire.PREFIX):
        return Refusal.MALFORMED
    try:
        return wire.from_text(text)
    except DecodeError as error:
        return Refusal.MISREAD if error.reason is Reason.TEXT else _UNREADABLE.get(error.reason, Refusal.MALFORMED)


_UNREADABLE = {Reason.TRUNCATED: Refusal.TRUNCATED, Reason.VERSION: Refusal.UNKNOWN_VERSION}


def examine(ticket: Ticket, bearer: bytes, issuers: Mapping[bytes, Scope], needs: Scope, unix: int | None) -> Refusal | None:
    """Tell why a ticket is not good for who shows it, apart from having been used; None if it is.

    Args:
        ticket: as it was shown.
        bearer: the key of who shows it, which was proved.
        issuers: whose tickets count, and what each of them may give.
        needs: what the ticket must allow.
        unix: now, Unix seconds; None while nobody vouches for the time.

    """
    may_give = issuers.get(ticket.issuer)
    if may_give is None:
        return Refusal.FOREIGN_ISSUER
    if not is_genuine(ticket):
        return Refusal.FORGED
    if unix is None:
        return Refusal.CLOCK
    if unix < ticket.not_before:
        return Refusal.NOT_YET_VALID
    if unix >= ticket.expires or 0 < ticket.until <= unix:
        return Refusal.EXPIRED
    if ticket.expires - ticket.not_before > MAX_TICKET_LIFETIME_S:
        return Refusal.TOO_LONG_LIVED
    if ticket.audience not in (b"", bearer):
        return Refusal.FOREIGN_AUDIENCE
    if needs & ~ticket.scope or ticket.scope & ~may_give:
        return Refusal.OUT_OF_SCOPE
    return None


@dataclass(frozen=True, slots=True)
class Used:
    """A ticket that was used, and by whom; what is kept of it over a restart."""

    issuer: bytes
    nonce: bytes
    expires: int
    bearers: tuple[bytes, ...]


class UsedTickets:
    """The memory of used tickets.

    A clock that jumps ahead makes tickets expire and be forgotten. So that they are not good again when the clock is
    put right, whatever expires no later than something that was forgotten counts as expired.

    Args:
        used: what was kept over a restart.
        forgotten: the same for the latest expiry of what was forgotten.

    """

    def __init__(self, used: Iterable[Used] = (), forgotten: int = 0) -> None:
        self._used = {(one.issuer, one.nonce): one for one in used}
        self.forgotten = forgotten

    def __len__(self) -> int:
        return len(self._used)

    def __iter__(self) -> Iterator[Used]:
        return iter(self._used.values())

    def refusal(self, ticket: Ticket, bearer: bytes, unix: int) -> Refusal | None:
        """Tell why a ticket cannot be used once more; changes nothing but to forget what has expired."""
        self._forget(unix)
        if ticket.expires <= self.forgotten:
            return Refusal.EXPIRED
        used = self._used.get((ticket.issuer, ticket.nonce))
        if used is None:
            return Refusal.MEMORY_FULL if len(self._used) >= MAX_USED_TICKETS else None
        if bearer in used.bearers or ticket.uses == 1:
            return Refusal.REPLAYED
        return Refusal.QUOTA_USED_UP if len(used.bearers) >= ticket.uses else None

    def use(self, ticket: Ticket, bearer: bytes, unix: int) -> Refusal | None:
        """Note that a ticket is used, or tell why it cannot be."""
        refusal = self.refusal(ticket, bearer, unix)
        if refusal is None:
            key = (ticket.issuer, ticket.nonce)
            before = self._used[key].bearers if key in self._used else ()
            self._used[key] = Used(ticket.issuer, ticket.nonce, ticket.expires, (*before, bearer))
        return refusal

    def _forget(self, unix: int) -> None:
        gone = [key for key, one in self._used.items() if one.expires <= unix]
        for key in gone:
            self.forgotten = max(self.forgotten, self._used.pop(key).expires)
