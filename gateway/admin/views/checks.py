"""What the page Diagnostics can find out when somebody asks: what the doctor says, and whether somebody answers."""

from typing import Final

from gateway.admin.operations import FindingDocument, OperationDocument, OperationsDocument, Phase
from gateway.admin.sending import PingDocument
from gateway.admin.views.markup import Markup, h, together
from gateway.admin.views.parts import ATTENTION, BROKEN, GOOD, QUIET, card, field, foreign, form, notice, state
from gateway.admin.views.visit import Visit
from gateway.admin.views.words import Words

_HERE: Final = "/diagnostics"
_KINDS: Final = {"ok": GOOD, "warn": ATTENTION, "fail": BROKEN}


async def checks(visit: Visit) -> Markup | None:
    """Return the forms, and what the doctor said last."""
    words, seal = visit.words, visit.seal
    found = [
        card(
            words("checks.doctor"),
            h("p", words("checks.doctor_about")),
            await _doctor(visit),
            form(_HERE, "examine", seal, words("checks.examine")),
            key="doctor",
        )
        if visit.may("examine")
        else None,
        card(
            words("checks.ping"),
            h("p", words("checks.ping_about")),
            form(_HERE, "ping", seal, words("checks.do_ping"), _target(visit)),
            key="ping",
        )
        if visit.may("ping")
        else None,
    ]
    return h("div.cards", found) if any(found) else None


def _target(visit: Visit) -> Markup:
    value = visit.form.get("target", "")
    return field("target", visit.words("checks.target"), hint=visit.words("checks.target_hint"), value=value, required=True, maxlength=128)


async def _doctor(visit: Visit) -> Markup | None:
    if not visit.may("list_operations"):
        return None
    found = await visit.ask(OperationsDocument, "list_operations")
    last = next((one for one in found.operations if one.kind == "doctor"), None)
    return None if last is None else _examination(last, visit.words)


def _examination(one: OperationDocument, words: Words) -> Markup:
    running = one.state is Phase.RUNNING
    kind = QUIET if running else BROKEN if one.state is Phase.FAILED else GOOD
    said = h("p", state(kind, words(f"checks.{one.state.value}")), " ", foreign(one.sentence, words), aria_live="polite")
    bar = h("progress", value=one.progress, max=1, aria_label=words("checks.running")) if running else None
    return together(said, bar, h("ul.plain", [_finding(finding, words) for finding in one.findings]) if one.findings else None)


def _finding(one: FindingDocument, words: Words) -> Markup:
    kind = _KINDS.get(one.verdict, QUIET)
    name = f"checks.{one.verdict}"
    said = h("p", state(kind, words(name) if words.has(name) else one.verdict), " ", foreign(one.sentence, words))
    return h("li", said, h("p", h("small", foreign(one.remedy, words))) if one.remedy else None)


async def examine(visit: Visit) -> Markup:
    """Have the doctor look at everything."""
    words = visit.words
    begun = await visit.ask(OperationDocument, "examine", body={})
    way = h("p.further", h("a", words("checks.look"), href=f"{_HERE}#doctor"))
    return notice(GOOD, words("checks.begun"), h("p", foreign(begun.sentence, words)), way)


async def ping(visit: Visit) -> Markup:
    """Ask whether somebody is there, and wait for the answer."""
    words = visit.words
    found = await visit.ask(PingDocument, "ping", body={"target": visit.form.get("target", "").strip()})
    seconds = words("unit.precise", seconds=f"{found.seconds:.2f}")
    hops = h("p", words("checks.hops", count=found.hops)) if found.hops is not None else None
    return notice(GOOD, words("checks.answered", seconds=seconds), h("p", h("code.whole", found.target, dir="ltr")), hops)
