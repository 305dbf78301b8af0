"""How much may wait in the spool: of one peer, for one peer, for or from one site, of one class.

What comes when a quota is used up is refused, and told so. What waits is never thrown out
for it: it was promised.

The counts are kept in memory, because an index for each of them would be written with each
message. They are counted anew when the database is opened, and whenever something was undone.
"""

from collections import Counter
from enum import IntEnum
from typing import Final, NamedTuple

from gateway import limits
from gateway.errors import Reason
from gateway.store.database import Database


class Class(IntEnum):
    """The class of service of a message, most urgent first."""

    EMERGENCY = 0
    DIRECTED = 1
    PUBLIC = 2
    BULK = 3


class Quota(NamedTuple):
    """The most that may wait."""

    messages: int
    bytes: int


CLASSES: Final[dict[Class, Quota]] = {
    Class.EMERGENCY: Quota(limits.MAX_SPOOL_EMERGENCY, limits.MAX_SPOOL_EMERGENCY_BYTES),
    Class.DIRECTED: Quota(limits.MAX_SPOOL_DIRECTED, limits.MAX_SPOOL_DIRECTED_BYTES),
    Class.PUBLIC: Quota(limits.MAX_SPOOL_PUBLIC, limits.MAX_SPOOL_PUBLIC_BYTES),
    Class.BULK: Quota(limits.MAX_SPOOL_BULK, limits.MAX_SPOOL_BULK_BYTES),
}
ORIGIN: Final = Quota(limits.MAX_SPOOL_PER_ORIGIN, limits.MAX_SPOOL_BYTES_PER_ORIGIN)
RECIPIENT: Final = Quota(limits.MAX_SPOOL_PER_RECIPIENT, limits.MAX_SPOOL_BYTES_PER_RECIPIENT)
SITE: Final = Quota(limits.MAX_SPOOL_PER_SITE, limits.MAX_SPOOL_BYTES_PER_SITE)

_ALL: Final = "SELECT class, origin, recipient, via, site, size FROM spool WHERE state < 2"


class Claim(NamedTuple):
    """What a message uses up; an empty name is nobody's and has no quota."""

    service: Class
    origin: bytes
    recipient: bytes
    via: bytes
    site: bytes
    size: int


class Usage:
    """What waits in a database, by whose quota it is."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._messages: Counter[tuple[str, bytes | Class]] = Counter()
        self._bytes: Counter[tuple[str, bytes | Class]] = Counter()
        self._counted_at = -1

    def exceeded(self, claim: Claim) -> Reason | None:
        """Return why a message does not fit any more, the narrowest quota first; None if it fits them all."""
        self._count()
        for key, quota, reason in _quotas(claim):
            if self._messages[key] >= quota.messages or self._bytes[key] + claim.size > quota.bytes:
                return reason
        return None

    def add(self, claim: Claim, sign: int = 1) -> None:
        """Note that a message waits, or with -1 that it does so no more."""
        self._count()
        self._change(claim, sign)

    def of(self, service: Class) -> Quota:
        """Return how much of a class waits."""
        self._count()
        return Quota(self._messages["class", service], self._bytes["class", service])

    def _count(self) -> None:
        if self._counted_at == self._database.undone:
            return
        self._messages.clear()
        self._bytes.clear()
        for service, origin, recipient, via, site, size in self._database.rows(_ALL):
            self._change(Claim(Class(service), origin, recipient, via, site, size), 1)
        self._counted_at = self._database.undone

    def _change(self, claim: Claim, sign: int) -> None:
        for key, _, _ in _quotas(claim):
            self._messages[key] += sign
            self._bytes[key] += sign * claim.size
            if not self._messages[key]:
                del self._messages[key], self._bytes[key]


def _quotas(claim: Claim) -> list[tuple[tuple[str, bytes | Class], Quota, Reason]]:
    named = [
        (("origin", claim.origin), ORIGIN, Reason.QUOTA_PEER),
        (("recipient", claim.recipient), RECIPIENT, Reason.QUOTA_PEER),
        (("via", claim.via), SITE, Reason.QUOTA_SITE),
        (("site", claim.site), SITE, Reason.QUOTA_SITE),
    ]
    return [
        *(quota for quota in named if quota[0][1]),
        (("class", claim.service), CLASSES[claim.service], Reason.QUOTA_CLASS),
    ]
