"""Status: one true sentence, what is wrong and what to do, then the figures."""

from collections.abc import Mapping

from gateway.admin.charts import ChartsDocument, ChartsQuery
from gateway.admin.problems import ProblemError
from gateway.admin.views.chart import Series, chart
from gateway.admin.views.markup import Child, Markup, h, together
from gateway.admin.views.parts import ATTENTION, GOOD, OF_SEVERITIES, OF_STATES, card, figures, foreign, state
from gateway.admin.views.places import means, site, site_names
from gateway.admin.views.visit import Visit
from gateway.admin.views.words import FIRST, Words
from gateway.bridge.engine import BridgeMode
from gateway.errors import StoreError
from gateway.status import GatewayStatus, Problem, Severity


async def show(visit: Visit) -> Markup:
    """Return the page."""
    status = status_page(await visit.ask(GatewayStatus, "get_status"), visit.words, await site_names(visit))
    return together(status, await _charts(visit))


def status_page(status: GatewayStatus, words: Words, names: Mapping[str, str]) -> Markup:
    """Return the page for a status; `names` says what sites are called."""
    return together(
        headline(status, words),
        _problems(status.problems, words),
        h("div.cards", _mesh(status, words), _sites(status, words, names), _waiting(status, words), _crossed(status, words)),
    )


async def _charts(visit: Visit) -> Markup | None:
    words = visit.words
    if not visit.may("get_charts"):
        return None
    try:
        found = await visit.ask(ChartsDocument, "get_charts", query=ChartsQuery())
    except (ProblemError, StoreError):
        return None  # the problems above say why
    drawn = [
        chart(Series(words(f"chart.{one.name}"), [(at.timestamp(), value) for at, value in one.points], found.step_s), words, one.name)
        for one in found.charts
        if one.points or one.name != "temperature"
    ]
    return h("section.charts", h("h2", words("status.lately")), drawn)


def headline(status: GatewayStatus, words: Words) -> Markup:
    """Return the sentence."""
    kind, word = weight(status, words)
    return h("div.headline", h("p.sentence", _sentence(status, words), aria_live="polite", id="sentence"), state(kind, word))


def weight(status: GatewayStatus, words: Words) -> tuple[str, str]:
    """Return how things are: the kind of state and the word."""
    if status.is_well:
        return GOOD, words("status.well")
    kind = OF_SEVERITIES[status.problems[0].severity]
    return kind, words(f"status.{kind}")


def _sentence(status: GatewayStatus, words: Words) -> Child:
    if words.language == FIRST or not status.is_well:
        return foreign(status.sentence, words)
    waiting = words("status.nothing_waits") if not status.waiting_bytes else words("status.waits", size=words.size(status.waiting_bytes))
    return " ".join((words("status.phones", count=_near(status)), words("status.sites", count=status.bridge.sites), waiting))


def _near(status: GatewayStatus) -> int:
    return sum(peer.local for peer in status.mesh.peers)


def _problems(problems: tuple[Problem, ...], words: Words) -> Markup | None:
    if not problems:
        return None
    return h("ul.problems", [_problem(one, words) for one in problems], aria_label=words("status.problems"))


def _problem(one: Problem, words: Words) -> Markup:
    kind = OF_SEVERITIES[one.severity]
    lasting = h("small", words("status.lasting", span=words.span(one.lasting_s))) if one.severity is not Severity.NOTICE else None
    return h(
        f"li.problem.{kind}",
        h("p", state(kind, words(f"status.{kind}")), h("strong", foreign(one.sentence, words))),
        h("p", foreign(one.remedy, words)) if one.remedy else None,
        lasting,
    )


def _mesh(status: GatewayStatus, words: Words) -> Markup:
    peers, near = status.mesh.peers, _near(status)
    if not near:
        body: Child = h("p.empty", words("status.no_phones"))
    else:
        direct = sum(peer.direct and peer.local for peer in peers)
        rows = ((words("status.direct"), direct), (words("status.by_hops"), near - direct), (words("status.elsewhere"), _far(status)))
        body = figures(rows)
    return card(
        words("status.mesh"),
        h("p.big", str(near), " ", h("span", words("status.near_unit", count=near))),
        body,
        _link("peers", words),
        key="mesh",
    )


def _far(status: GatewayStatus) -> int:
    return sum(peer.remote and not peer.local for peer in status.mesh.peers)


def _sites(status: GatewayStatus, words: Words, names: Mapping[str, str]) -> Markup:
    bridge = status.bridge
    rows: list[tuple[Child, Child]] = [(words("status.mode"), words(f"mode.{bridge.mode.value}"))]
    if bridge.mode is BridgeMode.CONSENT and bridge.consent.cell:
        rows.append((words("status.cell"), h("code", bridge.consent.cell, dir="ltr")))
    rows += [(site(one.site, names), means(one.using, words) or words("status.not_reached")) for one in bridge.routes]
    rows += [
        (means(name, words), state(OF_STATES[one.state], words(f"state.{one.state.value}"))) for name, one in status.transports.items()
    ]
    none = h("p.empty", words("status.no_sites")) if not bridge.sites else None
    switched = h("p", state(ATTENTION, words("status.switched_off"))) if bridge.is_switched_off else None
    count = h("p.big", str(bridge.sites), " ", h("span", words("status.site_unit", count=bridge.sites)))
    return card(words("status.wide_area"), count, switched, none, figures(rows), _link("transports", words), key="wide")


def _waiting(status: GatewayStatus, words: Words) -> Markup:
    consent = status.bridge.consent
    rows = [
        (words("status.mail"), words("status.letters", count=status.mail.waiting)),
        (words("status.for_radio"), words("status.messages", count=consent.waiting)),
        (words("status.for_sites"), words("status.messages", count=consent.unsent)),
        (words("status.shed"), words("status.frames", count=status.shed_frames)),
    ]
    amount = h("p.big", words.size(status.waiting_bytes), " ", h("span", words("status.for_links")))
    return card(words("status.queue"), amount, figures(rows), key="queue")


def _crossed(status: GatewayStatus, words: Words) -> Markup:
    bridge = status.bridge
    dropped = sum(bridge.drops.values())
    rows = [
        (words("status.out"), str(bridge.crossed_out)),
        (words("status.in"), str(bridge.crossed_in)),
        (words("status.passed_on"), str(bridge.passed_on)),
        (words("status.dropped"), str(dropped)),
        (words("status.uptime"), words.span(status.uptime_s)),
    ]
    return card(words("status.crossed"), figures(rows), _link("messages", words), key="crossed")


def _link(page: str, words: Words) -> Markup:
    return h("p.further", h("a", words(f"{page}.title"), href=f"/{page}"))
