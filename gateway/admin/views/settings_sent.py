"""What somebody wants changed, read out of the form of the page Settings.

A field says nothing about whether anybody touched it. So the form carries a digest of every value it showed, and what differs
from that is wanted; what somebody else changed meanwhile is not taken back by those who only left it as it was.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from gateway.admin.problems import BAD_REQUEST, ProblemError
from gateway.admin.settings import ConfigChange, SettingDocument
from gateway.admin.views.words import Words

Wanted: TypeAlias = Mapping[str, Any]
"""Values by dotted key as the API takes them; None takes a key out of the file."""

TAG: Final = "tag"
SEEN: Final = "seen"
CHANGES: Final = "changes"
ON: Final = "on"

_NUMBER: Final = re.compile(r"-?[0-9]{1,18}")


def default_field(key: str) -> str:
    """Return the name of the field that takes a key back to its default."""
    return f"{key}:default"


def choice_field(key: str, choice: str) -> str:
    """Return the name of the field that says whether a list has that choice."""
    return f"{key}:{choice}"


def as_text(one: SettingDocument, value: object) -> str:
    """Return a value as it stands in its field: a list a line each, a switch that is on as ``on``."""
    if isinstance(value, bool):
        return ON if value else ""
    if isinstance(value, (list, tuple)):
        listed = [choice for choice in one.choices if choice in value] if one.choices else value
        return "\n".join(map(str, listed))
    return str(value)


def seen(settings: Sequence[SettingDocument]) -> str:
    """Return the digests of what a form shows, of those values that can be changed there."""
    return " ".join(f"{one.key}={_digest(as_text(one, one.value))}" for one in settings if not one.overruled)


def wanted(form: Mapping[str, str], settings: Sequence[SettingDocument], words: Words) -> Wanted:
    """Return what a form wants changed; raises `ProblemError` for one that this page did not make."""
    if CHANGES in form:
        try:
            return msgspec.json.decode(form[CHANGES], type=ConfigChange).changes
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise ProblemError(BAD_REQUEST, words("common.unknown_form")) from error
    known, found = {one.key: one for one in settings}, dict[str, Any]()
    for part in form.get(SEEN, "").split():
        key, _, digest = part.partition("=")
        one = known.get(key)
        if one is None:
            continue
        if default_field(key) in form:
            found[key] = None
        elif _digest(sent := _sent(one, form)) != digest:
            found[key] = _value(one, sent)
    return found


def packed(changes: Wanted) -> str:
    """Return the same for a hidden field."""
    return msgspec.json.encode({CHANGES: changes}).decode()


def _sent(one: SettingDocument, form: Mapping[str, str]) -> str:
    if isinstance(one.value, (list, tuple)):
        if one.choices:
            return "\n".join(choice for choice in one.choices if choice_field(one.key, choice) in form)
        return "\n".join(line.strip() for line in form.get(one.key, "").splitlines() if line.strip())
    return form.get(one.key, "")


def _value(one: SettingDocument, sent: str) -> str | int | bool | list[str]:
    if isinstance(one.value, bool):
        return sent == ON
    if isinstance(one.value, (list, tuple)):
        return sent.splitlines()
    if isinstance(one.value, int) and _NUMBER.fullmatch(sent.strip()):
        return int(sent)
    return sent  # what is no number the API refuses, in words


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=6).hexdigest()
