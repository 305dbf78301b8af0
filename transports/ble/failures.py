"""Sorts what BlueZ and bleak say when a connection does not work.

BlueZ answers nearly every failed connection with "le-connection-abort-by-local" (src/device.c, att_connect_cb),
whatever the controller said, so that text alone says little; several of them in a row do (see `budget`).
"""

from typing import Final

from hw.bluez.errors import DISCONNECTED, NO_OWNER, NOT_READY, REMOVED
from transports.ble.edge import DialFailure

ELSEWHERE: Final = frozenset({DISCONNECTED, NO_OWNER, NOT_READY, REMOVED})
"""Errors that tell nothing of what was tried: the bus, BlueZ or the adapter is gone or off, which is noticed elsewhere."""

_TEXTS: Final[tuple[tuple[str, DialFailure], ...]] = (
    ("limited resources", DialFailure.FULL),
    ("connection-limit", DialFailure.FULL),
    ("connection limit", DialFailure.FULL),
    ("memory-allocation", DialFailure.FULL),
    ("command disallowed", DialFailure.FULL),
    ("0x0c", DialFailure.FULL),
    ("0x0d", DialFailure.FULL),
    ("timed out", DialFailure.TIMEOUT),
    ("timeout", DialFailure.TIMEOUT),
    ("not-powered", DialFailure.CUT_OFF),
    ("not powered", DialFailure.CUT_OFF),
    ("abort", DialFailure.ABORTED),
    ("cancel", DialFailure.ABORTED),
    ("refused", DialFailure.ABORTED),
    ("host is down", DialFailure.ABORTED),
    ("disconnected", DialFailure.ABORTED),
    ("not connected", DialFailure.ABORTED),
    ("in progress", DialFailure.ABORTED),
    ("already", DialFailure.ABORTED),
    ("not found", DialFailure.VANISHED),
)
_NAMES: Final[dict[str, DialFailure]] = {
    "DoesNotExist": DialFailure.VANISHED,
    "UnknownObject": DialFailure.VANISHED,
    "UnknownMethod": DialFailure.VANISHED,
    "NoReply": DialFailure.BROKEN,
    "ServiceUnknown": DialFailure.CUT_OFF,
    "NameHasNoOwner": DialFailure.CUT_OFF,
    "Disconnected": DialFailure.CUT_OFF,
    "NotReady": DialFailure.CUT_OFF,
    "NotPermitted": DialFailure.REFUSED,
    "NotAuthorized": DialFailure.REFUSED,
    "NotSupported": DialFailure.REFUSED,
    "InProgress": DialFailure.ABORTED,
}


def sort_failure(name: str, text: str) -> DialFailure:
    """Say what kind of failure it was, from a D-Bus error name (or an exception's) and the text beside it."""
    kind = _NAMES.get(name.rpartition(".")[2])
    if kind is not None:
        return kind
    lower = text.lower()
    return next((kind for part, kind in _TEXTS if part in lower), DialFailure.BROKEN)
