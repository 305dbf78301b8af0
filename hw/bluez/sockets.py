"""Our end of a socket through which BlueZ takes the notifications of one phone.

BlueZ gets the other end over D-Bus. Both ends are non-blocking, and ours holds little.

Source: BlueZ ``org.bluez.GattCharacteristic1.AcquireNotify``; unix(7) for SOCK_SEQPACKET.
"""

import asyncio
import contextlib
import select
import socket
from collections.abc import Callable

from hw.bluez.bucket import TokenBucket
from hw.bluez.limits import MAX_VALUE, SOCKET_BYTES


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """Return our end and BlueZ's end of a new socket; one message is one frame."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
    return ours, theirs


class Outlet:
    """Our end of a notify socket: frames go into it, no faster than a link carries them.

    Args:
        ours: the socket; closed by `close`.
        bucket: the pace, in bytes.
        room: called when a frame was refused and another may be tried.
        ended: called once when BlueZ has closed its end.

    `sent` and `refused` count frames.

    """

    def __init__(self, ours: socket.socket, bucket: TokenBucket, room: Callable[[], None], ended: Callable[[], None]) -> None:
        self._socket = ours
        self._write = ours.send
        self._bucket = bucket
        self._room = room
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._held = False  # full or closed
        self.sent = self.refused = 0
        self._loop.add_reader(ours, self._read)

    @property
    def is_ended(self) -> bool:
        """Whether BlueZ has closed its end, told or not yet told."""
        return self._socket.fileno() < 0 or _is_closed(self._socket)

    def send(self, frame: bytes) -> bool:
        """Hand over one frame; False means that it was not taken and that `room` or `ended` follows."""
        size, bucket = len(frame), self._bucket
        if self._held or (size > bucket.level and not self._in_time(size)):
            self.refused += 1
            return False
        try:
            self._write(frame)
        except OSError as error:
            if isinstance(error, BlockingIOError):  # else the reader is told of the end in its turn
                self._held = True
                self._loop.add_writer(self._socket, self._on_writable)
            self.refused += 1
            return False
        bucket.level -= size
        self.sent += 1
        return True

    def close(self) -> None:
        """Close our end: BlueZ takes that for the end of the subscription."""
        self._held = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket.close()

    def _in_time(self, size: int) -> bool:
        """Whether a frame may go now after all; if not, `room` comes when it may."""
        wait = self._bucket.wait(size, self._loop.time())
        if wait > 0:
            self._held = True
            self._timer = self._loop.call_later(wait, self._on_time)
            return False
        return True

    def _on_time(self) -> None:
        self._timer = None
        self._held = False
        self._room()

    def _on_writable(self) -> None:
        self._held = False
        self._loop.remove_writer(self._socket)
        self._room()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # BlueZ may send confirmations that mean nothing for notifications
            self._socket.recv(MAX_VALUE)
        if _is_closed(self._socket):
            self.close()
            self._ended()


def _is_closed(end: socket.socket) -> bool:
    """Tell the end of a socket from an empty message: both read as nothing."""
    look = select.poll()
    look.register(end, select.POLLRDHUP)
    return any(events & (select.POLLHUP | select.POLLRDHUP | select.POLLERR | select.POLLNVAL) for _, events in look.poll(0))
