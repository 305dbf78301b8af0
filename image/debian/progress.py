"""Tells on a terminal, or in a log, which step of a build it is at, for how long, and how long it took the last time."""

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

_QUIET_S: Final = 30.0  # between two lines of a log


class Progress:
    """The steps of one build.

    Args:
        expected: seconds that each step takes, in their order.
        kept: file in which the times of this machine are kept.
        out: where it is told.

    """

    def __init__(self, expected: dict[str, float], kept: Path, out: TextIO = sys.stderr) -> None:
        self._names, self._kept, self._out = list(expected), kept, out
        self._expected = {**expected, **(json.loads(kept.read_text()) if kept.exists() else {})}
        self.took: dict[str, float] = {}

    @contextmanager
    def step(self, name: str, cached: bool = False) -> Iterator[None]:
        """Tell of one step while it is done; `cached` says that its result is there already, and its time tells nothing."""
        began, done = time.monotonic(), threading.Event()
        ticker = threading.Thread(target=self._tick, args=(name, began, done), daemon=True)
        self._say(name, 0.0)
        ticker.start()
        try:
            yield
        finally:
            done.set()
            ticker.join()
        self.took[name] = time.monotonic() - began
        if not cached:
            self._expected[name] = round(self.took[name], 1)
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            self._kept.write_text(json.dumps({one: self._expected[one] for one in self._names}, indent=1) + "\n")
        self._line(f"{self._head(name)}: done in {self.took[name]:.0f} s{' (kept from before)' if cached else ''}", end="\n")

    def _tick(self, name: str, began: float, done: threading.Event) -> None:
        while not done.wait(1.0 if self._out.isatty() else _QUIET_S):
            self._say(name, time.monotonic() - began)

    def _say(self, name: str, elapsed: float) -> None:
        left = sum(self._expected[one] for one in self._names[self._names.index(name) :]) - elapsed
        text = f"{self._head(name)}: {elapsed:.0f} of about {self._expected[name]:.0f} s, {max(left, 0) / 60:.0f} min to go"
        self._line(text, end="" if self._out.isatty() else "\n")

    def _head(self, name: str) -> str:
        return f"image: [{self._names.index(name) + 1}/{len(self._names)}] {name}"

    def _line(self, text: str, end: str) -> None:
        self._out.write(f"\r\x1b[K{text}{end}" if self._out.isatty() else f"{text}\n")
        self._out.flush()
