"""The time of day before anybody can be asked for it: never before the last one that was believed.

A board without a hardware clock begins with the time its system was built. chrony's own way (`-s`) needs its drift file, which a read-only
root forgets and which a box that never had a network does not have; the gateway's file `clock` is with the state.
"""

import time
from collections.abc import Callable

from hw.clock import EARLIEST, LastTime
from hw.firstboot.places import Places


def set_clock(
    places: Places,
    wall: Callable[[], float] = time.time,
    set_to: Callable[[float], None] = lambda seconds: time.clock_settime(time.CLOCK_REALTIME, seconds),
) -> bool:
    """Set the clock forward to the last time that was believed; returns whether it stood before it. Raises `OSError`.

    It vouches for nothing: the radio waits for a time service all the same, unless the operator trusts the clock.
    """
    earliest = LastTime(places.state / "clock").earliest()
    if earliest <= EARLIEST or wall() >= earliest:
        return False
    set_to(earliest)
    return True
