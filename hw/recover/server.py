"""Serves the helper's socket: one caller at a time, and every doubt is a refusal.

A request that waited while another was served is done only if its caller still waits for the answer.
"""

import socket
import time
from collections.abc import Callable

from hw.recover.actions import Actions
from hw.recover.admission import Allowance, Allowed, Caller, caller_of
from hw.recover.limits import ANSWER_S, BURST, IDLE_S, LOG_S, MAX_REFUSALS_LOGGED, MAX_REQUEST, REFILL_S, REQUEST_S
from hw.recover.protocol import Answer, RefusedError, Request, encode_answer, parse_request


class _ProbedError(Exception):
    """An allowed caller hung up without a word: it only wanted to know whether somebody is here, as the doctor does."""


class Server:
    """Answers on a listening Unix socket.

    Args:
        listener: the socket.
        allowed: who may ask.
        actions: what is done.
        log: told what was done or refused, in one line each.
        clock: monotonic seconds.

    """

    def __init__(
        self,
        listener: socket.socket,
        allowed: Allowed,
        actions: Actions,
        log: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._listener = listener
        self._allowed = allowed
        self._actions = actions
        self._log = log
        self._clock = clock
        self._allowance = Allowance(BURST, REFILL_S, clock())
        self._refusals = 0
        self._refusals_since = clock()

    def serve(self, *, leave_when_idle: bool) -> None:
        """Serve for ever, or until idle with nothing to remember."""
        self._listener.settimeout(IDLE_S)
        while True:
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                self._tell_refusals()
                if leave_when_idle and self._allowance.is_full(self._clock()):
                    return
                continue
            with connection:
                self._attend(connection)

    def _attend(self, connection: socket.socket) -> None:
        caller: Caller | None = None
        try:
            caller = caller_of(connection)
            answer = self._answer(connection, caller)
            connection.settimeout(ANSWER_S)
            connection.sendall(encode_answer(answer))
        except _ProbedError:
            return
        except OSError as error:
            self._refuse(f"{caller or 'somebody'} went away: {error.strerror or 'it took too long to read the answer'}.")

    def _answer(self, connection: socket.socket, caller: Caller) -> Answer:
        try:
            request = self._admit(connection, caller)
        except RefusedError as error:
            self._refuse(f"refused {caller}: {error}")
            return Answer(ok=False, why=str(error), possible=False)
        return self._act(request, caller)

    def _admit(self, connection: socket.socket, caller: Caller) -> Request:
        if not self._allowed.admits(caller):
            raise RefusedError("This user may not ask for that.")
        request = self._read(connection)
        if not self._allowance.take(self._clock()):
            raise RefusedError("This was asked for too often; try again in some minutes.")
        return request

    def _act(self, request: Request, caller: Caller) -> Answer:
        what = f"{request.verb} {request.adapter}".strip()
        self._log(f"{what} for {caller}")
        start = self._clock()
        answer = self._actions.do(request)
        self._log(f"{what}: {'done' if answer.ok else 'failed'} after {self._clock() - start:.1f} s. {answer.why}".rstrip())
        return answer

    def _read(self, connection: socket.socket) -> Request:
        end, line = self._clock() + REQUEST_S, b""
        while not line.endswith(b"\n"):
            left = end - self._clock()
            if left <= 0:
                raise RefusedError("The request took too long.")
            connection.settimeout(left)
            try:
                part = connection.recv(MAX_REQUEST + 1 - len(line))
            except TimeoutError as error:
                raise RefusedError("The request took too long.") from error
            if not part and not line:
                raise _ProbedError
            if not part:
                raise RefusedError("The request has no end.")
            line += part
            if len(line) > MAX_REQUEST:
                raise RefusedError("The request is too long.")
        if _has_left(connection):
            raise RefusedError("Nobody waits for the answer any more.")
        return parse_request(line)

    def _refuse(self, line: str) -> None:
        """Log a refusal, unless there are so many that the log is what suffers."""
        if self._clock() - self._refusals_since >= LOG_S:
            self._tell_refusals()
        self._refusals += 1
        if self._refusals <= MAX_REFUSALS_LOGGED:
            self._log(line)

    def _tell_refusals(self) -> None:
        more = self._refusals - MAX_REFUSALS_LOGGED
        if more > 0:
            self._log(f"{more} more callers were refused.")
        self._refusals = 0
        self._refusals_since = self._clock()


def _has_left(connection: socket.socket) -> bool:
    """Say whether the caller closed its end, or says more than one line."""
    connection.setblocking(False)
    try:
        connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    return True
