"""Who may ask the helper for something, and how often."""

import socket
import struct
from dataclasses import dataclass

_UCRED = struct.Struct("3i")  # struct ucred of Linux' socket(7): pid, uid, gid


@dataclass(frozen=True, slots=True)
class Caller:
    """The process at the other end of a Unix socket, as the kernel knows it (when it connected)."""

    pid: int
    uid: int
    gid: int

    def __str__(self) -> str:
        return f"process {self.pid} of user {self.uid}"


@dataclass(frozen=True, slots=True)
class Allowed:
    """One user and one group; None admits nobody."""

    uid: int | None = None
    gid: int | None = None  # must be the caller's own group, not one of its further groups

    def admits(self, caller: Caller) -> bool:
        """Say whether a caller is the user or in the group."""
        return caller.uid == self.uid or caller.gid == self.gid


def caller_of(connection: socket.socket) -> Caller:
    """Ask the kernel who is at the other end."""
    return Caller(*_UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)))


class Allowance:
    """A bucket of `burst` actions into which another falls every `refill` seconds."""

    def __init__(self, burst: int, refill: float, now: float) -> None:
        self._burst = burst
        self._refill = refill
        self._left = float(burst)
        self._at = now

    def take(self, now: float) -> bool:
        """Use one up; False if there is none."""
        self._fill(now)
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True

    def is_full(self, now: float) -> bool:
        """Say whether nothing would be forgotten if this bucket were replaced by a new one."""
        self._fill(now)
        return self._left >= self._burst

    def _fill(self, now: float) -> None:
        self._left = min(float(self._burst), self._left + (now - self._at) / self._refill)
        self._at = now
