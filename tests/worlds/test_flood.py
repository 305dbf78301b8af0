from itertools import islice

import pytest

from gateway.mesh.effects import Heard, PublicMessage
from gateway.testing.faults import broken_copies
from gateway.testing.topology import chain, clique, crowd
from gateway.testing.way import LinkProfile
from gateway.testing.world import World
from gateway.wire.packet import peek
from tests.worlds.people import listeners, packet_of, phones, say
from transports.link import FrameReceived

SETTLED = 20.0  # seconds in which everybody has heard everybody's announce


def numbered(count):
    return [f"n{index:02}" for index in range(count)]


@pytest.mark.parametrize("relay_to_all", [True, False], ids=["mains", "phones"])
def test_one_broadcast_in_a_dense_clique_is_no_storm(relay_to_all):
    world = World(11)
    names = numbered(30)
    phones(world, names, relay_to_all=relay_to_all, sync=False)
    world.connect(clique(names))
    say(world, SETTLED, names[0], "hello everybody")
    world.run_until(SETTLED + 5.0)
    packet = packet_of(world, "hello everybody")
    heard = listeners(world, "hello everybody")
    assert heard == names[1:] if relay_to_all else len(heard) == len(set(heard)) >= 27, "phones choose a few links by chance"
    assert world.traffic.repeated == []
    relays = len(world.traffic.relays(packet))
    assert relays <= 29
    assert world.traffic.transmissions(packet) <= 29 + relays * 28


def test_six_hops_deliver():
    world = World(12)
    names = numbered(7)
    phones(world, names, sync=False)
    world.connect(chain(names))
    say(world, SETTLED, names[0], "along the chain")
    world.run_until(SETTLED + 5.0)
    assert listeners(world, "along the chain") == names[1:]
    assert world.traffic.transmissions(packet_of(world, "along the chain")) == 6


def test_a_flood_ends_after_seven_hops():
    world = World(13)
    names = numbered(10)
    phones(world, names, sync=False)
    world.connect(chain(names))
    say(world, SETTLED, names[0], "how far")
    world.run_until(60.0)
    assert listeners(world, "how far") == names[1:8]


def test_what_the_hop_limit_cuts_off_is_brought_by_sync():
    world = World(13)
    names = numbered(10)
    phones(world, names)
    world.connect(chain(names))
    say(world, SETTLED, names[0], "how far")
    world.run_until(120.0)
    assert listeners(world, "how far") == names[1:]


def test_ten_thousand_copies_of_a_frame_cost_one_relay():
    world = World(14)
    phones(world, "abc", sync=False)
    world.connect(chain("abc"))
    say(world, SETTLED, "a", "again and again")
    world.run_until(SETTLED + 1.0)
    packet = packet_of(world, "again and again")
    for _ in range(10_000):
        world.inject("b", FrameReceived(world.radio.link("b", "a"), packet))
    world.run_until(SETTLED + 10.0)
    assert world.traffic.relays(packet) == {"b"}
    assert world.traffic.transmissions(packet) == 2, "a to b, b to c"
    assert listeners(world, "again and again") == ["b", "c"]


def test_frames_that_arrive_twice_are_shown_once():
    world = World(15, profile=LinkProfile(duplicate=0.5))
    names = numbered(8)
    phones(world, names)
    world.connect(clique(names))
    for number in range(10):
        say(world, SETTLED + number, names[number % 8], f"message {number}")
    world.run_until(60.0)
    for number in range(10):
        assert listeners(world, f"message {number}") == [name for name in names if name != names[number % 8]]
    assert world.traffic.repeated == []


def test_broken_frames_harm_nobody():
    world = World(16, ignore=(Heard,))
    made = phones(world, "abc")
    world.connect(chain("abc"))
    world.run_until(SETTLED)
    world.add("intruder", None)
    world.connect([("b", "intruder")])
    say(world, SETTLED + 1, "a", "a sample")
    world.run_until(SETTLED + 25)
    heard = [event.frame for event in world.nodes["intruder"].events if isinstance(event, FrameReceived)]
    own = made["b"].peer_id
    samples = [frame for frame in heard if peek(frame).sender_id != own]  # its own announce coming back would end the link at once
    rng = world.rng("broken")
    for sample in samples:
        for copy in islice(broken_copies(sample, rng), 400):
            world.inject("b", FrameReceived(world.radio.link("b", "intruder"), copy[:512]))
    assert len(samples) >= 2
    say(world, world.now + 10, "a", "still here?")
    world.run_for(30.0)
    assert listeners(world, "still here?") == ["b", "c"]
    assert sum(made["b"].engine.status(world.now).drops.values()) > 100


def test_the_same_seed_replays_the_same_world():
    def figures(seed):
        world = World(seed, radius=60.0, max_links=6, profile=LinkProfile(loss=0.1), report=lambda _: None)
        names = numbered(15)
        phones(world, names, positions=crowd(names, world.rng("places"), 100.0, 100.0))
        say(world, SETTLED, names[0], "once more")
        world.run_until(40.0)
        return world.figures(), [(n.at, n.node) for n in world.notices if isinstance(n.effect, PublicMessage)]

    assert figures(1) == figures(1)
    assert figures(1) != figures(2)
