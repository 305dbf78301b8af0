"""Where the two phone apps write the same thing differently, and a node has to choose.

The defaults are what both apps understand (spec section 14), and what the gateway does.
Virtual phones choose otherwise, see `gateway.testing.manners`.
"""

from dataclasses import dataclass
from typing import Literal

from gateway.limits import MAX_SKEW_S


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way of writing and judging.

    Args:
        everybody: what a public message names as its recipient; nothing (iOS) or `BROADCAST` (Android).
        announce_order: the order of an announce's fields.
        marks_answers: whether sync answers bear the RSR flag, without which iOS refuses old ones.
        max_skew: seconds a packet's timestamp may be off; Android asks for nothing (infinity).
        relays: whether packets of others are passed on at all.

    """

    everybody: bytes | None = None
    announce_order: Literal["ios", "android"] = "ios"
    marks_answers: bool = True
    max_skew: float = MAX_SKEW_S
    relays: bool = True


PLAIN = Dialect()
