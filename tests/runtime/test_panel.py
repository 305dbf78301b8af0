"""A long press asks, the light answers: on made-up devices, in virtual time (tests.testing.virtual_loop)."""

import asyncio
import os
import struct
from pathlib import Path

from gateway.runtime.panel import Panel
from gateway.store.audit import Action, Actor
from hw.button import NAME
from tests.hw.sysfs import write
from tests.testing.virtual_loop import run


def fit(root: Path) -> Path:
    """Fit a light and a button; returns the button's device."""
    write(root, "sys/class/leds/ACT/trigger", "none [mmc0]\n")
    write(root, "sys/class/leds/ACT/brightness", "0\n")
    write(root, "sys/class/input/event0/device/name", NAME)
    device = root / "dev/input/event0"
    device.parent.mkdir(parents=True)
    os.mkfifo(device)
    return device


def event(value: int) -> bytes:
    return struct.pack("@llHHi", 0, 0, 1, 408, value)


def held(root: Path, seconds: float) -> tuple[list[str], list[str]]:
    """Hold the button so long; returns what was done and reported."""
    done: list[str] = []
    said: list[str] = []

    async def wipe() -> None:
        done.append("wipe")

    def witness(actor: Actor, action: Action, detail: str = "", uid: int | None = None) -> None:
        assert (actor, detail, uid) == (Actor.BUTTON, "", None)
        done.append(action.value)

    async def main() -> None:
        device = fit(root)
        running = asyncio.create_task(Panel(lambda: True, lambda: done.append("setup"), wipe, said.append, root, witness).run())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        pen = os.open(device, os.O_WRONLY)
        os.write(pen, event(1))
        await asyncio.sleep(seconds)
        os.write(pen, event(0))
        await asyncio.sleep(1)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        os.close(pen)

    run(main())
    return done, said


def test_a_long_press_opens_setup_mode(tmp_path: Path) -> None:
    assert held(tmp_path, 8) == (["setup"], ["The button was held: setup mode."])


def test_a_very_long_press_erases_everything(tmp_path: Path) -> None:
    assert held(tmp_path, 25) == (["wipe_asked", "wipe"], ["The button was held for long: everything is erased."])


def test_a_short_press_and_a_thing_that_lies_on_the_button_do_nothing(tmp_path: Path) -> None:
    assert held(tmp_path / "short", 1) == ([], [])
    assert held(tmp_path / "stuck", 3_600) == ([], [])


def test_a_box_without_a_button_or_a_light_is_no_trouble(tmp_path: Path) -> None:
    said: list[str] = []

    async def wipe() -> None:
        raise AssertionError

    run(Panel(lambda: True, lambda: None, wipe, said.append, tmp_path).run())
    assert said == []


def test_a_button_that_cannot_be_read_is_said_and_stops_nothing(tmp_path: Path) -> None:
    fit(tmp_path).unlink()
    said: list[str] = []

    async def main() -> None:
        running = asyncio.create_task(Panel(lambda: False, lambda: None, lambda: asyncio.sleep(0), said.append, tmp_path).run())
        await asyncio.sleep(10)
        assert not running.done()  # the light goes on
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    run(main())
    assert said == ["The button cannot be used: No such file or directory. See: meshgate units --panel."]
