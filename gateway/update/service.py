"""What systemd does for an update, and how the gateway is asked how it is."""

import http.client
import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Final, Protocol

from gateway.update.errors import Refusal, UpdateError
from gateway.update.limits import ANSWER_S, MAX_READY, SYSTEMCTL_S
from gateway.update.trial import Look

UNIT: Final = "meshgate.service"
CONTROL: Final = Path("/run/meshgate/control.sock")
ENVIRONMENT: Final = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


class Service(Protocol):
    """The gateway, as whoever updates it needs it."""

    def stop(self) -> None:
        """End it; raises `UpdateError`."""

    def start(self) -> None:
        """Have it started, without waiting for it; raises `UpdateError`."""

    def reload(self) -> None:
        """Have systemd read the units anew; raises `UpdateError`."""

    def look(self) -> Look:
        """Return how it is; whoever cannot be asked is not well."""


class Systemd:
    """The gateway as a service of systemd.

    Args:
        control: the control socket.
        systemctl: the command.

    """

    def __init__(self, control: Path = CONTROL, systemctl: Path = Path("/usr/bin/systemctl")) -> None:
        self._control = control
        self._systemctl = systemctl

    def stop(self) -> None:
        """End it."""
        self._run("stop", UNIT)

    def start(self) -> None:
        """Have it started, also one that was given up."""
        self._try("reset-failed", UNIT)
        self._run("start", "--no-block", UNIT)

    def reload(self) -> None:
        """Have systemd read the units anew."""
        self._run("daemon-reload")

    def look(self) -> Look:
        """Ask systemd and the gateway."""
        shown = self._try("show", "--property=ActiveState,NRestarts", UNIT)
        found = dict(line.partition("=")[::2] for line in shown.splitlines())
        restarts = found.get("NRestarts", "")
        version, troubles = ask(self._control)
        return Look(found.get("ActiveState") == "failed", int(restarts) if restarts.isdecimal() else 0, version, troubles)

    def _run(self, *words: str) -> str:
        try:
            done = subprocess.run(  # noqa: S603 - fixed words, no shell, an environment of its own
                (self._systemctl, *words),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=ENVIRONMENT,
                timeout=SYSTEMCTL_S,
                check=True,
                text=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise UpdateError(Refusal.FAILED, f"systemctl {' '.join(words)}: {error}") from error
        return done.stdout

    def _try(self, *words: str) -> str:
        try:
            return self._run(*words)
        except UpdateError:
            return ""


def ask(control: Path) -> tuple[str, frozenset[str] | None]:
    """Return the version that answers on the control socket and the conditions for which it is not ready; None for no answer."""
    try:
        version = str(_get(control, "/version")["version"])
        problems = _get(control, "/readyz")["problems"]
        return version, frozenset(_named(one) for one in problems if one["severity"] == "error")
    except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
        return "", None


def _named(problem: dict[str, str]) -> str:
    return f"{problem['name']} {problem['subject']}".strip()


def _get(control: Path, path: str) -> dict[str, list[dict[str, str]]]:
    connection = _Connection(control)
    try:
        connection.request("GET", path)
        found = json.loads(connection.getresponse().read(MAX_READY))
    finally:
        connection.close()
    if not isinstance(found, dict):
        raise TypeError(path)
    return found


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("meshgate", timeout=ANSWER_S)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(ANSWER_S)
        self.sock.connect(os.fspath(self._path))
