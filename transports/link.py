"""The contract between transports and whoever decides what frames mean.

A *link* is any two-way path for frames: a phone's BLE connection, a stream to another
gateway. A *transport* makes links and moves frames over them without looking inside.

Rules every transport keeps (`transports.conformance` checks them):

* frames of one link arrive in the order they were sent;
* nothing is posted for a link before its `LinkUp` or after its `LinkDown`;
* `LinkUp` comes only after a verified round trip with the other end;
* `send` never blocks; after it returned False, `Writable` follows once there is room;
* a frame larger than the link's `mtu` is refused with `ValueError`: a bug of the caller;
* cancelling `run` closes every link (each with its `LinkDown`) and leaves no task behind.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Flag, StrEnum, auto
from typing import NewType, Protocol, runtime_checkable

LinkId = NewType("LinkId", str)
"""Names one link for as long as it is up, e.g. ``radio:alice``; never reused while up."""


class Capability(Flag):
    """What a transport's links are good for."""

    BROADCAST = auto()
    DIRECTED = auto()
    LOCAL = auto()
    WIDE_AREA = auto()
    METERED = auto()
    COVERT = auto()
    RELAY = auto()  # no gateway at the far end but a public place, whose frames are finished events


@dataclass(frozen=True, slots=True)
class LinkUp:
    """A link is ready: the other end has answered."""

    link: LinkId
    mtu: int  # largest frame in bytes
    capabilities: Capability
    peer: str | None = None  # authenticated identity of the far end, where the transport knows one (a libp2p peer ID)


@dataclass(frozen=True, slots=True)
class LinkDown:
    """A link is gone; whatever was not delivered is lost unless the transport said otherwise."""

    link: LinkId
    reason: str


@dataclass(slots=True)
class FrameReceived:
    """One whole frame came in."""

    link: LinkId
    frame: bytes


@dataclass(frozen=True, slots=True)
class Writable:
    """A link that refused a frame has room again."""

    link: LinkId


LinkEvent = LinkUp | LinkDown | FrameReceived | Writable
Post = Callable[[LinkEvent], None]


class TransportState(StrEnum):
    """How a transport is doing, in the words pages and metrics use."""

    STARTING = "starting"
    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class TransportStatus:
    """One source for the page, the CLI, MQTT and metrics."""

    name: str
    state: TransportState
    sentence: str  # what a person should read
    remedy: str = ""  # what that person can do, empty if nothing
    links: int = 0
    addresses: tuple[str, ...] = ()  # where others can reach this transport
    counters: Mapping[str, int] = field(default_factory=dict)


class Transport(Protocol):
    """Moves opaque frames over links."""

    name: str
    capabilities: Capability

    async def run(self, post: Post) -> None:
        """Serve until cancelled, reporting through `post` (called in the event loop, returns at once)."""

    def send(self, link: LinkId, frame: bytes) -> bool:
        """Hand over one frame; False means full: keep the frame and wait for `Writable`."""

    def close(self, link: LinkId, why: str) -> None:
        """Drop a link; its `LinkDown` follows."""

    def status(self) -> TransportStatus:
        """A snapshot, cheap enough to be taken every second."""


class Sender(Protocol):
    """How frames leave on one link."""

    @property
    def send(self) -> Callable[[bytes], bool]:
        """Takes one frame as `Transport.send` does. Asked for anew with every frame, as it may become another."""


@runtime_checkable
class DirectSending(Protocol):
    """What a transport can do besides, where even finding the link for every frame is too slow."""

    def sender(self, link: LinkId) -> Sender:
        """Return what takes the frames of a link that is up, for as long as it is.

        Raises:
            LookupError: it is not up.
        """
