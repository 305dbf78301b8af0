"""The signing keys trusted on first use, by peer ID, and who among their owners has come back.

Somebody who is still, or again, heard a day after the first time is a regular; everybody
else may have been invented a moment ago. Strangers make way for strangers, so that a crowd
of invented ones makes this node forget nobody it knows, until regulars fill more than half.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gateway.limits import MAX_PINS, REGULAR_AFTER_MS
from gateway.mesh.records import KeyPinned

_STRANGERS = MAX_PINS // 2
_DAY_MS = 24 * 3600 * 1000


@dataclass(slots=True)
class Pin:
    """One key: since when it is trusted, and when that was last told to whoever writes it down."""

    signing_key: bytes
    since_ms: int
    told_ms: int


class Pins(Mapping[bytes, bytes]):
    """Signing keys by peer ID, those unused longest forgotten first.

    Args:
        known: keys remembered from earlier, by peer ID; their owners count as regulars.

    """

    def __init__(self, known: Mapping[bytes, bytes] | None = None) -> None:
        self._strangers: OrderedDict[bytes, Pin] = OrderedDict()
        self._regulars: OrderedDict[bytes, Pin] = OrderedDict()
        for peer_id, signing_key in (known or {}).items():
            self._regulars[peer_id] = Pin(signing_key, 0, 0)
            self._shrink()

    def __getitem__(self, peer_id: bytes) -> bytes:
        pin = self._regulars.get(peer_id) or self._strangers[peer_id]
        return pin.signing_key

    def key_of(self, peer_id: bytes) -> bytes | None:
        """Return the key of an ID, None if nobody has announced one: asked for every packet, and raises nothing, which is dear."""
        pin = self._regulars.get(peer_id) or self._strangers.get(peer_id)
        return None if pin is None else pin.signing_key

    def __iter__(self) -> Iterator[bytes]:
        yield from self._regulars
        yield from self._strangers

    def __len__(self) -> int:
        return len(self._regulars) + len(self._strangers)

    def is_regular(self, peer_id: bytes) -> bool:
        """Say whether somebody has come back after a day."""
        return peer_id in self._regulars

    def pin(self, peer_id: bytes, signing_key: bytes, wall_ms: int) -> KeyPinned | None:
        """Trust a key, or note that its owner was heard again.

        Returns:
            What is to be written down: that it is new, or a day old since it was last told.

        """
        pin = self._regulars.pop(peer_id, None) or self._strangers.pop(peer_id, None) or Pin(signing_key, wall_ms, -_DAY_MS)
        shelf = self._regulars if wall_ms - pin.since_ms >= REGULAR_AFTER_MS else self._strangers
        shelf[peer_id] = pin
        self._shrink()
        if wall_ms - pin.told_ms < _DAY_MS:
            return None
        pin.told_ms = wall_ms
        return KeyPinned(peer_id, signing_key, pin.since_ms, wall_ms)

    def restore(self, older: Iterable[KeyPinned]) -> list[bytes]:
        """Take back what was told before a restart, beneath what has come since.

        Returns:
            The peer IDs somebody has claimed with another key since; the older key is the one that stays.

        """
        newer = {peer_id: pin for shelf in (self._regulars, self._strangers) for peer_id, pin in shelf.items()}
        self._regulars.clear()
        self._strangers.clear()
        claimed = []
        for one in older:
            shelf = self._regulars if one.seen_ms - one.since_ms >= REGULAR_AFTER_MS else self._strangers
            shelf[one.peer_id] = Pin(one.signing_key, one.since_ms, one.seen_ms)
            if one.peer_id in newer and newer.pop(one.peer_id).signing_key != one.signing_key:
                claimed.append(one.peer_id)
        self._strangers.update(newer)
        while len(self) > MAX_PINS:
            self._shrink()
        return claimed

    def _shrink(self) -> None:
        if len(self) > MAX_PINS:
            (self._strangers if len(self._strangers) > _STRANGERS or not self._regulars else self._regulars).popitem(last=False)
