"""Policy: the rules in force in words, what they have given away, and other rules tried on the past before anybody goes by them."""

import asyncio
from typing import Final

from gateway.admin.policy import HistoryDocument, PolicyDocument, shape_from
from gateway.admin.problems import BAD_REQUEST, ProblemError
from gateway.admin.routes import HistoryQuery
from gateway.admin.rules_file import CHANGED, RulesChangedDocument, RulesFileDocument, RulesQuery
from gateway.admin.views.air import air_time
from gateway.admin.views.markup import Markup, h, together
from gateway.admin.views.parts import (
    BROKEN,
    GOOD,
    NOTHING,
    QUIET,
    Column,
    card,
    choice,
    diff,
    figures,
    foreign,
    form,
    lines,
    notice,
    state,
    table,
)
from gateway.admin.views.places import site_names
from gateway.admin.views.visit import Visit
from gateway.admin.views.words import Words
from gateway.bridge.policy import Policy
from gateway.bridge.policy_trial import Past, Trial, dry_run, pasts_of
from gateway.config.policy import InvalidPolicyError, parse_policy
from gateway.limits import MAX_POLICY_FILE
from gateway.status import GatewayStatus

MAX_TRIED: Final = 50_000  # ways of packets a trial on the page looks at, the latest: some seconds of a small board
_HOURS: Final = (1, 24)
_HOUR_MS: Final = 3_600_000
_MOST_ROWS: Final = 24  # of the rules, before their field scrolls
_HERE: Final = "/policy"
_EXAMPLE: Final = 'default = "allow"\n\n[[rule]]\nname = "no files"\nkind = ["file"]\nthen = "deny"\n'


async def show(visit: Visit) -> Markup:
    """Return the page."""
    words = visit.words
    found = await visit.ask(PolicyDocument, "get_policy")
    status = await visit.ask(GatewayStatus, "get_status")
    columns = (Column(words("policy.rule")), Column(words("policy.then")), Column(words("policy.words")))
    rows = [(h("bdi", one.name), _then(one.then, visit), foreign(one.words, words)) for one in found.rules]
    trouble = h("p.problem.attention", foreign(found.trouble, words)) if found.trouble else None
    return together(
        trouble,
        card(
            words("policy.in_force"),
            figures(
                (
                    (words("policy.source"), h("code.whole", found.source, dir="ltr")),
                    (words("status.mode"), words(f"mode.{status.bridge.mode.value}")),
                    (words("policy.default"), _then(found.default, visit)),
                )
            ),
            h("p", words(f"mode.{status.bridge.mode.value}_about")),
            table(words("policy.in_force"), columns, rows, words("policy.no_rules"), key="rules"),
            wide=True,
        ),
        _limits(found, words),
        air_time(status, visit, await site_names(visit)),
        await _rules_form(visit),
    )


def _then(what: str, visit: Visit) -> Markup:
    return state(GOOD if what == "allow" else QUIET, visit.words(f"policy.{what}"))


def _limits(found: PolicyDocument, words: Words) -> Markup | None:
    """Say what the limits of the rules have left."""
    if not found.limits:
        return None
    columns = (
        Column(words("policy.rule")),
        Column(words("policy.per")),
        Column(words("policy.packets_left"), number=True),
        Column(words("policy.bytes_left"), number=True),
        Column(words("policy.counted"), number=True),
    )
    rows = [
        (
            h("bdi", one.rule),
            words(f"policy.per_{one.per}"),
            _of(str(one.packets_left), str(one.packets_per_minute), words) if one.packets_per_minute is not None else NOTHING,
            _of(words.size(one.bytes_left or 0), words.size(one.bytes_per_minute), words) if one.bytes_per_minute is not None else NOTHING,
            str(one.counted),
        )
        for one in found.limits
    ]
    about = h("p", words("policy.limits_about"))
    return together(h("h2", words("policy.limits")), about, table(words("policy.limits"), columns, rows, "", key="limits"))


def _of(left: str, whole: str, words: Words) -> str:
    return words("policy.of", left=left, whole=whole)


async def _rules_form(visit: Visit) -> Markup | None:
    """Return the form in which rules are tried, and changed by those who may."""
    words = visit.words
    if not visit.may("get_policy_history"):
        return None
    try:
        file = await visit.ask(RulesFileDocument, "get_policy_file") if visit.may("get_policy_file") else None
    except ProblemError as error:
        return notice(BROKEN, words("common.not_shown"), h("p", foreign(error.document.detail, words)))
    text = visit.form.get("rules", (file and file.text) or _EXAMPLE)
    hours = [(str(hours), words("unit.hours", count=hours)) for hours in reversed(_HOURS)]
    rules = lines("rules", words("policy.rules"), text, hint=words("policy.rules_hint"), rows=max(9, min(_MOST_ROWS, text.count("\n") + 2)))
    past = choice("hours", words("policy.past"), hours)
    if file is None or not visit.may("change_policy_file"):
        sent = form(_HERE, "try", visit.seal, words("policy.try"), rules, past)
        return card(words("policy.trial"), h("p", words("policy.trial_about")), sent, key="trial", wide=True)
    tag = h("input", type="hidden", name="tag", value=file.tag)
    trial = h("p", h("button.quiet", words("policy.try"), type="submit", name="do", value="try"))
    return card(
        words("policy.change"),
        h("p", words("policy.change_about")),
        h("p", words("policy.written_to"), " ", h("code.whole", file.file, dir="ltr")),
        form(_HERE, "preview", visit.seal, words("policy.preview"), rules, tag, past, trial),
        key="trial",
        wide=True,
    )


async def act(visit: Visit) -> Markup:
    """Try rules on the past, say what they would change, or go by them."""
    words, text, what = visit.words, visit.form.get("rules", ""), visit.form.get("do")
    if what not in {"try", "preview", "write"} or len(text) > MAX_POLICY_FILE:
        raise ProblemError(BAD_REQUEST, words("common.unknown_form"))
    text = text.replace("\r\n", "\n")
    try:
        policy = parse_policy(text, "the page")
    except InvalidPolicyError as error:
        raise ProblemError(BAD_REQUEST, str(error), words("policy.unchanged")) from error
    if what != "try":
        return await _change(text, visit, dry_run=what == "preview")
    hours = next((one for one in _HOURS if str(one) == visit.form.get("hours")), _HOURS[-1])
    past = await _past(visit, hours)
    return _result(await asyncio.to_thread(_tried, policy, past), hours, visit)


async def _change(text: str, visit: Visit, *, dry_run: bool) -> Markup:
    words, tag = visit.words, visit.form.get("tag", "")
    try:
        done = await visit.ask(
            RulesChangedDocument,
            "change_policy_file",
            query=RulesQuery(dry_run=dry_run),
            body={"text": text},
            headers={"If-Match": tag},
        )
    except ProblemError as error:
        if error.document.code != CHANGED.code:
            raise
        raise ProblemError(CHANGED, words("policy.meanwhile"), words("policy.look_again")) from error
    said = h("ul.plain", [h("li", foreign(one, words)) for one in done.words])
    if not dry_run:
        return notice(GOOD, words("policy.written"), said)
    if not done.diff:
        return notice(QUIET, words("policy.same"), h("p", words("policy.unchanged")))
    hidden = [h("input", type="hidden", name=name, value=value) for name, value in (("tag", tag), ("rules", text))]
    return notice(
        QUIET,
        words("policy.would"),
        said,
        diff(done.diff, words("policy.difference")),
        form(_HERE, "write", visit.seal, words("policy.write"), hidden, grave=True),
        h("p", words("policy.unchanged")),
    )


def _tried(policy: Policy, past: list[Past]) -> Trial:
    return dry_run(policy, past)


async def _past(visit: Visit, hours: int) -> list[Past]:
    end, after, found = int(visit.now * 1000) + 1, 0, list[Past]()
    while True:
        page = await visit.ask(HistoryDocument, "get_policy_history", query=HistoryQuery(max(0, end - hours * _HOUR_MS), end, after))
        for shape in page.shapes:
            found.extend(pasts_of(shape_from(shape)))
        if page.next is None or len(found) >= MAX_TRIED:
            return found[:MAX_TRIED]
        after = page.next


def _result(trial: Trial, hours: int, visit: Visit) -> Markup:
    words = visit.words
    if trial.looked_at.packets == trial.refused_anyway.packets:
        return notice(QUIET, words("policy.nothing_known"), h("p", words("policy.not_noted")))
    kinds = (Column(words("policy.kind")), Column(words("policy.crossed"), number=True), Column(words("policy.would_cross"), number=True))
    rules = (Column(words("policy.rule")), Column(words("policy.would_let"), number=True), Column(words("policy.would_keep"), number=True))
    changed = sum(trial.changes.values())
    return notice(
        GOOD,
        words("policy.changes", count=changed, hours=words("unit.hours", count=hours)),
        table(
            words("policy.kind"),
            kinds,
            [(h("code", kind), str(was), str(now)) for kind, (was, now) in sorted(trial.kinds.items())],
            "",
            key="kinds",
        ),
        table(
            words("policy.rule"),
            rules,
            [(h("bdi", rule), str(let), str(kept)) for rule, (let, kept) in sorted(trial.rules.items())],
            "",
            key="tried",
        ),
        h("p", words("policy.not_noted")),
        h("p", words("policy.unchanged")),
    )
