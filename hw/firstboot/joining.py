"""Joins a federation with the ticket from the card, as soon as the gateway runs and the other one is reached."""

import contextlib
import time
from collections.abc import Callable
from typing import Final

from hw.erasing import erase
from hw.firstboot.box import Box
from hw.firstboot.commands import Done
from hw.firstboot.limits import JOIN_S, JOIN_TRIES, MAX_TICKET
from hw.firstboot.record import DONE, REFUSED

STEP: Final = "join"
TEMPORARY: Final = frozenset({5, 75, 124})  # the gateway does not answer, cannot now, or takes too long


def join(box: Box, ask: Callable[[str], Done], sleep: Callable[[float], None] = time.sleep) -> bool:
    """Use the ticket; returns whether it is used up. Raises `OSError`.

    Args:
        box: this one.
        ask: has the running gateway join with a ticket.
        sleep: waits.

    """
    try:
        ticket = box.places.ticket.read_text()[:MAX_TICKET].strip()
    except FileNotFoundError:
        return True
    done = Done(1)
    for again in range(JOIN_TRIES):
        if again:
            sleep(JOIN_S)
        done = ask(ticket)
        if done.code not in TEMPORARY:
            break
    if done.code in TEMPORARY:
        box.note(STEP, REFUSED, f"The ticket from meshgate.toml could not be used yet: {done.why} It is tried again at the next start.")
        return False
    if done.code:
        box.note(STEP, REFUSED, f"The ticket from meshgate.toml was not taken: {done.why}")
    else:
        box.note(STEP, DONE, "This gateway has joined a federation with the ticket from meshgate.toml.")
    with contextlib.suppress(FileNotFoundError):
        erase(box.places.ticket)
    return True
