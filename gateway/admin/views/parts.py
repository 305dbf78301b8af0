"""Pieces pages are made of: cards, tables that become cards on a phone, states in word and shape, times, forms."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from gateway.admin.views.markup import Child, Markup, h, together
from gateway.admin.views.words import FIRST, Words
from gateway.status import Severity
from transports.link import TransportState

GOOD: Final = "good"
ATTENTION: Final = "attention"
BROKEN: Final = "broken"
QUIET: Final = "quiet"
NOTHING: Final = "\u2013"
"""Stands where there is no value."""

OF_STATES: Final[Mapping[TransportState, str]] = {
    TransportState.UP: GOOD,
    TransportState.STARTING: QUIET,
    TransportState.DEGRADED: ATTENTION,
    TransportState.DOWN: BROKEN,
}
OF_SEVERITIES: Final[Mapping[Severity, str]] = {Severity.NOTICE: QUIET, Severity.WARNING: ATTENTION, Severity.ERROR: BROKEN}
FORM_FIELD: Final = "form"  # carries the seal of a form

_SHAPES: Final[Mapping[str, Markup]] = {
    GOOD: h("circle", cx=8, cy=8, r=6),
    ATTENTION: h("path", d="M8 1.5 15 14H1z"),
    BROKEN: h("path", d="M2 2h12v12H2z"),
    QUIET: h("circle", cx=8, cy=8, r=5, class_="hollow"),
}
_SHORT: Final = 16  # characters


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Args:
        title: what stands above it, and before each value where there is room for one column only.
        number: whether values are figures, which stand at the end of the line.

    """

    title: str
    number: bool = False


def state(kind: str, word: str) -> Markup:
    """Return a state: a shape, and the word that means the same."""
    return h("span.state", h(f"svg.shape.{kind}", _SHAPES[kind], viewBox="0 0 16 16", aria_hidden="true"), h("span", word), data_state=kind)


def card(title: str, *content: Child, key: str = "", wide: bool = False) -> Markup:
    """Return a card; `key` is its name in the page."""
    tag = "section.card.wide" if wide else "section.card"
    heading = h("h2", title, id=f"{key}-title" if key else None)
    called = {"aria_labelledby": f"{key}-title"} if key else {"aria_label": title}
    return h(tag, heading, *content, id=key or None, **called)


def figures(rows: Iterable[tuple[Child, Child]]) -> Markup:
    """Return names and values, line by line."""
    return h("dl.figures", [h("div", h("dt", name), h("dd", value)) for name, value in rows])


def table(
    caption: str, columns: Sequence[Column], rows: Sequence[Sequence[Child]], empty: str, *, key: str = "", search: str = ""
) -> Markup:
    """Return a table whose rows are cards on a phone.

    Args:
        caption: for those who do not see it.
        columns: of which the first names the row.
        rows: a value for each column.
        empty: stands there in place of a table without rows.
        key: its name in the page, under which it is searched and its rows are known.
        search: label of the field that searches it, empty for none.

    """
    if not rows:
        return h("p.empty", empty)
    head = h("thead", h("tr", [h("th.number" if one.number else "th", one.title, scope="col") for one in columns]))
    body = h("tbody", [_row(columns, row) for row in rows])
    found = h("div.scroll", h("table", h("caption.unseen", caption), head, body, id=key or None))
    if not search:
        return found
    field = h("input", type="search", id=f"{key}-search", data_search=key, autocomplete="off", spellcheck="false")
    return together(h("p.search", h("label", search, for_=f"{key}-search"), field, hidden=True, data_scripted=True), found)


def _row(columns: Sequence[Column], row: Sequence[Child]) -> Markup:
    first, *rest = zip(columns, row, strict=True)
    cells = [h("td.number" if column.number else "td", h("span", value), data_label=column.title) for column, value in rest]
    return h("tr", h("th", first[1], scope="row"), cells)


def foreign(text: str, words: Words) -> Child:
    """Return a sentence of the gateway itself, which is English whatever the page is written in."""
    return text if words.language == FIRST or not text else h("span", text, lang=FIRST, dir="ltr")


def ident(text: str) -> Markup:
    """Return an ID: its beginning and end, and all of it to whoever points at it."""
    shown = text if len(text) <= _SHORT else f"{text[:8]}…{text[-6:]}"
    return h("code", shown, title=text if shown != text else None, dir="ltr")


def moment(at: float, now: float, words: Words) -> Markup:
    """Return a time of day as how long ago or ahead it is, and exactly to whoever points at it; both are Unix seconds."""
    said = words.ago(now - at) if at <= now else words("unit.ahead", span=words.span(at - now))
    exact = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return h("time", said, datetime=exact, title=exact, tabindex=0)


def seconds_of(text: str | None) -> float | None:
    """Return a time of day as of RFC 3339 in Unix seconds, None for none."""
    return datetime.fromisoformat(text).timestamp() if text else None


def moment_of(text: str | None, now: float, words: Words) -> Child:
    """Return a time of day as of RFC 3339 as `moment` does; a dash for none."""
    at = seconds_of(text)
    return NOTHING if at is None else moment(at, now, words)


def copied(key: str, words: Words) -> Markup:
    """Return a button that copies what has this ID, for browsers with scripts."""
    return h(
        "p",
        h(
            "button",
            words("common.copy"),
            type="button",
            data_copy=key,
            data_done=words("common.copied"),
            hidden=True,
            data_scripted=True,
        ),
    )


def field(
    name: str, label: str, *, hint: str = "", kind: str = "text", value: str = "", trouble: str = "", **more: str | int | bool | None
) -> Markup:
    """Return a line to fill in; `trouble` says what is wrong with what stands there, and what to do."""
    described = " ".join(f"{name}-{what}" for what, said in (("trouble", trouble), ("hint", hint)) if said) or None
    entry = h(
        "input",
        id=name,
        name=name,
        type=kind,
        value=value or None,
        aria_describedby=described,
        aria_invalid="true" if trouble else None,
        **more,
    )
    wrong = h("strong.mistake", trouble, id=f"{name}-trouble") if trouble else None
    return h("p.field", h("label", label, for_=name), wrong, entry, h("small", hint, id=f"{name}-hint") if hint else None)


def lines(name: str, label: str, value: str = "", *, hint: str = "", rows: int = 6, required: bool = True) -> Markup:
    """Return several lines to fill in."""
    described = f"{name}-hint" if hint else None
    area = h("textarea", value, id=name, name=name, rows=rows, required=required, aria_describedby=described, spellcheck="false", dir="ltr")
    return h("p.field", h("label", label, for_=name), area, h("small", hint, id=described) if hint else None)


def choice(name: str, label: str, options: Iterable[tuple[str, str]], chosen: str = "") -> Markup:
    """Return a choice of one, of which one may be chosen already."""
    return h(
        "p.field",
        h("label", label, for_=name),
        h(
            "select",
            [h("option", said, value=value, selected=bool(chosen) and value == chosen) for value, said in options],
            id=name,
            name=name,
        ),
    )


def form(
    action: str, what: str, seal: str, button: str, *content: Child, grave: bool = False, unchecked: bool = False, files: bool = False
) -> Markup:
    """Return a form that sends `what` is to be done to `action`.

    A `grave` one destroys something; of one that is `unchecked` the browser takes every value, and what is wrong is said by the page;
    `files` come behind the rest.
    """
    hidden = [h("input", type="hidden", name="do", value=what), h("input", type="hidden", name=FORM_FIELD, value=seal) if seal else None]
    return h(
        "form",
        hidden,
        *content,
        h("p", h("button.grave" if grave else "button", button, type="submit")),
        method="post",
        action=action,
        novalidate=unchecked,
        enctype="multipart/form-data" if files else None,
    )


def diff(text: str, label: str) -> Markup:
    """Return a unified diff; what comes and what goes keeps its sign before the line."""
    return h("pre.diff", [_of_diff(line) for line in text.splitlines(keepends=True)], dir="ltr", tabindex=0, role="group", aria_label=label)


def _of_diff(line: str) -> Child:
    if line.startswith(("+++", "---", "@@")):
        return h("span.faint", line)
    return h("ins", line) if line.startswith("+") else h("del", line) if line.startswith("-") else line


def more(title: str, *content: Child, key: str = "", opened: bool = False) -> Markup:
    """Return what is there for those who want to know."""
    return h("details", h("summary", title), *content, id=key or None, open=opened)


def counts(rows: Mapping[str, int], words: Words) -> Markup:
    """Return counters under the names programs know them by."""
    shown = [(name, f"{value:,}".replace(",", "\u202f")) for name, value in sorted(rows.items()) if value]
    return (
        h("dl.counts", [h("div", h("dt", h("code", name, dir="ltr")), h("dd", value)) for name, value in shown])
        if shown
        else h("p.empty", words("common.no_counts"))
    )


def notice(kind: str, title: str, *content: Child) -> Markup:
    """Return what came of something somebody did."""
    return h(
        f"section.notice.{kind}", h("p.outcome", state(kind, title)), *content, role="alert" if kind == BROKEN else "status", tabindex=-1
    )
