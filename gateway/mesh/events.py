"""What can happen to the mesh engine, besides the `transports.link` events.

`now` travels beside every event: seconds of a monotonic clock. Wall-clock time exists
only as `ClockSet.offset`, because a Pi boots without knowing the time.
"""

from dataclasses import dataclass

from gateway.errors import Reason
from gateway.mesh.effects import Priority
from gateway.mesh.records import EventCarried, EventNoted, HistoryKept, KeyPinned, LetterEnded, LetterKept
from transports.link import FrameReceived, LinkDown, LinkId, LinkUp, Writable


@dataclass(frozen=True, slots=True)
class ClockSet:
    """Wall-clock time is now known (or was stepped): ``unix seconds = now + offset``."""

    offset: float


@dataclass(frozen=True, slots=True)
class Tick:
    """`next_wakeup` has come."""


@dataclass(frozen=True, slots=True)
class Say:
    """Send a public message from this node; an urgent one goes ahead of what others say, on busy links."""

    text: str
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Whisper:
    """Send a private message, end to end encrypted, to one peer (at most 255 bytes of UTF-8)."""

    recipient: bytes  # peer ID, 8 bytes
    message_id: str  # normally an upper-case UUID
    text: str


@dataclass(frozen=True, slots=True)
class Handshake:
    """Start a Noise session with one peer, a new one in place of the old if there is one."""

    recipient: bytes


@dataclass(frozen=True, slots=True)
class Unsent:
    """What waited for a link that is about to be reported down, in the order it would have left.

    Whoever keeps the queues says so right before the `LinkDown`; another link to the same peer takes it.
    """

    link: LinkId
    frames: tuple[tuple[bytes, Priority], ...]


@dataclass(frozen=True, slots=True)
class Ping:
    """Ask one peer for a pong."""

    recipient: bytes


@dataclass(frozen=True, slots=True)
class Rename:
    """Change the nickname and announce it."""

    nickname: str


@dataclass(frozen=True, slots=True)
class Offer:
    """Announce from now on that this node serves other things, and call it by a name that says so."""

    nickname: str
    capabilities: int  # `gateway.wire.types.Capability` bits
    bridge_geohash: str | None
    notice: str = ""  # what stands on the island's board, nothing if it is empty


@dataclass(frozen=True, slots=True)
class SwitchBridge:
    """Let nothing cross to other sites, or again what the configuration lets through; the mesh goes on either way."""

    on: bool


@dataclass(frozen=True, slots=True)
class Remember:
    """Take back what was kept before a restart, the oldest first; the time of day has to be known."""

    packets: tuple[HistoryKept, ...]
    events: tuple[EventNoted, ...] = ()
    carried: tuple[EventCarried, ...] = ()
    pins: tuple[KeyPinned, ...] = ()
    letters: tuple[LetterKept, ...] = ()
    ended: tuple[LetterEnded, ...] = ()


@dataclass(frozen=True, slots=True)
class TellSite:
    """Tell another gateway something about the federation; `peer` is its proved identity."""

    peer: str
    body: bytes


@dataclass(frozen=True, slots=True)
class PartWithSite:
    """End every link to another gateway."""

    peer: str
    why: str


@dataclass(frozen=True, slots=True)
class CatchUpSite:
    """Tell another gateway what it has missed, because it asked; nothing older than `since_ms`, Unix milliseconds."""

    peer: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class LetterStored:
    """A letter is on the disk for good, or is not and will not be: DUPLICATE is one that had ended already."""

    name: bytes
    refused: Reason | None = None


OfSites = TellSite | PartWithSite | CatchUpSite
Command = ClockSet | Tick | Say | Whisper | Handshake | Ping | Rename | Offer | SwitchBridge | Unsent | Remember | LetterStored | OfSites
MeshEvent = LinkUp | LinkDown | FrameReceived | Writable | Command
