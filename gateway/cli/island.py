"""One island of the demo: a gateway process of its own, with virtual phones around it.

``python -m gateway.cli.island`` reads one JSON object from standard input (`Spec`), runs a
whole gateway, and writes one JSON object a line: what its phones said and heard, and how
it is doing. A line ``talk SECONDS`` on standard input lets the phones talk that long; the end
of input stops the gateway.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import Collection
from pathlib import Path
from random import Random

import msgspec

from gateway.app import Gateway
from gateway.config import load
from gateway.mesh.engine import Mesh
from gateway.testing.chat import Chat
from gateway.testing.island import Island
from gateway.testing.radio import VirtualRadio

REPORT_S = 0.25  # seconds between two reports


class Spec(msgspec.Struct, frozen=True):
    """What this island is."""

    config: str  # file
    overrides: tuple[str, ...]
    seed: str
    phones: tuple[str, ...]
    everyone: tuple[str, ...]  # phones of all islands


class Said(msgspec.Struct, frozen=True, tag="said", tag_field="event"):
    """A phone sent a message."""

    message_id: str
    kind: str
    sender: str
    expected: tuple[str, ...]
    at: float  # unix seconds


class Got(msgspec.Struct, frozen=True, tag="got", tag_field="event"):
    """A phone received a message."""

    message_id: str
    recipient: str
    at: float


class Doing(msgspec.Struct, frozen=True, tag="doing", tag_field="event"):
    """How the island is doing."""

    sentence: str
    acquainted: int  # pairs of phones where the first has the second's verified announce
    sites: int
    crossed_out: int
    crossed_in: int
    addresses: tuple[str, ...]
    child_pid: int | None
    libp2p: dict[str, int]


class Told(msgspec.Struct, frozen=True, tag="told", tag_field="event"):
    """A sentence for the log."""

    sentence: str


Report = Said | Got | Doing | Told


class _Wire:
    """Books kept elsewhere: every line is written to standard output."""

    def sent(self, message_id: str, kind: str, sender: str, expected: Collection[str], at: float) -> None:
        tell(Said(message_id, kind, sender, tuple(sorted(set(expected) - {sender})), at))

    def received(self, message_id: str, recipient: str, at: float) -> None:
        tell(Got(message_id, recipient, at))


def tell(report: Report) -> None:
    """Write one report."""
    sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    sys.stdout.buffer.flush()


async def serve(spec: Spec, commands: asyncio.StreamReader) -> None:
    """Run the island until `commands` ends."""
    config = load(Path(spec.config), os.environ, spec.overrides).config
    island = Island(spec.seed, spec.phones)
    chat = Chat(island, _Wire(), Random(spec.seed), spec.everyone)  # noqa: S311 -- who talks when is no secret
    gateway = Gateway(config, [VirtualRadio(island)], report=lambda sentence: tell(Told(sentence)))
    stop = asyncio.Event()
    running = asyncio.create_task(gateway.run(stop))
    reporting = asyncio.create_task(_report(gateway, island, spec.everyone))
    listening = asyncio.create_task(_listen(commands, chat, island))
    await asyncio.wait([running, listening], return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    for task in (reporting, listening):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    await running


async def _listen(commands: asyncio.StreamReader, chat: Chat, island: Island) -> None:
    while line := await commands.readline():
        verb, _, seconds = line.decode().partition(" ")
        if verb == "talk":
            chat.start(island.now + float(seconds))


async def _report(gateway: Gateway, island: Island, everyone: Collection[str]) -> None:
    while True:
        status = gateway.status()
        libp2p = status.transports.get("libp2p")
        tell(
            Doing(
                sentence=status.sentence,
                acquainted=acquainted(island, everyone),
                sites=status.bridge.sites,
                crossed_out=status.bridge.crossed_out,
                crossed_in=status.bridge.crossed_in,
                addresses=libp2p.addresses if libp2p is not None else (),
                child_pid=gateway.libp2p.child_pid if gateway.libp2p is not None else None,
                libp2p=dict(libp2p.counters) if libp2p is not None else {},
            )
        )
        await asyncio.sleep(REPORT_S)


def acquainted(island: Island, everyone: Collection[str]) -> int:
    """Count the phones that this island's phones know, over all of them."""
    engines = [phone.engine for phone in island.phones.values()]
    return sum(peer.announce.nickname in everyone for engine in engines if isinstance(engine, Mesh) for peer in engine.peers)


async def main() -> None:
    """Read the spec, then serve."""
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    spec = msgspec.json.decode(await commands.readline(), type=Spec)
    await serve(spec, commands)


if __name__ == "__main__":
    asyncio.run(main())
