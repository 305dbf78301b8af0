"""What is around every page: the head, the name of the gateway, the menu, what came of something, and the foot."""

from collections.abc import Sequence
from typing import Final

from gateway.admin.assets import address
from gateway.admin.problems import FieldError, ProblemDocument
from gateway.admin.views.markup import Child, Markup, h, together
from gateway.admin.views.parts import ATTENTION, BROKEN, FORM_FIELD, foreign, notice, state
from gateway.admin.views.visit import Page
from gateway.admin.views.words import LANGUAGES, Words

LANGUAGE_FIELD: Final = "lang"
"""Stands behind the question mark where somebody chooses a language, and is the name of the cookie that remembers it."""


def document(
    words: Words,
    title: str,
    content: Child,
    *,
    name: str = "",
    menu: Sequence[Page] = (),
    here: str = "",
    live: bool = False,
    events: bool = False,
    opened: bool = False,
    who: str = "",
    seal: str = "",
    scripted: bool = True,
) -> str:
    """Return a whole page.

    Args:
        words: in its language.
        title: what it is about.
        content: what is on it.
        name: of the gateway.
        menu: where else one can go.
        here: name of the page.
        live: whether it is kept up to date while it is looked at.
        events: whether the API tells what happens.
        opened: whether the bridge is open, which everybody has to be told.
        who: is logged in, empty for nobody.
        seal: for the form that ends that.
        scripted: whether it has scripts; where a passphrase is written to come in, there are none.

    """
    head = h(
        "head",
        h("meta", charset="utf-8"),
        h("meta", name="viewport", content="width=device-width, initial-scale=1"),
        h("meta", name="color-scheme", content="light dark"),
        h("title", f"{title} · {name or 'Meshgate'}"),
        h("link", rel="icon", href=address("mark.svg"), type="image/svg+xml"),
        h("link", rel="stylesheet", href=address("page.css")),
        h("script", src=address("page.js"), type="module") if scripted else None,
    )
    body = h(
        "body",
        h("a.skip", words("common.skip"), href="#main"),
        _banner(words, name, opened),
        _menu(words, menu, here),
        h(
            "main",
            h("h1.unseen" if here == "status" else "h1", title),
            h("div", content, id="live", data_live=live),
            id="main",
            tabindex=-1,
        ),
        _foot(words, here, who, seal),
        data_stale=words("common.stale"),
        data_page=here,
        data_events=events,
    )
    return f"<!DOCTYPE html>\n{h('html', head, body, lang=words.language, dir=words.direction)}\n"


def problem(error: ProblemDocument, words: Words, *, sent: bool = False) -> Markup:
    """Return why something cannot be shown, or was not done where something was sent: what happened, what to do, the code last."""
    return notice(
        BROKEN,
        words("common.not_done" if sent else "common.not_shown"),
        h("p", foreign(error.detail, words)),
        _each(error.errors, words) if isinstance(error.errors, tuple) else None,
        h("p", foreign(error.hint, words)) if error.hint else None,
        h("p", h("small", words("common.code"), " ", h("code", error.code, dir="ltr"))),
    )


def _each(errors: Sequence[FieldError], words: Words) -> Markup:
    """Return what is wrong with each thing that was sent, with a way to its field."""
    found = [h("li", h("a", h("code", one.key, dir="ltr"), href=f"#{one.field}"), ": ", foreign(one.sentence, words)) for one in errors]
    return h("ul.plain", found)


def _banner(words: Words, name: str, opened: bool) -> Markup:
    mark = h("svg.mark", h("path", d="M0 11h16v2H0zM1 10a3 7 0 0 1 6 0zM10 10a2.5 4 0 0 1 5 0z"), viewBox="0 0 16 16", aria_hidden="true")
    return h(
        "header",
        h("a.home", mark, h("span", h("bdi", name or "Meshgate")), href="/status"),
        h("p.open", state(ATTENTION, words("common.open_bridge"))) if opened else None,
    )


def _who(words: Words, who: str, seal: str) -> Markup:
    """Return who is logged in, and the way out."""
    sealed = h("input", type="hidden", name=FORM_FIELD, value=seal)
    leave = h("form", sealed, h("button.plain", words("common.logout"), type="submit"), method="post", action="/logout")
    return h("div.who", h("a", words("common.account"), ": ", h("bdi", who), href="/account"), leave)


def _menu(words: Words, menu: Sequence[Page], here: str) -> Markup | None:
    if not menu:
        return None
    items = [
        h("li", h("a", words(f"{one.name}.title"), href=one.path, aria_current="page" if one.name == here else None))
        for one in menu
        if one.listed
    ]
    return h("nav", h("ul", items), aria_label=words("common.menu"))


def _foot(words: Words, here: str, who: str, seal: str) -> Markup:
    others = [
        h("a", own, href=f"/{here or 'status'}?{LANGUAGE_FIELD}={code}", lang=code, dir=direction, hreflang=code)
        for code, (own, direction, _) in LANGUAGES.items()
        if code != words.language
    ]
    return h(
        "footer",
        _who(words, who, seal) if who else None,
        h("p", [together(one, " ") for one in others]),
        h("p", "Meshgate", id="pulse", aria_live="polite"),
    )
