"""Security: who may come in, who is in, by what the page is recognized, what was changed, and how the gateway forgets everything."""

from collections.abc import Mapping
from typing import Final

from gateway.admin.access.documents import CertificateDocument
from gateway.admin.access.principal import Proof
from gateway.admin.access.problem import AccessProblem
from gateway.admin.problems import BAD_REQUEST, Problem, ProblemError
from gateway.admin.views import people, sessions, tokens
from gateway.admin.views.changes import changes, cursor_of
from gateway.admin.views.farewell import begun
from gateway.admin.views.markup import Markup, h, together
from gateway.admin.views.parts import (
    ATTENTION,
    BROKEN,
    GOOD,
    card,
    copied,
    field,
    foreign,
    form,
    moment_of,
    more,
    notice,
    seconds_of,
    state,
)
from gateway.admin.views.visit import Show, Visit
from gateway.admin.wipe import WORD, WipeDocument

SOON_S: Final = 30 * 86_400.0  # seconds before its end at which a certificate wants to be replaced
_NEVER_S: Final = 100 * 365 * 86_400.0  # a certificate that lasts so long has no end that anybody will see
_LINE: Final = 8  # pairs of digits of a fingerprint on a line, so that eyes find their place again
_WIPE: Final = "wipe"


async def show(visit: Visit) -> Markup:
    """Return the page; with a place in the log of changes behind the question mark, only that log."""
    if visit.done and visit.form.get("do") == _WIPE:
        return together()
    if visit.may("list_changes") and cursor_of(visit) is not None:
        return await changes(visit)
    parts: dict[str, Markup] = {"you": _you(visit)}
    for name, needed, make in _PARTS:
        if visit.may(needed):
            parts[name] = await make(visit)
    links = [h("li", h("a", visit.words(f"security.to_{name}"), href=f"#{name}")) for name in parts]
    return together(h("ul.stages", links, aria_label=visit.words("security.parts")), *parts.values())


def _you(visit: Visit) -> Markup:
    words = visit.words
    who = card(words("security.you"), h("p", words(f"security.{visit.role.name.lower()}")), h("p", words("security.roles")), key="you")
    knows = visit.principal.proof is Proof.SESSION and visit.may("change_passphrase")
    return h("div.cards", who, people.own(visit) if knows else None)


async def _certificate(visit: Visit) -> Markup:
    words = visit.words
    try:
        found = await visit.ask(CertificateDocument, "get_certificate")
    except ProblemError as error:
        return card(words("security.certificate"), h("p.empty", foreign(error.document.detail, words)), key="certificate")
    pairs = found.sha256.split(":")
    rows = [":".join(pairs[at : at + _LINE]) for at in range(0, len(pairs), _LINE)]
    return card(
        words("security.certificate"),
        h("p", words("security.certificate_about")),
        h("ol.plain", [h("li", h("code", row, dir="ltr")) for row in rows], aria_label=words("security.fingerprint")),
        h("p", words("security.compare_box")),
        h("p", words("security.compare_browser")),
        None if visit.request.secure else h("p", words("security.not_encrypted")),
        _end(found, visit),
        more(
            words("security.as_one"),
            h("p", h("code.whole", found.sha256, dir="ltr", id="fingerprint")),
            copied("fingerprint", words),
            h("p", words("security.file"), " ", h("code.whole", found.file, dir="ltr")),
        ),
        key="certificate",
    )


def _end(found: CertificateDocument, visit: Visit) -> Markup | None:
    words = visit.words
    left = (seconds_of(found.ends) or 0.0) - visit.now
    if left > _NEVER_S:
        return None
    when = moment_of(found.ends, visit.now, words)
    if left <= 0:
        return h("p", state(BROKEN, words("security.ended")), " ", when)
    kind = ATTENTION if left <= SOON_S else GOOD
    return h("p", state(kind, words("security.ends")), " ", when)


async def _wiping(visit: Visit) -> Markup:
    words = visit.words
    gone = h("ul", [h("li", words(f"security.gone_{what}")) for what in ("keys", "messages", "members", "access")])
    wipe = form(
        "/security",
        _WIPE,
        visit.seal,
        words("security.wipe"),
        field("confirm", words("common.write", word=WORD), required=True, autocomplete="off", dir="ltr"),
        grave=True,
    )
    return card(words("security.wipe"), h("p", words("security.wipe_about")), gone, h("p", words("security.forever")), wipe, key="wipe")


_PARTS: Final[tuple[tuple[str, str, Show], ...]] = (
    ("sessions", "list_sessions", sessions.sessions),
    ("people", "list_users", people.people),
    ("tokens", "list_tokens", tokens.tokens),
    ("certificate", "get_certificate", _certificate),
    ("changes", "list_changes", changes),
    ("wipe", _WIPE, _wiping),
)
"""Each part beside oneself, with the question without which it is not there."""


async def act(visit: Visit) -> Markup:
    """Do what was sent."""
    words = visit.words
    done = _ACTS.get(visit.form.get("do", ""))
    if done is None:
        raise ProblemError(BAD_REQUEST, words("common.unknown_form"))
    try:
        return await done(visit)
    except AccessProblem as error:
        if error.wait <= 0:
            raise
        known = Problem(error.document.status, error.document.code, "")
        raise ProblemError(known, str(error), words("security.wait", span=words.span(error.wait + 1))) from error


async def _erase(visit: Visit) -> Markup:
    words = visit.words
    done = await begun(visit.ask(WipeDocument, "wipe", body={"confirm": visit.form.get("confirm", "").strip()}))
    if done is None:
        return notice(GOOD, words("security.wiping"), h("p", words("security.again")))
    failed = [h("li", h("code.whole", one.path), " ", foreign(one.why, words)) for one in done.failed]
    return together(
        notice(
            BROKEN if failed else GOOD,
            words("security.wiped", count=len(done.erased)),
            h("ul", failed) if failed else None,
            h("p", words("security.again")),
        )
    )


_ACTS: Final[Mapping[str, Show]] = {
    sessions.END: sessions.end,
    people.ADD: people.add,
    people.OWN: people.change_own,
    people.OTHER: people.change_other,
    people.GONE: people.remove,
    tokens.MAKE: tokens.make,
    tokens.TAKE_BACK: tokens.take_back,
    _WIPE: _erase,
}
"""Who does what a form asks for."""
