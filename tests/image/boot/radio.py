"""The air around a machine: a controller on its serial line, and phones within reach, in a process of their own.

`python -m tests.image.boot.radio LINE CONTROL` waits on the socket LINE for QEMU, whose machine speaks H4 there (`btattach -P h4`),
and on the socket CONTROL for tests (`tests.rig.air_control`). The controllers and the phones are those of the rig; here they live in
real time.
"""

import asyncio
import contextlib
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bumble import hci

from tests.rig.air import Air
from tests.rig.air_control import AirControl
from tests.rig.controllers import Station

NAME: Final = "hci0"
ADDRESS: Final = "F0:F1:F2:F3:F4:00"
_LENGTHS: Final = {
    hci.HCI_COMMAND_PACKET: struct.Struct("<xxxB"),
    hci.HCI_ACL_DATA_PACKET: struct.Struct("<xxxH"),
    hci.HCI_SYNCHRONOUS_DATA_PACKET: struct.Struct("<xxxB"),
}
"""Where each kind of packet says how long the rest is; the first byte is the kind (Core 5.4, Vol 4, Part A)."""
START_S: Final = 60.0
POLL_S: Final = 0.1


class Framing:
    """Cuts what comes over a serial line into packets."""

    def __init__(self) -> None:
        self.skipped = 0  # bytes that began no packet: what a line says while it is set up
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take some bytes; the packets that are whole with them."""
        self._data += data
        while self._data:
            length = _LENGTHS.get(self._data[0])
            if length is None:
                del self._data[0]
                self.skipped += 1
                continue
            if len(self._data) < length.size:
                return
            whole = length.size + length.unpack_from(self._data)[0]
            if len(self._data) < whole:
                return
            packet = bytes(self._data[:whole])
            del self._data[:whole]
            yield packet


class SerialAdapter:
    """The one adapter of the machine: a station on the air while somebody holds the other end of the line."""

    def __init__(self, air: Air) -> None:
        self._air = air
        self._writer: asyncio.StreamWriter | None = None
        self.station = Station(NAME, air, ADDRESS)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Be the controller of a machine until it is gone."""
        if self._writer is not None:
            writer.close()
            return
        self._writer, framing = writer, Framing()
        self.station.set_packet_sink(self)
        try:
            while data := await reader.read(65536):
                for packet in framing.feed(data):
                    self.station.on_packet(packet)
        except ConnectionError:
            pass
        finally:
            self.station.set_packet_sink(None)
            self.station.silence()
            self._writer = None
            writer.close()

    def on_packet(self, packet: bytes) -> None:
        """Give one packet to the machine."""
        if self._writer is not None:
            self._writer.write(packet)

    def index(self, name: str) -> int | None:
        """The machine's number of it, None for other stations."""
        return 0 if name == NAME and self._writer is not None else None

    def plug(self, _socket: int | None = None) -> str:
        """Refuse: the line is soldered."""
        raise ValueError("the machine has one serial line")

    def unplug(self, _socket: int) -> None:
        """Refuse: the line is soldered."""
        raise ValueError("the machine has one serial line")

    def restore(self) -> None:
        """Have everything plugged in that was at first, which it is."""


async def main(line: str, control: str) -> None:
    """Wait on both sockets."""
    air = Air()
    adapter = SerialAdapter(air)
    server = await asyncio.start_unix_server(adapter.take, line)
    async with server:
        await AirControl(air, adapter).serve(control)


@contextlib.contextmanager
def on_air(line: Path, control: Path, log: Path) -> Iterator[None]:
    """Run it while the block lasts; it can be reached when the block begins."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as said:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig=KILL", sys.executable, "-m", "tests.image.boot.radio", str(line), str(control)],
            cwd=Path(__file__).parents[3],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
        try:
            until = time.monotonic() + START_S
            while not (line.exists() and control.exists()):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, f"not within {START_S:.0f} s"
                time.sleep(POLL_S)
            yield
        finally:
            process.terminate()
            process.wait()
            for path in (line, control):
                path.unlink(missing_ok=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
