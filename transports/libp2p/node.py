"""The child process: `python -m transports.libp2p.node --fd N`.

It runs py-libp2p on trio, so that what can go wrong in there (a stranger's bytes, 80 MB of memory, two
seconds of import) stays out of the gateway. It carries bytes between the pipe and the streams of members
and looks into none of them. Descriptor N is its end of a socket pair; when that closes, it ends at once.
"""

import argparse
import gc
import logging
import os
import socket
import sys
from collections.abc import Mapping
from typing import Any

import trio

import transports.libp2p.nameless  # noqa: F401 -- before libp2p
from transports.libp2p.framing import Deframer
from transports.libp2p.node_host import ListenError, NodeHost
from transports.libp2p.node_links import Links
from transports.libp2p.node_pipe import NoticeLog, Pipe
from transports.libp2p.pipe import Kind, Settings, decode
from transports.limits import HEARTBEAT_LOST_S, HEARTBEAT_S, MAX_PIPE_MESSAGE

_EXIT_FATAL = 3


async def _serve(sock: socket.socket) -> None:
    stream = trio.SocketStream(trio.socket.from_stdlib_socket(sock))
    pipe = Pipe(stream)
    logging.basicConfig(handlers=[NoticeLog(pipe)], level=logging.WARNING, force=True)
    logging.getLogger("transports").setLevel(logging.INFO)
    logging.getLogger("libp2p").propagate = True  # it keeps its lines to itself, which brings them to stderr
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pipe.run)
        await _Node(stream, pipe, nursery).run()


class _Node:
    def __init__(self, stream: trio.SocketStream, pipe: Pipe, nursery: trio.Nursery) -> None:
        self._stream = stream
        self._pipe = pipe
        self._nursery = nursery
        self._links: Links | None = None

    async def run(self) -> None:
        """Heed the gateway until it is gone."""
        deframer = Deframer(MAX_PIPE_MESSAGE)
        while True:
            with trio.move_on_after(HEARTBEAT_LOST_S) as waiting:
                data = await self._stream.receive_some(MAX_PIPE_MESSAGE)
            if waiting.cancelled_caught or not data:
                os._exit(0)  # nothing here is worth saving, and no library code may delay the end
            for message in deframer.feed(data):
                kind, *fields = decode(message)
                await self._heed(kind, fields)

    async def _heed(self, kind: int, fields: list[Any]) -> None:
        links = self._links
        if kind == Kind.CONFIG:
            self._nursery.start_soon(self._host, fields[0])
        elif kind == Kind.STOP:
            if links is not None:
                await links.drain()
            os._exit(0)
        elif links is not None and kind == Kind.DATA:
            links.write(*fields)
        elif links is not None and kind == Kind.CLOSE:
            links.close(*fields)
        elif links is not None and kind == Kind.MEMBERS:
            links.renew(*fields)
        elif links is not None and kind == Kind.ANSWER:
            links.answered(*fields)

    async def _host(self, settings: Settings) -> None:
        try:
            host = NodeHost(settings, self._pipe)
            async with host.running():
                links = Links(host, settings, self._pipe)
                self._links = links
                gc.collect()
                gc.freeze()  # the 1 300 modules just imported never become garbage
                await self._pipe.tell(Kind.READY, host.peer_id, host.addresses)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(links.run)
                    nursery.start_soon(self._beat, links.counters, host.counters)
        except ListenError as error:
            await self._pipe.tell_last(Kind.FATAL, str(error), error.remedy)
            os._exit(_EXIT_FATAL)

    async def _beat(self, *counters: Mapping[str, int]) -> None:
        """Report the counters every few seconds, and soon after they changed."""
        told: dict[str, int] = {}
        told_at = trio.current_time()
        while True:
            now = {name: count for each in counters for name, count in each.items()}
            if now != told or trio.current_time() - told_at >= HEARTBEAT_S:
                await self._pipe.tell(Kind.BEAT, now)
                told, told_at = now, trio.current_time()
            await trio.sleep(HEARTBEAT_S / 20)


def main() -> None:
    """Run the child until the gateway is gone."""
    parser = argparse.ArgumentParser(prog="python -m transports.libp2p.node", description="The libp2p process, started by a Meshgate.")
    parser.add_argument("--fd", type=int, required=True, help="descriptor of the socket to the gateway")
    # By default yamux answers every read with a window update, a message of its own; without it every second one goes,
    # which is a tenth of the CPU and a quarter of the latency. Credit stays between one and one and a half windows.
    os.environ.setdefault("PY_YAMUX_RELEASE_ON_READ", "0")
    try:
        trio.run(_serve, socket.socket(fileno=parser.parse_args().fd))
    except BaseException as error:  # noqa: BLE001 - these are its last words, which the gateway reads
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
