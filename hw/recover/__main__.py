"""Starts the recovery helper: ``python -I -m hw.recover --allow-user meshgate``.

Started by systemd with a listening Unix socket (`sd_listen_fds(3)`), or with ``--socket PATH``.
"""

import argparse
import grp
import os
import pwd
import socket
import stat
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from hw.recover.actions import Actions
from hw.recover.admission import Allowed
from hw.recover.limits import BACKLOG
from hw.recover.server import Server

_FIRST_FD: Final = 3  # SD_LISTEN_FDS_START
_USAGE: Final = 64  # sysexits' EX_USAGE
_UNAVAILABLE: Final = 69  # sysexits' EX_UNAVAILABLE


class _StartError(Exception):
    pass


def main(arguments: Sequence[str], actions: Actions | None = None) -> int:
    """Serve until killed, or until idle where systemd will start it again; returns an exit status."""
    parser = argparse.ArgumentParser(prog="meshgate-recover", description=__doc__)
    parser.add_argument("--allow-user", metavar="NAME", help="user that may ask, by name or number")
    parser.add_argument("--allow-group", metavar="NAME", help="group that may ask; it must be the caller's own group")
    parser.add_argument("--socket", metavar="PATH", type=Path, help="where to listen, unless systemd listens already")
    chosen = parser.parse_args(arguments)
    try:
        allowed = Allowed(_uid(chosen.allow_user), _gid(chosen.allow_group))
    except KeyError:
        _log("There is no such user or group.")
        return _USAGE
    if allowed == Allowed():
        _log("Nobody would be allowed to ask for anything; give --allow-user or --allow-group.")
        return _USAGE
    try:
        activated = _from_systemd()
        listener = activated or _listen(chosen.socket, allowed)
    except (OSError, _StartError) as error:
        _log(f"There is nothing to listen on: {error}")
        return _UNAVAILABLE
    with listener, suppress(KeyboardInterrupt):
        Server(listener, allowed, actions or Actions(), _log).serve(leave_when_idle=activated is not None)
    return 0


def _uid(name: str | None) -> int | None:
    return None if name is None else int(name) if name.isdecimal() else pwd.getpwnam(name).pw_uid


def _gid(name: str | None) -> int | None:
    return None if name is None else int(name) if name.isdecimal() else grp.getgrnam(name).gr_gid


def _from_systemd() -> socket.socket | None:
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return None
    if os.environ.get("LISTEN_FDS") != "1" or not stat.S_ISSOCK(os.fstat(_FIRST_FD).st_mode):
        raise _StartError("systemd must hand over one socket.")
    os.set_inheritable(_FIRST_FD, False)
    listener = socket.socket(fileno=_FIRST_FD)
    listens = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if listener.family != socket.AF_UNIX or listener.type != socket.SOCK_STREAM or not listens:
        raise _StartError("systemd must hand over a listening stream socket in the file system.")
    return listener


def _listen(path: Path | None, allowed: Allowed) -> socket.socket:
    if path is None:
        raise _StartError("systemd has handed over no socket; give --socket PATH.")
    if path.is_socket():
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            if probe.connect_ex(str(path)) == 0:
                raise _StartError("another one is listening there.")
    elif path.exists():
        raise _StartError("something that is not a socket is in the way.")
    making = path.with_name(f"{path.name}.new")
    making.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(making))
    finally:
        os.umask(before)
    os.chown(making, -1 if allowed.uid is None else allowed.uid, -1 if allowed.gid is None else allowed.gid)
    making.chmod(0o600 if allowed.gid is None else 0o660)
    listener.listen(BACKLOG)
    making.replace(path)  # whoever sees a socket there is heard; one left behind by a helper that was killed goes
    return listener


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - the journal takes it from there


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
