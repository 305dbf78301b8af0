"""Peers: who is near, who is hops away, and who is on other islands."""

from typing import Final

from gateway.admin.peers import PeerDocument, PeersDocument, PeersQuery, Where
from gateway.admin.views.markup import Markup, h
from gateway.admin.views.parts import GOOD, NOTHING, QUIET, Column, ident, moment, state, table
from gateway.admin.views.visit import Visit
from gateway.admin.views.words import Words

_ORDER: Final = tuple(Where)


async def show(visit: Visit) -> Markup:
    """Return the page."""
    words = visit.words
    columns = (
        Column(words("peers.name")),
        Column(words("peers.where")),
        Column(words("peers.signal"), number=True),
        Column(words("peers.heard")),
        Column(words("peers.can")),
        Column(words("peers.id")),
    )
    rows = [
        (
            name(one, words),
            where(one.where, words),
            NOTHING if one.rssi is None else h("span", f"{one.rssi} dBm", dir="ltr"),
            moment(visit.now - one.silent_s, visit.now, words),
            h("span", ", ".join(one.capabilities) or NOTHING),
            ident(one.id),
        )
        for one in await everybody(visit)
    ]
    return h("div", table(words("peers.title"), columns, rows, words("peers.none"), key="peers", search=words("peers.search")))


async def everybody(visit: Visit) -> list[PeerDocument]:
    """Return who is there, the nearest first, then by name; as many as one page of the API lists."""
    found = await visit.ask(PeersDocument, "list_peers", query=PeersQuery())
    return sorted(found.peers, key=lambda one: (_ORDER.index(one.where), (one.nickname or one.id).lower()))


def where(place: Where, words: Words) -> Markup:
    """Return where somebody is, in a word."""
    return state(GOOD if place is Where.NEAR else QUIET, words(f"peers.{place.value}"))


def name(one: PeerDocument, words: Words) -> Markup:
    """Return what somebody is called, and whether that is a gateway."""
    called = h("bdi", one.nickname) if one.nickname else h("span.faint", words("peers.unnamed"))
    return h("span", called, " ", h("small", words("peers.gateway"))) if one.is_gateway else called
