"""The past, for ``meshgate policy dry-run``: asked of the running gateway, or read from its database where none runs."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.admin.client import RefusedError, UnreachableError, get_history
from gateway.admin.policy import HistoryDocument, shape_from
from gateway.bridge.policy_trial import Past, pasts_of
from gateway.cli.output import CommandError, Exit
from gateway.errors import StoreError
from gateway.store.reading import read_shapes

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.store.shapes import Shape


def the_past(config: "Config", from_ms: int, to_ms: int) -> Iterator[Past]:
    """Walk what was heard from one moment until before another (Unix milliseconds), the oldest first.

    Raises:
        CommandError: nobody can tell.

    """
    for shape in _shapes(config, from_ms, to_ms):
        yield from pasts_of(shape)


def _shapes(config: "Config", from_ms: int, to_ms: int) -> Iterator["Shape"]:
    after: int | None = 0
    while after is not None:
        page = _page(config, from_ms, to_ms, after)
        if page is None:
            yield from _stored(config, from_ms, to_ms)
            return
        yield from map(shape_from, page.shapes)
        after = page.next


def _page(config: "Config", from_ms: int, to_ms: int, after: int) -> HistoryDocument | None:
    """Ask for a page; None if there is nobody to be asked, from the beginning."""
    try:
        return asyncio.run(get_history(config.control.socket, from_ms, to_ms, after))
    except RefusedError as error:
        raise CommandError(error.document.code, str(error), hint=error.document.hint, status=Exit.TEMPORARY) from error
    except UnreachableError as error:
        if error.absent and not after:
            return None
        raise CommandError("unreachable", str(error), hint="Try again.", status=Exit.UNREACHABLE) from error


def _stored(config: "Config", from_ms: int, to_ms: int) -> Iterator["Shape"]:
    try:
        yield from read_shapes(config.gateway.state_dir / "store.db", from_ms, to_ms)
    except StoreError as error:
        what = "No gateway is running, and what it noted cannot be read either: "
        hint = "Start the gateway, or name its configuration with --config; only who may read its state directory can do without."
        raise CommandError("no_history", f"{what}{config.gateway.state_dir / 'store.db'}.", hint=hint, status=Exit.NOT_FOUND) from error
