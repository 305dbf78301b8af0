"""Messages: what something was done with last, and of each one why."""

from collections import Counter
from typing import Final

from gateway.admin.messages import MessagesDocument, MessagesQuery, Stage
from gateway.admin.sentences import REASONS
from gateway.admin.views.markup import Child, Markup, h, together
from gateway.admin.views.parts import ATTENTION, BROKEN, GOOD, QUIET, Column, card, foreign, ident, moment, state, table
from gateway.admin.views.visit import Visit
from gateway.admin.views.words import Words
from gateway.admin.why import CandidateDocument, WhyDocument
from gateway.status import GatewayStatus

SHOWN: Final = 50
_OF_STAGES: Final = {
    Stage.WAITING: ATTENTION,
    Stage.LOCAL: QUIET,
    Stage.CROSSED: GOOD,
    Stage.DELIVERED: GOOD,
    Stage.READ: GOOD,
    Stage.DROPPED: BROKEN,
    Stage.EXPIRED: BROKEN,
}


async def show(visit: Visit) -> Markup:
    """Return the page; `state` behind the question mark shows only messages that have come so far."""
    words, asked = visit.words, visit.request.query.get("state", "")
    chosen = Stage(asked) if asked in set(Stage) else None
    status = await visit.ask(GatewayStatus, "get_status")
    found = await visit.ask(MessagesDocument, "list_messages", query=MessagesQuery(chosen, SHOWN))
    reasons = Counter(status.bridge.drops) + Counter(status.mesh.drops)
    columns = (Column(words("messages.reason")), Column(words("messages.count"), number=True))
    dropped = [(foreign(_capital(REASONS.get(name, name)), words), str(count)) for name, count in reasons.most_common() if count]
    return together(
        h("p", words("messages.about")),
        _stages(chosen, words),
        h("div", _latest(found, visit)),
        h("h2", words("messages.dropped_since")),
        table(words("messages.dropped_since"), columns, dropped, words("messages.none_dropped"), key="reasons"),
    )


def _stages(chosen: Stage | None, words: Words) -> Markup:
    links = [("", words("messages.all")), *((one.value, words(f"messages.{one.value}")) for one in Stage)]
    here = chosen.value if chosen is not None else ""
    return h(
        "ul.stages",
        [
            h("li", h("a", said, href=f"/messages?state={name}" if name else "/messages", aria_current="true" if name == here else None))
            for name, said in links
        ],
        aria_label=words("messages.which"),
    )


def _latest(found: MessagesDocument, visit: Visit) -> Markup:
    words = visit.words
    columns = (
        Column(words("messages.what")),
        Column(words("messages.state")),
        Column(words("messages.when")),
        Column(words("messages.last")),
        Column(words("messages.why")),
    )
    rows = [
        (
            foreign(_capital(one.what), words) if one.what else words("messages.something"),
            state(_OF_STAGES[one.state], words(f"messages.{one.state.value}")),
            moment(one.at.timestamp(), visit.now, words),
            foreign(one.sentence, words),
            _why_link(one.id, words),
        )
        for one in found.messages
    ]
    return table(words("messages.title"), columns, rows, words("messages.none"), key="messages", search=words("messages.search"))


def _why_link(message: str, words: Words) -> Markup:
    return h("a", words("messages.ask"), href=f"/messages/{message}", aria_label=words("messages.ask_of", id=message))


def _list(found: tuple[CandidateDocument, ...], visit: Visit) -> Markup:
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
            _why_link(one.id, words),
        )
        for one in found
    ]
    return table(words("messages.title"), columns, rows, words("messages.none"), key="messages")


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
