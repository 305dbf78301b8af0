"""Writing to systemd's journal with fields of one's own.

A datagram of ``KEY=value`` lines to /run/systemd/journal/socket; a value with a line break in it has its length ahead
(https://systemd.io/JOURNAL_NATIVE_PROTOCOL/). What is too large for a datagram would need a sealed file; it is cut here instead.
"""

import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TextIO

SOCKET: Final = Path("/run/systemd/journal/socket")
MOST_VALUE: Final = 16_384  # bytes of one field: a datagram of several still fits the kernel's default of 208 kB

_KEY: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}")


def is_connected(stream: TextIO, env: Mapping[str, str] | None = None) -> bool:
    """Whether a stream goes to the journal: ``$JOURNAL_STREAM`` names its device and inode (systemd.exec(5))."""
    named = (os.environ if env is None else env).get("JOURNAL_STREAM", "")
    try:
        where = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return named == f"{where.st_dev}:{where.st_ino}"


def encode(fields: Mapping[str, str]) -> bytes:
    """Return one record; raises `ValueError` for a name the journal would not take."""
    parts = []
    for key, text in fields.items():
        if not _KEY.fullmatch(key):
            raise ValueError(f"{key!r} is no name of a journal field")
        value = text.encode(errors="replace")[:MOST_VALUE]
        if b"\n" in value:
            parts.append(key.encode() + b"\n" + len(value).to_bytes(8, "little") + value + b"\n")
        else:
            parts.append(key.encode() + b"=" + value + b"\n")
    return b"".join(parts)


class Journal:
    """The journal of this machine; `lost` counts the records it did not take."""

    def __init__(self, path: Path = SOCKET) -> None:
        self._path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)
        self.lost = 0

    def send(self, fields: Mapping[str, str]) -> bool:
        """Write one record; False if the journal did not take it: a service must not wait for its log."""
        try:
            self._socket.sendto(encode(fields), self._path)
        except OSError:
            self.lost += 1
            return False
        return True

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()
