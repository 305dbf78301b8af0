"""Who may link, whom to call and what to show there: what a transport between gateways is told, also while it runs."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

Judge = Callable[[str, bytes], Awaitable[str]]
"""Judges what a gateway shows that is no member: its peer ID, which it has proved, and a ticket.

Empty if it is let in, else a word for why not.
"""

Told = Callable[[str, str], None]
"""Told what another gateway, by peer ID, said to the ticket it was shown: empty if it took it, else its word for why not."""


@dataclass(frozen=True, slots=True)
class Called:
    """Where a member is called, in the spelling of the transport; nowhere if it calls us. The ticket is shown there."""

    addresses: tuple[str, ...] = ()
    ticket: bytes = b""


@dataclass(frozen=True, slots=True)
class Table:
    """Everybody who may link, by peer ID; and whether somebody else may come and show a ticket."""

    members: Mapping[str, Called]
    guests: bool = False


@runtime_checkable
class Gated(Protocol):
    """A transport whose members can change while it runs."""

    def renew(self, table: Table) -> None:
        """Part with whom the table leaves out, let in whom it adds, and call whom it says."""


async def nobody(_peer_id: str, _shown: bytes) -> str:
    """Let nobody in who is no member."""
    return "not_invited"
