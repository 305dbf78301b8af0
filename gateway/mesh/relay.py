"""Whether, how far and how soon a packet is passed on.

The table is BitChat iOS's flood policy (RelayController.swift, spec section 9.2). TTLs
shrink and delays grow with the number of connected peers, so that a crowd does not drown
in copies; the delay is jitter in which an overheard copy can cancel ours.
"""

from functools import lru_cache
from typing import NamedTuple

from gateway.limits import MAX_TTL
from gateway.wire.types import MessageType

SPARSE_DEGREE = 2  # peers; up to here nobody else may cover the area, so be quick and generous
DENSE_DEGREE = 6
CROWD_DEGREE = 10
DENSE_TTL = 5
MIDDLE_TTL = 6

_DIRECTED = frozenset(
    {
        MessageType.NOISE_ENCRYPTED,
        MessageType.COURIER,
        MessageType.PING,
        MessageType.PONG,
        MessageType.NOSTR_CARRIER,
        MessageType.FRAGMENT,
    }
)
_STREAMED = frozenset({MessageType.FRAGMENT, MessageType.VOICE})


class RelayDecision(NamedTuple):
    """What to do with a packet: `delay_ms` is the inclusive range to draw the jitter from."""

    relay: bool
    ttl: int
    delay_ms: tuple[int, int]


@lru_cache(maxsize=256)
def decide(message_type: int, ttl: int, degree: int, directed: bool, urgent: bool = False) -> RelayDecision:
    """Decide about a packet that is neither ours nor addressed to us.

    Called by position where it is called for every packet: so what is known already is found in half the time.

    Args:
        message_type: outer message type.
        ttl: hops left, as received.
        degree: connected peers.
        directed: whether it names one recipient.
        urgent: an urgent board post, which travels as far as an announce.

    Returns:
        The decision; a packet that is not passed on keeps its (clamped) TTL.

    """
    ttl = min(ttl, MAX_TTL)
    if message_type == MessageType.REQUEST_SYNC or ttl <= 1:
        return RelayDecision(relay=False, ttl=ttl, delay_ms=(0, 0))
    if message_type == MessageType.NOISE_HANDSHAKE:
        return RelayDecision(relay=True, ttl=ttl - 1, delay_ms=(10, 35))
    if directed and message_type in _DIRECTED:
        return RelayDecision(relay=True, ttl=ttl - 1, delay_ms=(20, 60))
    if message_type in _STREAMED:
        reach = DENSE_TTL if degree >= DENSE_DEGREE else MAX_TTL
        return RelayDecision(relay=True, ttl=min(ttl, reach) - 1, delay_ms=(8, 25))
    if degree <= SPARSE_DEGREE:
        return RelayDecision(relay=True, ttl=ttl - 1, delay_ms=(10, 40))
    if degree < DENSE_DEGREE:
        reach = MAX_TTL if urgent or message_type == MessageType.ANNOUNCE else MIDDLE_TTL
        return RelayDecision(relay=True, ttl=min(ttl, reach) - 1, delay_ms=(60, 150))
    delay = (80, 180) if degree < CROWD_DEGREE else (100, 220)
    return RelayDecision(relay=True, ttl=max(2, min(ttl, DENSE_TTL)) - 1, delay_ms=delay)
