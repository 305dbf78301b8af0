"""A transport over datagram-like sockets: one frame, one system call, as with BlueZ's notify and write sockets."""

import asyncio
import socket
from collections.abc import Mapping

from gateway.limits import MAX_ENVELOPE
from transports.link import Capability, FrameReceived, LinkDown, LinkId, LinkUp, Post, TransportState, TransportStatus, Writable

MTU = 517  # bytes, what both apps ask for
RECEIVE = 65_536  # bytes taken from a socket at once
SITE_MTU = MAX_ENVELOPE  # bytes promised; the frames of a measurement are far smaller than a socket holds


def pair() -> tuple[socket.socket, socket.socket]:
    """Two ends that keep frames apart and in order."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    near.setblocking(False)
    return near, far


class SocketTransport:
    """Each socket is a link for as long as `run` runs."""

    def __init__(self, name: str, sockets: Mapping[LinkId, socket.socket], capabilities: Capability, mtu: int) -> None:
        self.name = name
        self.capabilities = capabilities
        self._sockets = dict(sockets)
        self._mtu = mtu
        self._post: Post | None = None

    async def run(self, post: Post) -> None:
        """Serve until cancelled."""
        loop = asyncio.get_running_loop()
        self._post = post
        for link, sock in self._sockets.items():
            post(LinkUp(link, self._mtu, self.capabilities))
            loop.add_reader(sock, self._readable, link, sock.recv, post)
        try:
            await loop.create_future()
        finally:
            for link in tuple(self._sockets):
                self.close(link, "stopped")
            self._post = None

    def send(self, link: LinkId, frame: bytes) -> bool:
        """Hand one frame to the kernel."""
        sock = self._sockets.get(link)
        if sock is None:
            return True
        try:
            sock.send(frame)
        except BlockingIOError:
            asyncio.get_running_loop().add_writer(sock, self._writable, link, sock)
            return False
        except OSError:
            self.close(link, "the other end is gone")
        return True

    def close(self, link: LinkId, why: str) -> None:
        """Drop a link."""
        sock = self._sockets.pop(link, None)
        if sock is None or self._post is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(sock)
        loop.remove_writer(sock)
        sock.close()
        self._post(LinkDown(link, why))

    def status(self) -> TransportStatus:
        """A snapshot."""
        return TransportStatus(self.name, TransportState.UP, "Sockets.", links=len(self._sockets))

    def _readable(self, link: LinkId, recv, post: Post) -> None:
        try:
            frame = recv(RECEIVE)
        except ConnectionResetError:
            frame = b""
        if frame:
            post(FrameReceived(link, frame))
        else:
            self.close(link, "the other end is gone")

    def _writable(self, link: LinkId, sock: socket.socket) -> None:
        asyncio.get_running_loop().remove_writer(sock)
        if self._post is not None:
            self._post(Writable(link))
