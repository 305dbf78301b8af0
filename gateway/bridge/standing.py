"""Who is a member, in the eyes of one gateway: worked out anew from what everybody has signed.

    step 0   the gateway itself
    step 1   those by whose ticket it joined, and those in its configuration
    step 2   those it let in by ticket, and those whom step 1 lets in
    step 3…  whom the step before lets in

Only who may invite brings anybody in, with no more rights than its own and for no longer. Whoever is shut out by a
gateway of an earlier step does not come in, nor do those that only it let in. So whoever stands nearer decides, the
one that invited us decides about those we invite, and nobody can shut out who let them in.

The result depends on what was signed and not on the order in which it came, so gateways that know the same agree.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.limits import MAX_FEDERATION, MAX_INVITATION_STEPS
from gateway.wire.roster import Listed, Roster, newer
from gateway.wire.ticket import EVERYTHING, Scope


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody is a member."""

    scope: Scope
    until: int  # Unix seconds; 0: until revoked
    via: bytes  # who let it in
    steps: int  # from the gateway itself, which has 0


def standing(
    own: bytes,
    beside: Iterable[Listed],
    invited: Iterable[Listed],
    rosters: Mapping[bytes, Roster],
    shut_out_by: Mapping[bytes, frozenset[bytes]],
    unix: int | None,
) -> dict[bytes, Standing]:
    """Return everybody who is a member, the gateway itself first.

    Args:
        own: the gateway's key.
        beside: those by whose ticket it joined, and those in its configuration.
        invited: those it let in by ticket.
        rosters: what others say, by issuer; signatures are checked already. The gateway's own is not looked at.
        shut_out_by: whom everybody shuts out, by issuer, the gateway itself included.
        unix: now, Unix seconds; None while nobody vouches for the time: then whoever has a date to leave is out.

    """
    found = {own: Standing(EVERYTHING, 0, own, 0)}
    shut_out = shut_out_by.get(own, frozenset())
    brought = _brought(own, beside, found, shut_out, 1, unix)
    edge = _enter(brought, found)
    for step in range(2, MAX_INVITATION_STEPS + 1):
        inviting = sorted(issuer for issuer in edge if found[issuer].scope & Scope.INVITE)
        shut_out = shut_out.union(*(shut_out_by.get(issuer, ()) for issuer in inviting))
        brought = _brought(own, invited, found, shut_out, step, unix) if step == 2 else {}
        for issuer in inviting:
            if issuer in rosters:
                for key, one in _brought(issuer, rosters[issuer].members, found, shut_out, step, unix).items():
                    brought[key] = _both(brought[key], one) if key in brought else one
        edge = _enter(brought, found)
    return found


def merge(left: Mapping[bytes, Roster], right: Mapping[bytes, Roster]) -> dict[bytes, Roster]:
    """Return the newest roster of each issuer; commutative, associative and idempotent."""
    merged = dict(left)
    for issuer, roster in right.items():
        merged[issuer] = newer(merged[issuer], roster) if issuer in merged else roster
    return merged


def _brought(
    issuer: bytes, listed: Iterable[Listed], found: Mapping[bytes, Standing], shut_out: frozenset[bytes], step: int, unix: int | None
) -> dict[bytes, Standing]:
    """Return whom one gateway brings in."""
    giver = found[issuer]
    brought: dict[bytes, Standing] = {}
    for one in listed:
        if one.key not in found and one.key not in shut_out and (one.until == 0 or (unix is not None and unix < one.until)):
            until = min((end for end in (one.until, giver.until) if end), default=0)
            new = Standing(one.scope & giver.scope, until, issuer, step)
            brought[one.key] = _both(brought[one.key], new) if one.key in brought else new
    return brought


def _enter(brought: Mapping[bytes, Standing], found: dict[bytes, Standing]) -> list[bytes]:
    """Take in as many as there is room for, the same everywhere; returns them."""
    entered = sorted(brought)[: MAX_FEDERATION + 1 - len(found)]
    found.update((key, brought[key]) for key in entered)
    return entered


def _both(one: Standing, other: Standing) -> Standing:
    """Two let the same gateway in: it may do what either allows, for as long as either does."""
    until = 0 if 0 in (one.until, other.until) else max(one.until, other.until)
    return Standing(one.scope | other.scope, until, one.via, one.steps)
