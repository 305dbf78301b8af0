"""The configuration over the API: every value with its origin, and changes that keep the file's comments.

No key holds a secret: passwords and keys are files that the configuration only names, so that there is nothing here to leak.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from aiohttp import web

from gateway.admin.access.roles import Role
from gateway.admin.answering import document_response
from gateway.admin.audit import CallWitness, not_noted
from gateway.admin.limits import MAX_USER_NAME
from gateway.admin.problems import FieldError, Problem, ProblemError
from gateway.admin.route import Answers, Call, Route
from gateway.config import Config
from gateway.config.editing import Change, ConfigFile, UnknownKeyError, Value
from gateway.config.explain import facts, flat
from gateway.config.load import Loaded
from gateway.config.problems import InvalidConfigError, Layer, Origin
from gateway.config.schema import KEYS
from gateway.errors import ConfigError
from gateway.limits import MAX_AUDIT_DETAIL
from gateway.store.audit import Action

_NO_FILE: Final = Problem(404, "not_here", "this gateway was started without a configuration file that could be changed")
_INVALID: Final = Problem(400, "config_invalid", "the configuration could not be used with these values")
_UNKNOWN: Final = Problem(400, "unknown_key", "there is no such key")
UNUSABLE: Final = Problem(409, "config_unusable", "the file cannot be read or written")
CHANGED: Final = Problem(412, "changed_meanwhile", "somebody else has changed the configuration since")
NO_TAG: Final = Problem(428, "tag_missing", "the header If-Match is missing, without which two could undo each other's changes")

_ROOM: Final = MAX_AUDIT_DETAIL - MAX_USER_NAME - 16  # characters: who did it and how many more there were stand there as well


class SettingDocument(msgspec.Struct, frozen=True):
    """One key."""

    key: str
    value: Any  # text, number, switch or list
    default: str  # in TOML or in words
    layer: str  # default, file, environment or command line
    where: str  # path of the file, name of the variable, or the option; empty for a default
    line: int | None
    restart: bool  # a change takes effect only after a restart
    kind: str
    sentence: str
    allowed: str
    choices: tuple[str, ...]
    least: int | None = None  # of a number
    greatest: int | None = None
    overruled: bool = False  # another place says it, whatever the file that is changed says
    pending: bool = False  # the gateway still runs with another value, until it is restarted


class ConfigDocument(msgspec.Struct, frozen=True):
    """``GET /api/v1/config``."""

    file: str  # where changes are written
    tag: str  # what If-Match has to say; the header ETag says it as well
    settings: tuple[SettingDocument, ...]


class ConfigChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``PATCH /api/v1/config``: values by dotted key; null takes a key out of the file."""

    changes: Annotated[dict[str, str | int | float | bool | list[str] | None], msgspec.Meta(max_length=200)]


class ChangedDocument(msgspec.Struct, frozen=True):
    """What a change did, or would do."""

    dry_run: bool
    changed: tuple[str, ...]  # keys whose value in force is another now
    restart: tuple[str, ...]  # of these, those that wait for a restart
    shadowed: tuple[str, ...]  # keys that were written, and that another place says otherwise
    diff: str  # of the file
    tag: str


class ChangeQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether only to tell what would happen."""

    dry_run: bool = False


ROUTES: Final = (
    Route(
        name="get_config",
        method="GET",
        path="/api/v1/config",
        role=Role.ADMIN,
        answer=ConfigDocument,
        problems=(_NO_FILE, UNUSABLE),
        summary="Every setting with its value, its origin and what may stand there.",
    ),
    Route(
        name="change_config",
        method="PATCH",
        path="/api/v1/config",
        role=Role.ADMIN,
        query=ChangeQuery,
        body=ConfigChange,
        answer=ChangedDocument,
        problems=(_NO_FILE, _UNKNOWN, _INVALID, UNUSABLE, CHANGED, NO_TAG),
        changes=True,
        headers=(("If-Match", "the tag of the configuration that is being changed"),),
        summary="Change settings: they are checked first, and comments and order of the file stay.",
    ),
)


class Settings:
    """Answers for the configuration.

    Args:
        file: what is changed, None if there is nothing.
        taken: told that settings were changed, so that those are taken that need no restart.
        running: the configuration the gateway was started with, None if nobody knows it.
        note: notes whose settings were changed, and never to what.

    """

    def __init__(
        self, file: ConfigFile | None, taken: Callable[[], object], running: Config | None = None, note: CallWitness = not_noted
    ) -> None:
        self._file = file
        self._taken = taken
        self._running = running
        self._note = note
        self._changing = asyncio.Lock()

    def answers(self) -> Answers:
        """Return who answers."""
        return {"get_config": self._get, "change_config": self._change}

    async def _get(self, _call: Call) -> web.Response:
        file = self._usable()
        try:
            loaded, tag = await asyncio.to_thread(lambda: (file.loaded(), file.tag()))
        except ConfigError as error:
            raise ProblemError(UNUSABLE, str(error), "See: meshgate config check.") from error
        document = ConfigDocument(str(file.path), tag, settings_of(loaded, file.path, self._running))
        return document_response(document, headers={"ETag": f'"{tag}"'})

    async def _change(self, call: Call) -> web.Response:
        file = self._usable()
        dry_run = call.query(ChangeQuery).dry_run
        wanted = {name: tuple(value) if isinstance(value, list) else value for name, value in call.body(ConfigChange).changes.items()}
        async with self._changing:
            await self._agrees(call, file)
            change = await self._done(file, wanted, write=not dry_run)
            if not dry_run and change.diff:
                self._note(call, Action.SETTINGS_CHANGED, _keys(sorted({*change.changed, *change.shadowed} or wanted)))
            tag = await asyncio.to_thread(file.tag)
        if not dry_run and change.changed:
            self._taken()
        document = ChangedDocument(dry_run, change.changed, change.restart, change.shadowed, change.diff, tag)
        return document_response(document, headers={"ETag": f'"{tag}"'})

    async def _agrees(self, call: Call, file: ConfigFile) -> None:
        """Refuse a change of what whoever asks has not seen."""
        shown = call.header("If-Match").strip().removeprefix("W/").strip('"')
        if not shown:
            raise ProblemError(NO_TAG, "The header If-Match is missing.", "Send the ETag of GET /api/v1/config.")
        try:
            tag = await asyncio.to_thread(file.tag)
        except ConfigError as error:
            raise ProblemError(UNUSABLE, str(error), "See: meshgate config check.") from error
        if shown != tag:
            raise ProblemError(CHANGED, "Somebody else has changed the configuration since.", "Look at it again: GET /api/v1/config.")

    async def _done(self, file: ConfigFile, wanted: dict[str, Value | None], *, write: bool) -> Change:
        try:
            return await asyncio.to_thread(file.change, wanted, write=write)
        except UnknownKeyError as error:
            raise ProblemError(_UNKNOWN, str(error), "GET /api/v1/config lists the keys.") from error
        except InvalidConfigError as error:
            errors = tuple(FieldError(one.key, one.message, one.allowed) for one in error.problems)
            raise ProblemError(_INVALID, f"{error.summary}.", "Nothing was written.", errors=errors) from error
        except ConfigError as error:
            raise ProblemError(UNUSABLE, str(error), "Nothing was written.") from error

    def _usable(self) -> ConfigFile:
        if self._file is None:
            raise ProblemError(_NO_FILE, "This gateway was started without a configuration file that could be changed.")
        return self._file


def _keys(names: Sequence[str]) -> str:
    """Name the keys as far as there is room, and how many more there are."""
    room, shown = _ROOM, list[str]()
    for name in names:
        room -= len(name) + 2
        if room < 0:
            break
        shown.append(name)
    left = len(names) - len(shown)
    return ", ".join([*shown, f"{left} more"] if left else shown)


def settings_of(loaded: Loaded, path: Path, running: Config | None = None) -> tuple[SettingDocument, ...]:
    """Return every setting; `path` is the file that is changed, `running` what the gateway was started with."""
    before = flat(loaded.config if running is None else running)
    found = []
    for name, value in flat(loaded.config).items():
        key, origin = KEYS[name], loaded.origin[name]
        told = dict(facts(key))
        least, greatest = key.about.range or (None, None)
        found.append(
            SettingDocument(
                key=name,
                value=msgspec.to_builtins(value, enc_hook=str),
                default=told["Default"],
                layer=origin.layer.value,
                where=origin.name,
                line=origin.line,
                restart=key.about.restart,
                kind=f"a list, each element {key.kind}" if key.is_list else key.kind,
                sentence=key.about.sentence,
                allowed=key.allowed,
                choices=tuple(key.choices),
                least=least,
                greatest=greatest,
                overruled=_overrules(origin, loaded, path),
                pending=key.about.restart and before[name] != value,
            )
        )
    return tuple(found)


def _overrules(origin: Origin, loaded: Loaded, path: Path) -> bool:
    """Whether what stands at `origin` counts more than the file that is changed."""
    if origin.layer is not Layer.FILE:
        return origin.layer is not Layer.DEFAULT
    where = Path(origin.name)
    if path in loaded.files:
        return loaded.files.index(where) > loaded.files.index(path)
    return where.parent == path.parent / "conf.d"
