"""How many 512-byte frames a second go from one gateway process to another over one libp2p stream.

Two asyncio processes, each with its libp2p child, on loopback TCP: four processes, as in the field.

    python tests/perf/libp2p_throughput.py --json
"""

import argparse
import asyncio
import json
import os
import platform
import random
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from transports.libp2p.config import Libp2pConfig
from transports.libp2p.transport import Libp2pTransport, load_peer_id
from transports.link import FrameReceived, LinkEvent, LinkId, LinkUp, Writable


def _cpu(pid: int | None) -> float:
    """Seconds of CPU a process has used."""
    if pid is None:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Side:
    """One gateway's end of the measurement."""

    def __init__(self, config: Libp2pConfig) -> None:
        self.transport = Libp2pTransport(config, random.Random(), self._notice)
        self.link: LinkId | None = None
        self.up = asyncio.Event()
        self.writable = asyncio.Event()
        self.received = 0
        self.on_frame = self._count

    def _notice(self, level: str, sentence: str) -> None:
        if level in ("warning", "error"):
            print(f"{level}: {sentence}", file=sys.stderr)

    def _count(self, _frame: bytes) -> None:
        self.received += 1

    def post(self, event: LinkEvent) -> None:
        if isinstance(event, FrameReceived):
            self.on_frame(event.frame)
        elif isinstance(event, LinkUp):
            self.link = event.link
            self.up.set()
        elif isinstance(event, Writable):
            self.writable.set()

    async def send(self, frame: bytes) -> None:
        assert self.link is not None
        while not self.transport.send(self.link, frame):
            self.writable.clear()
            await self.writable.wait()


async def far_side(config: Libp2pConfig) -> None:
    """Count frames; answer those that begin with "E" (echo) and "R" (report)."""
    side = Side(config)
    started = 0.0
    cpu = (0.0, 0.0)

    def on_frame(frame: bytes) -> None:
        nonlocal started, cpu
        assert side.link is not None
        if frame[:1] == b"E":
            side.transport.send(side.link, frame)
        elif frame[:1] == b"S":
            side.received, started = 0, time.perf_counter()
            cpu = (_cpu(os.getpid()), _cpu(side.transport.child_pid))
        elif frame[:1] == b"R":
            seconds = time.perf_counter() - started
            used = (_cpu(os.getpid()) - cpu[0], _cpu(side.transport.child_pid) - cpu[1])
            side.transport.send(side.link, json.dumps({"received": side.received, "seconds": seconds, "cpu": used}).encode())
        else:
            side.received += 1

    side.on_frame = on_frame
    await side.transport.run(side.post)


async def near_side(config: Libp2pConfig, frames: int, size: int, echoes: int) -> dict[str, object]:
    side = Side(config)
    running = asyncio.create_task(side.transport.run(side.post))
    try:
        await asyncio.wait_for(side.up.wait(), 60)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bytes] = loop.create_future()
        side.on_frame = lambda frame: None if answer.done() else answer.set_result(frame)

        rtts = []
        for _ in range(echoes):
            answer = loop.create_future()
            began = time.perf_counter()
            await side.send(b"E" + bytes(size - 1))
            await answer
            rtts.append((time.perf_counter() - began) * 1e3)
            await asyncio.sleep(0.002)  # an idle path, not a busy one
        rtts.sort()

        payload = os.urandom(size - 1)
        await side.send(b"S")
        cpu = (_cpu(os.getpid()), _cpu(side.transport.child_pid))
        answer = loop.create_future()
        for number in range(frames):
            await side.send(b"D" + payload)
            if number % 64 == 0:
                await asyncio.sleep(0)
        await side.send(b"R")
        report = json.loads(await asyncio.wait_for(answer, 120))
        used = (_cpu(os.getpid()) - cpu[0], _cpu(side.transport.child_pid) - cpu[1])
        return {
            "frames": frames,
            "frame_bytes": size,
            "lost": frames - report["received"],
            "packets_per_second": round(report["received"] / report["seconds"]),
            "megabytes_per_second": round(report["received"] * size / report["seconds"] / 1e6, 1),
            "cpu_us_per_packet": {
                "sender": round(used[0] / frames * 1e6, 2),
                "sender_child": round(used[1] / frames * 1e6, 2),
                "receiver_child": round(report["cpu"][1] / frames * 1e6, 2),
                "receiver": round(report["cpu"][0] / frames * 1e6, 2),
            },
            "round_trip_ms": {
                "samples": echoes,
                "p50": round(statistics.median(rtts), 2),
                "p99": round(rtts[int(len(rtts) * 0.99)], 2),
                "max": round(rtts[-1], 2),
            },
            "frames_per_batch": round(frames / max(1, side.transport.status().counters["batches_out"] - echoes), 1),
            "max_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}",
        }
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=300_000)
    parser.add_argument("--size", type=int, default=512, help="bytes")
    parser.add_argument("--echoes", type=int, default=500, help="round trips of one frame on an idle path")
    parser.add_argument("--json", action="store_true", help="print the whole document")
    parser.add_argument("--far", nargs=3, metavar=("KEY", "LISTEN", "MEMBER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.far:
        key, listen, member = options.far
        asyncio.run(far_side(Libp2pConfig(Path(key), listen=(listen,), members=(member,))))
        return
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        listen = f"/ip4/127.0.0.1/tcp/{probe.getsockname()[1]}"
        probe.close()
        near_key, far_key = Path(folder, "near.key"), Path(folder, "far.key")
        near_id, far_id = load_peer_id(near_key), load_peer_id(far_key)
        with subprocess.Popen([sys.executable, __file__, "--far", str(far_key), listen, near_id]) as far:
            try:
                config = Libp2pConfig(near_key, listen=(), members=(far_id,), peers=(f"{listen}/p2p/{far_id}",))
                result = asyncio.run(near_side(config, options.frames, options.size, options.echoes))
            finally:
                far.kill()
    print(json.dumps(result, indent=2) if options.json else f"{result['packets_per_second']} packets/s")


if __name__ == "__main__":
    main()
