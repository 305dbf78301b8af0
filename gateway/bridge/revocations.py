"""Whom somebody shuts out, however the news of it came: lists that only grow, joined key by key.

Each entry counts how often its gateway was shut out and pardoned: it is out while that number is odd, and the highest number known
counts. So lists can be joined in any order, any number of times, with the same result; and a gateway that was
restored from an old backup and speaks without knowing what it said since brings nobody back. Its older and its newer
list are both kept until it has heard of them and signed one that covers both.
"""

from collections.abc import Iterable, Mapping

from gateway.limits import MAX_FORKS
from gateway.wire.roster import Revocations, signed_bytes

Lists = tuple[Revocations, ...]
"""What is kept of one issuer: lists of which none covers another, the newest first. Nearly always one."""


def join(left: Iterable[Revocations], right: Iterable[Revocations]) -> Lists:
    """Return what is to be kept of the lists of one issuer; commutative, associative and idempotent."""
    known = {signed_bytes(one): one for one in (*left, *right)}
    kept = [one for one in known.values() if not any(_supersedes(other, one) for other in known.values() if other is not one)]
    return tuple(sorted(kept, key=_order, reverse=True)[:MAX_FORKS])


def merge(left: Mapping[bytes, Lists], right: Mapping[bytes, Lists]) -> dict[bytes, Lists]:
    """Return what is to be kept of the lists of every issuer; commutative, associative and idempotent."""
    return {issuer: join(left.get(issuer, ()), right.get(issuer, ())) for issuer in (*left, *right)}


def rounds(lists: Iterable[Revocations]) -> dict[bytes, int]:
    """Return the highest number known for each gateway in the lists."""
    highest: dict[bytes, int] = {}
    for listed in lists:
        for one in listed.revoked:
            highest[one.key] = max(one.round, highest.get(one.key, 0))
    return highest


def shut_out(lists: Iterable[Revocations]) -> frozenset[bytes]:
    """Return who is out by these lists."""
    return frozenset(key for key, number in rounds(lists).items() if is_out(number))


def is_out(number: int) -> bool:
    """Tell whether a gateway is out that was shut out and pardoned so many times."""
    return number % 2 == 1


def _supersedes(one: Revocations, other: Revocations) -> bool:
    return _covers(one, other) and (not _covers(other, one) or _order(one) > _order(other))


def _covers(one: Revocations, other: Revocations) -> bool:
    known = rounds((one,))
    return all(known.get(entry.key, 0) >= entry.round for entry in other.revoked)


def _order(listed: Revocations) -> tuple[int, bytes]:
    return listed.version, signed_bytes(listed)
