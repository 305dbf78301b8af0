"""The federation as a person reads it: an invitation with its QR code, and the table of members."""

import sys
from datetime import datetime

import segno

from gateway.admin.federation import FederationDocument, InviteDocument, MemberDocument
from gateway.cli.output import print_table

_SHORT = 8  # characters of a peer ID behind what all of them begin with


def print_invitation(made: InviteDocument, *, with_qr: bool) -> None:
    """Print an invitation: the QR code if this is a terminal, the ticket, the code."""
    if with_qr and sys.stdout.isatty():
        # The lowest redundancy: a screen has no scratches, and larger squares are easier to scan.
        segno.make(made.ticket, error="l", micro=False).terminal(out=sys.stdout, compact=True, border=2)
    print(made.ticket)
    print(f"\nCode: {made.code}")
    who = made.audience or ("one gateway" if made.uses == 1 else f"{made.uses} gateways")
    ends = f", as a member until {_when(made.until)}" if made.until else ""
    print(f"For {who}{ends}; may {', '.join(made.scope)}; can be used until {_when(made.expires)}.")
    print(f"Calls this gateway at {', '.join(made.addresses)}.")
    print("Whoever sees it can use it. On the other gateway: meshgate federation join")


def print_federation(found: FederationDocument, now: float) -> None:
    """Print the members, open invitations, and who is shut out."""
    print(f"This gateway is {found.peer_id}.")
    if found.trouble:
        print(found.trouble)
    if found.members:
        print()
        asked = any(one.status is not None for one in found.members)
        header = ("NAME", "ID", "LINKED", "MAY", "UNTIL", "BY", "SOFTWARE", *(("PHONES", "SITES", "UP") if asked else ()))
        print_table(header, [_row(one, found, asked=asked) for one in found.members])
    else:
        print("It is a member of nothing. To begin: meshgate federation invite, or meshgate federation join.")
    for peer in found.joining:
        print(f"Waiting for the answer of {peer}.")
    for one in found.invitations:
        left = max(0, int(one.expires - now)) // 60
        who = one.audience or "anybody"
        print(f"An invitation for {who} can be used {one.uses - one.used} more time(s), for {left} more minutes.")
    for gone in found.shut_out:
        by = "this gateway" if gone.by == found.peer_id else _short(gone.by)
        print(f"Shut out by {by}: {f'{gone.name} ({gone.peer_id})' if gone.name else gone.peer_id}.")


def _row(one: MemberDocument, found: FederationDocument, *, asked: bool) -> tuple[str, ...]:
    via = "here" if one.via == found.peer_id else _short(one.via)
    until = _when(one.until) if one.until else "revoked"
    row = (one.name or "-", _short(one.peer_id), "yes" if one.linked else "no", ",".join(one.scope), until, via, one.software or "-")
    if not asked:
        return row
    told = one.status
    return (*row, *(("-", "-", "-") if told is None else (str(told.phones), str(told.sites), f"{told.uptime_s // 60} min")))


def _short(peer: str) -> str:
    return f"{peer[:8]}{peer[8 : 8 + _SHORT]}…"


def _when(unix: int) -> str:
    return datetime.fromtimestamp(unix).astimezone().strftime("%Y-%m-%d %H:%M")
