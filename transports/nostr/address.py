"""Where a relay is, as people write it.

wss://relay.example            the usual
wss://relay.example:8443/path  with a port or a path
ws://127.0.0.1:7000            unencrypted, to this machine only
"""

import ipaddress
import re
from dataclasses import dataclass

from transports.limits import NOSTR_URL

_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*")
_URL = re.compile(r"(?P<scheme>wss?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:/?#@\s]+)(:(?P<port>[0-9]{1,5}))?(?P<path>/[A-Za-z0-9._~/-]*)?")
_PORTS = {"wss": 443, "ws": 80}


@dataclass(frozen=True, slots=True)
class RelayAddress:
    """A relay; two that are written differently and mean the same are equal."""

    scheme: str  # "wss", or "ws" on this machine
    host: str  # a name in small letters or an IP address, without brackets
    port: int
    path: str  # empty, or begins with a slash

    @property
    def place(self) -> str:
        """Host, and what else it takes to tell relays apart: what people and link names call it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{host}{port}{self.path}"

    @property
    def url(self) -> str:
        """What is called."""
        return f"{self.scheme}://{self.place}"


def parse_relay(text: str) -> RelayAddress:
    """Read the address of a relay.

    Raises:
        ValueError: with a sentence for the person who wrote it.
    """
    if len(text) > NOSTR_URL:
        raise ValueError(f"the address of a relay has at most {NOSTR_URL} characters")
    found = _URL.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not the address of a relay, such as wss://relay.example")
    host, is_local = _host(found["host"].lower(), text)
    if found["scheme"] == "ws" and not is_local:
        raise ValueError(f"{text!r} would not be encrypted: ws:// is spoken with this machine only, so write wss://")
    port = int(found["port"] or _PORTS[found["scheme"]])
    if not 0 < port <= 65_535:
        raise ValueError(f"{port} in {text!r} is not a TCP port")
    return RelayAddress(found["scheme"], host, port, (found["path"] or "").rstrip("/"))


def _host(text: str, whole: str) -> tuple[str, bool]:
    """Return the host, and whether it is this machine."""
    bare = text.strip("[]")
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        if text.startswith("[") or re.fullmatch(r"[0-9.]+", bare) or not _NAME.fullmatch(bare):
            raise ValueError(f"{bare!r} in {whole!r} is neither an IP address nor a host name") from None
        return bare, bare == "localhost"
    return str(address), address.is_loopback
