"""The packet monitor of the page Diagnostics: frames as they come and go, while somebody watches."""

from typing import Final

import msgspec

from gateway.admin.access.roles import Role
from gateway.admin.frames import FrameDocument, FramesDocument, FramesQuery, Way
from gateway.admin.problems import ProblemError
from gateway.admin.views.markup import Child, Markup, h, together
from gateway.admin.views.parts import ATTENTION, GOOD, NOTHING, QUIET, Column, choice, field, foreign, state, table
from gateway.admin.views.places import means
from gateway.admin.views.visit import Visit
from gateway.wire.types import MessageType

_HERE: Final = "/diagnostics"
_SHOWN: Final = 100  # frames
_KINDS: Final = ("", *sorted(one.name.lower() for one in MessageType), "site")
_VERDICTS: Final = ("", "taken", "sent", "dropped", "refused")


async def monitor(visit: Visit) -> Markup | None:
    """Return the monitor; frames are watched only once somebody asks for it."""
    words, given = visit.words, visit.request.query
    if not visit.may("watch_frames"):
        return None
    heading = together(h("h2", words("monitor.title"), id="monitor"), h("p", words("monitor.about")))
    if "watch" not in given:
        return together(heading, h("p.further", h("a", words("monitor.begin"), href=f"{_HERE}?watch=1#monitor")))
    try:
        query = _query(visit)
        found = await visit.ask(FramesDocument, "watch_frames", query=query)
    except ProblemError as error:
        return together(heading, h("p.problem.attention", foreign(error.document.detail, words)))
    return together(
        heading,
        _filters(query, visit),
        h("p", words("monitor.passed", count=found.passed, span=words.span(found.watched_s)), aria_live="off"),
        _table(found.frames, visit, peer_ids=query.peer_ids),
        h("p.further", h("a", words("monitor.end"), href=_HERE)),
    )


def _query(visit: Visit) -> FramesQuery:
    """Return which frames somebody wants to see; what makes no sense is as if it had not been said."""
    given = visit.request.query
    wanted: dict[str, object] = {
        "kind": given.get("kind", ""),
        "verdict": given.get("verdict", ""),
        "way": given.get("way") or None,
        "link": int(given["link"]) if given.get("link", "").isdecimal() and len(given["link"]) < 9 else None,
        "limit": _SHOWN,
        "peer_ids": "peer_ids" in given and visit.role >= Role.ADMIN,
    }
    try:
        return msgspec.convert(wanted, FramesQuery)
    except msgspec.ValidationError:
        return FramesQuery()


def _filters(query: FramesQuery, visit: Visit) -> Markup:
    words = visit.words
    every = words("monitor.all")
    ways = [("", every), *((one.value, words(f"monitor.{one.value}")) for one in Way)]
    ids = None
    if visit.role >= Role.ADMIN:
        box = h("input", type="checkbox", id="peer_ids", name="peer_ids", value="on", checked=query.peer_ids)
        ids = h("p.tick", box, h("label", words("monitor.peer_ids"), for_="peer_ids"))
    return h(
        "form.filters",
        h("input", type="hidden", name="watch", value="1"),
        choice("way", words("monitor.way"), ways, query.way.value if query.way is not None else ""),
        choice("kind", words("monitor.kind"), [(one, one or every) for one in _KINDS], query.kind),
        choice("verdict", words("monitor.verdict"), [(one, words(f"monitor.{one}") if one else every) for one in _VERDICTS], query.verdict),
        field("link", words("monitor.link"), kind="number", value="" if query.link is None else str(query.link), min=1),
        ids,
        h("p", h("button", words("monitor.filter"), type="submit")),
        method="get",
        action=f"{_HERE}#monitor",
    )


def _table(frames: tuple[FrameDocument, ...], visit: Visit, *, peer_ids: bool) -> Markup:
    words = visit.words
    columns = [
        Column(words("monitor.when")),
        Column(words("monitor.way")),
        Column(words("monitor.kind")),
        Column(words("monitor.link")),
        Column(words("monitor.size"), number=True),
        Column(words("monitor.ttl"), number=True),
        Column(words("monitor.verdict")),
    ]
    rows = [_row(one, visit) for one in frames]
    if peer_ids:
        columns.append(Column(words("monitor.sender")))
        rows = [(*row, h("code", one.sender or NOTHING, dir="ltr")) for row, one in zip(rows, frames, strict=True)]
    return table(words("monitor.title"), columns, rows, words("monitor.none"), key="frames")


def _row(one: FrameDocument, visit: Visit) -> tuple[Child, ...]:
    words = visit.words
    marks = [words("monitor.directed")] if one.directed else []
    marks += [words("monitor.signed")] if one.signed else []
    link = words("monitor.several", count=one.links) if one.link is None else str(one.link)
    kind = QUIET if one.verdict == "dropped" else GOOD if one.verdict in {"taken", "sent"} else ATTENTION
    word = words(f"monitor.{one.verdict}") if words.has(f"monitor.{one.verdict}") else one.verdict
    return (
        words("unit.ago", span=words("unit.precise", seconds=f"{one.ago_s:.1f}")),
        words(f"monitor.{one.way.value}"),
        h("span", h("code", one.kind or words("monitor.unreadable"), dir="ltr"), *[h("small", f" {mark}") for mark in marks]),
        h("span", link, " ", h("small", means(one.over, words))),
        words.size(one.size),
        NOTHING if one.ttl is None else str(one.ttl),
        h("span", state(kind, word), h("small", " ", h("code", one.reason, dir="ltr")) if one.reason else None),
    )
