"""Fifty sites in consent mode, and everything that can go wrong with links: no storm, one copy on each island.

The bound: an event costs at most two envelopes for each link of the federation, whatever its
shape (`PER_LINK`), and on the average at most `PER_SITE` for each site; on the radio it costs
one copy for each island. Offers and wishes are bounded by time: `OFFER_PERIOD_S` and one
answer to each.
"""

from random import Random

import pytest

from gateway.errors import Reason
from gateway.limits import OFFER_PERIOD_S
from gateway.testing.faults import between
from gateway.testing.topology import Pair, clique, ring, star
from gateway.testing.way import LinkProfile
from gateway.wire.envelope import Kind
from tests.worlds.consenting import AIR, WIRE, Archipelago

SITES = 50
SETTLED = 20.0
EVERY = 4.0  # seconds between two sayings: fifteen a minute, and the radio takes twenty
PARTED = (60.0, 150.0)
END = SETTLED + SITES * EVERY + 5 * OFFER_PERIOD_S
PER_LINK = 2
PER_SITE = 5  # nearly all of it after the partition: whoever hears of an event tells its neighbours, who are being told by others
ROUGH = LinkProfile(delay=WIRE.delay, mtu=WIRE.mtu, buffer=WIRE.buffer, duplicate=0.1)
BAD_AIR = LinkProfile(mtu=AIR.mtu, loss=0.02, duplicate=0.05)


def random_graph(names: list[str], seed: int) -> list[Pair]:
    """A ring in some order with as many chords as sites: everybody has about four links."""
    rng = Random(seed)
    order = rng.sample(names, len(names))
    pairs = {tuple(sorted(pair)) for pair in ring(order)}
    while len(pairs) < 2 * len(names):
        pairs.add(tuple(sorted(rng.sample(names, 2))))
    return sorted(pairs)


SHAPES = {
    "ring": lambda names: list(ring(names)),
    "star": lambda names: list(star(names[0], names[1:])),
    "mesh": lambda names: list(clique(names)),
    "random": lambda names: random_graph(names, 7),
    "random2": lambda names: random_graph(names, 8),
}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_fifty_sites_loss_duplicates_reordering_and_a_partition(shape) -> None:
    islands = Archipelago(51, SITES, air=BAD_AIR, tick=0.01)
    names = list(islands.gates)
    links = islands.link(shape(names), ROUGH)
    world = islands.world
    world.run_until(SETTLED)
    assert all(site.greeted for gate in islands.gates.values() for site in gate.sites.all())
    half = world.rng("halves").sample(names, SITES // 2)
    heal_at = PARTED[1] + 1.0
    world.at(PARTED[0], lambda: world.at(PARTED[1], world.partition(between(half), world.sites)))
    for when in (SETTLED, heal_at):  # a link that came up has let the greetings pass before it begins to lose
        world.at(when, lambda: islands.lose(0.05))
    authors = {f"{phone} says hello": phone for phone in islands.phones}
    for number, (text, phone) in enumerate(authors.items()):
        islands.say(SETTLED + EVERY * number, phone, text)
    world.run_until(END)

    taken = {event_id for gate in islands.gates.values() for event_id in gate.taken}
    copies = {text: counts for text, counts in islands.copies().items() if islands.deposited()[text] in taken}
    sent = islands.envelopes()
    print(f"{links} links, {len(copies)} events, envelopes {dict(sent)}: {sent[Kind.EVENT] / len(copies) / SITES:.2f} a site and event")
    assert len(copies) >= 0.85 * SITES  # what the radio lost on the way up, its author's phone does not repeat
    given_up = {reason for gate in islands.gates.values() for reasons in gate.given_up.values() for reason in reasons}
    assert given_up <= {Reason.EXPIRED}
    for text, counts in copies.items():
        home = islands.island[authors[text]]
        assert counts == [number != home for number in range(SITES)], text
    islands.assert_no_duplicate()
    assert sent[Kind.EVENT] <= PER_LINK * links * len(copies)
    assert sent[Kind.EVENT] <= PER_SITE * SITES * len(copies)
    assert sent[Kind.WANT] <= sent[Kind.OFFER] <= 2 * links * (END / OFFER_PERIOD_S + 2)
    refused = {reason for gate in islands.gates.values() for reason, count in gate.drops.items() if count}
    assert refused <= {Reason.ECHO, Reason.DUPLICATE, Reason.NOT_BRIDGEABLE}
