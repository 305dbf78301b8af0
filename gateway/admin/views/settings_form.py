"""The form of the page Settings: a group for each table of the schema, and for each key the control its kind asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from gateway.admin.problems import FieldError
from gateway.admin.settings import ConfigDocument, SettingDocument
from gateway.admin.views.markup import Child, Markup, h
from gateway.admin.views.parts import BROKEN, GOOD, NOTHING, QUIET, foreign, form, state
from gateway.admin.views.settings_sent import ON, SEEN, TAG, Wanted, as_text, choice_field, default_field, seen
from gateway.admin.views.visit import Visit
from gateway.admin.views.words import Words
from gateway.config.explain import sentence
from gateway.config.problems import Layer
from gateway.config.schema import TABLES

HERE: Final = "/settings"
_LAYERS: Final = {
    Layer.DEFAULT: "default",
    Layer.FILE: "in_file",
    Layer.ENVIRONMENT: "environment",
    Layer.COMMAND_LINE: "command_line",
}
_EMPTY: Final = ("", "[]", '""')
_MOST_ROWS: Final = 8  # of a list before its field scrolls


@dataclass(frozen=True, slots=True)
class _Field:
    """One key on the page.

    Args:
        one: as it stands.
        proposed: whether somebody wrote something else, and nobody has saved it.
        back: whether they want its default.
        value: what stands in the field.
        wrong: what the API says about it.

    """

    one: SettingDocument
    proposed: bool
    back: bool
    value: object
    wrong: tuple[FieldError, ...]

    @property
    def key(self) -> str:
        return self.one.key

    @property
    def described(self) -> str:
        """The IDs of what explains it."""
        return " ".join((*([f"{self.key}-wrong"] if self.wrong else []), f"{self.key}-about", f"{self.key}-origin"))


def settings_form(found: ConfigDocument, proposed: Wanted, visit: Visit, find: str = "") -> Markup:
    """Return the form.

    Args:
        found: every setting.
        proposed: what was sent and is not saved.
        visit: by whom.
        find: shows only settings with that in them.

    """
    words = visit.words
    shown = [one for one in found.settings if _fits(one, find)]
    if not shown:
        return h("p.empty", words("settings.none_found", wanted=find))
    fields = [_field(one, proposed, visit.wrong) for one in shown]
    groups = [
        _group(table, list(some), words, opened=bool(find)) for table, some in groupby(fields, lambda one: one.key.rpartition(".")[0])
    ]
    hidden = [h("input", type="hidden", name=name, value=value) for name, value in ((TAG, found.tag), (SEEN, seen(shown)))]
    return form(
        HERE,
        "preview",
        visit.seal,
        words("settings.preview"),
        hidden,
        groups,
        h("p.faint", words("settings.preview_about")),
        unchecked=True,
    )


def _fits(one: SettingDocument, find: str) -> bool:
    told = " ".join((one.key, one.sentence, one.allowed, as_text(one, one.value)))
    return all(part in told.casefold() for part in find.casefold().split())


def _field(one: SettingDocument, proposed: Wanted, wrong: Sequence[FieldError]) -> _Field:
    value = proposed.get(one.key)
    mine = tuple(error for error in wrong if error.field == one.key)
    there = one.key in proposed
    return _Field(one, there, there and value is None, one.value if value is None else value, mine)


def _group(table: str, fields: Sequence[_Field], words: Words, *, opened: bool) -> Markup:
    set_here = sum(field.one.layer != Layer.DEFAULT for field in fields)
    about = foreign(sentence(TABLES[table]), words) if table in TABLES else None
    wanted = opened or any(field.proposed or field.wrong for field in fields)
    return h(
        "details.group",
        h("summary", h("code", table or words("settings.top"), dir="ltr"), " ", h("small", words("settings.set", count=set_here))),
        h("p", about) if table else None,
        [_setting(field, words) for field in fields],
        id=f"group-{table or 'top'}",
        open=wanted,
    )


def _setting(field: _Field, words: Words) -> Markup:
    one = field.one
    tag = "div.setting.wrong" if field.wrong else "div.setting"
    label: Child = h("label", h("code", one.key, dir="ltr"), for_=one.key)
    if isinstance(one.value, bool):
        control: Child = h("p.tick", _switch(field), label)
        label = None
    elif isinstance(one.value, (list, tuple)) and one.choices:
        control, label = _choices(field), None
    else:
        control = _control(field)
    return h(
        tag,
        label,
        control,
        h(
            "p.trouble",
            state(BROKEN, words("settings.wrong")),
            [h("span", _said(error, words)) for error in field.wrong],
            id=f"{one.key}-wrong",
        )
        if field.wrong
        else None,
        h("small", _about(one, words), id=f"{one.key}-about"),
        _origin(field, words),
        _default(field, words),
        id=f"setting-{one.key}",
    )


def _said(error: FieldError, words: Words) -> Child:
    """What is wrong; in a list, with the line it is about."""
    place = error.key.partition("[")[2].rstrip("]")
    line = f"{words('settings.line', count=int(place) + 1)} " if place.isdigit() else ""
    return (line, foreign(error.sentence, words))


def _about(one: SettingDocument, words: Words) -> Child:
    allowed = f" {one.kind[:1].upper()}{one.kind[1:]}." if not one.allowed else f" Allowed: {one.allowed}."
    return foreign(f"{one.sentence}{allowed} Default: {'nothing' if one.default in _EMPTY else one.default}.", words)


def _origin(field: _Field, words: Words) -> Markup:
    one = field.one
    where = f"{one.where}:{one.line}" if one.line is not None else one.where
    layer = words(f"settings.{_LAYERS[Layer(one.layer)]}")
    now = words("settings.now", value=_shown(one)) if field.proposed else None
    return h(
        "small.origin",
        state(QUIET if one.layer == Layer.DEFAULT else GOOD, layer),
        h("span", where, dir="ltr") if where else None,
        h("span", words("settings.takes_restart" if one.restart else "settings.takes_reload")),
        h("strong", words("settings.overruled", where=where or layer)) if one.overruled else None,
        h("strong", words("settings.after_restart")) if one.pending else None,
        h("strong", now) if now else None,
        id=f"{one.key}-origin",
    )


def _shown(one: SettingDocument) -> str:
    if isinstance(one.value, bool):
        return "true" if one.value else "false"
    return as_text(one, one.value).replace("\n", ", ") or NOTHING


def _default(field: _Field, words: Words) -> Markup | None:
    """The box that takes a key out of the file, where it stands in one that can be changed."""
    one = field.one
    if one.layer != Layer.FILE or one.overruled:
        return None
    name = default_field(one.key)
    box = h("input", type="checkbox", id=name, name=name, value=ON, checked=field.back, aria_describedby=f"{one.key}-about")
    said = h("span", words("settings.take_back"), h("span.unseen", f" {one.key}"))
    return h("p.tick", box, h("label", said, for_=name))


def _switch(field: _Field) -> Markup:
    return h("input", type="checkbox", value=ON, checked=field.value is True, **_attributes(field))


def _control(field: _Field) -> Markup:
    one, text = field.one, as_text(field.one, field.value)
    attributes = _attributes(field)
    if one.choices:
        options = [h("option", name, value=name, selected=name == text) for name in dict.fromkeys((*one.choices, text))]
        return h("select", options, dir="ltr", **attributes)
    if isinstance(one.value, (list, tuple)):
        rows = min(_MOST_ROWS, text.count("\n") + 2)
        return h("textarea", text, rows=rows, dir="ltr", spellcheck="false", **attributes)
    if isinstance(one.value, int):
        return h("input", type="number", value=text, min=one.least, max=one.greatest, step=1, **attributes)
    return h("input", type="text", value=text, dir="auto", spellcheck="false", autocomplete="off", **attributes)


def _choices(field: _Field) -> Markup:
    one, chosen = field.one, as_text(field.one, field.value).splitlines()
    boxes = [
        h(
            "p.tick",
            h(
                "input",
                type="checkbox",
                id=choice_field(one.key, name),
                name=choice_field(one.key, name),
                value=ON,
                checked=name in chosen,
                disabled=one.overruled,
            ),
            h("label", h("code", name, dir="ltr"), for_=choice_field(one.key, name)),
        )
        for name in one.choices
    ]
    return h("fieldset", h("legend", h("code", one.key, dir="ltr")), boxes, id=one.key, aria_describedby=field.described)


def _attributes(field: _Field) -> Mapping[str, str | bool | None]:
    return {
        "id": field.key,
        "name": field.key,
        "disabled": field.one.overruled,
        "aria_describedby": field.described,
        "aria_invalid": "true" if field.wrong else None,
    }
