"""What an operator decides about the WebSocket transport."""

from dataclasses import dataclass
from pathlib import Path

from transports.libp2p.identity import is_peer_id
from transports.limits import HANDSHAKE_TIMEOUT_S, MAX_MEMBERS, MAX_PEER_ADDRESSES, OUTAGE_GRACE_S, STALL_S
from transports.websocket.address import parse_listen, parse_peer


@dataclass(frozen=True, slots=True)
class WebSocketConfig:
    """Who may link with this gateway, where it listens and whom it calls.

    Raises:
        ValueError: on construction, with a sentence for the person who wrote the configuration.
    """

    identity_path: Path  # Ed25519 key file, the same as libp2p's; created with mode 0600 if missing
    certificate_path: Path  # PEM, certificate first; made together with its key if both are missing
    key_path: Path  # PEM, private key of the certificate
    listen: tuple[str, ...] = ("127.0.0.1:0",)  # empty: only call others
    members: tuple[str, ...] = ()  # peer IDs that may link with this gateway
    peers: tuple[str, ...] = ()  # wss://HOST:PORT#ID of members to call and to keep calling
    authorities: tuple[Path, ...] = ()  # PEM; if any, a called gateway's certificate must also be signed by one of them
    outage_grace_s: float = OUTAGE_GRACE_S  # seconds a link stays up, accepting frames, while its connection is gone
    stall_s: float = STALL_S  # seconds one write may take before its connection is dropped
    hello_s: float = HANDSHAKE_TIMEOUT_S  # seconds from the first byte to the end of the hello

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for text in self.listen:
            address = parse_listen(text)
            if address.port and str(address) in seen:
                raise ValueError(f"{text!r} is listed twice among the addresses to listen on.")
            seen.add(str(address))
        for member in self.members:
            if not is_peer_id(member):
                raise ValueError(f"{member!r} among the members is not the ID of a gateway; such an ID starts with 12D3KooW.")
        if len(self.members) > MAX_MEMBERS:
            raise ValueError(f"{len(self.members)} members are more than the {MAX_MEMBERS} a gateway can hold links to.")
        for text in self.peers:
            if (peer_id := parse_peer(text).peer_id) not in self.members:
                raise ValueError(f"{text!r} would call a gateway that is not among the members: add {peer_id} to them.")
        if len(self.peers) > MAX_PEER_ADDRESSES:
            raise ValueError(f"{len(self.peers)} addresses to call are more than the {MAX_PEER_ADDRESSES} allowed.")
        if not self.listen and not self.peers:
            raise ValueError("The WebSocket transport has nothing to do: it neither listens nor calls anybody.")
        if not 0 <= self.outage_grace_s <= 3600:
            raise ValueError("The grace for an outage must be between 0 and 3600 seconds.")
        if not 0 < self.stall_s <= 3600:
            raise ValueError("The time one write may take must be positive and at most 3600 seconds.")
        if not 0 < self.hello_s <= 3600:
            raise ValueError("The time a hello may take must be positive and at most 3600 seconds.")
