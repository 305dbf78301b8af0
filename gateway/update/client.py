"""Asks whoever puts updates in place; a program's own rights are enough to hand over a bundle it can read."""

import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from gateway.update.errors import Refusal, UpdateError
from gateway.update.journal import Wish
from gateway.update.limits import INSTALL_S, MAX_LINE
from gateway.update.protocol import SOCKET, Answer, Request, Step, encode, parse_line

_GONE = "Whoever puts updates in place broke off; once the box is up again, `meshgate update` tells what came of it."


def wish(request: Request, file: BinaryIO | None, told: Callable[[Step], None], path: Path = Path(SOCKET)) -> Answer:
    """Ask for something and wait until it is over.

    Args:
        request: what.
        file: the bundle; None for what needs none.
        told: how far it is.
        path: of the socket.

    Raises:
        UpdateError: there is nobody to ask, or it is refused.

    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(INSTALL_S)
        try:
            connection.connect(str(path))
            with suppress(BrokenPipeError):  # refused before it was asked; the answer says why
                socket.send_fds(connection, [encode(request)], [file.fileno()] if file is not None and request.do is Wish.APPLY else [])
            answer = _last(connection, told)
        except PermissionError as error:
            raise UpdateError(Refusal.NOT_ALLOWED, "This user may not ask for updates.", "Run it with sudo.") from error
        except (FileNotFoundError, ConnectionRefusedError) as error:
            hint = "systemctl status meshgate-update.socket"
            raise UpdateError(Refusal.NOT_HERE, "There is nobody here who puts updates in place.", hint) from error
        except (OSError, msgspec.DecodeError) as error:
            raise UpdateError(Refusal.FAILED, _GONE) from error
    if answer.refusal:
        refusal = next((one for one in Refusal if one == answer.refusal), Refusal.FAILED)
        raise UpdateError(refusal, answer.why, answer.hint)
    return answer


class _BegunError(Exception):
    """It has begun, and nobody waits for more."""


def begin(request: Request, file: BinaryIO | None, path: Path = Path(SOCKET)) -> str:
    """Ask for something and wait only until it has begun; returns what is done first. Raises as `wish` does."""

    def told(step: Step) -> None:
        raise _BegunError(step.sentence)

    try:
        answer = wish(request, file, told, path)
    except _BegunError as begun:
        return str(begun)
    return answer.why


def _last(connection: socket.socket, told: Callable[[Step], None]) -> Answer:
    with connection.makefile("rb") as lines:
        while line := lines.readline(MAX_LINE):
            said = parse_line(line)
            if isinstance(said, Answer):
                return said
            told(said)
    raise UpdateError(Refusal.FAILED, _GONE)
