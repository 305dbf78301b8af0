"""A link to files: frames read from a capture come in, frames sent out are written down.

A capture is text: one frame a line in hexadecimal, empty lines and lines that start with
``#`` skipped. It stands for one silent neighbour, so a gateway without a radio can be fed
real traffic and its answer compared byte by byte.
"""

import asyncio
from pathlib import Path
from typing import TextIO

from transports.link import Capability, FrameReceived, LinkDown, LinkId, LinkUp, Post, TransportState, TransportStatus

LINK = LinkId("replay:file")
MTU = 1_300_000  # bytes; no radio stands between, so nothing is cut


class CaptureError(Exception):
    """A capture that cannot be read; the text names file and line."""


class ReplayTransport:
    """Plays a capture, and keeps one.

    Args:
        feed: the capture to play, or None.
        capture: the file to write, or None.
        rate: frames a second; below the engine's limit for one link.

    """

    name = "replay"
    capabilities = Capability.LOCAL | Capability.BROADCAST | Capability.DIRECTED

    def __init__(self, feed: Path | None, capture: Path | None, rate: float = 50.0) -> None:
        self._frames = read_capture(feed) if feed is not None else []
        self._capture = capture
        self._rate = rate
        self._file: TextIO | None = None
        self._played = self._written = 0

    async def run(self, post: Post) -> None:
        """Play the capture once, then stay up until cancelled."""
        if self._capture is not None:
            self._file = self._capture.open("w", encoding="ascii")
        post(LinkUp(LINK, MTU, self.capabilities))
        try:
            loop = asyncio.get_running_loop()
            start = loop.time()
            for index, frame in enumerate(self._frames):
                await asyncio.sleep(max(0.0, start + index / self._rate - loop.time()))
                post(FrameReceived(LINK, frame))
                self._played += 1
            await loop.create_future()
        finally:
            post(LinkDown(LINK, "stopped"))
            if self._file is not None:
                self._file.close()
                self._file = None

    def send(self, link: LinkId, frame: bytes) -> bool:
        """Write a frame down."""
        if len(frame) > MTU:
            raise ValueError(f"frame of {len(frame)} bytes on {link}")
        if self._file is not None:
            self._file.write(frame.hex() + "\n")
            self._file.flush()
            self._written += 1
        return True

    def close(self, link: LinkId, why: str) -> None:
        """Do nothing: a file has no neighbour to be cut off from."""

    def status(self) -> TransportStatus:
        """Say how far the capture has been played."""
        counters = {"frames_in": self._played, "frames_out": self._written, "frames_waiting": len(self._frames) - self._played}
        return TransportStatus(
            self.name, TransportState.UP, f"Played {self._played} of {len(self._frames)} frames.", links=1, counters=counters
        )


def read_capture(path: Path) -> list[bytes]:
    """Return the frames of a capture; raises `CaptureError` with file and line."""
    frames = []
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CaptureError(f"{path}: cannot be read ({error})") from error
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        try:
            frames.append(bytes.fromhex(stripped))
        except ValueError as error:
            raise CaptureError(f"{path}:{number}: not a frame in hexadecimal") from error
    return frames
