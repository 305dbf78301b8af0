"""Partitions, loss and absence: what was missed is caught up with."""

from gateway.mesh.effects import Heard, PrivateMessage, Receipt
from gateway.mesh.events import Whisper
from gateway.testing.faults import between, churn, outage
from gateway.testing.phone import play
from gateway.testing.topology import chain, clique, crowd, islands
from gateway.testing.way import LinkProfile
from gateway.testing.world import World
from tests.worlds.people import listeners, phones, say


def test_what_was_said_during_a_partition_reaches_the_other_half_after_healing():
    world = World(21)
    left, right = ["l1", "l2", "l3", "l4"], ["r1", "r2", "r3", "r4"]
    phones(world, left + right)
    world.connect([*clique(left), *clique(right), ("l4", "r1")])
    outage(world, between(left), 30.0, 200.0)
    for number in range(10):
        say(world, 40.0 + 15 * number, left[number % 4], f"left {number}")
        say(world, 41.0 + 15 * number, right[number % 4], f"right {number}")
    world.run_until(199.0)
    assert {name for number in range(10) for name in listeners(world, f"left {number}")} == set(left)
    world.run_until(290.0)
    for number in range(10):
        assert listeners(world, f"left {number}") == sorted({*left, *right} - {left[number % 4]})
        assert listeners(world, f"right {number}") == sorted({*left, *right} - {right[number % 4]})


def test_a_latecomer_is_told_what_was_said_before():
    world = World(22)
    phones(world, "ab")
    world.connect(["ab"])
    say(world, 20.0, "a", "before you came")
    world.run_until(400.0)
    phones(world, "c")
    world.connect(["bc"])
    world.run_until(440.0)
    assert listeners(world, "before you came") == ["b", "c"]


def crowd_with_loss(*, sync):
    world = World(23, profile=LinkProfile(loss=0.2), radius=60.0, max_links=6, ignore=(Heard,))
    names = [f"n{index:02}" for index in range(24)]
    phones(world, names, positions=crowd(names, world.rng("places"), 130.0, 130.0), sync=sync)
    assert islands(names, world.radio.pairs()) == [set(names)]
    for number in range(24):
        say(world, 60.0 + 2 * number, names[number], f"message {number}")
    world.run_until(180.0)
    return sum(len(listeners(world, f"message {number}")) for number in range(24)) / (24 * 23), world


def test_one_frame_in_five_lost_and_nearly_all_delivered_thanks_to_sync():
    with_sync, world = crowd_with_loss(sync=True)
    without, _ = crowd_with_loss(sync=False)
    assert with_sync >= 0.99
    assert without < with_sync
    assert world.traffic.repeated == []


def test_people_who_come_and_go_miss_nothing_in_the_end():
    world = World(24, ignore=(Heard,))
    names = [f"n{index}" for index in range(8)]
    phones(world, names)
    world.connect(clique(names))
    churn(world, names, world.rng("churn"), until=240.0, present=60.0, away=30.0)
    for number in range(16):
        say(world, 30.0 + 12 * number, names[number % 8], f"message {number}")
    world.run_until(300.0)
    for number in range(16):
        assert listeners(world, f"message {number}") == [name for name in names if name != names[number % 8]]


def test_a_whisper_waits_for_the_healing_and_arrives_once():
    world = World(25, ignore=(Heard,))
    made = phones(world, "abcd")
    world.connect(chain("abcd"))
    outage(world, between("ab"), 30.0, 55.0)
    play(world, made["a"], [(40.0, Whisper(made["d"].peer_id, "ID-1", "are you there?"))])
    world.run_until(50.0)
    assert world.seen(PrivateMessage) == []
    world.run_until(120.0)
    assert [(notice.node, notice.effect.text) for notice in world.notices if isinstance(notice.effect, PrivateMessage)] == [
        ("d", "are you there?")
    ]
    assert [(notice.node, notice.effect.message_id) for notice in world.notices if isinstance(notice.effect, Receipt)] == [("a", "ID-1")]
