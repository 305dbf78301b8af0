"""What a person is told about the WebSocket transport."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from transports.link import TransportState, TransportStatus

_ELSEWHERE = "Stop the other program, or change transports.websocket.listen."
_UNREACHED = "Check that the other gateway runs, that its address is right, and that it lists this gateway as a member."


def report(
    *,
    running: bool,
    up: AbstractSet[str],
    unreached: Mapping[str, str],
    addresses: Sequence[str],
    faults: Sequence[str],
    counters: Mapping[str, int],
) -> TransportStatus:
    """The status.

    Args:
        running: whether the transport runs.
        up: peer IDs that are linked.
        unreached: peer IDs that are called in vain, and why as far as that is known.
        addresses: where others can call this gateway.
        faults: why it does not listen where it should, a sentence each.
        counters: plain counts.

    """
    count = f"{len(up)} gateway{'' if len(up) == 1 else 's'} linked"
    remedy = ""
    if not running:
        state, sentence = TransportState.DOWN, "The WebSocket transport is stopped."
    elif faults:
        state = TransportState.DEGRADED if addresses or up else TransportState.DOWN
        sentence, remedy = f"{faults[0]} {count}.", _ELSEWHERE
    elif unreached:
        state = TransportState.DEGRADED
        peer_id, why = min(unreached.items())
        others = f", and {len(unreached) - 1} more" if len(unreached) > 1 else ""
        sentence = f"{count}; {peer_id} cannot be reached{f' ({why})' if why else ''}{others}."
        remedy = _UNREACHED
    elif up:
        state, sentence = TransportState.UP, f"{count}."
    else:
        state, sentence = TransportState.STARTING, "Listening; no member has linked yet."
    return TransportStatus("websocket", state, sentence, remedy, len(up), tuple(addresses), counters)
