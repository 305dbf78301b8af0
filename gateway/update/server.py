"""Serves the socket of whoever puts updates in place: one caller at a time, two things to ask for, and every doubt is a refusal."""

import os
import socket
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from gateway.update.errors import Refusal, UpdateError
from gateway.update.installation import Installation
from gateway.update.journal import Outcome, Phase, Report, Wish
from gateway.update.keys import trusted_keys
from gateway.update.limits import BURST, IDLE_S, MAX_REQUEST, REFILL_S, REQUEST_S, TELL_S
from gateway.update.progress import ProgressFile
from gateway.update.protocol import Answer, Request, Step, encode, parse_request
from hw.recover.admission import Allowance, Allowed, Caller, caller_of

ROOT: Final = 0
_TOO_OFTEN: Final = "This was asked for too often; try again in a quarter of an hour."


class Server:
    """Answers on a listening Unix socket.

    Args:
        listener: the socket.
        allowed: who may ask beside root.
        installation: what is asked for.
        keys: directory of the release keys.
        log: told what was asked for and what came of it, in one line each.
        clock: monotonic seconds.
        wall: Unix seconds.
        progress: shows everybody on the box how far it is.

    """

    def __init__(
        self,
        listener: socket.socket,
        allowed: Allowed,
        installation: Installation,
        keys: Path,
        log: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        progress: ProgressFile | None = None,
    ) -> None:
        self._listener = listener
        self._allowed = allowed
        self._installation = installation
        self._keys = keys
        self._log = log
        self._allowance = Allowance(BURST, REFILL_S, clock())
        self._clock = clock
        self._wall = wall
        self._progress = progress or ProgressFile()

    def serve(self) -> None:
        """Serve until nobody has asked for a while; then systemd starts another one for the next."""
        self._listener.settimeout(IDLE_S)
        while True:
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                if self._allowance.is_full(self._clock()):
                    return
                continue
            with connection:
                if self.attend(connection):
                    return  # `good` may name another version now, and that one is to serve the next

    def attend(self, connection: socket.socket) -> bool:
        """Do what one caller asks for; whether anything was begun.

        Raises:
            UpdateError, OSError: it was, and neither the end nor the way back could be reached; whoever starts next recovers.

        """
        caller = caller_of(connection)
        files: list[int] = []
        try:
            report = self._do(connection, caller, files)
        except (UpdateError, OSError) as found:
            error = found if isinstance(found, UpdateError) else UpdateError(Refusal.NO_ROOM, f"The disk does not take it: {found}.")
            if self._installation.journal.phase is not Phase.IDLE and error.refusal is not Refusal.BUSY:
                raise
            self._log(f"refused {caller}: {error}")
            self._say(connection, Answer(ok=False, refusal=error.refusal, why=str(error), hint=error.hint))
            return False
        finally:
            self._progress.clear()
            for file in files:
                os.close(file)
        self._log(f"{report.version}: {report.outcome.replace('_', ' ')}{f', because {report.why}' if report.why else ''}.")
        self._say(connection, Answer(ok=report.outcome is not Outcome.FELL_BACK, why=report.why, outcome=report.outcome))
        return True

    def _do(self, connection: socket.socket, caller: Caller, files: list[int]) -> Report:
        if caller.uid != ROOT and not self._allowed.admits(caller):
            raise UpdateError(Refusal.NOT_ALLOWED, "This user may not ask for that.")
        request = self._read(connection, files)
        if request.downgrade and caller.uid != ROOT:
            raise UpdateError(Refusal.NOT_ALLOWED, "Only root may ask for an older version.")
        if not self._allowance.take(self._clock()):
            raise UpdateError(Refusal.BUSY, _TOO_OFTEN)
        last = self._installation.journal.last
        if caller.uid != ROOT and last is not None and 0 <= self._wall() - last.at < REFILL_S:
            raise UpdateError(Refusal.BUSY, _TOO_OFTEN)
        self._log(f"{request.do} for {caller}")

        def told(step: str, done: float, sentence: str) -> None:
            self._progress.show(step, done, sentence)
            self._say(connection, Step(step, round(done, 3), sentence))

        if request.do is Wish.ROLLBACK:
            return self._installation.rollback(told)
        if not files or not stat.S_ISREG(os.fstat(files[0]).st_mode):
            raise UpdateError(Refusal.FORMAT, "There is no file with the request.")
        with os.fdopen(os.dup(files[0]), "rb") as file:
            return self._installation.apply(file, trusted_keys(self._keys), told, allow_downgrade=request.downgrade)

    @staticmethod
    def _read(connection: socket.socket, files: list[int]) -> Request:
        connection.settimeout(REQUEST_S)
        try:
            line, found, _, _ = socket.recv_fds(connection, MAX_REQUEST + 1, 1)
        except OSError as error:
            raise UpdateError(Refusal.FORMAT, "The request did not come to its end.") from error
        files.extend(found)
        return parse_request(line)

    @staticmethod
    def _say(connection: socket.socket, one: Step | Answer) -> None:
        """Tell the caller, unless that one has gone: the work goes on without it."""
        connection.settimeout(TELL_S)
        with suppress(OSError):
            connection.sendall(encode(one))
