"""Who puts an event down first where several gateways serve one island.

Each waits its own jitter, as upstream does, and hears the others meanwhile. Upstream leaves
it to chance that two do not start at once; here all work out the same order from the event
and their peer IDs, and whoever is later in it also waits a turn for each that is earlier.
"""

from collections.abc import Iterable
from hashlib import sha256

from gateway.bridge.events import Carried
from gateway.limits import DOWN_JITTER_S, DOWN_TURN_S, FRAGMENT_CHUNK, MAX_DOWN_TURNS
from gateway.mesh.outbound import FRAGMENT_SPACING_S


def jitter(gateway: bytes, identifier: bytes) -> float:
    """Return the seconds a gateway waits with an event: evenly spread, and the same whoever works it out."""
    low, high = DOWN_JITTER_S
    share = int.from_bytes(sha256(identifier + gateway).digest()[:4]) / 2**32
    return low + (high - low) * share


def turn_at(own_id: bytes, others: Iterable[bytes], carried: Carried, now: float) -> float:
    """Return when it is this gateway's turn.

    Args:
        own_id: its peer ID.
        others: peer IDs of the other gateways here.
        carried: the event.
        now: seconds.

    """
    name = carried.identifier
    own = jitter(own_id, name)
    earlier = min(MAX_DOWN_TURNS, sum((jitter(other, name), other) < (own, own_id) for other in set(others) - {own_id}))
    on_air = len(carried.event.content.encode()) / FRAGMENT_CHUNK * FRAGMENT_SPACING_S
    return now + own + earlier * (DOWN_TURN_S + on_air)
