"""Where a gateway listens and where it can be called, as people write it.

0.0.0.0:8443, [::]:8443                 to listen on
wss://gate.example:8443#12D3KooW…       to call; without a port it is 443
"""

import ipaddress
import re
from dataclasses import dataclass

from transports.libp2p.identity import is_peer_id

PATH = "/meshgate/link/1"
"""What is asked for at every address."""

_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*\.?")
_PLACE = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:/?#@]+)(:(?P<port>[0-9]{1,5}))?")
_HTTPS = 443


@dataclass(frozen=True, slots=True)
class Address:
    """A place in the network, and who is expected there."""

    host: str  # an IP address or a name, without brackets
    port: int  # 0 only for listening: any free port
    peer_id: str = ""

    @property
    def url(self) -> str:
        """What is called. There is no other scheme than wss."""
        return f"wss://{self.place}{PATH}"

    @property
    def place(self) -> str:
        """Host and port."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def __str__(self) -> str:
        return f"wss://{self.place}#{self.peer_id}" if self.peer_id else self.place


def parse_listen(text: str) -> Address:
    """Read an address to listen on: an IP address and a port.

    Raises:
        ValueError: with a sentence for the person who wrote it.
    """
    host, port = _place(text, text)
    if port is None:
        raise ValueError(f"{text!r} names no port: write for example 0.0.0.0:8443 or [::]:8443.")
    if not _is_ip(host):
        raise ValueError(f"{text!r} cannot be listened on: give an IP address, not a name.")
    return Address(host, port)


def parse_peer(text: str) -> Address:
    """Read an address to call: an IP address or a name, perhaps a port, and the peer ID expected there.

    Raises:
        ValueError: with a sentence for the person who wrote it.
    """
    scheme, colon, rest = text.partition("://")
    if colon and scheme.lower() in {"ws", "http"}:
        raise ValueError(f"{text!r} would not be encrypted: only wss:// is spoken.")
    if scheme != "wss" or not colon:
        raise ValueError(f"{text!r} is not an address such as wss://gate.example:8443#12D3KooW….")
    where, hash_sign, peer_id = rest.partition("#")
    if not hash_sign or not peer_id:
        raise ValueError(f"{text!r} does not say whom to expect: it must end with # and the other gateway's ID.")
    if not is_peer_id(peer_id):
        raise ValueError(f"{peer_id!r} in {text!r} is not the ID of a gateway.")
    host, port = _place(where.removesuffix(PATH).removesuffix("/"), text)
    if port == 0:
        raise ValueError(f"{text!r} cannot be called: port 0 means any port.")
    return Address(host, port or _HTTPS, peer_id)


def _place(where: str, text: str) -> tuple[str, int | None]:
    found = _PLACE.fullmatch(where)
    if found is None:
        raise ValueError(f"{text!r} is not an address such as 0.0.0.0:8443, [::]:8443 or wss://gate.example:8443#12D3KooW….")
    host, port = found["host"].strip("[]"), int(found["port"]) if found["port"] else None
    if found["host"].startswith("["):
        try:
            host = str(ipaddress.IPv6Address(host))
        except ValueError:
            raise ValueError(f"{host!r} in {text!r} is not an IPv6 address.") from None
    elif not _is_ip(host) and (re.fullmatch(r"[0-9.]+", host) or not _NAME.fullmatch(host)):
        raise ValueError(f"{host!r} in {text!r} is neither an IP address nor a host name.")
    if port is not None and port > 65_535:
        raise ValueError(f"{port} in {text!r} is not a TCP port.")
    return host, port


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
