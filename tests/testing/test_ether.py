from random import Random

import pytest

from gateway.testing.ether import RADIO, WIDE, Ether
from gateway.testing.way import LinkProfile
from transports.link import FrameReceived, LinkDown, LinkId, LinkUp, Writable


def ether(seed=1, **kwargs):
    return Ether(Random(seed), **kwargs)


def pair(profile=None, **kwargs):
    air = ether(profile=profile, **kwargs)
    air.attach("a")
    air.attach("b")
    air.connect("a", "b", 0.0)
    air.advance(0.1)
    return air, air.link("a", "b")


def drain(air, until=1e6):
    out = []
    while (due := air.next_wakeup()) is not None and due <= until:
        out += [(due, port, event) for port, event in air.advance(due)]
    return out


def frames(events):
    return [event.frame for _, _, event in events if isinstance(event, FrameReceived)]


def test_both_ends_of_a_new_link_get_its_mtu_and_capabilities():
    air = ether()
    air.attach("a")
    air.attach("b")
    air.connect("a", "b", 5.0)
    assert air.next_wakeup() == pytest.approx(5.001)
    assert air.advance(5.001) == [("a", LinkUp(LinkId("radio:b@a"), 512, RADIO)), ("b", LinkUp(LinkId("radio:a@b"), 512, RADIO))]


def test_a_site_link_names_the_authenticated_peer():
    air = ether(name="site", capabilities=WIDE, named_peers=True)
    air.attach("x")
    air.attach("y")
    air.connect("x", "y", 0.0)
    assert [event.peer for _, _, event in drain(air)] == ["y", "x"]


def test_frames_of_one_direction_arrive_in_order_although_delays_differ():
    air, link = pair(LinkProfile(delay=(0.001, 2.0)))
    for number in range(20):
        assert air.send("a", link, bytes((number,)), 0.1 + number / 1000)
    assert frames(drain(air)) == [bytes((number,)) for number in range(20)]


def test_the_receiver_gets_the_very_object_that_was_sent():
    air, link = pair()
    frame = b"only one copy"
    air.send("a", link, frame, 0.1)
    assert frames(drain(air))[0] is frame


def test_the_delay_stays_in_its_range_plus_one_tick():
    for seed in range(50):
        air, link = pair(LinkProfile(delay=(0.2, 0.3)), seed=seed)
        air.send("a", link, b"x", 1.0)
        assert 1.2 <= air.next_wakeup() <= 1.3011


def test_a_frame_above_the_mtu_is_the_callers_bug():
    air, link = pair(LinkProfile(mtu=100))
    assert air.send("a", link, bytes(100), 0.1)
    with pytest.raises(ValueError, match="MTU"):
        air.send("a", link, bytes(101), 0.1)


def test_a_full_direction_refuses_and_says_when_it_has_room_again():
    air, link = pair(LinkProfile(buffer=1000, mtu=400))
    assert [air.send("a", link, bytes(400), 0.1) for _ in range(3)] == [True, True, False]
    assert air.send("b", air.link("b", "a"), bytes(400), 0.1), "the other direction has a buffer of its own"
    events = [(port, type(event)) for _, port, event in drain(air) if isinstance(event, Writable) or port == "b"]
    assert events == [("b", FrameReceived), ("a", Writable), ("b", FrameReceived)]
    assert air.send("a", link, bytes(400), 1.0)


def test_an_empty_direction_takes_a_frame_larger_than_its_buffer():
    air, link = pair(LinkProfile(buffer=100))
    assert air.send("a", link, bytes(400), 0.1)
    assert frames(drain(air))[0] == bytes(400)


def test_the_rate_sets_how_long_frames_take_one_after_the_other():
    air, link = pair(LinkProfile(rate=15_000, delay=(0.0, 0.0)))
    for _ in range(10):
        air.send("a", link, bytes(450), 1.0)
    assert drain(air)[-1][0] == pytest.approx(1.3, abs=0.002)


def test_loss_takes_about_its_share_and_is_counted():
    air, link = pair(LinkProfile(loss=0.2, buffer=1 << 30))
    for _ in range(5000):
        air.send("a", link, b"x", 0.1)
    arrived = len(frames(drain(air)))
    assert 3800 < arrived < 4200
    assert air.lost == 5000 - arrived


def test_duplicates_arrive_twice_in_a_row():
    air, link = pair(LinkProfile(duplicate=1.0))
    air.send("a", link, b"x", 0.1)
    air.send("a", link, b"y", 0.1)
    assert frames(drain(air)) == [b"x", b"x", b"y", b"y"]


def test_nothing_arrives_after_the_link_went_down():
    air, link = pair(LinkProfile(delay=(0.5, 0.5)))
    air.send("a", link, b"too late", 0.1)
    air.disconnect("a", "b", 0.2)
    assert not air.send("a", link, b"into the void", 0.2)
    assert [(port, event) for _, port, event in drain(air)] == [
        ("a", LinkDown(LinkId("radio:b@a"), "out of range")),
        ("b", LinkDown(LinkId("radio:a@b"), "out of range")),
    ]
    assert air.lost == 1


def test_a_frame_of_the_old_link_does_not_arrive_on_the_new_one():
    air, link = pair(LinkProfile(delay=(0.5, 0.5)))
    air.send("a", link, b"old", 0.1)
    air.disconnect("a", "b", 0.2)
    air.connect("a", "b", 0.2)
    assert [type(event) for _, port, event in drain(air) if port == "b"] == [LinkDown, LinkUp]


def test_a_frame_never_overtakes_its_links_up():
    air = ether(profile=LinkProfile(delay=(0.0, 0.0)))
    air.attach("a")
    air.attach("b")
    air.connect("a", "b", 0.0)
    air.send("a", air.link("a", "b"), b"early", 0.0)
    assert [type(event) for _, port, event in drain(air) if port == "b"] == [LinkUp, FrameReceived]


def test_one_end_may_close_and_both_are_told_why():
    air, link = pair()
    air.close("a", link, 1.0, "tired")
    assert [event.reason for _, _, event in drain(air)] == ["tired", "tired"]
    assert air.links_of("a") == air.links_of("b") == ()


def test_a_cut_takes_links_down_and_healing_brings_them_back():
    air = ether()
    for port in "abcd":
        air.attach(port)
    for one, other in ("ab", "bc", "cd"):
        air.connect(one, other, 0.0)
    drain(air)
    number = air.cut(lambda one, other: {one, other} == {"b", "c"}, 1.0)
    assert sorted(port for _, port, event in drain(air) if isinstance(event, LinkDown)) == ["b", "c"]
    assert air.pairs() == (("a", "b"), ("c", "d"))
    air.heal(number, 2.0)
    assert sorted(port for _, port, event in drain(air) if isinstance(event, LinkUp)) == ["b", "c"]


def test_a_link_blocked_by_two_cuts_comes_back_with_the_second_healing():
    air, _ = pair()
    first, second = air.cut(lambda *_: True, 1.0), air.cut(lambda *_: True, 1.0)
    air.heal(first, 2.0)
    assert air.pairs() == ()
    air.heal(second, 3.0)
    assert air.pairs() == (("a", "b"),)


def test_a_link_made_during_a_cut_waits_for_the_healing():
    air = ether()
    number = air.cut(lambda *_: True, 0.0)
    air.attach("a")
    air.attach("b")
    air.connect("a", "b", 0.0)
    assert air.next_wakeup() is None
    air.heal(number, 1.0)
    assert [type(event) for _, _, event in drain(air)] == [LinkUp, LinkUp]


def test_links_come_and_go_as_ports_move():
    air = ether(radius=50.0)
    air.attach("a", (0.0, 0.0))
    air.attach("b", (100.0, 0.0))
    assert air.pairs() == ()
    air.place({"b": (49.0, 0.0)}, 1.0)
    assert air.pairs() == (("a", "b"),)
    air.place({"a": (-2.0, 0.0)}, 2.0)
    assert air.pairs() == ()
    assert [type(event) for _, port, event in drain(air) if port == "a"] == [LinkUp, LinkDown]


def test_a_detached_port_loses_its_links_and_its_name_is_free_again():
    air, _ = pair()
    air.detach("b", 1.0)
    assert sorted(port for _, port, event in drain(air) if isinstance(event, LinkDown)) == ["a", "b"]
    air.attach("b")
    with pytest.raises(ValueError, match="attached"):
        air.attach("b")


@pytest.mark.parametrize(("one", "other"), [("a", "b"), ("b", "a")])
def test_a_second_link_between_two_ports_is_refused(one, other):
    air, _ = pair()
    with pytest.raises(ValueError, match="already"):
        air.connect(one, other, 1.0)


def test_a_port_has_no_link_to_itself():
    air, _ = pair()
    with pytest.raises(ValueError, match="itself"):
        air.connect("a", "a", 1.0)


def test_without_a_radius_there_are_no_positions():
    with pytest.raises(ValueError, match="radius"):
        ether().attach("a", (0.0, 0.0))


def test_the_same_seed_gives_the_same_events_at_the_same_times():
    def play(seed):
        air, link = pair(LinkProfile(loss=0.3, duplicate=0.1), seed=seed)
        for number in range(200):
            air.send("a", link, bytes((number,)), number / 100)
        return drain(air)

    def pair(profile, seed):
        air = ether(seed, profile=profile)
        air.attach("a")
        air.attach("b")
        air.connect("a", "b", 0.0)
        return air, air.link("a", "b")

    assert play(7) == play(7)
    assert play(7) != play(8)
