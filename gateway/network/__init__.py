"""Meshgate's links for other programs: connect, send, broadcast, and what happens. See docs/embedding.md."""

from gateway.network.config import Mode, NetworkConfig, NetworkWarning
from gateway.network.events import Event, Gap, Message, PeerDown, PeerUp, Trouble
from gateway.network.network import P2PNetwork
from gateway.network.peers import Peer
from gateway.network.receipts import Receipt, ReceiptState
from gateway.network.running import NetworkError

__all__ = [
    "Event",
    "Gap",
    "Message",
    "Mode",
    "NetworkConfig",
    "NetworkError",
    "NetworkWarning",
    "P2PNetwork",
    "Peer",
    "PeerDown",
    "PeerUp",
    "Receipt",
    "ReceiptState",
    "Trouble",
]
