"""Settings: a form made of the schema, what a change would do before it is done, and where every value comes from."""

from collections.abc import Sequence
from typing import Final

from gateway.admin.problems import BAD_REQUEST, ProblemError
from gateway.admin.settings import CHANGED, ChangedDocument, ChangeQuery, ConfigDocument
from gateway.admin.views.markup import Markup, h, together
from gateway.admin.views.parts import ATTENTION, GOOD, QUIET, diff, form, notice, state
from gateway.admin.views.settings_form import HERE, settings_form
from gateway.admin.views.settings_sent import CHANGES, TAG, Wanted, packed, wanted
from gateway.admin.views.visit import Visit
from gateway.admin.views.welcome import again
from gateway.admin.views.words import Words

RESTART: Final = "sudo systemctl restart meshgate"


async def show(visit: Visit) -> Markup:
    """Return the page."""
    words, find = visit.words, visit.request.query.get("find", "").strip()
    found = await visit.ask(ConfigDocument, "get_config")
    saved = visit.done and visit.form.get("do") == "save"
    proposed = {} if saved or not visit.form else wanted(visit.form, found.settings, words)
    return together(
        _pending(found, visit),
        h("p", words("settings.file"), " ", h("code.whole", found.file, dir="ltr")),
        h("p", words("settings.about")),
        _search(find, words),
        settings_form(found, proposed, visit, find),
    )


def _pending(found: ConfigDocument, visit: Visit) -> Markup | None:
    """Say which settings stand in the file and are not in force."""
    words, keys = visit.words, [one.key for one in found.settings if one.pending]
    if not keys:
        return None
    return h(
        "section.problem.attention",
        h("p", state(ATTENTION, words("settings.pending", count=len(keys)))),
        h("ul.plain", [h("li", h("a", h("code", key, dir="ltr"), href=f"#setting-{key}")) for key in keys]),
        _restart(visit),
    )


def _restart(visit: Visit) -> Markup:
    return h("div", h("p", visit.words("settings.restart_now"), " ", h("code.whole", RESTART, dir="ltr")), again(visit))


def _search(find: str, words: Words) -> Markup:
    entry = h("input", id="find", name="find", type="search", value=find or None, autocomplete="off", spellcheck="false")
    every = h("a", words("settings.all"), href=HERE) if find else None
    button = h("button", words("settings.find"), type="submit")
    return h(
        "form.search", h("label", words("settings.search"), for_="find"), entry, button, every, method="get", action=HERE, role="search"
    )


async def act(visit: Visit) -> Markup:
    """Say what a change would do, or do it."""
    words, what = visit.words, visit.form.get("do")
    if what not in {"preview", "save"} or (what == "save") != (CHANGES in visit.form):
        raise ProblemError(BAD_REQUEST, words("common.unknown_form"))
    found = await visit.ask(ConfigDocument, "get_config")
    changes = wanted(visit.form, found.settings, words)
    if not changes:
        return notice(QUIET, words("settings.nothing"), h("p", words("settings.nothing_about")))
    tag = visit.form.get(TAG, "")
    try:
        done = await visit.ask(
            ChangedDocument,
            "change_config",
            query=ChangeQuery(dry_run=what == "preview"),
            body={"changes": changes},
            headers={"If-Match": f'"{tag}"' if tag else ""},
        )
    except ProblemError as error:
        if error.document.code != CHANGED.code:
            raise
        raise ProblemError(CHANGED, words("settings.meanwhile"), words("settings.look_again")) from error
    return _saved(done, visit) if what == "save" else _preview(done, changes, tag, visit)


def _preview(done: ChangedDocument, changes: Wanted, tag: str, visit: Visit) -> Markup:
    words = visit.words
    if not done.diff:
        return notice(QUIET, words("settings.nothing"), h("p", words("settings.nothing_about")))
    hidden = [h("input", type="hidden", name=name, value=value) for name, value in ((TAG, tag), (CHANGES, packed(changes)))]
    return notice(
        QUIET,
        words("settings.would", count=len(changes)),
        h("p", words("settings.not_yet")),
        diff(done.diff, words("settings.diff")),
        _effects(done, words),
        form(HERE, "save", visit.seal, words("settings.save"), hidden),
        h("p", words("settings.or_change")),
    )


def _saved(done: ChangedDocument, visit: Visit) -> Markup:
    words = visit.words
    return notice(GOOD, words("settings.saved"), _effects(done, words), _restart(visit) if done.restart else None)


def _effects(done: ChangedDocument, words: Words) -> Markup:
    """Say of every key when it takes effect."""
    now = [key for key in done.changed if key not in done.restart]
    same = None if done.changed else h("p", words("settings.same"))
    return together(
        _keys(words("settings.at_once"), now),
        _keys(words("settings.after_restart"), done.restart),
        _keys(words("settings.shadowed"), done.shadowed),
        same,
    )


def _keys(title: str, keys: Sequence[str]) -> Markup | None:
    return h("div", h("h3", title), h("ul.plain", [h("li", h("code", key, dir="ltr")) for key in keys])) if keys else None
