"""Whatever happens to links, power and messages: in the end everybody agrees, and it stays quiet."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.wire.ticket import EVERYTHING, ORDINARY
from tests.bridge.federation import Federation

NAMES = ("hall", "hut", "barn", "shed", "mill")
OTHERS = st.sampled_from(NAMES[1:])
PAIRS = st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).filter(lambda pair: pair[0] != pair[1])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["link", "unlink", "lose", "find"]), PAIRS),
        st.tuples(st.sampled_from(["revoke", "restart", "invite"]), OTHERS),
    ),
    max_size=20,
)


def play(world, steps):
    for verb, what in steps:
        match verb:
            case "link":
                if world[what[1]].key not in world[what[0]].links:
                    world.link(*what)
            case "unlink":
                world.unlink(*what)
            case "lose":
                world.lossy.add(frozenset(world[name].key for name in what))
            case "find":
                world.lossy.discard(frozenset(world[name].key for name in what))
            case "revoke":
                world.revoke("hall", what)
            case "restart":
                world.restart(what)
            case "invite" if what != "mill":
                world.bring_in("hall", what)


def calm(world):
    """Everything arrives again, and everybody links anew with whom they may."""
    world.lossy.clear()
    for name in NAMES:
        for key in list(world[name].links):
            world._break(world[name], key)
    for _ in range(3):
        world.link_all()


@settings(max_examples=12)
@given(STEPS)
def test_in_the_end_members_agree_and_nobody_lets_in_who_was_shut_out(steps):
    world = Federation(*NAMES)
    for name in NAMES[1:]:
        world.bring_in("hall", name, scope=EVERYTHING if name == "hut" else ORDINARY)
    play(world, steps)
    calm(world)
    hall = world.members("hall") | {"hall"}
    out = {name for name in NAMES if world["hall"].membership.book.is_out(world[name].key)}
    assert not hall & out
    for name in hall:
        assert (world.members(name) | {name}) & out == set(), f"{name} lets in who was shut out"
        if "hall" in world.members(name):
            assert world.members(name) | {name} == hall


@settings(max_examples=12)
@given(STEPS)
def test_linking_again_without_news_is_quiet(steps):
    world = Federation(*NAMES)
    for name in NAMES[1:]:
        world.bring_in("hall", name)
    play(world, steps)
    calm(world)
    linked = [name for name in NAMES if world[name].key in world["hall"].links]
    for name in linked:
        world.unlink("hall", name)
        before = world.sent
        world.link("hall", name)
        assert world.sent - before <= 2 * 3 + 2 * 2  # greetings, and each one's own two lists to somebody who does not keep them


@pytest.mark.parametrize("size", [3, 12])
def test_news_cross_a_fully_linked_federation_once_over_each_link(size):
    names = [f"g{number:02}" for number in range(size)]
    world = Federation(*names)
    for name in names[1:]:
        world.bring_in("g00", name)
    world.link_all()
    before = world.sent
    world.revoke("g00", "g01")
    left = size - 1
    assert all("g01" not in world.members(name) for name in names if name != "g01")
    assert world.sent - before <= 1 + 2 * left * left, "a storm"
