"""The file with everybody who may come in: one, private, replaced as a whole.

It holds hashes and counts; nothing in it opens anything. One that is damaged is moved aside and told, and the gateway is
then as it was before the first passphrase: closed, but for whoever has the setup code.
"""

import asyncio
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, structs

from gateway.admin.access.principal import Word
from gateway.admin.limits import MAX_ACCESS_FILE, MAX_FAILURES, MAX_TOKEN_NAME, MAX_TOKENS, MAX_USER_NAME, MAX_USERS
from gateway.errors import ConfigError
from hw.durable import put_in_place

FILE_NAME: Final = "access.json"
_SALT_BYTES: Final = 16
_NEVER: Final = 2**53

Moment = Annotated[int, Meta(ge=0, le=_NEVER)]
Count = Annotated[int, Meta(ge=0, le=1_000_000)]
Digest = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]


class User(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody with a passphrase."""

    name: Annotated[str, Meta(min_length=1, max_length=MAX_USER_NAME)]
    role: Word
    passphrase: Annotated[str, Meta(pattern=r"^\$argon2id\$", max_length=512)]  # argon2id over it
    made: Moment = 0  # Unix seconds, 0 if the time was not known


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token for programs."""

    id: Annotated[str, Meta(pattern="^[0-9a-f]{8}$")]
    name: Annotated[str, Meta(max_length=MAX_TOKEN_NAME)]
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]  # SHA-256: there is nothing to guess in 32 random bytes
    role: Word
    by: Annotated[str, Meta(max_length=MAX_USER_NAME)]  # whoever made it; empty on the machine itself
    made: Moment
    expires: Moment  # Unix seconds
    used: Moment = 0  # Unix seconds, to the hour; 0 for never


class Accounts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file says."""

    version: Literal[1]
    salt: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]  # of the names under which failures are counted
    users: Annotated[tuple[User, ...], Meta(max_length=MAX_USERS)] = ()
    tokens: Annotated[tuple[Token, ...], Meta(max_length=MAX_TOKENS)] = ()
    failures: dict[Literal["login", "account", "code"], Annotated[dict[Digest, Count], Meta(max_length=MAX_FAILURES)]] = {}

    def user(self, name: str) -> User | None:
        """Return somebody by name."""
        return next((one for one in self.users if one.name == name), None)


class Vault:
    """The file, and what it says.

    Args:
        path: where it is; its folder is made if it is missing.
        randbytes: cryptographic randomness.

    Attributes:
        accounts: what is in force.
        found: what was wrong with the file at the start, None if nothing was.

    Raises:
        ConfigError: it cannot be read, can be read by others, or was written by a newer Meshgate.

    """

    def __init__(self, path: Path, randbytes: Callable[[int], bytes]) -> None:
        self.path = path
        self.found: str | None = None
        self._turn = asyncio.Lock()
        fresh = Accounts(1, randbytes(_SALT_BYTES).hex())
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.accounts = self._load(fresh)
        except OSError as error:
            raise ConfigError(f"The file of those who may use the page, {path}, cannot be used: {error.strerror or error}.") from error

    @property
    def is_set_up(self) -> bool:
        """Whether somebody has a passphrase with which everything can be done."""
        return any(user.role == "admin" for user in self.accounts.users)

    async def change(self, edit: Callable[[Accounts], Accounts], *, at_once: bool = False) -> None:
        """Change what is in force and on the disk; when this returns, a power cut does not undo it.

        Args:
            edit: makes the new out of the old; whatever it raises changes nothing.
            at_once: in force before it is on the disk: for what takes a right away.

        Raises:
            OSError: it could not be written. What gives a right is not in force then; what takes one away is.

        """
        async with self._turn:
            changed = edit(self.accounts)
            if at_once:
                self.accounts = changed
            await asyncio.to_thread(put_in_place, self.path, msgspec.json.encode(changed))
            self.accounts = changed

    async def keep_failures(self, failures: Mapping[str, dict[str, int]]) -> None:
        """Keep what was counted; raises `OSError`."""
        await self.change(lambda accounts: structs.replace(accounts, failures=dict(failures)))

    def _load(self, fresh: Accounts) -> Accounts:
        try:
            with self.path.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                data = file.read(MAX_ACCESS_FILE + 1)
        except FileNotFoundError:
            return fresh
        if mode & 0o077:
            raise ConfigError(
                f"{self.path} says who may use the page, and others can open it (mode {mode:04o}). Run: chmod 600 {self.path}"
            )
        try:
            return decode(data)
        except ValueError:
            aside = self._move_aside()
        self.found = (
            f"The file of those who may use the page was damaged, and is now {aside}. Nobody can log in before the page is set up anew."
        )
        return fresh

    def _move_aside(self) -> Path:
        number = 1
        while (aside := self.path.with_name(f"{self.path.name}.damaged-{number}")).exists():
            number += 1
        self.path.rename(aside)
        return aside


def decode(data: bytes) -> Accounts:
    """Return what a file says.

    Raises:
        ConfigError: a newer Meshgate has written it.
        ValueError: it is damaged.

    """
    if len(data) > MAX_ACCESS_FILE:
        raise ValueError("too large")
    version = msgspec.json.decode(data, type=_Version).version
    if version > 1:
        raise ConfigError("access.json was written by a newer Meshgate. Start that one, or restore the file from a backup of this one.")
    accounts = msgspec.json.decode(data, type=Accounts)
    for names in ([user.name for user in accounts.users], [token.id for token in accounts.tokens]):
        if len(set(names)) < len(names):
            raise ValueError("somebody stands there twice")
    return accounts


class _Version(msgspec.Struct):
    version: int
