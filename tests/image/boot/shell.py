"""A root shell in the machine, over the serial line that systemd's own debug shell was given on the kernel's command line.

Nothing in the image is changed for it: an image that is started without these words has no such shell.
"""

import base64
import contextlib
import re
import shlex
import socket
import time
from itertools import count
from pathlib import Path
from typing import Final

from tests.image.boot.boards import STEP_S

_CHUNK: Final = 2000  # characters of a line; a terminal takes 4095
_HELLO_S: Final = 5.0
_LINE_S: Final = 1.0


class ShellError(AssertionError):
    """A command failed, or there was no answer."""


class Shell:
    """The machine's side of one serial line.

    Args:
        path: QEMU's socket.
        log: takes everything that is said on the line.

    """

    def __init__(self, path: Path, log: Path) -> None:
        self._log = log.open("ab")
        self._line = socket.socket(socket.AF_UNIX)
        self._line.settimeout(_LINE_S)
        self._line.connect(str(path))
        self._numbers = count(1)
        self._is_ready = False

    def close(self) -> None:
        """Leave the line."""
        self._line.close()
        self._log.close()

    def wait(self, seconds: float) -> None:
        """Wait until somebody answers on the line.

        Raises:
            ShellError: nobody does.

        """
        until = time.monotonic() + seconds
        while not self._is_ready:
            self._type(b"\n stty -echo -onlcr; PS1=; PS2=; export TERM=dumb SYSTEMD_COLORS=0 SYSTEMD_URLIFY=0\n")
            self._type(b" export PAGER=cat SYSTEMD_PAGER= COLUMNS=160 LANG=C.UTF-8; cd /\n")
            try:
                self._ask(":", _HELLO_S)
                self._is_ready = True
            except ShellError:
                if time.monotonic() > until:
                    raise

    def try_(self, *command: str, seconds: float = STEP_S) -> tuple[int, str]:
        """Run a command; its exit status and what it said on both outputs."""
        line = shlex.join(command)
        if len(line) > _CHUNK or "\n" in line:
            return self.script(line, seconds=seconds)
        self.wait(seconds)
        return self._ask(f"({line}) </dev/null 2>&1", seconds)

    def run(self, *command: str, seconds: float = STEP_S) -> str:
        """Run a command that has to succeed; what it said."""
        status, said = self.try_(*command, seconds=seconds)
        if status:
            raise ShellError(f"{shlex.join(command)}: {status}\n{said}")
        return said

    def script(self, script: str, *, seconds: float = STEP_S) -> tuple[int, str]:
        """Run a script of the shell, which may be long; its exit status and what it said on both outputs."""
        self.wait(seconds)
        packed = base64.b64encode(script.encode()).decode()
        self._ask(": >/run/image-test.sh.b64", STEP_S)
        for at in range(0, len(packed), _CHUNK):
            self._ask(f"printf %s {packed[at : at + _CHUNK]} >>/run/image-test.sh.b64", STEP_S)
        return self._ask("base64 -d /run/image-test.sh.b64 >/run/image-test.sh; sh /run/image-test.sh </dev/null 2>&1", seconds)

    def _ask(self, line: str, seconds: float) -> tuple[int, str]:
        """Type a line and read up to the mark behind what it says; the mark is typed in two parts, so that an echo is none."""
        mark = f"mark-{next(self._numbers)}"
        self._type(f"echo beg''in-{mark}; {line}; echo en''d-{mark} $?\n".encode())
        said = self._read(re.compile(rf"begin-{mark}\r?\n(.*?)end-{mark} (\d+)\r?\n", re.DOTALL), seconds, line)
        return int(said[2]), said[1].replace("\r\n", "\n")

    def _type(self, what: bytes) -> None:
        with contextlib.suppress(TimeoutError):  # nobody reads yet
            self._line.sendall(what)

    def _read(self, wanted: re.Pattern[str], seconds: float, line: str) -> re.Match[str]:
        heard, until = "", time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                data = self._line.recv(65536)
            except TimeoutError:
                continue
            if not data:
                raise ShellError(f"the machine is gone; asked for {line[:200]!r}, it said {heard[-2000:]!r}")
            self._log.write(data)
            self._log.flush()
            heard += data.decode(errors="replace")
            found = wanted.search(heard)
            if found is not None:
                return found
        raise ShellError(f"no answer within {seconds:.0f} s to {line[:200]!r}; heard {heard[-2000:]!r}")
