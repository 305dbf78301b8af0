"""Headers of Sphinx packets: each hop learns the next one and nothing else, and the length never changes.

    bytes 0-1      00 00
    bytes 2-33     group element
    bytes 34-443   routing block: 5 x 82 bytes, of which a hop reads the first 82
    bytes 444-475  HMAC-SHA256 of all before it, with the hop's MAC key

    a hop's 82 bytes are commands, one after the other, then zeros:
    01 | next hop 32 | its MAC 32       not at the last hop, where it ends the commands
    02 | recipient 32                   at the last hop
    03 | reply block 16                 which of the recipient's reply blocks this came back with
    80 | u32 milliseconds               how long to hold the packet

A hop decrypts the routing block together with 82 zero bytes (AES-256-CTR), reads its part and passes the rest on.

Source: Katzenpost's header, as its published vectors show it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hmac import compare_digest, digest
from typing import Final

from transports import limits
from transports.betanet.errors import BetanetError, Fault, malformed
from transports.betanet.sphinx_keys import HopKeys, exchange, keys_of, path_keys

ID_BYTES: Final = 32
REPLY_ID_BYTES: Final = 16
_MAC: Final = 32
_PREFIX: Final = bytes(2)
_ELEMENT_END: Final = 34
_HOP: Final = 82
_ROUTING: Final = limits.MIX_HOPS * _HOP
_ROUTING_END: Final = _ELEMENT_END + _ROUTING
HEADER_BYTES: Final = _ROUTING_END + _MAC
_NEXT: Final = 0x01
_RECIPIENT: Final = 0x02
_REPLY: Final = 0x03
_DELAY: Final = 0x80
_SIZES: Final = {_NEXT: ID_BYTES + _MAC, _RECIPIENT: ID_BYTES, _REPLY: REPLY_ID_BYTES, _DELAY: 4}


@dataclass(frozen=True, slots=True)
class Commands:
    """What a hop is told, beside which hop is next."""

    delay_ms: int | None = None
    recipient: bytes | None = None
    reply_id: bytes | None = None


@dataclass(frozen=True, slots=True)
class Hop:
    """One hop of a path: its name and X25519 public key (32 bytes each), and what it is told."""

    node: bytes
    public: bytes
    commands: Commands


@dataclass(frozen=True, slots=True)
class Step:
    """What a hop finds in a header: `following` is the header for `next_hop`, both None at the last hop."""

    keys: HopKeys
    commands: Commands
    next_hop: bytes | None
    following: bytes | None


def build_header(path: Sequence[Hop], *, ephemeral: bytes, fill: bytes) -> tuple[bytes, list[HopKeys]]:
    """Return the header for the first hop of a path, and the keys of every hop.

    Args:
        path: 1 to 5 hops.
        ephemeral: 32 fresh random bytes.
        fill: `fill_bytes(len(path))` fresh random bytes, in place of the hops that are not there.

    Raises:
        ValueError: a path or a field of another size.
        BetanetError: a hop's public key is unusable.
    """
    if not 0 < len(path) <= limits.MIX_HOPS or len(fill) != fill_bytes(len(path)):
        raise ValueError(f"{len(path)} hops and {len(fill)} bytes of fill")
    element, keys = path_keys(ephemeral, [hop.public for hop in path])
    elements = [element]
    for hop_keys in keys[:-1]:
        elements.append(hop_keys.blind(elements[-1]))
    streams = [hop_keys.keystream(_ROUTING + _HOP) for hop_keys in keys]
    routing, mac = fill, b""
    for number in reversed(range(len(path))):
        following = b"" if number == len(path) - 1 else bytes((_NEXT,)) + path[number + 1].node + mac
        commands = _encode_commands(path[number].commands) + following
        if len(commands) > _HOP:
            raise ValueError("more commands than a hop has room for")
        routing = _xor(commands.ljust(_HOP, b"\0") + routing, streams[number])
        mac = _mac(keys[number], elements[number], routing + _padding(streams, number))
    return _PREFIX + element + routing + mac, keys


def fill_bytes(hops: int) -> int:
    """Return how much random fill a path of so many hops needs."""
    return (limits.MIX_HOPS - hops) * _HOP


def open_header(header: bytes, private: bytes) -> Step:
    """Return what a hop with this X25519 private key finds in a header. Nothing is read before its MAC fits.

    Raises:
        BetanetError: MALFORMED_FRAME for another length or first bytes, or for commands that cannot be; AUTH_FAILED
            for a MAC that does not fit.
    """
    if len(header) != HEADER_BYTES or not header.startswith(_PREFIX):
        raise malformed("not a Sphinx header")
    element, routing = header[len(_PREFIX) : _ELEMENT_END], header[_ELEMENT_END:_ROUTING_END]
    keys = keys_of(exchange(private, element))
    if not compare_digest(_mac(keys, element, routing), header[_ROUTING_END:]):
        raise BetanetError(Fault.AUTH_FAILED, "the header's MAC does not fit")
    plain = _xor(routing + bytes(_HOP), keys.keystream(_ROUTING + _HOP))
    commands, following = _decode_commands(plain[:_HOP])
    if following is None:
        return Step(keys, commands, None, None)
    next_hop, mac = following[:ID_BYTES], following[ID_BYTES:]
    return Step(keys, commands, next_hop, _PREFIX + keys.blind(element) + plain[_HOP:] + mac)


def _padding(streams: list[bytes], number: int) -> bytes:
    """What stands at the end of a hop's routing block because the hops before it have added zeros and decrypted them."""
    padding = b""
    for before in range(number):
        padding = _xor(padding + bytes(_HOP), streams[before][-len(padding) - _HOP :])
    return padding


def _mac(keys: HopKeys, element: bytes, routing: bytes) -> bytes:
    return digest(keys.mac, _PREFIX + element + routing, "sha256")


def _xor(one: bytes, other: bytes) -> bytes:
    """XOR of two strings, as long as the first."""
    return (int.from_bytes(one) ^ int.from_bytes(other[: len(one)])).to_bytes(len(one))


def _encode_commands(commands: Commands) -> bytes:
    encoded = b""
    if commands.delay_ms is not None:
        encoded += bytes((_DELAY,)) + commands.delay_ms.to_bytes(_SIZES[_DELAY])
    for code, value in ((_RECIPIENT, commands.recipient), (_REPLY, commands.reply_id)):
        if value is not None:
            if len(value) != _SIZES[code]:
                raise ValueError("a command of another size")
            encoded += bytes((code,)) + value
    return encoded


def _decode_commands(data: bytes) -> tuple[Commands, bytes | None]:
    found: dict[int, bytes] = {}
    at = 0
    while at < _HOP and data[at] and _NEXT not in found:
        code, end = data[at], at + 1 + _SIZES.get(data[at], _HOP)
        if code not in _SIZES or code in found or end > _HOP:
            raise malformed("commands of a hop that cannot be")
        found[code] = data[at + 1 : end]
        at = end
    if any(data[at:]):
        raise malformed("bytes after the commands of a hop")
    if _NEXT in found and (_RECIPIENT in found or _REPLY in found):
        raise malformed("a recipient before the last hop")
    delay = int.from_bytes(found[_DELAY]) if _DELAY in found else None
    return Commands(delay, found.get(_RECIPIENT), found.get(_REPLY)), found.get(_NEXT)
