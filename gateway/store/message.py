"""What the spool takes in and tells about."""

from dataclasses import dataclass
from enum import IntEnum

from gateway.errors import Reason
from gateway.store.quotas import Class


class State(IntEnum):
    """How far a message has come. The first two wait, the others have ended."""

    QUEUED = 0
    SENT = 1  # at least once; no receipt yet
    DELIVERED = 2
    READ = 3
    EXPIRED = 4
    FAILED = 5


@dataclass(frozen=True, slots=True)
class Message:
    """One message on its way.

    Args:
        id: what makes it the same message, wherever it comes from: a packet ID or a message ID, 1 to 255 bytes.
        service: its class of service.
        body: what is to be sent, byte for byte the same at every try.
        expires_ms: Unix milliseconds after which nobody wants it any more.
        origin: the peer that wrote it; empty if that is nobody's.
        recipient: the peer, or the tag of a peer, it is for; empty for everybody.
        via: the site that gave it to us; empty for our own island.
        site: the site it is for; empty for our own island.

    """

    id: bytes
    service: Class
    body: bytes
    expires_ms: int
    origin: bytes = b""
    recipient: bytes = b""
    via: bytes = b""
    site: bytes = b""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The spool has the message; `fresh` is false if it had it before, and `state` says how far that has come."""

    state: State
    fresh: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one message has come. Times are Unix milliseconds; `ended_ms` is None while it waits, `reason` where nothing went wrong."""

    id: bytes
    service: Class
    state: State
    reason: Reason | None
    origin: bytes
    recipient: bytes
    via: bytes
    site: bytes
    size: int
    accepted_ms: int
    expires_ms: int
    attempts: int
    ended_ms: int | None


@dataclass(frozen=True, slots=True)
class Tally:
    """How much waits, how much of it in each class, and how many have ended without being delivered."""

    waiting: int
    waiting_bytes: int
    by_class: dict[Class, int]
    dead: int
