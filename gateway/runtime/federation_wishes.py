"""What an operator wants of the federation, read strictly, so that whoever wrote it is told what is wrong with it."""

from collections.abc import Callable, Iterable
from typing import Final

from gateway.admin.federation import FederationRefusal, InviteRequest
from gateway.bridge import tickets
from gateway.bridge.tickets import Refusal
from gateway.errors import DecodeError
from gateway.limits import MAX_TICKET_ADDRESSES, MAX_TICKET_LIFETIME_S, MAX_TICKET_USES
from gateway.runtime.doors import for_ticket, with_peer, without_peer
from gateway.wire.ticket import EVERYTHING, ORDINARY, PREFIX, Code, Scope, Ticket, read_code
from hw.network import own_addresses
from transports.libp2p.identity import is_peer_id, public_key_of

COMMON: Final = "12D3KooW"  # how the ID of every gateway begins
SHORTEST_PREFIX: Final = 4  # characters behind that by which somebody may be named


def words(scope: Scope) -> tuple[str, ...]:
    """Return the rights in a scope as people write them."""
    return tuple(one.name.lower() for one in Scope if one in scope and one.name)


def scope_of(names: Iterable[str]) -> Scope:
    """Return the scope people wrote; the ordinary one if they wrote nothing. Raises `FederationRefusal`."""
    scope = Scope(0)
    for name in names:
        if name.upper() not in Scope.__members__:
            raise nonsense(f"There is no right called {name!r}.", f"One of: {', '.join(words(EVERYTHING))}.")
        scope |= Scope[name.upper()]
    if scope and not scope & Scope.LINK:
        raise nonsense("Without the right to link nobody can join.", "Add link to the scope.")
    return scope or ORDINARY


def invited(
    wanted: InviteRequest, unix: int | None, own: str, listening: Callable[[], Iterable[str]]
) -> tuple[Scope, bytes, tuple[str, ...]]:
    """Check what is wanted of an invitation; returns scope, audience and addresses. Raises `FederationRefusal`.

    Args:
        wanted: as it came.
        unix: now.
        own: this gateway's peer ID.
        listening: where it can be called, for a wish that does not say.

    """
    if not 0 < wanted.valid_s <= MAX_TICKET_LIFETIME_S:
        raise nonsense("An invitation is valid for 30 days at most.", "Write for example --valid 1h or --valid 7d.")
    if not 1 <= wanted.uses <= MAX_TICKET_USES:
        raise nonsense(f"An invitation is for 1 to {MAX_TICKET_USES} gateways.", "Make several, or for fewer.")
    if wanted.until < 0 or (wanted.until and unix is not None and wanted.until <= unix):
        raise nonsense("The membership would be over before it began.", "Name a time to come with --until.")
    if wanted.audience and not is_peer_id(wanted.audience):
        raise nonsense(f"{wanted.audience!r} is not the ID of a gateway.", "The other gateway prints it when it starts: 12D3KooW….")
    check_addresses(wanted.addresses, own)
    addresses = tuple(map(without_peer, wanted.addresses)) or for_ticket(listening(), own_addresses())
    if not addresses:
        hint = "Name one with --address, such as /dns4/gate.example/tcp/4001 or wss://gate.example:8443."
        raise FederationRefusal(400, "no_address", "This gateway knows no address at which others could call it.", hint)
    if len(addresses) > MAX_TICKET_ADDRESSES:
        raise nonsense(f"A ticket has room for {MAX_TICKET_ADDRESSES} addresses.", "Name those that others can reach.")
    return scope_of(wanted.scope), public_key_of(wanted.audience) if wanted.audience else b"", addresses


def check_addresses(addresses: Iterable[str], peer: str) -> None:
    """Raise `FederationRefusal` unless all of these are addresses of the gateway with this peer ID, which they need not name."""
    for address in addresses:
        try:
            with_peer(address, peer)
        except ValueError as error:
            raise nonsense(str(error), "Write it as it stands in a configuration.") from error


def read(text: str) -> Ticket | Code:
    """Return the ticket or the code somebody typed or scanned; raises `FederationRefusal`."""
    stripped = "".join(text.split())
    if not stripped.upper().startswith(PREFIX):
        try:
            return read_code(stripped)
        except DecodeError as error:
            hint = "A ticket begins with MESHGATE: and a code has five groups of five letters."
            raise FederationRefusal(403, Refusal.MISREAD.value, Refusal.MISREAD.sentence, hint) from error
    found = tickets.read_text(stripped)
    if isinstance(found, Refusal):
        raise FederationRefusal(403, found.value, found.sentence)
    return found


def nonsense(sentence: str, hint: str) -> FederationRefusal:
    """Return the refusal of a request that makes no sense."""
    return FederationRefusal(400, "bad_request", sentence, hint)
