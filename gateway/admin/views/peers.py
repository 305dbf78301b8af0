"""Peers: who is near, who is hops away, and who is on other islands."""

from gateway.admin.views.markup import Markup, h
from gateway.admin.views.parts import GOOD, QUIET, Column, ident, moment, state, table
from gateway.admin.views.visit import Visit
from gateway.admin.views.words import Words
from gateway.status import GatewayStatus, PeerSummary


async def show(visit: Visit) -> Markup:
    """Return the page."""
    status = await visit.ask(GatewayStatus, "get_status")
    words = visit.words
    columns = (Column(words("peers.name")), Column(words("peers.where")), Column(words("peers.heard")), Column(words("peers.id")))
    rows = [
        (_name(one, words), where(one, words), moment(visit.now - one.last_heard_s, visit.now, words), ident(one.peer_id))
        for one in sorted(status.mesh.peers, key=rank)
    ]
    return h("div", table(words("peers.title"), columns, rows, words("peers.none"), key="peers", search=words("peers.search")))


def rank(peer: PeerSummary) -> tuple[int, str]:
    """Return the place of a peer in a list: the nearest first, then by name."""
    return (0 if peer.direct and peer.local else 1 if peer.local else 2), (peer.nickname or peer.peer_id).lower()


def where(peer: PeerSummary, words: Words) -> Markup:
    """Return where a peer is, in a word."""
    place = ("near", "relayed", "elsewhere")[rank(peer)[0]]
    return state(GOOD if place == "near" else QUIET, words(f"peers.{place}"))


def _name(peer: PeerSummary, words: Words) -> Markup:
    return h("bdi", peer.nickname) if peer.nickname else h("span.faint", words("peers.unnamed"))
