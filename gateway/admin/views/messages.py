"""Messages: what something was done with last, and of each one why."""

from collections import Counter

from gateway.admin.routes import LatestQuery
from gateway.admin.sentences import REASONS
from gateway.admin.views.markup import Child, Markup, h, together
from gateway.admin.views.parts import Column, card, foreign, ident, moment, table
from gateway.admin.views.visit import Visit
from gateway.admin.views.words import Words
from gateway.admin.why import CandidateDocument, LatestDocument, WhyDocument
from gateway.status import GatewayStatus

SHOWN = 50


async def show(visit: Visit) -> Markup:
    """Return the page."""
    words = visit.words
    status = await visit.ask(GatewayStatus, "get_status")
    found = await visit.ask(LatestDocument, "list_latest", query=LatestQuery(SHOWN))
    reasons = Counter(status.bridge.drops) + Counter(status.mesh.drops)
    columns = (Column(words("messages.reason")), Column(words("messages.count"), number=True))
    rows = [(foreign(_capital(REASONS.get(name, name)), words), str(count)) for name, count in reasons.most_common() if count]
    return together(
        h("p", words("messages.about")),
        _list(found.latest, visit, search=words("messages.search")),
        h("h2", words("messages.dropped")),
        table(words("messages.dropped"), columns, rows, words("messages.none_dropped"), key="reasons"),
    )


def _list(found: tuple[CandidateDocument, ...], visit: Visit, search: str = "") -> Markup:
    words = visit.words
    columns = (
        Column(words("messages.what")),
        Column(words("messages.when")),
        Column(words("messages.last")),
        Column(words("messages.id")),
        Column(words("messages.why")),
    )
    rows = [
        (
            foreign(_capital(one.what), words) if one.what else words("messages.something"),
            moment(one.at_ms / 1000, visit.now, words),
            foreign(one.last, words),
            ident(one.id),
            h("a", words("messages.ask"), href=f"/messages/{one.id}", aria_label=words("messages.ask_of", id=one.id)),
        )
        for one in found
    ]
    return table(words("messages.title"), columns, rows, words("messages.none"), key="messages", search=search)


async def why(visit: Visit) -> Markup:
    """Return the story of one message."""
    words = visit.words
    found = await visit.ask(WhyDocument, "get_why")
    if found.candidates:
        return together(h("p", words("messages.several", wanted=found.wanted)), _list(found.candidates, visit))
    steps = [
        h("li", h("p", foreign(one.sentence, words)), h("small", moment(one.at_ms / 1000, visit.now, words), _after(one.after_ms, words)))
        for one in found.steps
    ]
    kept = h("p", words("messages.kept_until"), " ", moment(found.kept_until_ms / 1000, visit.now, words)) if found.kept_until_ms else None
    names: Child = (
        [h("p", words("messages.also"), " ", [together(h("code", name, dir="ltr"), " ") for name in found.names])] if found.names else None
    )
    return together(
        card(
            words("messages.story"),
            h("p", h("code.whole", found.id or found.wanted, dir="ltr")),
            h("ol.story", steps) if steps else h("p.empty", words("messages.no_story")),
            kept,
            names,
            wide=True,
        ),
        h("p", h("a", words("messages.back"), href="/messages")),
    )


def _after(milliseconds: int, words: Words) -> str:
    return "" if not milliseconds else words("messages.after", seconds=f"{milliseconds / 1000:.3f}")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
