"""Asking a running gateway to start again: the documents, the route, and who answers."""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from gateway.admin.access.principal import Proof
from gateway.admin.access.roles import Role
from gateway.admin.audit import user_of
from gateway.admin.problems import Problem, ProblemError
from gateway.admin.route import Answers, Call, Route
from gateway.errors import GatewayError
from gateway.store.audit import Actor

WORD: Final = "restart"
BACK_S: Final = 30  # seconds after which the page is back on a small board, as a rule

_NOT_CONFIRMED: Final = Problem(400, "not_confirmed", "the word is missing without which nothing is restarted")
_TOO_SOON: Final = Problem(409, "too_soon", "the gateway has only just started, or it belongs to a demonstration")


class RestartRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Start again; without the word nothing happens."""

    confirm: str = ""


class RestartDocument(msgspec.Struct, frozen=True):
    """It starts again in a moment, and answers nothing meanwhile."""

    sentence: str
    seconds: int  # after which it is back, as a rule


ROUTES: Final = (
    Route(
        name="restart",
        method="POST",
        path="/api/v1/restart",
        role=Role.ADMIN,
        body=RestartRequest,
        answer=RestartDocument,
        problems=(_NOT_CONFIRMED, _TOO_SOON),
        changes=True,
        summary="Start the gateway again, so that settings take effect that wait for it.",
    ),
)

Restart = Callable[[Actor, str, int | None], Awaitable[None]]
"""Starts again in a moment: which way the wish came, who asks, and as which user; raises `GatewayError`."""


class Restarting:
    """Answers who wants the gateway to start again.

    Args:
        restart: see `Restart`.

    """

    def __init__(self, restart: Restart) -> None:
        self._restart = restart

    def answers(self) -> Answers:
        """Return who answers."""
        return {"restart": self._again}

    async def _again(self, call: Call) -> RestartDocument:
        if call.body(RestartRequest).confirm != WORD:
            raise ProblemError(_NOT_CONFIRMED, f"Nothing was done: confirm must be {WORD!r}.")
        principal = call.principal
        try:
            if principal is None or principal.proof is Proof.LOCAL:
                await self._restart(Actor.CONTROL_SOCKET, "", user_of(call.request))
            else:
                await self._restart(Actor.PAGE, principal.actor, None)
        except GatewayError as error:
            raise ProblemError(_TOO_SOON, str(error)) from error
        return RestartDocument("The gateway starts again now.", BACK_S)
