"""The file with the operator's rules over the API: as it stands, and other rules in its place."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Final

import msgspec
from aiohttp import web

from gateway.admin.access.roles import Role
from gateway.admin.answering import document_response
from gateway.admin.audit import CallWitness, not_noted
from gateway.admin.problems import FieldError, Problem, ProblemError
from gateway.admin.route import Answers, Call, Route
from gateway.admin.settings import NO_TAG, UNUSABLE
from gateway.bridge.policy_words import explain
from gateway.config.policy import InvalidPolicyError
from gateway.config.policy_file import PolicyFile, RulesChange
from gateway.errors import ConfigError
from gateway.limits import MAX_POLICY_FILE
from gateway.store.audit import Action

INVALID: Final = Problem(400, "policy_invalid", "the rules cannot be used")
CHANGED: Final = Problem(412, "changed_meanwhile", "somebody else has changed the rules since")


class RulesFileDocument(msgspec.Struct, frozen=True):
    """``GET /api/v1/policy/file``."""

    file: str
    text: str  # TOML; empty if there is no file
    tag: str  # what If-Match has to say; the header ETag says it as well


class RulesText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``PUT /api/v1/policy/file``."""

    text: Annotated[str, msgspec.Meta(max_length=MAX_POLICY_FILE)]  # the whole file


class RulesChangedDocument(msgspec.Struct, frozen=True):
    """What other rules did, or would do."""

    dry_run: bool
    diff: str  # of the file
    words: tuple[str, ...]  # what they say, a sentence each
    tag: str


class RulesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether only to tell what would happen."""

    dry_run: bool = False


ROUTES: Final = (
    Route(
        name="get_policy_file",
        method="GET",
        path="/api/v1/policy/file",
        role=Role.OPERATOR,
        answer=RulesFileDocument,
        problems=(UNUSABLE,),
        summary="The file with the rules as it stands, comments and all.",
    ),
    Route(
        name="change_policy_file",
        method="PUT",
        path="/api/v1/policy/file",
        role=Role.ADMIN,
        query=RulesQuery,
        body=RulesText,
        answer=RulesChangedDocument,
        problems=(INVALID, UNUSABLE, CHANGED, NO_TAG),
        changes=True,
        headers=(("If-Match", "the tag of the file that is being replaced"),),
        summary="Go by other rules: they are checked first, and are in force with the answer.",
    ),
)


class RulesFile:
    """Answers for the file with the rules.

    Args:
        file: what is changed.
        taken: has the file read anew; raises `ConfigError`.
        note: notes whose rules these are.

    """

    def __init__(self, file: PolicyFile, taken: Callable[[], object], note: CallWitness = not_noted) -> None:
        self._file = file
        self._taken = taken
        self._note = note
        self._changing = asyncio.Lock()

    def answers(self) -> Answers:
        """Return who answers."""
        return {"get_policy_file": self._get, "change_policy_file": self._change}

    async def _get(self, _call: Call) -> web.Response:
        try:
            text, tag = await asyncio.to_thread(lambda: (self._file.text(), self._file.tag()))
        except ConfigError as error:
            raise ProblemError(UNUSABLE, str(error), "See: meshgate policy show.") from error
        return document_response(RulesFileDocument(str(self._file.path), text, tag), headers={"ETag": f'"{tag}"'})

    async def _change(self, call: Call) -> web.Response:
        shown = call.header("If-Match").strip().removeprefix("W/").strip('"')
        if not shown:
            raise ProblemError(NO_TAG, "The header If-Match is missing.", "Send the ETag of GET /api/v1/policy/file.")
        dry_run, text = call.query(RulesQuery).dry_run, call.body(RulesText).text
        async with self._changing:
            try:
                if shown != await asyncio.to_thread(self._file.tag):
                    raise ProblemError(
                        CHANGED, "Somebody else has changed the rules since.", "Look at them again: GET /api/v1/policy/file."
                    )
                change = await self._done(text, write=not dry_run)
                if not dry_run and change.diff:
                    self._note(call, Action.SETTINGS_CHANGED, "the rules in policy.file")
                tag = await asyncio.to_thread(self._file.tag)
                if not dry_run:
                    self._taken()
            except ConfigError as error:
                raise ProblemError(UNUSABLE, str(error), "See: meshgate policy show.") from error
        document = RulesChangedDocument(dry_run, change.diff, tuple(explain(change.policy)), tag)
        return document_response(document, headers={"ETag": f'"{tag}"'})

    async def _done(self, text: str, *, write: bool) -> RulesChange:
        try:
            return await asyncio.to_thread(self._file.change, text, write=write)
        except InvalidPolicyError as error:
            errors = tuple(FieldError(_place(one.origin.line, one.key), one.message, one.allowed) for one in error.problems)
            raise ProblemError(INVALID, f"{error.summary}.", "Nothing was written.", errors=errors) from error


def _place(line: int | None, key: str) -> str:
    return key if line is None else f"line {line}: {key}".removesuffix(": ")
