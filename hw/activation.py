"""Sockets that systemd opened before it started this process (sd_listen_fds_with_names(3))."""

import os
import socket
import stat
from collections.abc import Mapping
from typing import Final

_FIRST: Final = 3  # SD_LISTEN_FDS_START
MOST: Final = 16  # descriptors taken; a unit of ours has one


def handed_over(env: Mapping[str, str], name: str, *, pid: int | None = None, first: int = _FIRST) -> list[socket.socket]:
    """Return the listening stream sockets of that name, none if systemd has handed over none to this process.

    Args:
        env: the environment.
        name: as in ``FileDescriptorName=`` of the socket unit.
        pid: of this process, unless a test says otherwise.
        first: the first descriptor, 3 unless a test says otherwise.

    """
    count = env.get("LISTEN_FDS", "")
    if env.get("LISTEN_PID") != str(os.getpid() if pid is None else pid) or not count.isdecimal():
        return []
    names = env.get("LISTEN_FDNAMES", "").split(":")
    found = []
    for number, called in zip(range(min(int(count), MOST)), names, strict=False):
        if called == name and (taken := _listener(first + number)) is not None:
            found.append(taken)
    return found


def _listener(descriptor: int) -> socket.socket | None:
    """Return a socket that listens; whatever else stands there is left alone."""
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return None
    except OSError:
        return None
    os.set_inheritable(descriptor, False)
    taken = socket.socket(fileno=descriptor)
    if taken.type == socket.SOCK_STREAM and taken.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return taken
    taken.detach()
    return None
