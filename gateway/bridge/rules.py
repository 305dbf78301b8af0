"""Which packets may leave their island in open mode.

Open mode carries what BitChat authors made public, and what is sealed end to end, as it
is. Housekeeping between neighbours stays where it belongs, and so do the carriers of
BitChat's own consent bridge, which have rules of their own, and the notice by which a gateway
says on the board of its island that the bridge is open.
"""

from gateway.errors import Reason
from gateway.mesh.placard import is_of_the_island
from gateway.wire.packet import Header
from gateway.wire.types import MessageType

_STAYS = frozenset({MessageType.REQUEST_SYNC, MessageType.FRAGMENT, MessageType.NOSTR_CARRIER, MessageType.ANNOUNCE_V2})
UNSIGNED = frozenset({MessageType.NOISE_HANDSHAKE, MessageType.NOISE_ENCRYPTED, MessageType.PING, MessageType.PONG})
"""Directed types that carry no signature; they cross for known peers only, and within a budget."""


def refusal(frame: bytes, header: Header) -> Reason | None:
    """Say why a packet of this shape may not cross, or None if it may.

    A fragment never crosses: the whole original does, reassembled and verified first.
    """
    if header.type in _STAYS or header.is_rsr or is_of_the_island(frame, header):
        return Reason.NOT_BRIDGEABLE
    if header.type in UNSIGNED and header.is_broadcast:
        return Reason.NOT_BRIDGEABLE
    return None
