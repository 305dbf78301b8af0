"""How much may wait in the spool: of one peer, for one peer, for or from one site, of one class.

What comes when a quota is used up is refused, and told so. What waits is never thrown out
for it: it was promised.
"""

from collections.abc import Sequence
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

_WAITING: Final = "SELECT count(*), coalesce(sum(size), 0) FROM spool WHERE state < 2 AND "


class Claim(NamedTuple):
    """What a message would use up; an empty name is nobody's and has no quota."""

    service: Class
    origin: bytes
    recipient: bytes
    via: bytes
    site: bytes
    size: int


def exceeded(database: Database, claim: Claim) -> Reason | None:
    """Return the quota a message does not fit into any more, the narrowest first; None if it fits all."""
    for column, name, quota, reason in (
        ("origin", claim.origin, ORIGIN, Reason.QUOTA_PEER),
        ("recipient", claim.recipient, RECIPIENT, Reason.QUOTA_PEER),
        ("via", claim.via, SITE, Reason.QUOTA_SITE),
        ("site", claim.site, SITE, Reason.QUOTA_SITE),
    ):
        if name and _is_full(database.rows(f"{_WAITING}{column} = ?", (name,)), quota, claim.size):
            return reason
    waiting = database.rows(f"{_WAITING}class = ?", (claim.service,))
    return Reason.QUOTA_CLASS if _is_full(waiting, CLASSES[claim.service], claim.size) else None


def _is_full(waiting: Sequence[tuple[int, int]], quota: Quota, size: int) -> bool:
    ((messages, waiting_bytes),) = waiting
    return messages >= quota.messages or waiting_bytes + size > quota.bytes
