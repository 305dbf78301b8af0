"""Transports: how phones and other sites are reached, in words, and over which link."""

from gateway.admin.transports import TransportDocument, TransportsDocument
from gateway.admin.views.markup import Markup, h, together
from gateway.admin.views.parts import OF_STATES, Column, card, counts, figures, foreign, more, state, table
from gateway.admin.views.places import means, site, site_names
from gateway.admin.views.visit import Visit
from gateway.admin.views.words import Words
from gateway.status import GatewayStatus


async def show(visit: Visit) -> Markup:
    """Return the page."""
    words = visit.words
    status = await visit.ask(GatewayStatus, "get_status")
    names = await site_names(visit)
    found = await visit.ask(TransportsDocument, "list_transports")
    cards = [_transport(one, words) for one in found.transports]
    columns = (
        Column(words("transports.site")),
        Column(words("transports.using")),
        Column(words("transports.spare")),
        Column(words("transports.why")),
        Column(words("transports.waiting"), number=True),
    )
    rows = [
        (
            site(one.site, names),
            means(one.using, words) or words("status.not_reached"),
            ", ".join(means(link, words) for link in one.spare) or words("common.none"),
            foreign(one.why, words),
            words.size(one.waiting_bytes),
        )
        for one in status.bridge.routes
    ]
    return together(
        h("div.cards", cards) if cards else h("p.empty", words("transports.none")),
        h("h2", words("transports.routes")),
        table(words("transports.routes"), columns, rows, words("status.no_sites"), key="routes"),
    )


def _transport(one: TransportDocument, words: Words) -> Markup:
    addresses = [h("li", h("code", address, dir="ltr")) for address in one.addresses]
    return card(
        means(one.name, words),
        h("p", state(OF_STATES[one.state], words(f"state.{one.state.value}"))),
        h("p", foreign(one.sentence, words)),
        h("p", foreign(one.remedy, words)) if one.remedy else None,
        figures(
            (
                (words("transports.place"), words("transports.here") if one.order is None else str(one.order)),
                (words("transports.reached"), foreign(one.reachability, words)),
                (words("transports.breaker"), words(f"transports.{one.breaker}")),
                (words("transports.count"), str(one.links)),
                (words("transports.failures"), str(one.failures)),
            )
        ),
        more(words("transports.addresses", count=len(addresses)), h("ul.addresses", addresses), key=f"{one.name}-addresses")
        if addresses
        else None,
        more(words("common.counts"), counts(one.counters, words), key=f"{one.name}-counts"),
        key=f"transport-{one.name}",
    )
