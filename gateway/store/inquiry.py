"""Everything one database knows about one ID.

Every function wants a transaction of the database around it, and raises `StoreError` if the database cannot be used.
"""

from dataclasses import dataclass
from typing import Final

from gateway.limits import MAX_WHY_NAMES
from gateway.store.decisions import Decision
from gateway.store.message import Progress
from gateway.store.store import Store

KNOWN_AS: Final = "known_as"  # the verb whose detail is another ID of the same thing
_EVENT_ID: Final = 64  # characters of a Nostr event ID
_PACKET_ID: Final = 32  # characters of a packet ID, and of an event ID as it is used between sites


@dataclass(frozen=True, slots=True)
class Trail:
    """What is known of one thing.

    Args:
        subject: the ID it was asked for by.
        names: its other IDs.
        decisions: what was done with it under any of them, in order.
        kept_until_ms: until when it is kept for those who missed it, None if it is not.
        progress: how far it has come in the spool, None if it is not there.

    """

    subject: str
    names: tuple[str, ...]
    decisions: tuple[Decision, ...]
    kept_until_ms: int | None
    progress: Progress | None


def wanted_prefix(text: str) -> str:
    """Return what to look for: small letters, and of a Nostr event ID the half that travels between sites."""
    text = text.strip().lower()
    is_event = _PACKET_ID < len(text) <= _EVENT_ID and all(character in "0123456789abcdef" for character in text)
    return text[:_PACKET_ID] if is_event else text


def trail_of(store: Store, subject: str) -> Trail:
    """Return what is known of an ID, and of the others it is known by."""
    names = [subject]
    for name in names:
        others = dict.fromkeys(one.detail for one in store.decisions.trail(name) if one.verb == KNOWN_AS)
        names += [other for other in others if other not in names][: 1 + MAX_WHY_NAMES - len(names)]
    decisions = [one for one in store.decisions.trail(*names) if one.verb != KNOWN_AS]
    ids = [bytes.fromhex(name) for name in names if _is_packet_id(name)]
    until = [at for at in (store.history.until_ms(packet_id) for packet_id in ids) if at is not None]
    progress = (store.spool.get(message_id) for message_id in (*ids, subject.encode(), subject.upper().encode()))
    return Trail(subject, tuple(names[1:]), tuple(decisions), max(until, default=None), next(filter(None, progress), None))


def _is_packet_id(name: str) -> bool:
    return len(name) == _PACKET_ID and all(character in "0123456789abcdef" for character in name)
