"""What is known of a link to another gateway, and what all of them together have said."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from gateway.bridge.tickets import Refusal
from gateway.session.rate import TokenBucket
from gateway.wire.federation import Hello

UNUSED: Final = ("rate", "malformed", "waiting")
"""Why a message of another gateway is not looked at: too many, no message of the protocol, too many waiting."""


@dataclass(slots=True)
class Link:
    """One link, and what the gateway behind it said of itself."""

    messages: TokenBucket
    hello: Hello | None = None
    capabilities: tuple[str, ...] = ()


@dataclass(slots=True)
class Counts:
    """What was said, since the start.

    Attributes:
        heard: messages taken, by kind.
        said: messages given to links, by kind.
        unused: messages not looked at, by `UNUSED`.
        tickets: tickets and codes that were not taken, by reason.

    """

    heard: Counter[str] = field(default_factory=Counter)
    said: Counter[str] = field(default_factory=Counter)
    unused: Counter[str] = field(default_factory=Counter)
    tickets: Counter[Refusal] = field(default_factory=Counter)
