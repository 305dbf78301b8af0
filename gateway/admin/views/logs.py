"""Logs: the last entries, without names, secrets and addresses."""

from typing import Final

from gateway.admin.logbook import LogLevel, LogsDocument, LogsQuery
from gateway.admin.views.markup import Markup, h, together
from gateway.admin.views.parts import ATTENTION, BROKEN, QUIET, Column, foreign, moment, state, table
from gateway.admin.views.visit import Visit

_OF_LEVELS: Final = {LogLevel.DEBUG: QUIET, LogLevel.INFO: QUIET, LogLevel.WARNING: ATTENTION, LogLevel.ERROR: BROKEN}


async def show(visit: Visit) -> Markup:
    """Return the page; `level` behind the question mark shows only entries that matter so much."""
    words, asked = visit.words, visit.request.query.get("level", "")
    level = LogLevel(asked) if asked in set(LogLevel) else LogLevel.INFO
    found = await visit.ask(LogsDocument, "list_log", query=LogsQuery(level))
    links = [
        h("li", h("a", words(f"logs.{one.value}"), href=f"/logs?level={one.value}", aria_current="true" if one is level else None))
        for one in LogLevel
    ]
    columns = (Column(words("logs.what")), Column(words("logs.level")), Column(words("logs.when")), Column(words("logs.event")))
    rows = [
        (
            foreign(one.sentence, words),
            state(_OF_LEVELS[one.level], words(f"logs.{one.level.value}")),
            moment(one.time.timestamp(), visit.now, words),
            h("code", one.event, dir="ltr"),
        )
        for one in reversed(found.entries)
    ]
    lost = h("p.empty", words("logs.lost", count=found.lost)) if found.lost else None
    return together(
        h("ul.stages", links, aria_label=words("logs.level")),
        h("div", table(words("logs.title"), columns, rows, words("logs.none"), key="log", search=words("logs.search"))),
        lost,
    )
