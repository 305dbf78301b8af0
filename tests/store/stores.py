"""Stores and messages for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

from gateway.store.mail import Letter
from gateway.store.message import Message
from gateway.store.quotas import Class
from gateway.store.store import Store, open_store

NOW = 1_750_000_000_000  # Unix milliseconds
HOUR = 3_600_000


class Longest(Random):
    """Draws the longest wait there can be."""

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


@contextmanager
def opened(path: Path, rng: Random | None = None) -> Iterator[Store]:
    store = open_store(path, rng or Random(1))
    try:
        yield store
    finally:
        store.close()


@contextmanager
def writing(path: Path, rng: Random | None = None) -> Iterator[Store]:
    """A store in the middle of a durable transaction."""
    with opened(path, rng) as store, store.database.transaction(durable=True):
        yield store


def message(name: str = "m", **changes: object) -> Message:
    """A message of Ada's for Ben, wanted for an hour."""
    plain = Message(name.encode(), Class.DIRECTED, b"sealed " + name.encode(), NOW + HOUR, origin=b"ada-----", recipient=b"ben-----")
    return replace(plain, **changes)


def letter(name: str = "letter", **changes: object) -> Letter:
    """A letter Ada has left for whoever has a tag, wanted for a day."""
    plain = Letter(name.encode(), b"sealed " + name.encode(), NOW + 24 * HOUR, b"ada-----", b"t" * 16, b"", 4, regular=False, holders=())
    return replace(plain, **changes)
