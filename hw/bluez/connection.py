"""dbus-fast's connection to the system bus, put right where it would do harm."""

import asyncio
import os

from dbus_fast import BusType, Message
from dbus_fast.aio import MessageBus


class Connection(MessageBus):
    """A connection that closes what it sends, and is quiet once it is lost.

    Descriptors that are sent are closed once they are on their way: dbus-fast leaves that to its user but does not tell
    when, and one that is closed while its message waits is another file's by then. And nothing is written any
    more after the connection is lost: dbus-fast would watch its descriptor's old number, whosever that is now.
    """

    __slots__ = ("_travelling",)

    def __init__(self, bus_address: str | None) -> None:
        super().__init__(bus_address=bus_address, bus_type=BusType.SYSTEM, negotiate_unix_fd=True)
        self._travelling: set[int] = set()

    def send(self, msg: Message) -> "asyncio.Future[None]":  # type: ignore[override] # as its parent does
        """Send a message; the future is done when it has left, or cannot any more."""
        fds = tuple(msg.unix_fds)
        self._travelling.update(fds)
        try:
            if self.unique_name is not None and not self.connected:
                raise ConnectionResetError
            sent: asyncio.Future[None] = super().send(msg)
        except (OSError, ValueError) as error:  # the connection broke while this was written
            if self.connected:
                raise
            sent = asyncio.get_running_loop().create_future()
            sent.set_exception(error)
        sent.add_done_callback(lambda _: self._arrived(fds))
        sent.add_done_callback(_look_at)
        return sent

    def drop_fds(self) -> None:
        """Close what will never leave, after the connection was lost."""
        self._arrived(tuple(self._travelling))

    def _arrived(self, fds: tuple[int, ...]) -> None:
        for fd in fds:
            if fd in self._travelling:
                self._travelling.discard(fd)
                os.close(fd)


def _look_at(sent: "asyncio.Future[None]") -> None:
    """Take the exception of a message that did not leave: `lost` tells it."""
    if not sent.cancelled():
        sent.exception()
