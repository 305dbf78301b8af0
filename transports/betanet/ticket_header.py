"""The BN-Ticket header of the 1.2 draft, which lets nobody in: a token from the session's exporter.

    BN-Ticket: v=v1; tok=<120 bytes, base64url without "=">; ctx=<up to 32 of A-Z a-z 0-9 - _>

    tok = Expand(exporter secret, "BN-Ticket v1" || ctx, 120)        ctx may be missing; name and value: 256 bytes at most

A token proves nothing that the session has not proved already, and whoever is not in a session cannot be judged by
it. So it is written and checked for its form; the tickets that let in are those of 1.1 (`tickets`).

Source: BetaNet 1.2 draft, section 6.4. The text calls it an RFC 8941 dictionary; what it and the implementations write
is the form above. It also asks for a new token with every request, for which `ctx` has to change.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from transports.betanet.errors import BetanetError, malformed
from transports.betanet.keys import expand
from transports.betanet.tickets import from_text, to_text

NAME: Final = "BN-Ticket"
TOKEN_BYTES: Final = 120
_MOST: Final = 256
_VALUE: Final = re.compile(r"v=v1; tok=([A-Za-z0-9_-]{160})(?:; ctx=([A-Za-z0-9_-]{1,32}))?")


@dataclass(frozen=True, slots=True)
class TicketHeader:
    """A token of 120 bytes and the label it was made with, which may be empty."""

    token: bytes = field(repr=False)
    context: str = ""


def make_header(exporter_secret: bytes, context: str = "") -> TicketHeader:
    """Return the token of a session for one label."""
    return TicketHeader(expand(exporter_secret, b"BN-Ticket v1" + context.encode(), TOKEN_BYTES), context)


def encode_header_value(header: TicketHeader) -> str:
    """Return the value of the header; raises `ValueError` for a token or label that has no place in it."""
    value = f"v=v1; tok={to_text(header.token)}" + (f"; ctx={header.context}" if header.context else "")
    try:
        decode_header_value(value)
    except BetanetError as error:
        raise ValueError(str(error)) from None
    return value


def decode_header_value(value: str) -> TicketHeader:
    """Return what the header says; raises `BetanetError` for any other form."""
    match = _VALUE.fullmatch(value)
    if match is None or len(NAME) + len(value) > _MOST:
        raise malformed("not a BN-Ticket")
    return TicketHeader(from_text(match[1]), match[2] or "")
