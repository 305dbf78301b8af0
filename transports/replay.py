"""A link to files: frames read from a capture come in, frames sent out are written down.

A capture is text: one frame a line in hexadecimal, empty lines and lines that start with
``#`` skipped. It stands for one silent neighbour, so a gateway without a radio can be fed
real traffic and its answer compared byte by byte.
"""

import asyncio
import contextlib
from pathlib import Path
from typing import Literal, TextIO

from transports.link import Capability, FrameReceived, LinkDown, LinkId, LinkUp, Post, TransportState, TransportStatus

LINK = LinkId("replay:file")
MTU = 1_300_000  # bytes; no radio stands between, so nothing is cut


class CaptureError(Exception):
    """A capture that cannot be read or written; the text names the file, and the line where there is one."""


class ReplayTransport:
    """Plays a capture, and keeps one.

    A second `run` goes on where the first one ended: frames are played once, and what was
    written stays.

    Args:
        feed: the capture to play, or None.
        capture: the file to write, or None; emptied at once.
        rate: frames a second; below the engine's limit for one link.

    Raises:
        CaptureError: one of the files cannot be used.
        ValueError: the rate is not positive.

    """

    name = "replay"
    capabilities = Capability.LOCAL | Capability.BROADCAST | Capability.DIRECTED

    def __init__(self, feed: Path | None, capture: Path | None, rate: float = 50.0) -> None:
        if not rate > 0:
            raise ValueError("The rate must be positive.")
        self._frames = read_capture(feed) if feed is not None else []
        self._capture = capture
        self._rate = rate
        self._file: TextIO | None = None
        self._post: Post | None = None
        self._fault: asyncio.Future[None] | None = None  # without a result: it only breaks
        self._played = self._written = 0
        if capture is not None:
            _open(capture, "w").close()

    async def run(self, post: Post) -> None:
        """Play the capture once, then stay up until cancelled; raises `CaptureError` if it cannot be written any more."""
        loop = asyncio.get_running_loop()
        fault = self._fault = loop.create_future()
        self._file = _open(self._capture, "a") if self._capture is not None else None
        self._post = post
        start = loop.time() - self._played / self._rate
        try:
            post(LinkUp(LINK, MTU, self.capabilities))
            while self._played < len(self._frames) and not fault.done():
                await asyncio.wait([fault], timeout=max(0.0, start + self._played / self._rate - loop.time()))
                frame = self._frames[self._played]
                self._played += 1
                post(FrameReceived(LINK, frame))
            await fault
        finally:
            self._post = None
            post(LinkDown(LINK, "stopped"))
            if self._file is not None:
                with contextlib.suppress(OSError):  # a full disk has been told of already
                    self._file.close()
                self._file = None

    def send(self, link: LinkId, frame: bytes) -> bool:
        """Write a frame down; False if the link is not up.

        Raises:
            ValueError: the frame is larger than the link's mtu.

        """
        if len(frame) > MTU:
            raise ValueError(f"A frame of {len(frame)} bytes is larger than the link's mtu of {MTU}.")
        if self._post is None or link != LINK:
            return False
        if self._file is not None:
            try:
                self._file.write(frame.hex() + "\n")
                self._file.flush()
            except OSError as error:
                self._break(CaptureError(f"{self._capture}: cannot be written ({error.strerror})"))
                return False
            self._written += 1
        return True

    def close(self, link: LinkId, why: str) -> None:
        """Do nothing: a file has no neighbour to be cut off from."""

    def status(self) -> TransportStatus:
        """Say how far the capture has been played."""
        counters = {"frames_in": self._played, "frames_out": self._written, "frames_waiting": len(self._frames) - self._played}
        up = self._post is not None
        sentence = f"Played {self._played} of {len(self._frames)} frames."
        return TransportStatus(self.name, TransportState.UP if up else TransportState.STARTING, sentence, links=int(up), counters=counters)

    def _break(self, error: CaptureError) -> None:
        if self._fault is not None and not self._fault.done():
            self._fault.set_exception(error)


def read_capture(path: Path) -> list[bytes]:
    """Return the frames of a capture; raises `CaptureError` with file and line."""
    frames = []
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise CaptureError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise CaptureError(f"{path}: cannot be read (it is not text)") from error
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        try:
            frame = bytes.fromhex(stripped)
        except ValueError as error:
            raise CaptureError(f"{path}:{number}: not a frame in hexadecimal") from error
        if len(frame) > MTU:
            raise CaptureError(f"{path}:{number}: a frame of {len(frame)} bytes; {MTU} is the most")
        frames.append(frame)
    return frames


def _open(path: Path, mode: Literal["w", "a"]) -> TextIO:
    try:
        return path.open(mode, encoding="ascii")
    except OSError as error:
        raise CaptureError(f"{path}: cannot be written ({error.strerror})") from error
