"""The light and the button of a box, on made-up devices, in virtual time (tests.testing.virtual_loop)."""

import asyncio
import os
import struct
from pathlib import Path

import pytest

from hw.button import NAME, Button, Press, find_button, meaning
from hw.leds import Light, Signal
from tests.hw.sysfs import write
from tests.testing.virtual_loop import run

KEY, SYNC, CODE = 1, 0, 408


def fit_light(root: Path, name: str = "ACT", trigger: str = "none [mmc0] timer") -> None:
    write(root, f"sys/class/leds/{name}/trigger", trigger + "\n")
    write(root, f"sys/class/leds/{name}/brightness", "0\n")


def read(root: Path, file: str) -> str:
    return (root / "sys/class/leds/ACT" / file).read_text().strip()


def event(value: int, kind: int = KEY) -> bytes:
    return struct.pack("@llHHi", 0, 0, kind, CODE, value)


@pytest.mark.parametrize(
    ("held", "meant"),
    [
        (0.2, Press.NOTHING),
        (4.9, Press.NOTHING),
        (5.0, Press.SETUP),
        (19.9, Press.SETUP),
        (20.0, Press.WIPE),
        (59.9, Press.WIPE),
        (60.0, Press.NOTHING),
        (1e6, Press.NOTHING),
    ],
)
def test_how_long_it_was_held_decides_and_a_thing_that_lies_on_it_erases_nothing(held: float, meant: Press) -> None:
    assert meaning(held) is meant


def press(tmp_path: Path, *steps: tuple[float, bytes]) -> tuple[list[Press], list[tuple[float, Press]]]:
    """Play what the device says after so many seconds each; returns what was meant, and when the light was told what."""
    meant, told = [], []
    fifo = tmp_path / "event0"
    os.mkfifo(fifo)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        button = Button(fifo, meant.append, lambda one: told.append((round(loop.time() - start, 3), one)))
        running = asyncio.create_task(button.run())
        await asyncio.sleep(0)
        writing = os.open(fifo, os.O_WRONLY)
        for seconds, data in steps:
            await asyncio.sleep(seconds)
            os.write(writing, data)
            await asyncio.sleep(0.001)
        await asyncio.sleep(100)
        assert not running.done()
        os.close(writing)
        with pytest.raises(OSError, match="ended"):
            await running

    run(main())
    return meant, told


def test_a_long_press_is_setup_mode_and_the_light_says_so_before(tmp_path: Path) -> None:
    meant, told = press(tmp_path, (1, event(1) + event(0, SYNC)), (8, event(2)), (1, event(0)))
    assert meant == [Press.SETUP]
    assert [one for _, one in told] == [Press.SETUP, Press.NOTHING]
    assert told[0][0] == 6.0  # 5 s after it went down


def test_a_very_long_press_wipes_once(tmp_path: Path) -> None:
    meant, told = press(tmp_path, (0, event(1)), (30, event(0)), (1, event(0)))
    assert meant == [Press.WIPE]
    assert [one for _, one in told] == [Press.SETUP, Press.WIPE, Press.NOTHING, Press.NOTHING]


def test_whoever_changes_their_mind_holds_on(tmp_path: Path) -> None:
    meant, told = press(tmp_path, (0, event(1)), (61, event(0)))
    assert meant == []
    assert [one for _, one in told] == [Press.SETUP, Press.WIPE, Press.NOTHING, Press.NOTHING]


def test_a_press_nobody_saw_the_beginning_of_means_nothing(tmp_path: Path) -> None:
    assert press(tmp_path, (30, event(0)))[0] == []


def test_a_keyboard_is_no_button(tmp_path: Path) -> None:
    write(tmp_path, "sys/class/input/event0/device/name", "Some Keyboard\n")
    assert find_button(tmp_path) is None
    write(tmp_path, "sys/class/input/event3/device/name", f"{NAME}\n")
    assert find_button(tmp_path) == tmp_path / "dev/input/event3"


def test_the_light_blinks_as_told_and_is_given_back(tmp_path: Path) -> None:
    fit_light(tmp_path)

    async def main() -> None:
        light = Light(tmp_path)
        running = asyncio.create_task(light.run())
        light.show(Signal.WELL)
        seen = []
        for _ in range(60):
            await asyncio.sleep(0.1)
            seen.append(read(tmp_path, "brightness"))
        assert seen.count("1") <= 2  # a short flash every three seconds
        assert read(tmp_path, "trigger") == "none"
        light.show(Signal.ERROR)
        await asyncio.sleep(0.1)
        assert read(tmp_path, "brightness") == "1"  # at once, not after the pause
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    run(main())
    assert read(tmp_path, "trigger") == "mmc0"


def test_a_light_made_for_it_comes_before_the_boards_own(tmp_path: Path) -> None:
    fit_light(tmp_path)
    fit_light(tmp_path, "meshgate")
    assert Light(tmp_path).name == "meshgate"


def test_a_board_without_a_light_says_so(tmp_path: Path) -> None:
    fit_light(tmp_path, "input3::capslock")
    with pytest.raises(FileNotFoundError, match="no light"):
        Light(tmp_path)
