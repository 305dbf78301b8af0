"""Diagnostics: what the doctor says, the radio and what was done about it, frames, air time, what waits, and every counter."""

from collections.abc import Sequence
from typing import Final

from gateway.admin.problems import BAD_REQUEST, ProblemError
from gateway.admin.radio import AdapterDocument, AttemptDocument, RadioDocument, RecoveryDocument, ResetDocument, ScanDocument
from gateway.admin.routes import NO_RADIO
from gateway.admin.views.air import air_time
from gateway.admin.views.checks import checks, examine, ping
from gateway.admin.views.markup import Markup, h, together
from gateway.admin.views.monitor import monitor
from gateway.admin.views.parts import (
    ATTENTION,
    GOOD,
    OF_STATES,
    Column,
    card,
    choice,
    counts,
    figures,
    foreign,
    form,
    ident,
    moment,
    more,
    notice,
    state,
    table,
)
from gateway.admin.views.places import site_names
from gateway.admin.views.visit import Visit
from gateway.status import GatewayStatus

_HERE: Final = "/diagnostics"
_ASKING: Final = {"examine": examine, "ping": ping}
_STEPS: Final = ("new_scanner", "power_cycle", "reset_adapter")
_SCAN_S: Final = (4, 8)


async def show(visit: Visit) -> Markup:
    """Return the page."""
    words = visit.words
    status = await visit.ask(GatewayStatus, "get_status")
    queues = (
        Column(words("diagnostics.link")),
        Column(words("diagnostics.waits"), number=True),
        Column(words("diagnostics.pace"), number=True),
    )
    busy = [
        (
            ident(one.link),
            words.size(one.waiting_bytes),
            words("common.none") if one.bytes_per_s is None else f"{words.size(int(one.bytes_per_s))}/s",
        )
        for one in status.queues.busy
    ]
    return together(
        await checks(visit),
        await _radio(visit),
        await monitor(visit),
        air_time(status, visit, await site_names(visit)),
        h("h2", words("diagnostics.queues")),
        table(words("diagnostics.queues"), queues, busy, words("diagnostics.no_queues"), key="queues"),
        h("h2", words("common.counts")),
        h("p", words("diagnostics.counts_about")),
        more(words("diagnostics.of_mesh"), counts(status.mesh.counters, words), key="of-mesh"),
        more(words("diagnostics.of_bridge"), counts({**status.bridge.counters, **status.bridge.consent.counters}, words), key="of-bridge"),
        more(words("diagnostics.of_mail"), counts(status.mail.counters, words), key="of-mail"),
        h("p", h("a", words("diagnostics.bundle"), href=visit.routes["get_bundle"].path, download=True))
        if visit.may("get_bundle")
        else None,
    )


async def _radio(visit: Visit) -> Markup:
    words = visit.words
    try:
        found = await visit.ask(RadioDocument, "get_radio")
    except ProblemError as error:
        if error.document.code != NO_RADIO.code:
            raise
        return card(
            words("diagnostics.radio"),
            h("p.empty", foreign(error.document.detail, words)),
            h("p", foreign(error.document.hint, words)),
            wide=True,
        )
    missing = [h("p.problem.broken", words("diagnostics.missing", name=name)) for name in found.missing]
    return together(
        missing,
        h("div.cards", [_adapter(one, visit) for one in found.adapters]),
        _forms(found, visit) if visit.may("scan_radio") else None,
        _history(found.history, found.recoveries, visit),
    )


def _adapter(one: AdapterDocument, visit: Visit) -> Markup:
    words = visit.words
    columns = (
        Column(words("diagnostics.link")),
        Column(words("diagnostics.signal"), number=True),
        Column(words("diagnostics.silent"), number=True),
    )
    rows = [
        (ident(link.id), words("common.none") if link.rssi is None else f"{link.rssi} dBm", words.span(link.silent_s)) for link in one.links
    ]
    return card(
        one.name,
        h("p", state(OF_STATES[one.state], words(f"state.{one.state.value}"))),
        h("p", foreign(one.sentence, words)),
        h("p", foreign(one.remedy, words)) if one.remedy else None,
        figures(
            (
                (words("diagnostics.scanning"), words("common.yes") if one.scanning else words("common.no")),
                (words("diagnostics.shown"), words("common.yes") if one.shown else words("common.no")),
                (words("diagnostics.links"), f"{len(one.links)} / {one.budget}"),
            )
        ),
        table(words("diagnostics.links"), columns, rows, words("diagnostics.no_links"), key=f"{one.name}-links"),
        _history(one.history, one.recoveries, visit),
        key=f"adapter-{one.name}",
    )


def _history(tried: Sequence[AttemptDocument], over: Sequence[RecoveryDocument], visit: Visit) -> Markup | None:
    if not tried and not over:
        return None
    words, now = visit.words, visit.now
    steps = [
        h(
            "li",
            h("code", one.step),
            " ",
            foreign(one.outcome, words),
            " ",
            foreign(one.why, words),
            " ",
            moment(now - one.ago_s, now, words),
        )
        for one in tried
    ]
    ends = [
        h("li", words("diagnostics.over", symptom=one.symptom, span=words.span(one.seconds)), " ", moment(now - one.ago_s, now, words))
        for one in over
    ]
    return together(h("h3", words("diagnostics.history")), h("ul.plain", steps, ends))


def _forms(found: RadioDocument, visit: Visit) -> Markup:
    words, seal = visit.words, visit.seal
    seconds = [(str(one), words("unit.seconds", count=one)) for one in _SCAN_S]
    steps = [(one, words(f"diagnostics.{one}")) for one in _STEPS]
    names = [(one.name, one.name) for one in found.adapters]
    return h(
        "div.cards",
        card(
            words("diagnostics.scan"),
            h("p", words("diagnostics.scan_about")),
            form(_HERE, "scan", seal, words("diagnostics.listen"), choice("seconds", words("diagnostics.how_long"), seconds)),
        ),
        card(
            words("diagnostics.reset"),
            h("p", words("diagnostics.reset_about")),
            form(
                _HERE,
                "reset",
                seal,
                words("diagnostics.do_reset"),
                choice("adapter", words("diagnostics.adapter"), names),
                choice("step", words("diagnostics.step"), steps),
                grave=True,
            ),
        )
        if names
        else None,
    )


async def act(visit: Visit) -> Markup:
    """Listen, examine, ask whether somebody is there, or do something about the radio."""
    words, sent = visit.words, visit.form
    if sent.get("do") in _ASKING:
        return await _ASKING[sent["do"]](visit)
    if sent.get("do") == "scan":
        seconds = next((one for one in _SCAN_S if str(one) == sent.get("seconds")), _SCAN_S[-1])
        heard = await visit.ask(ScanDocument, "scan_radio", body={"seconds": seconds})
        columns = (
            Column(words("diagnostics.device")),
            Column(words("diagnostics.signal"), number=True),
            Column(words("diagnostics.times"), number=True),
        )
        rows = [
            (words("diagnostics.phone") if one.shows_peer_id else words("diagnostics.other"), f"{one.rssi} dBm", str(one.times))
            for one in heard.heard
        ]
        return notice(
            GOOD,
            words("diagnostics.heard", count=len(rows)),
            table(words("diagnostics.device"), columns, rows, words("diagnostics.nobody")),
        )
    if sent.get("do") == "reset" and sent.get("step") in _STEPS:
        done = await visit.ask(ResetDocument, "reset_radio", body={"adapter": sent.get("adapter"), "step": sent["step"]})
        word = words("diagnostics.was_done") if done.done else words("diagnostics.not_done")
        return notice(GOOD if done.done else ATTENTION, word, h("ul.plain", [h("li", foreign(one, words)) for one in done.sentences]))
    raise ProblemError(BAD_REQUEST, words("common.unknown_form"))
