"""What the engine holds when everything a stranger can fill is full.

Run as a program (`python -m tests.perf.memory`) it fills one engine and prints what that
took: the growth of its resident memory, in MiB.
"""

import gc
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random

from gateway.limits import (
    ASSEMBLY_FRAGMENT_COST,
    FRAGMENT_CHUNK,
    MAX_ASSEMBLIES,
    MAX_ASSEMBLY_BYTES_TOTAL,
    MAX_HISTORY_BYTES,
    MAX_HISTORY_MESSAGES,
    MAX_PEERS,
    MAX_SEEN,
)
from gateway.mesh.engine import Mesh
from gateway.mesh.identity import Identity
from gateway.mesh.settings import MeshSettings
from gateway.wire.fragment import Fragment, encode_fragment
from gateway.wire.packet import Packet, encode
from gateway.wire.types import MessageType
from tests.perf.frames import EPOCH_MS, OFFSET, Phone
from tests.perf.measure import Bench, Budget
from transports.link import Capability, FrameReceived, LinkId, LinkUp

LINKS = tuple(LinkId(f"radio:{number}") for number in range(48))
AUTHORS = 64  # phones whose texts are kept
MESSAGE_OVERHEAD = 86  # bytes of a signed message around its text
SENDERS = 32  # strangers who begin transfers and never end them
STEP_S = 0.001  # seconds of the engine's clock between two frames: below every rate limit over so many links
PATIENCE_S = 120.0
MEMORY = Budget(24, "MiB")
CHILD = "from tests.perf.memory import main; main()"


@dataclass(slots=True)
class _Crowd:
    """Hands frames to an engine over all links in turn."""

    engine: Mesh
    now: float = 1.0
    sent: int = 0

    @property
    def wall_ms(self) -> int:
        """What a phone's clock says now."""
        return EPOCH_MS + int(self.now * 1000)

    def send(self, frame: bytes) -> None:
        """One frame, over the next link."""
        self.now += STEP_S
        self.engine.handle(FrameReceived(LINKS[self.sent % len(LINKS)], frame), self.now)
        self.sent += 1


def measure(bench: Bench) -> None:
    """In a process of its own, or the rest of the benchmark would be counted."""
    runs = [_child() for _ in range(1 if bench.quick else 3)]
    best = min(runs, key=lambda run: run["mib"])
    full = f"{best['seen']:,} IDs, {best['assemblies']} assemblies, {best['peers']} peers, {best['history']} packets kept"
    bench.add(f"engine memory at its caps: {full}", best["mib"], "MiB", MEMORY)


def _child() -> dict[str, float]:
    done = subprocess.run([sys.executable, "-c", CHILD], cwd=Path(__file__).parents[2], capture_output=True, check=True, timeout=PATIENCE_S)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> None:
    """Fill one engine and print what it took."""
    rng = Random("gateway")
    engine = Mesh(Identity.generate(rng.randbytes), rng, MeshSettings(sync=False))
    engine.handle(OFFSET, 0.0)
    for link in LINKS:
        engine.handle(LinkUp(link, 517, Capability.LOCAL), 0.0)
    phones = [Phone(seed) for seed in range(MAX_PEERS)]
    gc.collect()
    before = _resident()
    _fill(_Crowd(engine), phones)
    gc.collect()
    after = _resident()
    sizes = engine.status(120.0).counters
    counts = {name: sizes[name] for name in ("seen", "assemblies", "history")}
    print(json.dumps({"mib": (after - before) / 2**20, "peers": len(engine.peers), **counts}))


def _fill(crowd: _Crowd, phones: list[Phone]) -> None:
    for phone in phones:
        crowd.send(phone.announce(crowd.wall_ms, ttl=5))
    for number in range(MAX_SEEN):  # strangers' texts are remembered, not kept; the first wait to be passed on
        text = b"%d: where are you, I am at the bridge with the others " % number
        sender = Random(number).randbytes(8)
        crowd.send(encode(Packet(MessageType.MESSAGE, 5, crowd.wall_ms, sender, text, signature=bytes(64))))
    for number in range(MAX_HISTORY_MESSAGES):
        text = Random(number).randbytes(MAX_HISTORY_BYTES // MAX_HISTORY_MESSAGES - MESSAGE_OVERHEAD)
        crowd.send(phones[number % AUTHORS].message(crowd.wall_ms, text, ttl=5))
    pieces = MAX_ASSEMBLY_BYTES_TOTAL // MAX_ASSEMBLIES // (FRAGMENT_CHUNK + ASSEMBLY_FRAGMENT_COST)
    for assembly in range(MAX_ASSEMBLIES):
        sender = bytes((0xEE,)) * 7 + bytes((assembly % SENDERS,))
        for index in range(pieces):
            rng = Random(f"{assembly}/{index}")
            part = Fragment(assembly.to_bytes(8), index, pieces + 1, MessageType.FILE, rng.randbytes(FRAGMENT_CHUNK))
            payload = encode_fragment(part)
            crowd.send(encode(Packet(MessageType.FRAGMENT, 5, crowd.wall_ms, sender, payload, wire_payload=payload)))


def _resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
