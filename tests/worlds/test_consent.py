"""The consent bridge among islands: one copy each, whatever the shape, the loss, and however many gateways an island has."""

import pytest

from gateway.errors import Reason
from gateway.limits import OFFER_PERIOD_S
from gateway.mesh.effects import PublicMessage
from gateway.testing.bridging import Bridged
from gateway.testing.faults import between
from gateway.testing.topology import chain, clique, ring, star
from gateway.testing.way import LinkProfile
from gateway.wire.envelope import Kind
from tests.worlds.consenting import FAR_APART, Archipelago

SETTLED = 20.0  # seconds in which everybody has heard everybody's announce


def everybody_says(islands: Archipelago, since: float, every: float) -> dict[str, str]:
    sayings = {f"{name} says hello": name for name in islands.phones}
    for number, (text, name) in enumerate(sayings.items()):
        islands.say(since + every * number, name, text)
    return sayings


@pytest.mark.parametrize("shape", [chain, ring, clique], ids=["chain", "ring", "everybody"])
def test_what_is_said_on_one_of_five_islands_is_shown_once_on_each_other(shape) -> None:
    islands = Archipelago(41, 5, phones=2)
    links = islands.link(shape(list(islands.gates)))
    sayings = everybody_says(islands, SETTLED, 1.0)
    islands.world.run_until(SETTLED + 25.0)
    islands.assert_one_copy_on_every_other_island(sayings)
    assert islands.envelopes()[Kind.EVENT] <= 2 * links * len(sayings)
    assert {notice.effect.text for notice in islands.world.notices if isinstance(notice.effect, PublicMessage)} == set(sayings)


def test_two_gateways_on_every_island_put_down_one_copy() -> None:
    islands = Archipelago(42, 4, gates=2, phones=2)
    names = list(islands.gates)
    islands.link([*ring(names), *((names[i], names[(i + 3) % 8]) for i in range(8))])  # every island is joined many times
    sayings = everybody_says(islands, SETTLED, 1.5)
    islands.world.run_until(SETTLED + 40.0)
    islands.assert_one_copy_on_every_other_island(sayings)
    first = {name for name, gate in islands.gates.items() if gate.put_down}
    assert len(first) > 4, "the turn changes from event to event"


def test_three_gateways_of_one_island_hops_apart_put_down_one_copy() -> None:
    islands = Archipelago(43, 2, phones=1)
    islands.link([("g00a", "g01a")])
    for place, letter in ((110.0, "b"), (200.0, "c")):  # a row: gateway, phone, gateway, gateway
        islands.add_gate(f"g01{letter}", 1, (FAR_APART + place, 0.0))
        islands.link([("g00a", f"g01{letter}")])
    sayings = everybody_says(islands, 40.0, 15.0)
    for number in range(6):
        sayings |= {f"number {number}": "p000"}
        islands.say(60.0 + 4 * number, "p000", f"number {number}")
    islands.world.run_until(100.0)
    islands.assert_one_copy_on_every_other_island(sayings)


def test_when_the_gateway_whose_turn_it_is_goes_down_another_takes_the_turn() -> None:
    islands = Archipelago(44, 2, gates=2)
    islands.link([("g00a", "g01a"), ("g00a", "g01b")])
    sayings = everybody_says(islands, SETTLED, 100.0)
    del sayings["p010 says hello"]
    islands.world.at(SETTLED + 0.6, lambda: islands.world.remove("g01a"))
    islands.world.run_until(SETTLED + 15.0)
    assert [counts[1] for counts in islands.copies().values()] == [1]


def test_what_was_said_while_sites_were_parted_is_shown_once_after_healing() -> None:
    islands = Archipelago(45, 6)
    names = list(islands.gates)
    islands.link(ring(names))
    islands.world.run_until(SETTLED)
    heal = islands.world.partition(between(names[:3]), islands.world.sites)
    sayings = everybody_says(islands, SETTLED + 5.0, 5.0)
    islands.world.run_until(SETTLED + 300.0)
    assert all(sum(counts) == 2 for counts in islands.copies().values())
    heal()
    islands.world.run_until(SETTLED + 320.0)
    islands.assert_one_copy_on_every_other_island(sayings)


def test_after_twenty_minutes_apart_each_event_was_delivered_or_has_expired_with_a_reason() -> None:
    islands = Archipelago(52, 6)
    names = list(islands.gates)
    islands.link([*ring(names), (names[0], names[3]), (names[1], names[4])])
    islands.world.run_until(SETTLED)
    heal = islands.world.partition(between(names[:3]), islands.world.sites)
    sayings = everybody_says(islands, SETTLED + 5.0, 1_200.0 / 6)
    islands.world.run_until(SETTLED + 1_210.0)
    heal()
    islands.world.run_until(SETTLED + 2_400.0)
    islands.assert_no_duplicate()
    copies = islands.copies()
    assert copies.keys() == sayings.keys()
    expired = {name for gate in islands.gates.values() for name, reasons in gate.given_up.items() if Reason.EXPIRED in reasons}
    complete = {text for text, name in sayings.items() if copies[text] == [number != islands.island[name] for number in range(6)]}
    for text, event_id in islands.deposited().items():
        assert text in complete or bytes.fromhex(event_id)[:16] in expired, text
    assert 0 < len(complete) < len(sayings), "some were fresh when the sites were joined again, and some were not"


def test_what_links_lose_without_a_word_is_asked_for() -> None:
    islands = Archipelago(46, 5)
    links = islands.link(star(next(iter(islands.gates)), list(islands.gates)[1:]))
    islands.world.run_until(SETTLED)
    islands.lose(0.2)
    sayings = everybody_says(islands, SETTLED, 1.0)
    islands.world.run_until(SETTLED + 10 * OFFER_PERIOD_S)
    islands.assert_one_copy_on_every_other_island(sayings)
    assert islands.envelopes()[Kind.EVENT] <= 2 * links * len(sayings)


def test_what_is_meant_for_those_nearby_stays_nearby() -> None:
    islands = Archipelago(47, 2, phones=2)
    islands.link(chain(list(islands.gates)))
    islands.phones["p000"].nearby_only = True
    islands.say(SETTLED, "p000", "only for you")
    islands.say(SETTLED + 1.0, "p001", "for everybody")
    islands.world.run_until(SETTLED + 10.0)
    assert islands.copies() == {"for everybody": [0, 1]}
    heard = {notice.node for notice in islands.world.notices if getattr(notice.effect, "text", "") == "only for you"}
    assert heard == {"p001", "g00a"}


def test_a_long_message_crosses_in_pieces_over_small_links() -> None:
    islands = Archipelago(49, 2, phones=2, air=LinkProfile(mtu=182))
    islands.link(chain(list(islands.gates)))
    text = islands.world.rng("text").randbytes(1_500).hex()
    islands.say(SETTLED, "p000", text)
    islands.world.run_until(SETTLED + 15.0)
    assert islands.copies() == {text: [0, 1]}
    shown = [(n.node, n.effect.is_new) for n in islands.world.notices if isinstance(n.effect, Bridged) and n.effect.text == text]
    assert sorted(shown) == [("p010", True), ("p011", True)]


def test_the_sealed_word_and_the_announce_do_not_cross() -> None:
    islands = Archipelago(48, 2, phones=2)
    islands.link(chain(list(islands.gates)))
    islands.world.run_until(SETTLED)
    far = islands.phones["p010"].mesh.identity.peer_id
    assert islands.phones["p000"].mesh.peers.get(far) is None
    assert islands.gates["g00a"].mesh.peers.get(far) is None
    assert islands.envelopes().keys() == {Kind.PRESENCE}
