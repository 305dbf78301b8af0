"""How a ticket travels: in a cookie, in the query or in the body of a form, and how a site says which it likes.

    policy    BN-Ticket: v1; carriers=cookie:0.5,query:0.3,body:0.2; len=24..64
    cookie    Cookie: <name>=<ticket>      the name is the site's, "__Host-" in front is advised
    query     ?bn1=<ticket>
    body      bn1=<ticket>                 application/x-www-form-urlencoded

A visitor uses exactly one carrier, drawn with the site's probabilities, and 24 to 64 bytes of padding from the site's
range. A site takes a ticket from exactly one place: two tickets in one request are none.

Source: BetaNet 1.1, section 5.2. That the probabilities add up to 1 (by a thousandth) is our reading.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Final
from urllib.parse import parse_qsl

from transports.betanet.errors import malformed
from transports.betanet.tickets import LEAST_PADDING, MOST_PADDING

FIELD: Final = "bn1"
_POLICY: Final = re.compile(r"v1; carriers=([a-z]+:[0-9.]+(?:,[a-z]+:[0-9.]+)*); len=(\d{1,3})\.\.(\d{1,3})")
_SHARE: Final = re.compile(r"0(?:\.\d{1,6})?|1(?:\.0{1,6})?")
_TOLERANCE: Final = 0.001
_MOST_FIELDS: Final = 64  # of a query or a form that are looked at; with more there is no ticket


class Carrier(StrEnum):
    """Where in a request a ticket stands."""

    COOKIE = "cookie"
    QUERY = "query"
    BODY = "body"


def _evenly() -> dict[Carrier, float]:
    return {Carrier.COOKIE: 0.5, Carrier.QUERY: 0.3, Carrier.BODY: 0.2}


@dataclass(frozen=True, slots=True)
class Policy:
    """What a site asks of its visitors: probabilities of the carriers, and least and most bytes of padding."""

    carriers: Mapping[Carrier, float] = field(default_factory=_evenly)
    least_padding: int = LEAST_PADDING
    most_padding: int = MOST_PADDING

    def draw(self, rng: Random) -> tuple[Carrier, int]:
        """Return a carrier and a length of padding for one request."""
        names = list(self.carriers)
        carrier = rng.choices(names, [self.carriers[name] for name in names])[0]
        return carrier, rng.randint(self.least_padding, self.most_padding)


def encode_policy(policy: Policy) -> str:
    """Return the value of a site's BN-Ticket header."""
    shares = ",".join(f"{carrier}:{round(share, 6)}" for carrier, share in policy.carriers.items())
    return f"v1; carriers={shares}; len={policy.least_padding}..{policy.most_padding}"


def decode_policy(value: str) -> Policy:
    """Return what a site's BN-Ticket header asks for.

    Raises:
        BetanetError: another version, an unknown carrier, one named twice, probabilities that are none, or padding
            outside 24 to 64.
    """
    match = _POLICY.fullmatch(value)
    if match is None:
        raise malformed("not a ticket policy")
    carriers: dict[Carrier, float] = {}
    for entry in match[1].split(","):
        name, _, share = entry.partition(":")
        if name not in list(Carrier) or Carrier(name) in carriers or not _SHARE.fullmatch(share):
            raise malformed("carrier unknown, twice or without probability")
        carriers[Carrier(name)] = float(share)
    least, most = int(match[2]), int(match[3])
    if abs(sum(carriers.values()) - 1) > _TOLERANCE or not LEAST_PADDING <= least <= most <= MOST_PADDING:
        raise malformed("ticket policy out of range")
    return Policy(carriers, least, most)


def to_cookie(name: str, ticket: str) -> str:
    """Return the value of a Cookie header."""
    return f"{name}={ticket}"


def to_query(path: str, ticket: str) -> str:
    """Return path and query of a request; `path` has no query of its own."""
    return f"{path}?{FIELD}={ticket}"


def to_body(ticket: str) -> str:
    """Return the body of a form."""
    return f"{FIELD}={ticket}"


def find_ticket(cookie_name: str, *, cookie: str = "", query: str = "", body: str = "") -> str | None:
    """Return the one text that may be a ticket in a request, None when there is none or more than one.

    Args:
        cookie_name: the site's name for the cookie.
        cookie: value of the Cookie header.
        query: what follows "?" in the request's target.
        body: body of the request when it is a form.
    """
    pairs = [part.strip().partition("=") for part in cookie.split(";")]
    found = [value for name, _, value in pairs if name == cookie_name]
    for fields in (query, body):
        try:
            parsed = parse_qsl(fields, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        except ValueError:
            return None
        found += [value for name, value in parsed if name == FIELD]
    return found[0] if len(found) == 1 else None
