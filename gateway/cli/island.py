"""One island of the demo: a gateway process of its own, with virtual phones around it.

``python -m gateway.cli.island`` reads one JSON object from standard input (`Spec`), runs a
whole gateway, and writes one JSON object a line: what its phones said and heard, and how
it is doing. A line ``talk SECONDS`` on standard input lets the phones talk that long, and
``hush`` ends that, which is answered with `Quiet`; ``rest`` kills the libp2p process for
good, until ``resume``. The end of input, which also comes when whoever started the island
has died, stops the gateway.
"""

import asyncio
import os
import sys
from collections.abc import Collection
from pathlib import Path
from random import Random

import msgspec

from gateway.app import Gateway
from gateway.cli.demo_door import Door
from gateway.config import load
from gateway.config.checks import WIDE_TRANSPORTS
from gateway.config.editing import ConfigFile
from gateway.config.load import Loaded
from gateway.mesh.engine import Mesh
from gateway.testing.chat import Chat
from gateway.testing.island import Island
from gateway.testing.radio import VirtualRadio
from transports.libp2p.transport import Libp2pTransport

REPORT_S = 0.25  # seconds between two reports
NO_RESTART = "This gateway belongs to a demonstration, which nobody would start again. End it and start it anew: nothing of it is kept."


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
    near: tuple[str, ...]  # phones the gateway hears on its radio
    far: tuple[str, ...]  # phones it knows of through the other gateway
    acquainted: int  # pairs of phones where the first has the second's verified announce
    sites: int
    crossed_out: int
    crossed_in: int
    addresses: tuple[str, ...]
    child_pid: int | None
    counters: dict[str, dict[str, int]]  # of each transport to other sites
    page: str = ""  # where it is, empty if there is none
    setup_code: str = ""  # opens it, empty once somebody has a passphrase
    links: tuple[str, ...] = ()  # transports that have a link to the other site, the one in use first


class Quiet(msgspec.Struct, frozen=True, tag="quiet", tag_field="event"):
    """The phones say nothing any more; whatever they said has been reported."""


class Told(msgspec.Struct, frozen=True, tag="told", tag_field="event"):
    """A sentence for the log."""

    sentence: str


Report = Said | Got | Doing | Quiet | Told


class _Wire:
    """Books kept elsewhere: every line is written to standard output."""

    def sent(self, message_id: str, kind: str, sender: str, expected: Collection[str], at: float) -> None:
        tell(Said(message_id, kind, sender, tuple(sorted(set(expected) - {sender})), at))

    def received(self, message_id: str, recipient: str, at: float) -> None:
        tell(Got(message_id, recipient, at))


def tell(report: Report) -> None:
    """Write one report; with nobody left to read it, nothing happens."""
    try:
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # Standard input has ended too, and that ends the island in good order. What is in the buffer goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


async def serve(spec: Spec, commands: asyncio.StreamReader) -> None:
    """Run the island until `commands` ends."""
    config = _loaded(spec, None).config
    island = Island(spec.seed, spec.phones)
    chat = Chat(island, _Wire(), Random(spec.seed), spec.everyone)  # noqa: S311 -- who talks when is no secret
    radio = VirtualRadio(island)
    file = ConfigFile(Path(spec.config), lambda path, text: _loaded(spec, None if text is None else (path, text)))
    gateway = Gateway(config, [radio], report=lambda sentence: tell(Told(sentence)), file=file)
    gateway.steering.stays = NO_RESTART
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(gateway.run(stop))
        listening = group.create_task(_listen(commands, chat, radio, gateway.libp2p))
        reporting = group.create_task(_report(gateway, island, spec))
        await asyncio.wait([running, listening, reporting], return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        listening.cancel()
        reporting.cancel()


def _loaded(spec: Spec, instead: tuple[Path, str] | None) -> Loaded:
    return load(Path(spec.config), os.environ, spec.overrides, instead=instead)


async def _listen(commands: asyncio.StreamReader, chat: Chat, radio: VirtualRadio, libp2p: Libp2pTransport | None) -> None:
    while line := await commands.readline():
        verb, _, seconds = line.decode().strip().partition(" ")
        if verb == "talk":
            length = float(seconds)
            radio.do(lambda: chat.start(radio.island.now + length))  # noqa: B023 -- done before the next line is read
        elif verb == "hush":
            radio.do(lambda: chat.start(radio.island.now))
            tell(Quiet())
        elif verb == "rest" and libp2p is not None:
            libp2p.rest()
        elif verb == "resume" and libp2p is not None:
            libp2p.resume()


async def _report(gateway: Gateway, island: Island, spec: Spec) -> None:
    door = Door(gateway.page)
    while True:
        status = gateway.status()
        address, code = door.look()
        uplinks = {name: status.transports[name] for name in WIDE_TRANSPORTS if name in status.transports}
        people = [peer for peer in status.mesh.peers if peer.nickname in spec.everyone]
        tell(
            Doing(
                sentence=status.sentence,
                near=tuple(sorted(peer.nickname for peer in people if peer.local)),
                far=tuple(sorted(peer.nickname for peer in people if peer.remote and not peer.local)),
                acquainted=acquainted(island, spec.everyone),
                sites=status.bridge.sites,
                crossed_out=status.bridge.crossed_out,
                crossed_in=status.bridge.crossed_in,
                addresses=tuple(address for one in uplinks.values() for address in one.addresses),
                child_pid=gateway.libp2p.child_pid if gateway.libp2p is not None else None,
                counters={name: dict(one.counters) for name, one in uplinks.items()},
                page=address,
                setup_code=code,
                links=tuple(
                    link.partition(":")[0] for route in status.bridge.routes for link in (route.using, *route.spare) if route.using
                ),
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
    line = await commands.readline()
    if line:
        await serve(msgspec.json.decode(line, type=Spec), commands)


if __name__ == "__main__":
    asyncio.run(main())
