"""Addresses and peers as programs name them."""

from collections.abc import Sequence
from dataclasses import dataclass

from transports.libp2p.address import parse_listen as parse_libp2p_listen
from transports.libp2p.address import parse_peer as parse_libp2p
from transports.websocket.address import parse_listen as parse_websocket_listen
from transports.websocket.address import parse_peer as parse_websocket

LIBP2P, WEBSOCKET = "libp2p", "websocket"
_WSS = "wss://"


@dataclass(frozen=True, slots=True)
class Peer:
    """Another program, and how it is reached right now."""

    peer_id: str
    is_up: bool  # whether it is linked and takes messages
    transport: str  # what carries messages to it, empty if there is no link
    spare: tuple[str, ...]  # transports with a link that would be used in its place
    why: str  # the link in use is the one
    open_messages: int  # to it, whose fate is not known yet


def transport_of(address: str) -> str:
    """Return the name of the transport that an address to listen at or to call is for.

    Raises:
        ValueError: with a sentence for whoever wrote it.

    """
    if address.startswith("/"):
        return LIBP2P
    if address.startswith(_WSS):
        return WEBSOCKET
    raise ValueError(
        f"{address!r} is no address of another program: those begin with /ip4, /ip6 or /dns for libp2p, and with wss:// for WebSocket."
    )


def listening(listen: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the addresses to listen at by transport: a multiaddr is libp2p's, HOST:PORT is WebSocket's.

    Raises:
        ValueError: one of them is neither.

    """
    found: dict[str, list[str]] = {}
    for address in listen:
        if address.startswith("/"):
            parse_libp2p_listen(address)
            found.setdefault(LIBP2P, []).append(address)
        else:
            parse_websocket_listen(address)
            found.setdefault(WEBSOCKET, []).append(address)
    return {name: tuple(addresses) for name, addresses in found.items()}


def who_is_at(addresses: Sequence[str]) -> tuple[str, dict[str, list[str]]]:
    """Return the one peer ID that all of these addresses name, and the addresses by transport.

    Raises:
        ValueError: there are none, they name several peers, or one is no address.

    """
    peers: set[str] = set()
    found: dict[str, list[str]] = {}
    for address in addresses:
        name = transport_of(address)
        found.setdefault(name, []).append(address)
        peers.add(str((parse_libp2p if name == LIBP2P else parse_websocket)(address).peer_id))
    if len(peers) != 1:
        raise ValueError("Give the addresses of one program: at least one, and all with the same ID." if peers else "Give an address.")
    return peers.pop(), found
