"""The small part of multiaddr that gateways are configured with, read without the multiaddr package.

    /ip4/192.0.2.7/tcp/4001                     to listen on
    /dns4/gate.example/tcp/4001/p2p/12D3KooW…   to dial

Source: multiformats/multiaddr, protocols ip4, ip6, dns, dns4, dns6, tcp, p2p.
"""

import ipaddress
import re
from dataclasses import dataclass

from transports.libp2p.identity import is_peer_id

_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*\.?")
_DNS = ("dns", "dns4", "dns6")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a gateway listens or can be dialled."""

    kind: str  # ip4, ip6, dns, dns4 or dns6
    host: str
    port: int  # 0 only for listening: any free port
    peer_id: str | None = None

    def __str__(self) -> str:
        tail = f"/p2p/{self.peer_id}" if self.peer_id else ""
        return f"/{self.kind}/{self.host}/tcp/{self.port}{tail}"


def parse_listen(text: str) -> Address:
    """Read an address to listen on: an IP address and a TCP port, no peer ID.

    Raises:
        ValueError: with a sentence for the person who wrote it.
    """
    address = _parse(text)
    if address.kind in _DNS:
        raise ValueError(f"{text!r} cannot be listened on: give an IP address, not a name.")
    if address.peer_id is not None:
        raise ValueError(f"{text!r} cannot be listened on: leave out the /p2p/… part, the gateway knows its own ID.")
    return address


def parse_peer(text: str) -> Address:
    """Read an address to dial: an IP address or a name, a TCP port and the peer ID expected there.

    Raises:
        ValueError: with a sentence for the person who wrote it.
    """
    address = _parse(text)
    if address.peer_id is None:
        raise ValueError(f"{text!r} does not say whom to expect: it must end with /p2p/ and the other gateway's ID.")
    if address.port == 0:
        raise ValueError(f"{text!r} cannot be dialled: port 0 means any port.")
    return address


def _parse(text: str) -> Address:
    parts = text.split("/")
    if len(parts) not in (5, 7) or parts[0] or parts[3] != "tcp" or (len(parts) == 7 and parts[5] != "p2p"):
        raise ValueError(f"{text!r} is not an address such as /ip4/192.0.2.7/tcp/4001 or /dns4/gate.example/tcp/4001/p2p/12D3KooW….")
    kind, host, port_text = parts[1], parts[2], parts[4]
    if kind in _DNS:
        if not _NAME.fullmatch(host):
            raise ValueError(f"{host!r} in {text!r} is not a host name.")
    elif kind in ("ip4", "ip6"):
        try:
            host = str(ipaddress.IPv4Address(host) if kind == "ip4" else ipaddress.IPv6Address(host))
        except ValueError:
            raise ValueError(f"{host!r} in {text!r} is not an {kind} address.") from None
    else:
        raise ValueError(f"{text!r} starts with /{kind}, but only /ip4, /ip6, /dns, /dns4 and /dns6 can be used.")
    if not (port_text.isascii() and port_text.isdecimal()) or int(port_text) > 65_535:
        raise ValueError(f"{port_text!r} in {text!r} is not a TCP port.")
    peer_id = parts[6] if len(parts) == 7 else None
    if peer_id is not None and not is_peer_id(peer_id):
        raise ValueError(f"{peer_id!r} in {text!r} is not the ID of a gateway.")
    return Address(kind, host, int(port_text), peer_id)
