"""Passphrases: what may be one, and argon2id over it (RFC 9106, the low-memory choice of section 4).

A hash takes 64 MiB and most of a second on a small board, so that few are made at once, in a thread, and few may wait.
A name nobody has costs the same as a wrong passphrase: neither the answer nor its time tells who has an account.
"""

import asyncio
import base64
import unicodedata
from collections.abc import Callable
from typing import Final, TypeVar

from argon2 import Parameters, PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from gateway.admin.limits import MAX_HASHES, MAX_HASHES_WAITING, MAX_PASSPHRASE, MIN_LETTERS, MIN_PASSPHRASE

T = TypeVar("T")

_GUESSED_FIRST: Final = ("meshgate", "passphrase", "password", "bitchat", "raspberry", "administrator")


class BusyError(Exception):
    """Too many wait for a hash already."""


class WeakPassphraseError(ValueError):
    """It cannot be a passphrase here; the text says why."""


def check(text: str, name: str) -> str:
    """Return a new passphrase as it is to be hashed.

    Args:
        text: what somebody chose.
        name: who; a passphrase must not be a name with something around it.

    Raises:
        WeakPassphraseError: it is too short, too long, or among the first that would be guessed.

    """
    chosen = normal(text)
    if len(chosen) < MIN_PASSPHRASE:
        raise WeakPassphraseError(
            f"A passphrase has at least {MIN_PASSPHRASE} characters; four words that have nothing to do with each other will do."
        )
    if len(chosen) > MAX_PASSPHRASE:
        raise WeakPassphraseError(f"A passphrase has at most {MAX_PASSPHRASE} characters.")
    if any(unicodedata.category(letter) == "Cc" for letter in chosen):
        raise WeakPassphraseError("A passphrase stands on one line.")
    if len(set(chosen)) < MIN_LETTERS:
        raise WeakPassphraseError(f"A passphrase has at least {MIN_LETTERS} different characters.")
    rest = chosen.casefold()
    for word in (*_GUESSED_FIRST, name.casefold()):
        rest = rest.replace(word, "") if word else rest
    if len(rest) < MIN_PASSPHRASE // 2:
        raise WeakPassphraseError("That passphrase is among the first that would be guessed.")
    return chosen


def normal(text: str) -> str:
    """Return a text in the form in which every keyboard writes it the same (NFKC, as NIST SP 800-63B has it)."""
    return unicodedata.normalize("NFKC", text)


class Passphrases:
    """Hashes and compares.

    Args:
        profile: the cost; cheaper only in tests.

    """

    def __init__(self, profile: Parameters = RFC_9106_LOW_MEMORY) -> None:
        self._hasher = PasswordHasher.from_parameters(profile)
        self._turns = asyncio.Semaphore(MAX_HASHES)
        self._waiting = 0
        salt, digest = (base64.b64encode(bytes(size)).decode().rstrip("=") for size in (profile.salt_len, profile.hash_len))
        cost = f"m={profile.memory_cost},t={profile.time_cost},p={profile.parallelism}"
        self._nobody = f"$argon2id$v={profile.version}${cost}${salt}${digest}"

    async def hash(self, text: str) -> str:
        """Return what is kept of a passphrase that `check` has let pass; raises `BusyError`."""
        return await self._turn(lambda: self._hasher.hash(text))

    async def matches(self, kept: str | None, text: str) -> bool:
        """Say whether it is the passphrase; with None, nobody's, the answer takes as long and is no. Raises `BusyError`."""
        shown = normal(text[: MAX_PASSPHRASE + 1])
        fits = await self._turn(lambda: self._compare(kept or self._nobody, shown))
        return fits and kept is not None and len(shown) <= MAX_PASSPHRASE

    def is_outdated(self, kept: str) -> bool:
        """Whether it was hashed at another cost."""
        return self._hasher.check_needs_rehash(kept)

    def _compare(self, kept: str, shown: str) -> bool:
        try:
            return self._hasher.verify(kept, shown)
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False

    async def _turn(self, work: Callable[[], T]) -> T:
        if self._waiting >= MAX_HASHES_WAITING + MAX_HASHES:
            raise BusyError
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1
