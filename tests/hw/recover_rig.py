"""Starts the recovery helper as a real process on a real socket, and talks to it without manners."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hw.recover.limits import BACKLOG

PROGRAM = Path(__file__).parent / "recover_process.py"


@dataclass(slots=True)
class Running:
    """One helper."""

    socket: Path
    process: "subprocess.Popen[str]"
    root: Path
    lines: list[str] = field(default_factory=list)

    def say(self, data: bytes, *, more: bool = False) -> bytes:
        """Connect, send, and return all that comes back until the helper hangs up."""
        with self.connect() as connection:
            try:
                connection.sendall(data)
                if not more:
                    connection.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it has hung up already
            return read_all(connection)

    def ask(self, **fields: str) -> dict[str, object]:
        """Send one well-formed request; returns the answer."""
        answer = self.say(json.dumps(fields).encode() + b"\n", more=True)
        parsed: dict[str, object] = json.loads(answer)
        return parsed

    def connect(self) -> socket.socket:
        """Open a connection."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(str(self.socket))  # waits while the backlog is full
        connection.settimeout(5.0)
        return connection

    def stop(self) -> list[str]:
        """Kill it; returns what it logged."""
        self.process.terminate()
        _, log = self.process.communicate(timeout=5)
        return log.splitlines()


def read_all(connection: socket.socket) -> bytes:
    """Read until the other end hangs up."""
    data = b""
    try:
        while part := connection.recv(4096):
            data += part
    except ConnectionResetError:
        pass
    return data


@contextmanager
def helper(root: Path, *, allow: int | None = None, **limits: float) -> Iterator[Running]:
    """Start one as systemd does, with the socket as descriptor 3."""
    path = root / "helper.sock"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(BACKLOG)
    with listener:
        process = subprocess.Popen(command(root, allow, fds=1, **limits), stdin=listener, stderr=subprocess.PIPE, text=True)
    running = Running(path, process, root)
    try:
        yield running
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def command(root: Path, allow: int | None, *arguments: str, fds: int = 0, **limits: float) -> tuple[str, ...]:
    """The command line of a helper for one user; the running one unless told otherwise."""
    user = str(os.getuid() if allow is None else allow)
    machine = (str(root), str(root / "systemctl"), json.dumps(limits), str(fds))
    return (sys.executable, str(PROGRAM), *machine, "--allow-user", user, *arguments)


def systemctl(root: Path, script: str = "") -> Path:
    """Put a program in systemctl's place that writes down how it was called; returns where."""
    log = root / "systemctl.log"
    program = root / "systemctl"
    program.write_text(f'#!/bin/sh\necho "$*" >> {log}\nenv > {root}/environment\n{script}\n')
    program.chmod(0o755)
    log.touch()
    return log
