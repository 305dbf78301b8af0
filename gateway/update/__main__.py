"""Puts updates in place, as root: ``python -I -m gateway.update --allow-user meshgate``.

Started by systemd with the box, to finish what a power cut has broken off, and whenever somebody asks on its socket.
"""

import argparse
import os
import pwd
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gateway.update.errors import UpdateError
from gateway.update.installation import Clock, Installation
from gateway.update.keys import KEYS
from gateway.update.limits import BACKLOG, HOLD_S
from gateway.update.progress import PROGRESS, ProgressFile
from gateway.update.protocol import SOCKET
from gateway.update.server import Server
from gateway.update.service import CONTROL, Service, Systemd
from gateway.update.tree import HOME, Tree
from hw.recover.admission import Allowed
from hw.systemd.notify import Notifier

_FIRST_FD: Final = 3  # SD_LISTEN_FDS_START
_USAGE: Final = 64  # sysexits' EX_USAGE


def main(arguments: Sequence[str], service: Service | None = None, clock: Clock | None = None) -> int:
    """Finish what is under way, then serve until idle; returns an exit status."""
    parser = argparse.ArgumentParser(prog="meshgate-update", description=__doc__)
    parser.add_argument("--allow-user", metavar="NAME", required=True, help="user that may ask beside root, by name or number")
    parser.add_argument("--home", metavar="PATH", type=Path, default=HOME, help="where the versions are")
    parser.add_argument("--keys", metavar="PATH", type=Path, default=KEYS, help="where the release keys are")
    parser.add_argument("--control", metavar="PATH", type=Path, default=CONTROL, help="the gateway's control socket")
    parser.add_argument("--system", metavar="PATH", type=Path, default=Path("/"), help="where units belong")
    parser.add_argument("--hold", metavar="SECONDS", type=float, default=HOLD_S, help="how long a new version has to be well")
    parser.add_argument("--progress", metavar="PATH", type=Path, default=PROGRESS, help="where to show how far it is")
    parser.add_argument("--socket", metavar="PATH", default=SOCKET, help="where to listen, unless systemd listens already")
    chosen = parser.parse_args(arguments)
    try:
        allowed = Allowed(int(chosen.allow_user) if chosen.allow_user.isdecimal() else pwd.getpwnam(chosen.allow_user).pw_uid)
    except KeyError:
        _log("There is no such user.")
        return _USAGE
    installation = Installation(Tree(chosen.home), service or Systemd(chosen.control), chosen.system, clock, chosen.hold)
    progress = ProgressFile(chosen.progress)
    is_left = installation.recover() if chosen.home.is_dir() else False
    with _listener(chosen.socket) as listener:
        Notifier().ready()
        if is_left:
            _resume(installation, progress)
            return 0  # another one serves the next: `good` may name another version now
        Server(listener, allowed, installation, chosen.keys, _log, progress=progress).serve()
    return 0


def _resume(installation: Installation, progress: ProgressFile) -> None:
    try:
        report = installation.resume(progress.show)
    except UpdateError as error:
        _log(f"The trial cannot go on: {error}")
        raise
    finally:
        progress.clear()
    _log(f"{report.version}: {report.outcome.replace('_', ' ')}{f', because {report.why}' if report.why else ''}.")


def _listener(path: str) -> socket.socket:
    if os.environ.get("LISTEN_PID") == str(os.getpid()):
        os.set_inheritable(_FIRST_FD, False)
        return socket.socket(fileno=_FIRST_FD)
    Path(path).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(before)
    listener.listen(BACKLOG)
    return listener


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - the journal takes it from there


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
