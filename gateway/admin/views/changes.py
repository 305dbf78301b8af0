"""The log of changes on the page Security: a sentence for each, the latest first, a page at a time."""

from typing import Final

from gateway.admin.audit import AuditDocument, ChangeDocument
from gateway.admin.routes import MAX_ROW, AuditQuery
from gateway.admin.views.markup import Markup, h, together
from gateway.admin.views.parts import Column, foreign, moment, table
from gateway.admin.views.visit import Visit

SHOWN: Final = 25
BEFORE: Final = "before"
"""Stands behind the question mark where somebody looks at what was before."""


def cursor_of(visit: Visit) -> int | None:
    """Return before which row somebody wants to look; None for the latest, or what makes no sense."""
    text = visit.request.query.get(BEFORE, "")
    fits = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_ROW))
    return min(int(text), MAX_ROW) if fits else None


async def changes(visit: Visit) -> Markup:
    """Return a page of the log."""
    words, cursor = visit.words, cursor_of(visit)
    found = await visit.ask(AuditDocument, "list_changes", query=AuditQuery(SHOWN) if cursor is None else AuditQuery(SHOWN, cursor))
    columns = (Column(words("changes.what")), Column(words("changes.who")), Column(words("changes.when")))
    rows = [
        (
            foreign(one.sentence, words),
            _who(one, visit),
            words("changes.no_time") if one.at_ms is None else moment(one.at_ms / 1000, visit.now, words),
        )
        for one in found.changes
    ]
    links = [
        h("a", words("changes.latest"), href="/security#changes") if cursor is not None else None,
        h("a", words("changes.before"), href=f"/security?{BEFORE}={found.cursor}#changes") if found.cursor is not None else None,
    ]
    return together(
        h("h2", words("changes.title"), id="changes"),
        h("p", words("changes.about")),
        table(words("changes.title"), columns, rows, words("changes.none"), key="change-list", search=words("changes.search")),
        [h("p", link) for link in links if link is not None],
        h("p", words("changes.left_out", count=found.left_out)) if found.left_out else None,
    )


def _who(one: ChangeDocument, visit: Visit) -> str:
    words = visit.words
    way = words(f"changes.by_{one.actor}") if words.has(f"changes.by_{one.actor}") else one.actor
    return way if one.uid is None else words("changes.user", name=way, count=one.uid)
