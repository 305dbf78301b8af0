"""Topology: this gateway in the middle, phones around it, other islands at the rim; and the same as tables."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

from gateway.admin.peers import PeerDocument, Where
from gateway.admin.views import peers
from gateway.admin.views.markup import Child, Markup, h, together
from gateway.admin.views.parts import Column, ident, moment, table
from gateway.admin.views.places import means, site, site_names
from gateway.admin.views.visit import Visit
from gateway.admin.views.words import Words
from gateway.status import GatewayStatus, RouteSummary

WIDTH: Final = 720
HEIGHT: Final = 400
_MIDDLE: Final = (WIDTH / 2, HEIGHT / 2)
_NEAR: Final = 84  # how far from the middle phones are drawn that the gateway hears itself
_HOPS: Final = 134
_RIM_X: Final = 310
_RIM_Y: Final = 150
_MOST: Final = 24  # phones on one ring; the rest is a figure
_SITES: Final = 10
_NAMED: Final = 12  # phones on a ring beyond which names would run into each other
_LETTERS: Final = 12
_SITE_LETTERS: Final = 20
_TURN: Final = 0.4  # the outer ring against the inner one, in radians


async def show(visit: Visit) -> Markup:
    """Return the page."""
    words = visit.words
    status = await visit.ask(GatewayStatus, "get_status")
    names = await site_names(visit)
    people = await peers.everybody(visit)
    return together(
        h("figure.map", drawing(status, people, words, names), h("figcaption", words("topology.legend"))),
        *_tables(status, people, visit, names),
    )


def drawing(status: GatewayStatus, people: Sequence[PeerDocument], words: Words, names: Mapping[str, str]) -> Markup:
    """Return the picture; what it means to those who do not see it stands in the tables below."""
    direct = [one for one in people if one.where is Where.NEAR]
    hops = [one for one in people if one.where is Where.RELAYED]
    far = sum(one.where is Where.ELSEWHERE for one in people)
    said = words("topology.said", direct=len(direct), hops=len(hops), sites=status.bridge.sites, far=far)
    air = {one.site: one.admitted for one in status.bridge.air}
    sites = status.bridge.routes[:_SITES]
    return h(
        "svg",
        h("g", [_site(one, n, len(sites), air.get(one.site, 0), names.get(one.site, "")) for n, one in enumerate(sites)]),
        h("g", _ring(direct, _NEAR, "near", words), _ring(hops, _HOPS, "hops", words)),
        h("g.here", h("circle", cx=_MIDDLE[0], cy=_MIDDLE[1], r=26), _mark(*_MIDDLE, 1.5)),
        _rest(len(status.bridge.routes) - len(sites), len(direct) + len(hops), words),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=said,
        direction="ltr",
        id="map",
        data_out=status.bridge.crossed_out,
        data_in=status.bridge.crossed_in,
    )


def _ring(around: Sequence[PeerDocument], radius: float, kind: str, words: Words) -> list[Child]:
    shown = around[:_MOST]
    drawn: list[Child] = []
    for n, one in enumerate(shown):
        angle = 2 * math.pi * n / len(shown) - math.pi / 2 + (0.0 if kind == "near" else _TURN)
        x, y = _MIDDLE[0] + radius * 1.25 * math.cos(angle), _MIDDLE[1] + radius * math.sin(angle)
        name = one.nickname or words("peers.unnamed")
        drawn.append(
            h(
                f"g.phone.{kind}",
                h("line", x1=_MIDDLE[0], y1=_MIDDLE[1], x2=x, y2=y) if kind == "near" else None,
                h("rect", x=x - 5, y=y - 8, width=10, height=16, rx=2.5),
                h("text", name[:_LETTERS], x=x, y=y - 14 if y < _MIDDLE[1] else y + 23, text_anchor="middle")
                if one.nickname and len(shown) <= _NAMED
                else None,
                h("title", name),
            )
        )
    return drawn


def _site(one: RouteSummary, number: int, count: int, traffic: int, name: str) -> Markup:
    angle = 2 * math.pi * number / count - math.pi / 7
    x, y = _MIDDLE[0] + _RIM_X * math.cos(angle), _MIDDLE[1] + _RIM_Y * math.sin(angle)
    width = 1.5 + 1.5 * math.log10(1 + traffic)
    return h(
        "g.site" if one.using else "g.site.lost",
        h("line.way", x1=_MIDDLE[0], y1=_MIDDLE[1], x2=x, y2=y, stroke_width=round(width, 1)),
        h("circle", cx=x, cy=y, r=20),
        _mark(x, y, 1.1),
        h("text", name[:_SITE_LETTERS] or f"…{one.site[-6:]}", x=x, y=y + 36, text_anchor="middle"),
        h("title", f"{name} {one.site}".strip()),
    )


def _mark(x: float, y: float, scale: float) -> Markup:
    path = h("path", d="M0 11h16v2H0zM1 10a3 7 0 0 1 6 0zM10 10a2.5 4 0 0 1 5 0z")
    return h("g.mark", path, transform=f"translate({x - 8 * scale:.1f} {y - 8.5 * scale:.1f}) scale({scale})")


def _rest(sites: int, phones: int, words: Words) -> list[Child]:
    found: list[Child] = []
    if sites > 0:
        found.append(h("text.faint", words("topology.more_sites", count=sites), x=8, y=HEIGHT - 10))
    if not phones:
        found.append(h("text.faint", words("topology.alone"), x=_MIDDLE[0], y=_MIDDLE[1] + 52, text_anchor="middle"))
    return found


def _tables(status: GatewayStatus, people: Sequence[PeerDocument], visit: Visit, names: Mapping[str, str]) -> tuple[Child, ...]:
    words = visit.words
    phones = (Column(words("peers.name")), Column(words("peers.where")), Column(words("peers.heard")))
    rows = [
        (
            peers.name(one, words) if one.nickname else ident(one.id),
            peers.where(one.where, words),
            moment(visit.now - one.silent_s, visit.now, words),
        )
        for one in people
    ]
    sites = (Column(words("transports.site")), Column(words("transports.using")), Column(words("topology.packets"), number=True))
    air = {one.site: one.admitted for one in status.bridge.air}
    ways = [
        (site(one.site, names), means(one.using, words) or words("status.not_reached"), str(air.get(one.site, 0)))
        for one in status.bridge.routes
    ]
    return (
        h("h2", words("topology.sites")),
        table(words("topology.sites"), sites, ways, words("status.no_sites"), key="sites"),
        h("h2", words("topology.phones")),
        table(words("topology.phones"), phones, rows, words("peers.none"), key="phones"),
    )
