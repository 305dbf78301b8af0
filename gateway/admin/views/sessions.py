"""Who is logged in, and ending that: the part of the page Security everybody has."""

from typing import Final

from gateway.admin.access.documents import Done, SessionDocument, SessionsDocument
from gateway.admin.views.markup import Child, Markup, h, together
from gateway.admin.views.parts import ATTENTION, GOOD, Column, foreign, form, moment, notice, state, table
from gateway.admin.views.visit import Visit

END: Final = "end_session"


async def sessions(visit: Visit) -> Markup:
    """Return who is logged in; who is no admin sees where they are themselves."""
    words = visit.words
    found = await visit.ask(SessionsDocument, "list_sessions")
    columns = (
        Column(words("sessions.who")),
        Column(words("sessions.source")),
        Column(words("sessions.began")),
        Column(words("sessions.seen")),
        Column(words("sessions.way")),
        Column(words("sessions.end")),
    )
    latest_first = sorted(found.sessions, key=lambda one: (not one.yours, one.idle_s))
    return together(
        h("h2", words("sessions.title"), id="sessions"),
        h("p", words("sessions.about")),
        table(words("sessions.title"), columns, [_row(one, visit) for one in latest_first], words("sessions.none"), key="session-list"),
    )


def _row(one: SessionDocument, visit: Visit) -> list[Child]:
    words = visit.words
    way = state(GOOD, words("sessions.encrypted")) if one.encrypted else state(ATTENTION, words("sessions.plain"))
    hidden = h("input", type="hidden", name="session", value=one.id)
    end: Child = (
        h("a", words("sessions.yours"), href="/account")
        if one.yours
        else form("/security", END, visit.seal, words("sessions.end_of", name=one.name), hidden)
    )
    return [
        h("bdi", one.name),
        h("code", one.source, dir="ltr"),
        moment(visit.now - one.age_s, visit.now, words),
        moment(visit.now - one.idle_s, visit.now, words),
        way,
        end,
    ]


async def end(visit: Visit) -> Markup:
    """Log somebody out."""
    done = await visit.ask(Done, END, names={"id": visit.form.get("session", "")})
    return notice(GOOD, visit.words("sessions.ended"), h("p", foreign(done.sentence, visit.words)))
