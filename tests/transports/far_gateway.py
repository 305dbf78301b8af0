"""A gateway in a process of its own: prints its child's process ID once its link is up, and echoes frames.

far_gateway.py KEY LISTEN MEMBER PEER
"""

import asyncio
import random
import sys
from pathlib import Path

from transports.libp2p.config import Libp2pConfig
from transports.libp2p.transport import Libp2pTransport
from transports.link import FrameReceived, LinkEvent, LinkUp


async def main(key: str, listen: str, member: str, peer: str) -> None:
    transport = Libp2pTransport(Libp2pConfig(Path(key), (listen,), (member,), (peer,)), random.Random())

    def post(event: LinkEvent) -> None:
        if isinstance(event, LinkUp):
            sys.stdout.write(f"{transport.child_pid}\n")
            sys.stdout.flush()
        elif isinstance(event, FrameReceived):
            transport.send(event.link, event.frame)

    await transport.run(post)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
