"""What an operator decides about the libp2p transport."""

from dataclasses import dataclass
from pathlib import Path

from transports.libp2p.address import parse_listen, parse_peer
from transports.libp2p.identity import is_peer_id
from transports.limits import MAX_MEMBERS, MAX_PEER_ADDRESSES, OUTAGE_GRACE_S, STALL_S


@dataclass(frozen=True, slots=True)
class Libp2pConfig:
    """Who may link with this gateway, where it listens and whom it calls.

    Raises:
        ValueError: on construction, with a sentence for the person who wrote the configuration.
    """

    identity_path: Path  # Ed25519 key file, created with mode 0600 if missing
    listen: tuple[str, ...] = ("/ip4/127.0.0.1/tcp/0",)  # the one list of addresses; empty: only call others
    members: tuple[str, ...] = ()  # peer IDs that may link with this gateway; everybody else is hung up on
    peers: tuple[str, ...] = ()  # multiaddrs with /p2p/ID of members to call and to keep calling
    gossip: bool = False  # run gossipsub beside the links; nothing uses it yet and it costs CPU
    outage_grace_s: float = OUTAGE_GRACE_S  # seconds a link stays up, accepting frames, while its stream is gone
    stall_s: float = STALL_S  # seconds one write may take before its connection is dropped

    def __post_init__(self) -> None:
        seen: set[tuple[str, str, int]] = set()
        for text in self.listen:
            address = parse_listen(text)
            key = (address.kind, address.host, address.port)
            if address.port and key in seen:
                raise ValueError(f"{text!r} is listed twice among the addresses to listen on.")
            seen.add(key)
        for member in self.members:
            if not is_peer_id(member):
                raise ValueError(f"{member!r} among the members is not the ID of a gateway; such an ID starts with 12D3KooW.")
        if len(self.members) > MAX_MEMBERS:
            raise ValueError(f"{len(self.members)} members are more than the {MAX_MEMBERS} a gateway can hold links to.")
        for text in self.peers:
            peer_id = parse_peer(text).peer_id
            if peer_id not in self.members:
                raise ValueError(f"{text!r} would call a gateway that is not among the members: add {peer_id} to them.")
        if len(self.peers) > MAX_PEER_ADDRESSES:
            raise ValueError(f"{len(self.peers)} addresses to call are more than the {MAX_PEER_ADDRESSES} allowed.")
        if not self.listen and not self.peers:
            raise ValueError("The libp2p transport has nothing to do: it neither listens nor calls anybody.")
        if not 0 <= self.outage_grace_s <= 3600:
            raise ValueError("The grace for an outage must be between 0 and 3600 seconds.")
        if not 0 < self.stall_s <= 3600:
            raise ValueError("The time one write may take must be positive and at most 3600 seconds.")
