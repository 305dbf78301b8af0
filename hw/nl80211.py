"""What the kernel's Wi-Fi side tells everybody: interfaces, what each does, and on which frequency.

Source: linux/netlink.h, linux/genetlink.h, linux/nl80211.h. ``NL80211_CMD_GET_INTERFACE`` needs no right.
"""

import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

TIMEOUT_S = 1.0
ANSWER_BYTES = 65_536
MAX_ANSWERS = 64  # datagrams read for one question

_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence number, port
_GENERIC = struct.Struct("=BBH")  # command, version, reserved
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_NETLINK_GENERIC = 16
_REQUEST, _DUMP = 0x001, 0x300
_ERROR, _DONE, _CONTROL = 2, 3, 16
_GET_FAMILY, _FAMILY_ID, _FAMILY_NAME = 3, 1, 2
_GET_INTERFACE, _IFNAME, _IFTYPE, _FREQUENCY = 5, 4, 5, 38


class WifiMode(StrEnum):
    """What a Wi-Fi interface does."""

    STATION = "station"
    ACCESS_POINT = "access_point"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class WifiInterface:
    """One Wi-Fi interface."""

    name: str  # wlan0
    mode: WifiMode
    frequency_mhz: int | None  # None while it is on no channel


Exchange = Callable[[bytes], list[bytes]]
"""Sends one netlink message and returns the datagrams that answer it; raises OSError."""


def wifi_interfaces(exchange: Exchange | None = None) -> list[WifiInterface] | None:
    """Return every Wi-Fi interface; None if the kernel cannot be asked.

    Args:
        exchange: how to ask, the kernel's own netlink by default.

    """
    ask = exchange or _ask_kernel
    try:
        family = _family(ask)
        return [] if family is None else _interfaces(ask, family)
    except (OSError, struct.error):
        return None


def _family(ask: Exchange) -> int | None:
    """Return the number of nl80211 in this kernel, None if it has no Wi-Fi."""
    name = b"nl80211\0"
    question = _message(_CONTROL, _REQUEST, _GET_FAMILY, _ATTRIBUTE.pack(_ATTRIBUTE.size + len(name), _FAMILY_NAME) + name)
    for kind, body in _messages(ask(question)):
        attributes = _attributes(body) if kind == _CONTROL else {}
        if _FAMILY_ID in attributes:
            return int(struct.unpack_from("=H", attributes[_FAMILY_ID])[0])
    return None


def _interfaces(ask: Exchange, family: int) -> list[WifiInterface]:
    found = []
    for kind, body in _messages(ask(_message(family, _REQUEST | _DUMP, _GET_INTERFACE, b""))):
        attributes = _attributes(body) if kind == family else {}
        if _IFNAME not in attributes or _IFTYPE not in attributes:
            continue
        mode = {2: WifiMode.STATION, 3: WifiMode.ACCESS_POINT}.get(_number(attributes[_IFTYPE]), WifiMode.OTHER)
        frequency = _number(attributes[_FREQUENCY]) if _FREQUENCY in attributes else None
        found.append(WifiInterface(attributes[_IFNAME].rstrip(b"\0").decode(errors="replace"), mode, frequency))
    return found


def _message(kind: int, flags: int, command: int, attributes: bytes) -> bytes:
    body = _GENERIC.pack(command, 1, 0) + attributes
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, 1, 0) + body


def _messages(datagrams: list[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield type and body of every message."""
    for datagram in datagrams:
        place = 0
        while place + _HEADER.size <= len(datagram):
            length, kind, *_ = _HEADER.unpack_from(datagram, place)
            if length < _HEADER.size:
                return
            yield kind, datagram[place + _HEADER.size : place + length]
            place += _aligned(length)


def _attributes(body: bytes) -> dict[int, bytes]:
    found, place = {}, _GENERIC.size
    while place + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, place)
        if length < _ATTRIBUTE.size:
            break
        found[kind & 0x3FFF] = body[place + _ATTRIBUTE.size : place + length]  # the two high bits are flags
        place += _aligned(length)
    return found


def _ask_kernel(message: bytes) -> list[bytes]:
    answers: list[bytes] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_GENERIC) as kernel:
        kernel.settimeout(TIMEOUT_S)
        kernel.bind((0, 0))
        kernel.send(message)
        while len(answers) < MAX_ANSWERS:
            answers.append(kernel.recv(ANSWER_BYTES))
            kinds = [kind for kind, _ in _messages(answers[-1:])]
            is_dump = _HEADER.unpack_from(message)[2] & _DUMP
            if not is_dump or _DONE in kinds or _ERROR in kinds:
                break
    return answers


def _number(data: bytes) -> int:
    return int(struct.unpack_from("=I", data)[0])


def _aligned(length: int) -> int:
    return (length + 3) & ~3
