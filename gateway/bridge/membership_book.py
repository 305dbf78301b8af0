"""What a gateway knows of its federation and must not forget over a restart.

    MessagePack list: 1, version, own members, own revocations, trusted issuers, rosters, revocations, used tickets, forgotten,
    invitations, places

`places` is a list of ``[key, [address, …]]``: where those are called by whose ticket the gateway joined.

The book is written whole before anything that follows from it is done, so that a ticket is never taken twice and
somebody who was shut out stays out, whenever the power goes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from gateway.bridge.revocations import Lists, is_out, merge
from gateway.bridge.tickets import Used, UsedTickets
from gateway.errors import DecodeError, Reason
from gateway.limits import (
    MAX_FEDERATION,
    MAX_FORKS,
    MAX_INVITATIONS,
    MAX_REVOKED,
    MAX_TICKET,
    MAX_TICKET_ADDRESS,
    MAX_TICKET_ADDRESSES,
    MAX_TICKET_USES,
    MAX_USED_TICKETS,
)
from gateway.wire import fields, packed
from gateway.wire import ticket as tickets
from gateway.wire.roster import (
    MAX_REVOCATIONS,
    MAX_ROSTER,
    MAX_ROUND,
    Document,
    Listed,
    Revoked,
    Roster,
    decode_revocations,
    decode_roster,
    encode,
    read_listed,
    read_revoked,
    row,
)
from gateway.wire.ticket import Ticket

_VERSION: Final = 1
_PARTS: Final = 11


@dataclass(slots=True)
class Book:
    """The durable part of a `gateway.bridge.membership.Membership`."""

    version: int = 0  # of the gateway's own documents
    members: dict[bytes, Listed] = field(default_factory=dict)  # whom it let in itself, by key
    revoked: dict[bytes, Revoked] = field(default_factory=dict)  # whom it shuts out or pardoned, by key
    trusted: dict[bytes, Listed] = field(default_factory=dict)  # by whose ticket it joined, by key
    rosters: dict[bytes, Roster] = field(default_factory=dict)  # of others, by issuer
    revocations: dict[bytes, Lists] = field(default_factory=dict)  # the same
    used: UsedTickets = field(default_factory=UsedTickets)
    invitations: dict[bytes, Ticket] = field(default_factory=dict)  # of its own that can still be used, by their secret
    places: dict[bytes, tuple[str, ...]] = field(default_factory=dict)  # where the trusted are called, by key

    def is_out(self, key: bytes) -> bool:
        """Tell whether we shut a gateway out ourselves."""
        return key in self.revoked and is_out(self.revoked[key].round)

    def turn(self, key: bytes, unix: int | None, *, out: bool) -> bool:
        """Shut out or pardon, which may be so already; False if there is no room for it."""
        known = self.revoked.get(key)
        if known is None and len(self.revoked) >= MAX_REVOKED:
            return False
        if self.is_out(key) is not out:
            number = 0 if known is None else known.round
            if number >= MAX_ROUND:
                return False
            self.revoked[key] = Revoked(key, number + 1, unix or 0)
        return True

    def encode(self) -> bytes:
        """Return the bytes to keep."""
        return packed.pack(
            (
                _VERSION,
                self.version,
                _rows(self.members.values()),
                _rows(self.revoked.values()),
                _rows(self.trusted.values()),
                _documents(self.rosters.values()),
                _documents(one for lists in self.revocations.values() for one in lists),
                [(one.issuer, one.nonce, one.expires, one.bearers) for one in self.used],
                self.used.forgotten,
                [tickets.encode(ticket) for ticket in self.invitations.values()],
                list(self.places.items()),
            )
        )


def decode_book(data: bytes) -> Book:
    """Return the book that was kept.

    Raises:
        DecodeError: it was damaged, or written by a newer Meshgate. To begin with an empty one would let used tickets in again.

    """
    row = packed.unpack_row(data, max(MAX_USED_TICKETS, MAX_REVOKED))
    if row[:1] != (_VERSION,):
        raise DecodeError(Reason.VERSION, "membership book")
    _, version, members, revoked, trusted, rosters, revocations, used, forgotten, invitations, places = packed.row(row, _PARTS)
    known = [tickets.decode(packed.blob(one, MAX_TICKET)) for one in packed.rows(invitations, MAX_INVITATIONS)]
    return Book(
        packed.number(version),
        {one.key: one for one in map(read_listed, packed.rows(members, MAX_FEDERATION))},
        {one.key: one for one in map(read_revoked, packed.rows(revoked, MAX_REVOKED))},
        {one.key: one for one in map(read_listed, packed.rows(trusted, MAX_FEDERATION))},
        {one.issuer: one for one in (decode_roster(packed.blob(data, MAX_ROSTER)) for data in packed.rows(rosters, MAX_FEDERATION))},
        _lists(revocations),
        UsedTickets((_used(one) for one in packed.rows(used, MAX_USED_TICKETS)), packed.number(forgotten)),
        {tickets.secret_of(ticket): ticket for ticket in known},
        dict(_place(*packed.row(one, 2)) for one in packed.rows(places, MAX_FEDERATION)),
    )


def _place(key: object, addresses: object) -> tuple[bytes, tuple[str, ...]]:
    texts = tuple(packed.text(one, MAX_TICKET_ADDRESS) for one in packed.rows(addresses, MAX_TICKET_ADDRESSES))
    return packed.octets(key, fields.KEY), texts


def _lists(documents: object) -> dict[bytes, Lists]:
    kept: dict[bytes, Lists] = {}
    for data in packed.rows(documents, MAX_FEDERATION * MAX_FORKS):
        one = decode_revocations(packed.blob(data, MAX_REVOCATIONS))
        kept = merge(kept, {one.issuer: (one,)})
    return kept


def _used(one: object) -> Used:
    issuer, nonce, expires, bearers = packed.row(one, 4)
    return Used(
        packed.octets(issuer, fields.KEY),
        packed.octets(nonce, tickets.NONCE),
        packed.number(expires),
        tuple(packed.octets(bearer, fields.KEY) for bearer in packed.rows(bearers, MAX_TICKET_USES)),
    )


def _rows(entries: Iterable[Listed | Revoked]) -> list[tuple[object, ...]]:
    return [row(entry) for entry in entries]


def _documents(documents: Iterable[Document]) -> list[bytes]:
    return [encode(document) for document in documents]
