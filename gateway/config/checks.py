"""Checks of single values that no type can express; each raises `ValueError` with a sentence for the person who wrote it."""

import re
import unicodedata

from gateway.bridge.cells import is_cell
from gateway.limits import MAX_GEOHASH, MAX_NICKNAME
from gateway.wire.fields import is_geohash
from transports.libp2p.identity import is_peer_id
from transports.limits import BLE_MOST_LINKS
from transports.nostr.address import parse_relay

MAX_SOCKET_PATH = 107  # bytes the kernel has for the name of a Unix socket

WIDE_TRANSPORTS = ("libp2p", "websocket")
"""The transports that reach other sites, in the order in which they are preferred unless told otherwise."""

_ADAPTER = re.compile(r"(hci[0-9]{1,4}|[0-9a-f]{2}(:[0-9a-f]{2}){5})( *= *(central|peripheral|both))?", re.IGNORECASE)


def check_nickname(text: str) -> None:
    """Accept a name that fits an announce and shows as one line.

    Raises:
        ValueError: with a sentence for the person who wrote it.
    """
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise ValueError("the name is not valid UTF-8") from None
    if not 1 <= size <= MAX_NICKNAME:
        raise ValueError(f"the name has {size} bytes")
    if any(unicodedata.category(letter) == "Cc" for letter in text):
        raise ValueError("the name has a control character in it, such as a line break")


def check_socket(text: str) -> None:
    """Accept a path short enough for a Unix socket.

    Raises:
        ValueError: with a sentence for the person who wrote it.
    """
    size = len(text.encode(errors="surrogateescape"))
    if size > MAX_SOCKET_PATH:
        raise ValueError(f"the path {text!r} has {size} bytes, and the system has room for {MAX_SOCKET_PATH}")


def check_member(text: str) -> None:
    """Accept the peer ID of a site.

    Raises:
        ValueError: with a sentence for the person who wrote it.
    """
    if not is_peer_id(text):
        raise ValueError(f"{text!r} is not the peer ID of a site, or has a typing error in it")


def check_cell(text: str) -> None:
    """Accept the cell of a bridge, or nothing.

    Raises:
        ValueError: with a sentence for the person who wrote it.
    """
    if text and not is_cell(text):
        raise ValueError(f"{text!r} is no geohash of 6 characters, which are digits and small letters other than a, i, l and o")


def check_channel(text: str) -> None:
    """Accept the geohash that names a channel.

    Raises:
        ValueError: with a sentence for the person who wrote it.
    """
    if not is_geohash(text, MAX_GEOHASH):
        raise ValueError(f"{text!r} is no geohash, which has 1 to {MAX_GEOHASH} digits and small letters other than a, i, l and o")


def check_relay(text: str) -> None:
    """Accept the address of a Nostr relay.

    Raises:
        ValueError: with a sentence for the person who wrote it.
    """
    parse_relay(text)


def check_transport(text: str) -> None:
    """Accept the name of a transport that reaches other sites.

    Raises:
        ValueError: with a sentence for the person who wrote it.
    """
    if text not in WIDE_TRANSPORTS:
        raise ValueError(f"{text!r} is no transport that reaches other sites")


def check_adapter(text: str) -> None:
    """Accept an adapter's name or address, with or without what it is to be used for.

    The same as `hw.bluez.adapters.parse_wish` takes, which needs the extra ``ble`` installed.

    Raises:
        ValueError: with a sentence for the person who wrote it.
    """
    if not _ADAPTER.fullmatch(text):
        raise ValueError(f"{text!r} names no Bluetooth adapter")


def check_links(text: str) -> None:
    """Accept a number of links one adapter may have in one role.

    Raises:
        ValueError: with a sentence for the person who wrote it.
    """
    if not 1 <= int(text) <= BLE_MOST_LINKS:
        raise ValueError(f"{text} links are not between 1 and {BLE_MOST_LINKS}")
