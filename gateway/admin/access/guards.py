"""What a request must look like before anybody asks whose it is: judgements over its head, without any state.

Against pages of other sites that use a person's browser (CSRF, WebSocket hijacking), against names that are pointed at this
machine by somebody else (DNS rebinding), and against requests that two readers would understand in two ways.
"""

import ipaddress
import re
from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import parse_qsl

from multidict import CIMultiDictProxy

from gateway.admin.access.principal import Refused
from gateway.admin.limits import MAX_PAGE_PATH

CHANGING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
READING: Final = frozenset({"GET", "HEAD"})

ONCE: Final = (
    *("Host", "Origin", "Authorization", "Cookie", "Content-Type", "Content-Length", "Transfer-Encoding"),
    *("Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Upgrade"),
)
"""Headers that decide something; two of one kind are two opinions."""

SECRETS_IN_QUERY: Final = frozenset({"token", "access_token", "api_key", "apikey", "passphrase", "password", "secret", "code"})
"""Names of what belongs in no address, which stands in histories and logs."""

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Nothing leaves for other sites. With "no-referrer" browsers send "Origin: null" with our own forms (Fetch, 3.1), which is refused.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
    "Server": "meshgate",
}
"""What every answer carries."""

_HOST: Final = re.compile(r"(?P<name>\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9.-]{1,253})(:(?P<port>[0-9]{1,5}))?")
_LOCAL: Final = tuple(
    ipaddress.ip_network(text)
    for text in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "::1/128", "fc00::/7", "fe80::/10")
)
_OUR_TOKEN: Final = re.compile(r"\bmgt_[A-Za-z0-9_-]{20,}")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def host_of(text: str) -> str | None:
    """Return the name or address in a ``Host`` header, None if it is none of RFC 9110's form."""
    found = _HOST.fullmatch(text)
    if found is None or (found["port"] is not None and not 1 <= int(found["port"]) <= 65_535):
        return None
    return found["name"].lower()


def is_our_host(text: str, names: Collection[str]) -> bool:
    """Whether a ``Host`` header names what nobody else can point here.

    An address is what a browser has connected to; ``localhost`` and names in ``.local`` are answered by no server on the
    internet; everything else has to be configured.
    """
    name = host_of(text)
    if name is None:
        return False
    if name.startswith("[") or name[-1:].isdigit():
        return parse_address(name.strip("[]")) is not None
    name = name.removesuffix(".")
    is_mdns = re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.local", name) is not None
    return name == "localhost" or is_mdns or name in names


def parse_address(text: str) -> Address | None:
    """Return an IP address, that of IPv4 where it is written in IPv6; None if it is none."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, ipaddress.IPv6Address) else address


def source_of(remote: str) -> str:
    """Return under what an asker is counted: the address, or the /64 of IPv6, which one machine has whole."""
    address = parse_address(remote)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address) if address is not None else "elsewhere"


def is_local(remote: str, called: str) -> bool:
    """Whether an asker is in a network of the house: a private address, or one in the /64 of the one that was called."""
    asker, own = parse_address(remote), parse_address(called)
    if asker is None:
        return False
    if any(asker in network for network in _LOCAL if network.version == asker.version):
        return True
    return isinstance(asker, ipaddress.IPv6Address) and isinstance(own, ipaddress.IPv6Address) and int(asker) >> 64 == int(own) >> 64


def objection(method: str, target: str, headers: CIMultiDictProxy[str], *, secure: bool) -> Refused | None:
    """Return what is wrong with a request's head, whoever sends it; None if nothing is.

    Args:
        method: such as GET.
        target: path and query, as they were sent.
        headers: of the request.
        secure: whether it came over TLS.

    """
    if any(len(headers.getall(name, ())) > 1 for name in ONCE):
        return Refused.REPEATED
    if not is_plain_path(target):
        return Refused.PATH
    if holds_secret(target):
        return Refused.QUERY
    if method in READING and ("Transfer-Encoding" in headers or headers.get("Content-Length", "0") != "0"):
        return Refused.BODY
    return origin_objection(method, target, headers, secure=secure)


def origin_objection(method: str, target: str, headers: CIMultiDictProxy[str], *, secure: bool) -> Refused | None:
    """Return `Refused.ORIGIN` if a page of another site is behind a request, or may be.

    A program with a token of its own sends neither ``Origin`` nor ``Sec-Fetch-Site``. One that asks for a WebSocket may show its
    token there, in its first message; browsers name the origin of every WebSocket (RFC 6455, 4.1).
    """
    origin, site = headers.get("Origin"), headers.get("Sec-Fetch-Site")
    changes = method not in READING or is_upgrade(headers)
    if origin is not None and (changes or origin != "null") and not is_same_origin(origin, headers.get("Host", ""), secure=secure):
        return Refused.ORIGIN
    if site is not None and site != "same-origin":
        visits = headers.get("Sec-Fetch-Mode") == "navigate" and headers.get("Sec-Fetch-Dest") == "document"
        may = site == "none" or visits
        if changes or not may or (target.startswith("/api/") and site != "none"):
            return Refused.ORIGIN
    is_program = "Authorization" in headers or (is_upgrade(headers) and "Cookie" not in headers)
    if changes and origin is None and site is None and not is_program:
        return Refused.ORIGIN
    return None


def is_same_origin(origin: str, host: str, *, secure: bool) -> bool:
    """Whether an ``Origin`` is the one of a page that was loaded from that host."""
    scheme, default = ("https", ":443") if secure else ("http", ":80")
    return origin.lower().removesuffix(default) == f"{scheme}://{host.lower().removesuffix(default)}"


def is_upgrade(headers: CIMultiDictProxy[str]) -> bool:
    """Whether a WebSocket is asked for, in whatever form."""
    return "Upgrade" in headers or "Sec-WebSocket-Key" in headers or "upgrade" in headers.get("Connection", "").lower()


def is_plain_path(target: str) -> bool:
    """Whether a path is written in the one way that everybody reads alike: no steps upwards, no hidden slashes, no absolute form."""
    path = target.partition("?")[0].lower()
    if len(target) > MAX_PAGE_PATH or not path.startswith("/") or path.startswith("//") or not target.isascii():
        return False
    if any(part in path for part in ("\\", "%2f", "%5c", "%00", "%25", "%2e")):
        return False
    return not any(step in {".", ".."} for step in path.split("/"))


def holds_secret(target: str) -> bool:
    """Whether something secret stands in an address."""
    query = target.partition("?")[2]
    names = {name.lower() for name, _ in parse_qsl(query, keep_blank_values=True)}
    return bool(names & SECRETS_IN_QUERY) or _OUR_TOKEN.search(target) is not None


def cookies_called(name: str, headers: CIMultiDictProxy[str]) -> list[str]:
    """Return every value of a cookie; more than one means that somebody else has planted one."""
    pairs = (part.strip().partition("=") for part in headers.get("Cookie", "").split(";"))
    return [value for found, _, value in pairs if found == name]
