"""Of the page Update: a box that is kept in versions gets another one, or goes back, in steps that each say what comes next."""

from typing import Final

from gateway.admin.problems import BAD_REQUEST, ProblemError
from gateway.admin.update import VersionsDocument
from gateway.admin.versions import BegunDocument, BundleDocument, BundlesDocument
from gateway.admin.views.markup import Child, Markup, h, together
from gateway.admin.views.parts import ATTENTION, BROKEN, GOOD, QUIET, card, field, figures, foreign, form, moment, notice, state
from gateway.admin.views.visit import Visit
from gateway.update.journal import Outcome, Phase

_HERE: Final = "/update"
_UPLOAD: Final = "/update/upload"
_KINDS: Final = {Outcome.APPLIED: GOOD, Outcome.ROLLED_BACK: GOOD, Outcome.FELL_BACK: BROKEN, Outcome.BROKEN_OFF: ATTENTION}


def shown(visit: Visit, found: VersionsDocument) -> Markup:
    """Return what is under way, or what can be begun, and what came of the last."""
    if found.phase is not Phase.IDLE:
        return together(_under_way(visit, found), _last(visit, found))
    return together(
        _last(visit, found), _forms(visit, found) if visit.may("apply_update") else h("p.empty", visit.words("update.admin_only"))
    )


async def act(visit: Visit) -> Markup:
    """Look for bundles, ask whether one is meant, and begin."""
    sent, words = visit.form, visit.words
    match sent.get("do"):
        case "look":
            found = await visit.ask(BundlesDocument, "list_bundles")
            return notice(
                QUIET if found.bundles else ATTENTION,
                words("update.found", count=len(found.bundles)),
                [_bundle(visit, one) for one in found.bundles] or h("p", words("update.found_none")),
            )
        case "choose" if sent.get("version"):
            return _confirmation(visit, sent["version"])
        case "back" if sent.get("version"):
            return _way_back(visit, sent["version"])
        case "apply":
            return _begun(visit, await visit.ask(BegunDocument, "apply_update", body={"version": sent.get("version", "")}))
        case "roll_back":
            return _begun(visit, await visit.ask(BegunDocument, "roll_back_update", body={}))
    raise ProblemError(BAD_REQUEST, words("common.unknown_form"))


async def upload(visit: Visit) -> Markup:
    """Take a bundle in, and ask whether it is meant."""
    if visit.file is None or visit.form.get("do") != "upload":
        raise ProblemError(BAD_REQUEST, visit.words("common.unknown_form"))
    found = await visit.ask(BundleDocument, "send_bundle", stream=visit.file)
    return _confirmation(visit, found.version)


def _under_way(visit: Visit, found: VersionsDocument) -> Markup:
    words = visit.words
    bar = h("progress", value=found.done, max=1, aria_label=words("update.progress")) if found.done is not None else None
    return card(
        words("update.back_under_way" if found.back else "update.under_way", title=found.target),
        h("p.sentence", state(ATTENTION, words(f"update.phase_{found.phase.value}", title=found.target))),
        bar,
        h("p", foreign(found.sentence, words)) if found.sentence else None,
        h("p", words(f"update.phase_{found.phase.value}_about")),
        h("p", h("strong", words("update.power"))),
        h("p", h("a", words("update.again"), href=_HERE)),
        key="under-way",
    )


def _last(visit: Visit, found: VersionsDocument) -> Markup | None:
    words = visit.words
    if not found.asked:
        return None
    rows: list[tuple[Child, Child]] = []
    if found.why:
        rows.append((words("update.why"), foreign(found.why, words)))
    if found.origin:
        rows.append((words("update.origin"), h("bdi", found.origin)))
    if found.at is not None:
        rows.append((words("update.when"), moment(found.at.timestamp(), visit.now, words)))
    return card(
        words("update.last"),
        h("p.sentence", state(_KINDS[Outcome(found.outcome)], words(f"update.{found.outcome}", title=found.asked))),
        figures(rows) if rows else None,
        h("p", words(f"update.{found.outcome}_about")),
        key="last",
    )


def _forms(visit: Visit, found: VersionsDocument) -> Markup:
    words = visit.words
    look = form(_HERE, "look", visit.seal, words("update.look"))
    file = field("file", words("update.file"), hint=words("update.file_hint"), kind="file", required=True, accept=".meshgate")
    send = form(_UPLOAD, "upload", visit.seal, words("update.send"), file, files=True)
    back = form(_HERE, "back", visit.seal, words("update.go_back", title=found.previous), _hidden(found.previous))
    return h(
        "div.cards",
        card(words("update.stick"), h("p", words("update.stick_about")), look, key="stick"),
        card(words("update.browser"), h("p", words("update.browser_about")), send, key="browser"),
        card(words("update.way_back"), h("p", words("update.way_back_about")), back, key="back") if found.previous else None,
    )


def _bundle(visit: Visit, one: BundleDocument) -> Markup:
    words = visit.words
    place = words("update.sent") if one.sent else h("code.whole", one.path, dir="ltr")
    if one.refusal:
        return h("section", h("p.sentence", state(BROKEN, words("update.refused")), " ", place), h("p", foreign(one.why, words)))
    choose = form(_HERE, "choose", visit.seal, words("update.choose", title=one.version), _hidden(one.version))
    return h("section", h("p.sentence", state(GOOD, words("update.fits", title=one.version)), " ", place), choose)


def _confirmation(visit: Visit, version: str) -> Markup:
    words = visit.words
    steps = h("ol", [h("li", words(f"update.step_{name}")) for name in ("made", "away", "trial", "back")])
    backup = h("p", h("a", words("update.backup"), href="/backup"))
    sure = form(_HERE, "apply", visit.seal, words("update.apply", title=version), _hidden(version))
    return notice(ATTENTION, words("update.sure", title=version), steps, h("p", h("strong", words("update.power"))), backup, sure)


def _way_back(visit: Visit, version: str) -> Markup:
    words = visit.words
    sure = form(_HERE, "roll_back", visit.seal, words("update.go_back", title=version), grave=True)
    return notice(ATTENTION, words("update.sure_back", title=version), h("p", words("update.data_stays")), sure)


def _begun(visit: Visit, found: BegunDocument) -> Markup:
    words = visit.words
    return notice(
        GOOD,
        words("update.begun"),
        h("p", foreign(found.sentence, words)),
        h("p", words("update.begun_about")),
        h("p", h("a", words("update.again"), href=_HERE)),
    )


def _hidden(version: str) -> Markup:
    return h("input", type="hidden", name="version", value=version)
