"""What the mesh engine wants done. Effects are carried out in order."""

from dataclasses import dataclass
from enum import IntEnum

from gateway.mesh.records import Record
from gateway.wire.packet import Header
from transports.link import LinkId


class Priority(IntEnum):
    """Class of service on a link, most urgent first (shed from the end); what each may have is in `gateway.mesh.queue`.

    Everything of a Noise session is one class, because its packets must keep their order.
    """

    EMERGENCY = 0  # alerts of our own, and urgent board posts within their sender's allowance
    DIRECTED = 1
    PUBLIC = 2  # announces, messages, board
    SYNC = 3
    VOICE = 4
    BULK = 5  # fragments and files


@dataclass(slots=True)
class SendFrame:
    """Put one frame on each of these links; the same bytes object for all."""

    links: tuple[LinkId, ...]
    frame: bytes
    priority: Priority
    subject: bytes = b""  # packet ID, where somebody may ask whether it arrived
    source: LinkId | None = None  # the link it came by, where it is passed on


@dataclass(frozen=True, slots=True)
class CloseLink:
    """Give a link up."""

    link: LinkId
    why: str


@dataclass(slots=True)
class Heard:
    """A packet of the local mesh was accepted for the first time; the bridge may want it.

    `frame` is the whole original as it came over the air, reassembled if it came in
    fragments. `verified` is true when it carries a signature by the pinned key of its sender.
    """

    packet_id: bytes
    header: Header
    frame: bytes
    link: LinkId
    verified: bool


@dataclass(frozen=True, slots=True)
class PeerSeen:
    """A peer's verified announce was accepted for the first time, or the peer came back."""

    peer_id: bytes
    nickname: str
    direct: bool
    link: LinkId


@dataclass(frozen=True, slots=True)
class PeerLost:
    """A peer left or has not been heard for its lifetime."""

    peer_id: bytes
    reason: str


@dataclass(slots=True)
class PublicMessage:
    """Somebody's verified public message."""

    packet_id: bytes
    sender_id: bytes
    timestamp_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class PrivateMessage:
    """A private message for this node, decrypted and authenticated."""

    sender_id: bytes
    message_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """The far end says it has (``delivered``) or has shown (``read``) a private message of ours."""

    sender_id: bytes
    message_id: str
    kind: str


@dataclass(frozen=True, slots=True)
class Pong:
    """A peer answered our ping."""

    sender_id: bytes
    hops: int | None  # None: the TTLs make no sense
    round_trip: float  # seconds


@dataclass(frozen=True, slots=True)
class SiteMet:
    """Another gateway has greeted that can be spoken to about the federation; `peer` is its proved identity."""

    peer: str


@dataclass(frozen=True, slots=True)
class SiteParted:
    """The last link to such a gateway went down."""

    peer: str


@dataclass(frozen=True, slots=True)
class SiteSpoke:
    """It said something about the federation."""

    peer: str
    body: bytes


Effect = (
    SendFrame
    | CloseLink
    | Heard
    | PeerSeen
    | PeerLost
    | PublicMessage
    | PrivateMessage
    | Receipt
    | Pong
    | Record
    | SiteMet
    | SiteParted
    | SiteSpoke
)
