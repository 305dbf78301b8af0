import pytest

from gateway.limits import EMERGENCY_RESERVE, QUEUE_BYTES
from gateway.mesh.effects import CloseLink, Priority, PublicMessage, SendFrame
from gateway.mesh.events import ClockSet, Say
from gateway.testing.faults import between, churn, outage
from gateway.testing.topology import chain, clique, crowd, ring
from gateway.testing.way import LinkProfile
from gateway.testing.world import World
from tests.testing.flooder import Flooder
from transports.link import FrameReceived, LinkDown, LinkUp


def world(names, seed=1, *, beats=False, **kwargs):
    made = World(seed, **kwargs)
    for name in names:
        engine = Flooder(name, beats=beats)
        made.add(name, engine, address=engine.address)
    return made


def heard(made, text):
    return {notice.node for notice in made.notices if isinstance(notice.effect, PublicMessage) and notice.effect.text == text}


def test_a_flood_reaches_everybody_once():
    made = world("abcdef")
    made.connect(ring("abcdef"))
    made.at(1.0, lambda: made.inject("a", Say("hello")))
    made.run_until(2.0)
    assert heard(made, "hello") == set("bcdef")
    assert len(made.seen(PublicMessage)) == 5
    assert made.traffic.repeated == []


def test_engines_are_told_the_wall_clock_when_they_join():
    made = world("a", offset=5000.0)
    assert made.nodes["a"].engine.events == [ClockSet(5000.0)]
    made.add("late", late := Flooder("late"), clock_set=False)
    assert late.events == []


def test_timers_fire_at_the_first_tick_after_their_time():
    made = world("a", beats=True)
    made.run_until(16.0)
    assert made.nodes["a"].engine.ticks == pytest.approx([0.001, 5.002, 10.003, 15.004])


def test_an_engine_that_wants_to_be_woken_in_the_past_cannot_stop_time():
    class Restless(Flooder):
        def next_wakeup(self):
            return 0.0

    made = World(1)
    made.add("a", Restless("a", beats=True))
    made.run_until(0.1)
    assert made.now == 0.1
    assert made.nodes["a"].wakeups <= 101


def test_commands_come_at_their_time_and_in_order():
    made, calls = world("a"), []
    made.at(2.0, lambda: calls.append((made.now, "second")))
    made.at(1.0, lambda: calls.append((made.now, "first")))
    made.at(2.0, lambda: calls.append((made.now, "third")))
    made.run_until(1.5)
    made.run_for(1.0)
    assert calls == [(1.0, "first"), (2.0, "second"), (2.0, "third")]
    with pytest.raises(ValueError, match="passed"):
        made.at(1.0, calls.clear)


def test_the_same_seed_makes_the_same_history():
    def history(seed):
        made = World(seed, radius=60.0, max_links=5, profile=LinkProfile(loss=0.1), report=lambda _: None)
        places = crowd(names := [f"n{i}" for i in range(30)], made.rng("places"), 200.0, 200.0)
        for name in names:
            made.add(name, Flooder(name, beats=True), position=places[name])
        made.run_until(12.0)
        return [(notice.at, notice.node, notice.effect) for notice in made.notices], made.figures()

    assert history(5) == history(5)
    assert history(5) != history(6)


def test_a_world_tells_its_seed(capsys):
    assert "4711" in repr(World(4711))
    assert "seed=4711" in capsys.readouterr().out


def test_relays_are_counted_per_packet_and_node():
    made = world("abcd")
    made.connect(chain("abcd"))
    made.run_until(0.1)
    made.inject("a", Say("x"))
    made.run_until(1.0)
    frame = b"\x01\x02\x07" + _tail(made, "a")
    assert made.traffic.relays(frame) == {"b", "c"}
    assert made.traffic.transmissions(frame) == 3, "a to b, b to c, c to d; d has nobody left"
    assert made.traffic.total_transmissions == 3


def _tail(made, name):
    (tail,) = made.nodes[name].engine.known
    return tail


def test_a_node_that_relays_twice_is_named():
    class Parrot(Flooder):
        def handle(self, event, now):
            effects = super().handle(event, now)
            return effects * 2 if isinstance(event, FrameReceived) else effects

    made = world("ac")
    made.add("p", Parrot("p"), address=b"p".ljust(8, b"\0"))
    made.connect([("a", "p"), ("p", "c")])
    made.run_until(0.1)
    made.inject("a", Say("x"))
    made.run_until(1.0)
    assert [node for node, _ in made.traffic.repeated] == ["p"]


def test_sending_an_own_packet_again_is_no_relay():
    made = world("ab")
    made.connect(["ab"])
    made.run_until(0.1)
    made.inject("a", Say("x"))
    frame = b"\x01\x02\x07" + _tail(made, "a")
    made.traffic.note("a", made.nodes["a"].address, frame, 1)
    assert (made.traffic.repeated, made.traffic.relays(frame), made.traffic.transmissions(frame)) == ([], frozenset(), 2)


def test_what_a_link_refuses_waits_and_arrives_in_order():
    made = world("ab", profile=LinkProfile(buffer=200, rate=1000.0))
    made.connect(["ab"])
    made.run_until(0.1)
    for number in range(50):
        made.inject("a", Say(f"message {number}"))
    assert not heard(made, "message 49")
    made.run_until(10.0)
    assert [effect.text for effect in made.seen(PublicMessage, "b")] == [f"message {number}" for number in range(50)]


def test_what_waits_is_bounded_and_the_rest_is_counted_as_dropped():
    made = world("ab", profile=LinkProfile(buffer=200, rate=1000.0))
    made.connect(["ab"])
    made.run_until(0.1)
    for _ in range(QUEUE_BYTES // 400):
        made.inject("a", Say("x" * 450))
    node = made.nodes["a"]
    (queue,) = node.queues.values()
    usual = QUEUE_BYTES * (1 - EMERGENCY_RESERVE)
    assert usual - 600 < queue.bytes <= usual
    assert node.dropped == made.figures()["frames_dropped"] > 0


def test_what_waits_for_a_link_that_goes_down_is_dropped():
    made = world("ab", profile=LinkProfile(buffer=200, rate=1000.0))
    made.connect(["ab"])
    made.run_until(0.1)
    for _ in range(5):
        made.inject("a", Say("x" * 150))
    made.radio.disconnect("a", "b", made.now)
    made.run_until(1.0)
    assert (made.nodes["a"].dropped, made.nodes["a"].queues) == (4, {})


def test_a_partition_by_predicate_and_its_healing():
    made = world("abcd")
    made.connect(clique("abcd"))
    made.run_until(0.1)
    heal = made.partition(between("ab"))
    made.run_until(0.2)
    made.inject("a", Say("during"))
    made.run_until(1.0)
    heal()
    made.run_until(1.1)
    made.inject("a", Say("after"))
    made.run_until(2.0)
    assert heard(made, "during") == {"b"}
    assert heard(made, "after") == set("bcd")


def test_an_outage_has_its_times():
    made = world("ab")
    made.connect(["ab"])
    outage(made, between("a"), 1.0, 2.0)
    made.run_until(3.0)
    kinds = [(type(event)) for event in made.nodes["b"].engine.events if not isinstance(event, ClockSet)]
    assert kinds == [LinkUp, LinkDown, LinkUp]


def test_churn_leaves_the_world_whole():
    made = world("abcd")
    made.connect(clique("abcd"))
    planned = churn(made, "abcd", made.rng("churn"), until=300.0, present=30.0, away=10.0)
    made.run_until(301.0)
    downs = sum(isinstance(event, LinkDown) for event in made.nodes["a"].engine.events)
    assert planned > 10
    assert downs > 3
    assert len(made.radio.pairs()) == 6


def test_sites_are_joined_by_named_lossless_links_that_need_no_radio():
    made = world(["x", "y", "z"])
    made.connect_sites(ring(["x", "y", "z"]))
    made.run_until(0.1)
    ups = [event for event in made.nodes["x"].engine.events if isinstance(event, LinkUp)]
    assert [(up.link, up.peer) for up in ups] == [("site:y@x", "y"), ("site:z@x", "z")]
    made.inject("x", Say("y" * 100_000))
    made.run_until(0.2)
    assert len(made.seen(PublicMessage)) == 2
    assert made.traffic.packets == 0, "what crosses between sites is no radio packet"


def test_site_links_can_be_cut_and_healed():
    made = world("xy")
    made.connect_sites(["xy"], LinkProfile(loss=0.0, delay=(0.2, 0.3)))
    heal = made.partition(between("x"), made.sites)
    made.run_until(1.0)
    assert made.nodes["y"].links == {}
    heal()
    made.run_until(2.0)
    assert list(made.nodes["y"].links) == ["site:x@y"]


def test_a_node_may_give_a_link_up():
    class Leaver(Flooder):
        def handle(self, event, now):
            return [CloseLink(event.link, "enough")] if isinstance(event, FrameReceived) else super().handle(event, now)

    made = world("a")
    made.add("l", Leaver("l"))
    made.connect(["al"])
    made.run_until(0.1)
    made.inject("a", Say("x"))
    made.run_until(1.0)
    assert made.nodes["a"].engine.events[-1] == LinkDown("radio:l@a", "enough")


def test_a_removed_node_is_never_called_again():
    made = world("ab", beats=True)
    made.connect(["ab"])
    made.run_until(1.0)
    engine = made.nodes["a"].engine
    made.remove("a")
    made.run_until(60.0)
    assert len(engine.ticks) == 1
    with pytest.raises(ValueError, match="no engine"):
        made.inject("a", Say("x"))


def test_a_port_without_an_engine_collects_its_events_and_sends_by_hand():
    made = world("a")
    made.add("outside", None)
    made.connect([("a", "outside")])
    made.run_until(0.1)
    made.send("outside", "radio:a@outside", b"\x01\x02\x07" + bytes(11) + b"outside!hello")
    made.inject("a", Say("x"))
    made.run_until(1.0)
    assert heard(made, "hello") == {"a"}
    assert [type(event) for event in made.nodes["outside"].events] == [LinkUp, FrameReceived]


def test_notices_are_told_to_listeners_and_may_be_bounded_or_ignored():
    made = world("ab", max_notices=2)
    quiet = world("ab", ignore=(PublicMessage,))
    told = []
    made.listeners.append(told.append)
    for each in (made, quiet):
        each.connect(["ab"])
        each.run_until(0.1)
        for number in range(3):
            each.inject("a", Say(str(number)))
        each.run_until(1.0)
    assert [notice.effect.text for notice in made.notices] == ["1", "2"]
    assert [(notice.node, notice.effect.text) for notice in told] == [("b", "0"), ("b", "1"), ("b", "2")]
    assert all(0.1 < notice.at < 0.2 for notice in told)
    assert not quiet.notices


def test_a_name_is_taken_once():
    made = world("a")
    with pytest.raises(ValueError, match="already"):
        made.add("a", Flooder("a"))


def test_a_frame_for_a_link_that_is_gone_disappears():
    class Stubborn(Flooder):
        def handle(self, event, now):
            if isinstance(event, Say):
                return [SendFrame(("radio:nobody",), b"\x01\x02\x07" + bytes(30), Priority.PUBLIC)]
            return super().handle(event, now)

    made = World(1)
    made.add("s", Stubborn("s"))
    made.inject("s", Say("x"))
    made.run_until(1.0)
    assert made.figures()["frames_received"] == 0
