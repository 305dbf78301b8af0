"""A long press asks, the light answers: on made-up devices, in virtual time (tests.testing.virtual_loop)."""

import asyncio
import os
import struct
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.runtime.panel import LOOK_S, Panel
from gateway.status import Severity
from gateway.store.audit import Action, Actor
from hw.button import NAME
from hw.leds import Signal
from tests.hw.sysfs import write
from tests.testing.virtual_loop import run

STEP_S = 0.02  # seconds between two looks at the light


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
        running = asyncio.create_task(Panel(lambda: None, lambda: done.append("setup"), wipe, said.append, root, witness).run())
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
    assert held(tmp_path / "stuck", 120) == ([], [])


def test_a_box_without_a_button_or_a_light_is_no_trouble(tmp_path: Path) -> None:
    said: list[str] = []

    async def wipe() -> None:
        raise AssertionError

    run(Panel(lambda: None, lambda: None, wipe, said.append, tmp_path).run())
    assert said == []


def test_a_button_that_cannot_be_read_is_said_and_stops_nothing(tmp_path: Path) -> None:
    fit(tmp_path).unlink()
    said: list[str] = []

    async def main() -> None:
        running = asyncio.create_task(Panel(lambda: Severity.ERROR, lambda: None, lambda: asyncio.sleep(0), said.append, tmp_path).run())
        await asyncio.sleep(10)
        assert not running.done()  # the light goes on
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    run(main())
    assert said == ["The button cannot be used: No such file or directory. See: meshgate units --panel."]


def shown(root: Path, worst: Callable[[], Severity | None], seconds: float = 12.0) -> list[tuple[float, str]]:
    """Watch the light; each change as seconds since the first one that was seen."""
    seen: list[tuple[float, str]] = []

    async def main() -> None:
        fit(root).unlink()
        running = asyncio.create_task(Panel(worst, lambda: None, lambda: asyncio.sleep(0), lambda _: None, root).run())
        brightness, loop = root / "sys/class/leds/ACT/brightness", asyncio.get_running_loop()
        for _ in range(round(seconds / STEP_S)):
            await asyncio.sleep(STEP_S)
            lit = brightness.read_text().strip()
            if not seen or seen[-1][1] != lit:
                seen.append((round(loop.time(), 2), lit))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    run(main())
    return seen


def flashes(seen: list[tuple[float, str]]) -> list[float]:
    """How long each flash lasted."""
    return [after - before for (before, lit), (after, _) in pairwise(seen) if lit == "1"]


@pytest.mark.parametrize(
    ("worst", "signal"),
    [(None, Signal.WELL), (Severity.NOTICE, Signal.WELL), (Severity.WARNING, Signal.WARNING), (Severity.ERROR, Signal.ERROR)],
)
def test_the_light_shows_how_grave_the_gravest_thing_is(tmp_path: Path, worst: Severity | None, signal: Signal) -> None:
    lengths = flashes(shown(tmp_path, lambda: worst)[2:])
    assert max(lengths) == pytest.approx(signal.value[0], abs=STEP_S)


def test_the_light_follows_what_changes(tmp_path: Path) -> None:
    moments = iter(range(1_000))

    def worst() -> Severity | None:
        return Severity.ERROR if next(moments) * LOOK_S >= 30 else None

    lengths = flashes(shown(tmp_path, worst, 45.0))
    assert lengths[1] < 0.5
    assert lengths[-1] == pytest.approx(1.5, abs=STEP_S)


def test_every_signal_can_be_told_from_every_other() -> None:
    assert len({signal.value for signal in Signal}) == len(Signal)
    assert all(len(signal.value) % 2 == 0 and min(signal.value) > 0.01 for signal in Signal)


def test_the_light_flickers_while_everything_is_erased(tmp_path: Path) -> None:
    lit: list[str] = []
    written = asyncio.Event()

    async def wipe() -> None:
        brightness = tmp_path / "sys/class/leds/ACT/brightness"
        for _ in range(100):
            await asyncio.sleep(0.02)
            lit.append(brightness.read_text().strip())
        written.set()

    async def main() -> None:
        device = fit(tmp_path)
        running = asyncio.create_task(Panel(lambda: None, lambda: None, wipe, lambda _: None, tmp_path).run())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        pen = os.open(device, os.O_WRONLY)
        os.write(pen, event(1))
        await asyncio.sleep(25)
        os.write(pen, event(0))
        await written.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        os.close(pen)

    run(main())
    assert lit.count("1") > 30  # of 100; a gateway that is well shows it at most once in that time
