import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.testing.virtual_loop import run
from transports.link import FrameReceived, LinkDown, LinkEvent, LinkId, LinkUp, TransportState
from transports.replay import LINK, MTU, CaptureError, ReplayTransport, read_capture

FRAMES = [b"\x01one", b"\x02two", b"\x03three"]


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def capture_of(path: Path, frames: list[bytes]) -> Path:
    return write(path, "".join(f"{frame.hex()}\n" for frame in frames))


class Running:
    """A transport that runs in virtual time, and what it posts when."""

    def __init__(self, transport: ReplayTransport) -> None:
        self.transport = transport
        self.events: list[LinkEvent] = []
        self.at: list[float] = []

    def post(self, event: LinkEvent) -> None:
        self.events.append(event)
        self.at.append(asyncio.get_running_loop().time())

    @property
    def frames(self) -> list[bytes]:
        return [event.frame for event in self.events if isinstance(event, FrameReceived)]

    async def run_for(self, seconds: float, scene: Callable[[], None] = lambda: None) -> None:
        """Run it so long, with something happening in the middle, then cancel it."""
        task = asyncio.create_task(self.transport.run(self.post))
        await asyncio.sleep(seconds / 2)
        scene()
        await asyncio.sleep(seconds / 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}


def test_comments_blank_lines_and_spaces_are_no_frames(tmp_path: Path) -> None:
    path = write(tmp_path / "in.hex", "# ten phones\n\n0102 03\n   \n  # more\n\t0A0b\r\n04")
    assert read_capture(path) == [b"\x01\x02\x03", b"\x0a\x0b", b"\x04"]


@pytest.mark.parametrize("line", ["0", "xyz", "01 02 0", "0x01", "01 # one"])
def test_what_is_no_hexadecimal_is_named_by_file_and_line(tmp_path: Path, line: str) -> None:
    path = write(tmp_path / "in.hex", f"# first\n01\n\n{line}\n02\n")
    with pytest.raises(CaptureError, match=rf"^{path}:4: not a frame in hexadecimal$"):
        read_capture(path)


def test_a_frame_larger_than_the_link_takes_is_named_by_file_and_line(tmp_path: Path) -> None:
    path = write(tmp_path / "in.hex", "01\n" + "00" * (MTU + 1))
    with pytest.raises(CaptureError, match=rf"^{path}:2: a frame of {MTU + 1} bytes"):
        read_capture(path)
    assert len(read_capture(write(path, "00" * MTU))[0]) == MTU


def test_files_that_cannot_be_used_are_found_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"missing\.hex: cannot be read .*No such file"):
        ReplayTransport(tmp_path / "missing.hex", None)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(CaptureError, match=r"binary: cannot be read"):
        ReplayTransport(tmp_path / "binary", None)
    with pytest.raises(CaptureError, match=r"out\.hex: cannot be written .*No such file"):
        ReplayTransport(None, tmp_path / "missing" / "out.hex")


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="rate"):
        ReplayTransport(None, None, rate)


def test_the_capture_is_played_in_order_at_its_rate_and_the_link_stays_up(tmp_path: Path) -> None:
    frames = [number.to_bytes(2, "big") for number in range(50)]

    async def main() -> None:
        running = Running(ReplayTransport(capture_of(tmp_path / "in.hex", frames), None, rate=20.0))
        start = asyncio.get_running_loop().time()
        await running.run_for(60)
        assert running.frames == frames
        assert isinstance(running.events[0], LinkUp)
        assert running.events[-1] == LinkDown(LINK, "stopped")
        assert [round(at - start, 6) for at in running.at] == [0.0, *(number / 20 for number in range(50)), 60.0]

    run(main())


def test_a_busy_loop_does_not_slow_the_play_down(tmp_path: Path) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport = ReplayTransport(capture_of(tmp_path / "in.hex", [bytes([n]) for n in range(10)]), None, rate=10.0)
        running = Running(transport)
        plain = running.post

        def slow(event: LinkEvent) -> None:
            plain(event)
            if len(running.frames) == 3:
                loop._advance(0.35)  # something holds the loop up

        running.post = slow
        start = loop.time()
        await running.run_for(10)
        assert [round(at - start, 6) for at in running.at][1:-1] == [0.0, 0.1, 0.2, 0.55, 0.55, 0.55, 0.6, 0.7, 0.8, 0.9]

    run(main())


def test_what_is_sent_is_written_line_by_line_at_once(tmp_path: Path) -> None:
    out = tmp_path / "out.hex"

    async def main() -> None:
        running = Running(ReplayTransport(None, out))

        def scene() -> None:
            for count, frame in enumerate(FRAMES, 1):
                assert running.transport.send(LINK, frame)
                assert out.read_text() == "".join(f"{frame.hex()}\n" for frame in FRAMES[:count])

        await running.run_for(1, scene)

    run(main())
    assert read_capture(out) == FRAMES


def test_what_goes_out_can_be_played_again(tmp_path: Path) -> None:
    async def main() -> None:
        first = Running(ReplayTransport(None, tmp_path / "out.hex"))
        await first.run_for(1, lambda: [first.transport.send(LINK, frame) for frame in FRAMES])
        second = Running(ReplayTransport(tmp_path / "out.hex", None))
        await second.run_for(1)
        assert second.frames == FRAMES

    run(main())


def test_a_second_run_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    """As after a fault: nothing is played twice, nothing written is lost."""
    out = tmp_path / "out.hex"

    async def main() -> None:
        running = Running(ReplayTransport(capture_of(tmp_path / "in.hex", FRAMES), out, rate=1.0))
        await running.run_for(1.5, lambda: running.transport.send(LINK, b"a"))
        assert running.frames == FRAMES[:2]
        await running.run_for(10, lambda: running.transport.send(LINK, b"b"))
        assert running.frames == FRAMES
        assert [type(event) for event in running.events].count(LinkUp) == 2
        counters = running.transport.status().counters
        assert counters == {"frames_in": 3, "frames_out": 2, "frames_waiting": 0}

    run(main())
    assert read_capture(out) == [b"a", b"b"]


def test_a_new_transport_begins_the_file_anew(tmp_path: Path) -> None:
    out = write(tmp_path / "out.hex", "old\n")
    ReplayTransport(None, out)
    assert out.read_text() == ""


def test_only_the_link_that_is_up_takes_frames(tmp_path: Path) -> None:
    async def main() -> None:
        running = Running(ReplayTransport(None, tmp_path / "out.hex"))
        assert not running.transport.send(LINK, b"too early")
        await running.run_for(1, lambda: [running.transport.send(LINK, b"frame"), running.transport.close(LINK, "nobody can")])
        assert not running.transport.send(LINK, b"too late")

        def scene() -> None:
            assert not running.transport.send(LinkId("replay:other"), b"elsewhere")
            with pytest.raises(ValueError, match="mtu"):
                running.transport.send(LINK, bytes(MTU + 1))

        await running.run_for(1, scene)

    run(main())
    assert read_capture(tmp_path / "out.hex") == [b"frame"]


def test_a_file_that_can_be_written_no_more_ends_the_run_with_its_name() -> None:
    full = Path("/dev/full")  # takes every open and no byte
    if not full.exists() or not os.access(full, os.W_OK):
        pytest.skip("there is no /dev/full here")

    async def main() -> None:
        running = Running(ReplayTransport(None, full))
        task = asyncio.create_task(running.transport.run(running.post))
        await asyncio.sleep(1)
        assert not running.transport.send(LINK, b"frame")
        with pytest.raises(CaptureError, match=r"/dev/full: cannot be written .*No space left"):
            await task
        assert running.events[-1] == LinkDown(LINK, "stopped")

    run(main())


def test_the_status_follows_the_play(tmp_path: Path) -> None:
    async def main() -> None:
        running = Running(ReplayTransport(capture_of(tmp_path / "in.hex", FRAMES), None, rate=1.0))
        before = running.transport.status()
        seen = []
        await running.run_for(3, lambda: seen.append(running.transport.status()))
        assert (before.state, before.links) == (TransportState.STARTING, 0)
        assert (seen[0].state, seen[0].links, seen[0].sentence) == (TransportState.UP, 1, "Played 2 of 3 frames.")
        assert seen[0].counters["frames_waiting"] == 1

    run(main())
