"""When a message is tried again: exponential back-off with full jitter, up to a deadline."""

from random import Random
from typing import Final

FIRST_MS: Final = 5_000  # the longest first wait
CAP_MS: Final = 600_000  # the longest wait there is
_DOUBLINGS: Final = 7  # after which the cap is reached


def next_try(attempts: int, now_ms: int, rng: Random) -> int:
    """Return when to try again, drawn evenly from now to the longest wait after so many attempts (1 and up).

    Two gateways that lost each other at the same moment thus do not come back at the same moment.
    """
    longest = min(CAP_MS, FIRST_MS << min(attempts - 1, _DOUBLINGS))
    return now_ms + int(rng.uniform(0, longest))
