"""Asking the running gateway something, for commands that cannot do without it."""

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, TypeVar

from gateway.cli.output import CommandError, Exit

if TYPE_CHECKING:
    import msgspec

T = TypeVar("T")

_STATUS = {400: Exit.USAGE, 403: Exit.REFUSED, 404: Exit.NOT_FOUND, 429: Exit.TEMPORARY, 503: Exit.TEMPORARY, 504: Exit.TEMPORARY}


def answer(question: Coroutine[None, None, T]) -> T:
    """Wait for what a gateway answers; its refusals and its absence become errors of the command."""
    from gateway.admin.client import RefusedError, UnreachableError  # noqa: PLC0415 -- slow to import

    try:
        return asyncio.run(question)
    except UnreachableError as error:
        hint = "Start it with `meshgate run`, or name its configuration with --config."
        raise CommandError("unreachable", str(error), hint=hint, status=Exit.UNREACHABLE) from error
    except RefusedError as error:
        refusal = error.document
        status = _STATUS.get(refusal.status, Exit.FAILED)
        raise CommandError(refusal.code, refusal.detail, hint=refusal.hint, status=status) from error


def print_json(document: "msgspec.Struct") -> None:
    """Print a document of the API as it is."""
    import msgspec  # noqa: PLC0415 -- slow to import

    print(msgspec.json.encode(document).decode())
