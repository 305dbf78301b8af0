"""Programs of the system that a step starts; a test has others."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from hw.firstboot.limits import COMMAND_S


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a program."""

    code: int
    out: str = ""
    error: str = ""

    @property
    def why(self) -> str:
        """The last line it complained with."""
        return (self.error.strip().splitlines() or [f"it ended with {self.code}"])[-1]


class Run(Protocol):
    """Starts a program and waits for it; one that is not there or takes too long ends with a code other than 0."""

    def __call__(self, command: Sequence[str], text: str = "", seconds: float = COMMAND_S) -> Done:
        """Give it `text` to read."""


def run(command: Sequence[str], text: str = "", seconds: float = COMMAND_S) -> Done:
    """Start a program of the system; see `Run`."""
    try:
        ended = subprocess.run(  # noqa: S603 -- fixed words and checked values, never a shell
            list(command), input=text, capture_output=True, text=True, errors="replace", timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return Done(124, error=f"{command[0]} took longer than {seconds:.0f} s")
    except OSError as error:
        return Done(127, error=f"{command[0]}: {error.strerror}")
    return Done(ended.returncode, ended.stdout, ended.stderr)
