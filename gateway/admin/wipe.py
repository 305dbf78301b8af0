"""Asking a running gateway to forget everything: the documents, and what the API needs of the gateway."""

from collections.abc import Awaitable, Callable

import msgspec

WORD = "wipe"


class WipeRequest(msgspec.Struct, frozen=True):
    """Erase what this gateway knows; without the word nothing happens."""

    confirm: str = ""


class WipeFailure(msgspec.Struct, frozen=True):
    """A file that could not be erased."""

    path: str
    why: str


class WipeDocument(msgspec.Struct, frozen=True):
    """What became of the files; the gateway ends after it has said so."""

    erased: tuple[str, ...]
    left: tuple[str, ...]  # not touched, because Meshgate did not make them
    failed: tuple[WipeFailure, ...]


Wipe = Callable[[], Awaitable[WipeDocument]]
"""Stops the gateway, erases, and says what was erased."""
