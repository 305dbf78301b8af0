"""Our end of a socket through which BlueZ takes the notifications of one phone.

BlueZ gets the other end over D-Bus. Both ends are non-blocking, and ours holds little.

Source: BlueZ ``org.bluez.GattCharacteristic1.AcquireNotify``; unix(7) for SOCK_SEQPACKET.
"""

import asyncio
import contextlib
import select
import socket
from collections.abc import Callable

from hw.bluez.adapter_pace import AdapterPace
from hw.bluez.limits import MAX_VALUE, SOCKET_BYTES


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """Return our end and BlueZ's end of a new socket; one message is one frame."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
    return ours, theirs


class Outlet:
    """Our end of a notify socket: frames go into it, no faster than the adapter carries them.

    Args:
        ours: the socket; closed by `close`.
        pace: of the adapter.
        room: called when a frame was refused and another may be tried.
        ended: called once when BlueZ has closed its end.

    `sent` and `refused` count frames, none longer than `longest`, in bytes.

    """

    def __init__(self, ours: socket.socket, pace: AdapterPace, room: Callable[[], None], ended: Callable[[], None]) -> None:
        self._socket = ours
        self._write = ours.send
        self._allowance = pace.allowance(self._on_turn)
        self._room = room
        self._ended = ended
        self.longest = MAX_VALUE
        self._loop = asyncio.get_running_loop()
        self._held = False  # full or closed
        self.sent = self.refused = 0
        self._loop.add_reader(ours, self._read)

    @property
    def is_ended(self) -> bool:
        """Whether BlueZ has closed its end, told or not yet told."""
        return self._socket.fileno() < 0 or _is_closed(self._socket)

    def send(self, frame: bytes) -> bool:
        """Hand over one frame; False means that it was not taken and that `room` or `ended` follows.

        Raises:
            ValueError: no frame is that short or that long.

        """
        size, allowance = len(frame), self._allowance
        if size > self.longest or not size:
            raise ValueError(f"a frame of {size} bytes for a phone that takes 1 to {self.longest}")
        if self._held or (size > allowance.level and not self._may(size)):
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
        allowance.level -= size
        self.sent += 1
        return True

    def close(self) -> None:
        """Close our end: BlueZ takes that for the end of the subscription."""
        self._held = True
        self._allowance.close()
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket.close()

    def _may(self, size: int) -> bool:
        """Whether a frame may go now after all; if not, the adapter gives us our turn."""
        self._held = not self._allowance.ask(size)
        return not self._held

    def _on_turn(self) -> None:
        self._held = False
        self._room()

    def _on_writable(self) -> None:
        self._loop.remove_writer(self._socket)
        if self._may(MAX_VALUE):
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
