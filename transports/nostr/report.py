"""What a person is told about the relays."""

from collections.abc import Mapping

from transports.link import TransportState, TransportStatus

DISCLOSED = "Each learns this gateway's IP address and the cells it asks for."
"""Stands in the status as long as Nostr is on."""

_UNREACHED = "Check the address in transports.nostr.relays, or remove it; the others are used meanwhile."
_CLOCK = "It goes on by itself once somebody vouches for the time of day; see the clock in the manual."


def report(*, running: bool, waits_for_clock: bool, relays: Mapping[str, str], counters: Mapping[str, int]) -> TransportStatus:
    """The status.

    Args:
        running: whether the transport runs.
        waits_for_clock: whether nothing can be asked because the time of day is not known.
        relays: why each is not linked, empty where it is.
        counters: plain counts.

    """
    up = sum(not why for why in relays.values())
    count = f"{up} of {len(relays)} relay{'' if len(relays) == 1 else 's'} linked"
    tried = {place: why for place, why in relays.items() if why}
    remedy = ""
    if not running:
        state, sentence = TransportState.DOWN, "Nostr is stopped."
    elif waits_for_clock:
        state, sentence, remedy = TransportState.STARTING, "No relay is asked before the time of day is known.", _CLOCK
    elif not tried:
        state, sentence = TransportState.UP, f"{count}. {DISCLOSED}"
    else:
        place, why = min(tried.items())
        others = f", and {len(tried) - 1} more" if len(tried) > 1 else ""
        # With no relay at all, events still cross between sites.
        state = TransportState.DEGRADED
        sentence, remedy = f"{count}; {place} is not: {why}{others}. {DISCLOSED}", _UNREACHED
    return TransportStatus("nostr", state, sentence, remedy, up, counters=counters)
