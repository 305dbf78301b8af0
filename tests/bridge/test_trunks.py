"""Several links to one site: nothing is lost, doubled or overtaken, whatever becomes of them."""

from random import Random

import pytest

from gateway.bridge.line import SMALLEST_MTU
from gateway.bridge.trunks import Trunks
from gateway.errors import Reason
from gateway.limits import (
    MAX_ENVELOPE,
    MAX_LINES,
    MAX_SITES,
    PROBE_IDLE_S,
    PROBE_RETRY_S,
    SITE_QUEUE_BYTES,
    STALL_S,
    TRUNK_ACK_DELAY_S,
    TRUNK_BYTES,
    TRUNK_KEEP_S,
    TRUNK_PING_BURST,
    TRUNK_PING_RATE,
    TRUNK_WINDOW_BYTES,
)
from gateway.mesh.effects import CloseLink, Priority, SendFrame
from gateway.mesh.events import Say, Tick
from gateway.mesh.records import Decided, Verb
from gateway.wire.trunk import Ack, Data, Hello, Ping, Pong, decode_trunk, encode_data, encode_trunk
from tests.bridge.lines import MTU, ORDER, WIDE, Link, Pair, Scripted
from transports.limits import MAX_LINK_FRAME
from transports.link import Capability, FrameReceived, LinkDown, LinkId, LinkUp, Writable

LIBP2P, WEBSOCKET = LinkId("libp2p:B"), LinkId("websocket:B")
FAR = b"far name"


def both() -> Pair:
    pair = Pair("libp2p", "websocket")
    pair.run_for(1.0)
    return pair


def alone(order: tuple[str, ...] = ORDER) -> tuple[Trunks, Scripted]:
    engine = Scripted()
    return Trunks(engine, order, Random(1).randbytes), engine


def messages(effects: list, link: LinkId | None = None) -> list:
    return [decode_trunk(one.frame) for one in effects if isinstance(one, SendFrame) and (link is None or link in one.links)]


def greeted(*links: LinkId, now: float = 0.0) -> tuple[Trunks, Scripted]:
    """Trunks with one site, over links whose far end has said hello."""
    trunks, engine = alone()
    for link in links:
        trunks.handle(LinkUp(link, MTU, WIDE, peer="B"), now)
        trunks.handle(FrameReceived(link, encode_trunk(Hello(FAR, 0))), now)
    return trunks, engine


def test_two_links_to_one_gateway_are_one_site_for_the_engine() -> None:
    pair = both()
    assert pair.engines[0].sites == [LinkId("site:B")]
    (up,) = [event for event in pair.engines[0].events if isinstance(event, LinkUp)]
    assert (up.mtu, up.peer) == (MAX_ENVELOPE, "B")
    pair.cut("libp2p")
    pair.run_for(1.0)
    assert pair.engines[0].sites == [LinkId("site:B")]
    pair.cut("websocket")
    assert pair.engines[0].sites == []


def test_links_are_put_together_by_the_proved_identity_and_never_by_what_a_site_says() -> None:
    trunks, engine = alone()
    for link, peer in ((LIBP2P, "B"), (LinkId("websocket:C"), "C"), (LinkId("wire:1"), None)):
        trunks.handle(LinkUp(link, MTU, WIDE, peer=peer), 0.0)
        trunks.handle(FrameReceived(link, encode_trunk(Hello(FAR, 0))), 0.0)
    assert engine.sites == ["site:B", "site:C", "site:wire:1"]


def test_the_first_in_the_order_is_used_and_the_other_held_in_reserve() -> None:
    pair = both()
    assert pair.using(0) == pair.using(1) == "libp2p"
    (route,) = pair.trunks[0].routes()
    assert route.spare == ("websocket:B",)


def test_a_link_of_the_local_mesh_passes_through_untouched() -> None:
    trunks, engine = greeted(LIBP2P)
    radio = LinkId("radio:x")
    for event in (
        LinkUp(radio, 200, Capability.LOCAL),
        FrameReceived(radio, b"\xc1\x01 frame"),
        Writable(radio),
        LinkDown(radio, "gone"),
        Tick(),
    ):
        engine.events.clear()
        trunks.handle(event, 0.0)
        assert engine.events == [event]
    engine.answer = [SendFrame((radio, LinkId("site:B")), b"frame", Priority.SYNC), CloseLink(radio, "why")]
    numbered, near, close = trunks.handle(Tick(), 0.0)
    assert near == SendFrame((radio,), b"frame", Priority.SYNC)
    assert close == CloseLink(radio, "why")
    assert numbered.frame == encode_data(0, b"frame")
    (near,) = [effect for effect in trunks.leave(0.0) if radio in effect.links]
    assert near.frame == b"bye"


def test_a_link_that_dies_loses_nothing_and_the_other_goes_on_at_once() -> None:
    pair = both()
    for number in range(100):
        pair.say(0, f"{number}")
    pair.run_for(0.06)  # on their way, not acknowledged
    for number in range(100, 200):
        pair.say(0, f"{number}")
    pair.cut("libp2p")
    assert pair.using(0) == "websocket"
    pair.run_for(0.2)
    assert pair.engines[1].arrived == pair.sent[0]


def test_a_link_that_falls_silent_is_left_after_a_stall_and_nothing_is_lost_or_doubled() -> None:
    pair = both()
    pair.links["libp2p"].silent = True
    for number in range(50):
        pair.say(0, f"{number}")
        pair.say(1, f"{number}")
        pair.run_for(0.1)
    pair.run_for(0.5)
    assert pair.using(0) == pair.using(1) == "websocket"
    for side in (0, 1):
        moved = [decision for decision in pair.trunks[side].decisions if decision.link and decision.link.startswith("websocket")]
        assert moved[0].at <= 1.0 + STALL_S + 0.2
        assert "nothing was acknowledged for 3 s" in moved[0].why
        assert dict(moved[0].passed_over)[f"libp2p:{'BA'[side]}"] == "it is not well"
        assert pair.engines[1 - side].arrived == pair.sent[side]


def test_an_idle_link_that_falls_silent_is_found_out_within_ten_seconds() -> None:
    pair = both()
    pair.links["libp2p"].silent = True
    pair.run_for(10.0)
    assert pair.using(0) == pair.using(1) == "websocket"
    assert "a ping was not answered" in pair.trunks[0].decisions[-1].why


def test_a_link_that_wakes_up_brings_old_frames_late_and_they_are_dropped() -> None:
    pair = both()
    pair.links["libp2p"].silent = True
    for number in range(20):
        pair.say(0, f"{number}")
    pair.run_for(5.0)
    assert pair.engines[1].arrived == pair.sent[0]
    pair.links["libp2p"].silent = False
    pair.run_for(1.0)
    assert pair.engines[1].arrived == pair.sent[0]
    assert pair.trunks[1].counters["repeated"] == 20


def test_the_preferred_link_is_used_again_once_it_has_answered_a_few_pings_in_a_row() -> None:
    pair = both()
    pair.cut("libp2p")
    pair.run_for(1.0)
    pair.raise_link("libp2p")
    pair.run_for(0.5)
    assert pair.using(0) == "websocket"
    pair.run_for(6.0)
    assert pair.using(0) == pair.using(1) == "libp2p"
    assert pair.trunks[0].decisions[-1].why == "it is well, and preferred"


def test_a_link_that_fails_again_and_again_is_left_alone_for_longer_and_longer() -> None:
    pair = both()
    waits = []
    for _ in range(4):
        pair.cut("libp2p")
        began = pair.now
        pair.raise_link("libp2p")
        while pair.using(0) != "libp2p":
            pair.run_for(0.5)
            assert pair.now < began + 100
        waits.append(pair.now - began)
    assert waits == sorted(waits)
    assert waits[-1] > 3 * waits[0]


def test_frames_are_not_overtaken_when_the_faster_link_comes_back() -> None:
    pair = both()
    pair.links["websocket"].delay = 2.0
    pair.cut("libp2p")
    pair.raise_link("libp2p")
    for number in range(200):
        pair.say(0, f"{number}")
        pair.run_for(0.1)
    assert pair.using(0) == "libp2p"
    pair.run_for(5.0)
    assert pair.engines[1].arrived == pair.sent[0]


def test_if_no_link_is_well_the_one_in_use_stays_and_is_forgiven_once_it_works() -> None:
    pair = both()
    for link in pair.links.values():
        link.silent = True
    pair.say(0, "into the void")
    pair.run_for(60.0)
    used = pair.using(0)
    switches = len(pair.trunks[0].decisions)
    pair.run_for(600.0)
    assert pair.using(0) == used
    assert len(pair.trunks[0].decisions) == switches
    for link in pair.links.values():
        link.silent = False
    pair.run_for(30.0)
    assert pair.engines[1].arrived == [b"into the void"]
    assert pair.using(0) == "libp2p"


def test_a_single_link_is_neither_pinged_nor_judged() -> None:
    pair = Pair("libp2p")
    pair.run_for(1.0)
    pair.links["libp2p"].silent = True
    pair.say(0, "patience")
    quiet = len(pair.crossings)
    pair.run_for(100.0)
    assert len(pair.crossings) == quiet
    pair.links["libp2p"].silent = False
    pair.run_for(1.0)
    assert pair.engines[1].arrived == [b"patience"]


def test_a_single_link_that_failed_is_forgiven_by_what_is_acknowledged_over_it() -> None:
    pair = Pair("libp2p")
    pair.run_for(1.0)
    pair.cut("libp2p")
    pair.raise_link("libp2p")
    for number in range(10):
        pair.run_for(1.0)
        pair.say(0, f"{number}")
    pair.links["websocket"] = Link("websocket", up=False)
    pair.raise_link("websocket")
    pair.run_for(0.5)
    assert pair.using(0) == "libp2p"


def test_a_slow_link_that_moves_a_large_frame_is_not_taken_for_dead() -> None:
    pair = both()
    pair.links["libp2p"].delay = 12.0  # a megabyte at a megabit a second
    pair.say(0, "x" * 1_100_000)
    pair.run_for(11.0)
    assert pair.using(0) == "libp2p"


def test_what_was_not_acknowledged_outlives_an_outage_of_every_link() -> None:
    pair = both()
    for number in range(10):
        pair.say(0, f"{number}")
    pair.cut("libp2p")
    pair.cut("websocket")
    pair.run_for(TRUNK_KEEP_S - 1)
    pair.raise_link("websocket")
    pair.run_for(1.0)
    assert pair.engines[1].arrived == pair.sent[0]


def test_what_nobody_came_for_is_counted_as_lost_after_a_while() -> None:
    pair = both()
    pair.say(0, "for nobody")
    pair.cut("libp2p")
    pair.cut("websocket")
    pair.run_for(TRUNK_KEEP_S + 1)
    assert pair.trunks[0].counters["lost"] == 1
    assert pair.trunks[0].routes() == ()
    pair.raise_link("libp2p")
    pair.run_for(1.0)
    pair.say(0, "anew")
    pair.run_for(1.0)
    assert pair.engines[1].arrived == [b"anew"]


def test_a_gateway_that_was_started_anew_gets_what_its_old_self_had_not_acknowledged() -> None:
    pair = both()
    for number in range(5):
        pair.say(0, f"{number}")
    pair.run_for(1.0)
    for number in range(5, 10):
        pair.say(0, f"{number}")
    pair.restart(1)
    pair.run_for(1.0)
    assert pair.engines[1].arrived == [b"5", b"6", b"7", b"8", b"9"]
    pair.say(1, "hello again")
    pair.run_for(1.0)
    assert pair.engines[0].arrived == [b"hello again"]


def test_frames_of_the_self_before_the_last_start_close_their_link() -> None:
    trunks, engine = greeted(LIBP2P)
    trunks.handle(LinkUp(WEBSOCKET, MTU, WIDE, peer="B"), 0.0)
    trunks.handle(FrameReceived(WEBSOCKET, encode_trunk(Hello(b"new name", 0))), 0.0)
    (close,) = trunks.handle(FrameReceived(LIBP2P, encode_data(0, b"from the grave")), 0.0)
    assert close.link == LIBP2P
    assert engine.arrived == []


@pytest.mark.parametrize("seed", range(25))
def test_whatever_becomes_of_the_links_every_frame_arrives_once_and_in_order(seed: int) -> None:
    print(f"seed {seed}")
    pair = Pair("libp2p", "websocket", "betanet", seed=seed)
    rng = Random(seed)
    pair.run_for(1.0)
    number = 0
    for _ in range(150):
        match rng.randrange(8):
            case 0:
                pair.cut(rng.choice(list(pair.links)))
            case 1:
                pair.links[rng.choice(list(pair.links))].silent = True
            case 2 | 3:
                name = rng.choice(list(pair.links))
                pair.links[name].silent = False
                pair.links[name].delay = rng.choice((0.001, 0.05, 1.5))
                pair.raise_link(name)
            case _:
                for _ in range(rng.randrange(20)):
                    number += 1
                    pair.say(rng.randrange(2), f"{number} {'x' * rng.choice((0, 0, 300, 60_000))}")
        pair.run_for(rng.choice((0.01, 0.3, 2.0, 8.0)))
    for name, link in pair.links.items():
        link.silent = False
        pair.raise_link(name)
    pair.run_for(120.0)
    assert not pair.closed
    for side in (0, 1):
        assert pair.engines[1 - side].arrived == pair.sent[side]
        assert pair.trunks[side].counters["refused"] == pair.trunks[side].counters["lost"] == 0
    assert number > 100


def test_more_than_fits_is_refused_and_counted() -> None:
    trunks, _ = greeted(LIBP2P)
    size = 100_000
    flying = sum(isinstance(message, Data) for _ in range(60) for message in messages(trunks.handle(Say("x" * size), 0.0)))
    assert TRUNK_WINDOW_BYTES - size < flying * size <= TRUNK_WINDOW_BYTES
    assert trunks.counters["refused"] == 60 - TRUNK_BYTES // (size + 10)
    assert trunks.waiting_bytes <= TRUNK_BYTES


def test_an_acknowledgement_lets_the_next_frames_go() -> None:
    trunks, _ = greeted(LIBP2P)
    for _ in range(30):
        trunks.handle(Say("x" * 100_000), 0.0)
    (hello,) = messages(trunks.handle(LinkUp(WEBSOCKET, MTU, WIDE, peer="B"), 0.0))
    effects = trunks.handle(FrameReceived(LIBP2P, encode_trunk(Ack(hello.name, 5))), 0.0)
    assert [message.number for message in messages(effects)] == list(range(20, 25))


def test_acknowledgements_wait_for_company_but_not_for_long() -> None:
    trunks, _ = greeted(LIBP2P)
    assert messages(trunks.handle(FrameReceived(LIBP2P, encode_data(0, b"one")), 5.0)) == []
    due = trunks.next_wakeup()
    assert due is not None
    assert 5.0 < due < 5.5
    assert messages(trunks.handle(Tick(), due)) == [Ack(FAR, 1)]
    assert trunks.next_wakeup() is None
    answers = [messages(trunks.handle(FrameReceived(LIBP2P, encode_data(1 + number, b"x")), 6.0)) for number in range(64)]
    assert answers[-1] == [Ack(FAR, 65)]
    assert not any(answers[:-1])


def test_a_frame_that_came_twice_is_acknowledged_again_over_the_link_it_came_by() -> None:
    trunks, engine = greeted(LIBP2P, WEBSOCKET)
    trunks.handle(FrameReceived(LIBP2P, encode_data(0, b"one")), 0.0)
    trunks.handle(Tick(), 0.2)
    trunks.handle(FrameReceived(WEBSOCKET, encode_data(0, b"one")), 1.0)
    assert messages(trunks.handle(Tick(), 1.2), WEBSOCKET) == [Ack(FAR, 1)]
    assert engine.arrived == [b"one"]


nonsense = {
    "nothing": b"",
    "an envelope without a number": b"\x88\x01",
    "an unknown kind": b"\xc1\x09",
    "a hello of a later version": b"\xc1\x00\x02" + bytes(32),
    "a hello without a name": encode_trunk(Hello(b"x" * 8, 0)).replace(b"x" * 8, bytes(8)),
    "a second hello": encode_trunk(Hello(FAR, 0)),
    "a hello cut short": encode_trunk(Hello(FAR, 0))[:-1],
    "a frame out of turn": encode_data(1, b"frame"),
    "an acknowledgement of what was never sent": None,
    "a pong nobody asked for": encode_trunk(Pong(7)),
    "a frame larger than any": encode_data(0, bytes(MAX_ENVELOPE + 1)),
}


@pytest.mark.parametrize("frame", nonsense.values(), ids=nonsense.keys())
def test_nonsense_closes_its_link_and_harms_no_other(frame: bytes | None) -> None:
    trunks, engine = greeted(LIBP2P, WEBSOCKET)
    if frame is None:
        name = messages(trunks.handle(LinkUp(LinkId("betanet:B"), MTU, WIDE, peer="B"), 0.0))[0].name
        frame = encode_trunk(Ack(name, 3))
    closed = [effect for effect in trunks.handle(FrameReceived(LIBP2P, frame), 0.0) if isinstance(effect, CloseLink)]
    assert [close.link for close in closed] == [LIBP2P]
    assert sum(trunks.drops.values()) == 1
    assert engine.arrived == []
    trunks.handle(LinkDown(LIBP2P, "closed"), 0.0)
    trunks.handle(FrameReceived(WEBSOCKET, encode_data(0, b"fine")), 0.0)
    assert engine.arrived == [b"fine"]


def test_nothing_is_taken_before_the_hello() -> None:
    trunks, engine = alone()
    trunks.handle(LinkUp(LIBP2P, MTU, WIDE, peer="B"), 0.0)
    (close,) = trunks.handle(FrameReceived(LIBP2P, encode_data(0, b"early")), 0.0)
    assert isinstance(close, CloseLink)
    assert engine.sites == engine.arrived == []


def test_our_own_hello_played_back_is_refused() -> None:
    trunks, engine = alone()
    (hello,) = trunks.handle(LinkUp(LIBP2P, MTU, WIDE, peer="B"), 0.0)
    (close,) = trunks.handle(FrameReceived(LIBP2P, hello.frame), 0.0)
    assert isinstance(close, CloseLink)
    assert engine.sites == []


def test_a_flood_of_pings_is_answered_for_a_while_only() -> None:
    trunks, _ = greeted(LIBP2P)
    answers = [messages(trunks.handle(FrameReceived(LIBP2P, encode_trunk(Ping(number))), 1.0)) for number in range(100)]
    assert sum(map(len, answers)) == TRUNK_PING_BURST


def test_more_links_than_there_may_be_are_closed() -> None:
    trunks, _ = alone()
    effects = [trunks.handle(LinkUp(LinkId(f"way{number}:B"), MTU, WIDE, peer="B"), 0.0) for number in range(MAX_LINES + 1)]
    assert isinstance(effects[-1][0], CloseLink)
    assert not any(isinstance(effect, CloseLink) for some in effects[:-1] for effect in some)


def test_more_sites_than_there_may_be_are_closed_and_one_that_rests_makes_room() -> None:
    trunks, _ = alone()
    for number in range(MAX_SITES):
        trunks.handle(LinkUp(LinkId(f"libp2p:{number}"), MTU, WIDE, peer=f"{number}"), 0.0)
    late = LinkUp(LinkId("libp2p:late"), MTU, WIDE, peer="late")
    assert isinstance(trunks.handle(late, 0.0)[0], CloseLink)
    trunks.handle(LinkDown(LinkId("libp2p:0"), "gone"), 1.0)
    assert isinstance(trunks.handle(late, 2.0)[0], SendFrame)
    assert len(trunks.routes()) == MAX_SITES


def test_a_link_that_takes_too_small_frames_is_never_used() -> None:
    trunks, engine = alone()
    trunks.handle(LinkUp(LIBP2P, 60_000, WIDE, peer="B"), 0.0)
    trunks.handle(FrameReceived(LIBP2P, encode_trunk(Hello(FAR, 0))), 0.0)
    assert engine.sites == []
    trunks.handle(LinkUp(WEBSOCKET, MTU, WIDE, peer="B"), 0.0)
    trunks.handle(FrameReceived(WEBSOCKET, encode_trunk(Hello(FAR, 0))), 0.0)
    assert trunks.routes()[0].using == WEBSOCKET
    assert trunks.decisions[-1].passed_over == ((LIBP2P, "it takes too small frames"),)


def test_closing_a_site_closes_every_link_to_it() -> None:
    trunks, engine = greeted(LIBP2P, WEBSOCKET)
    engine.answer = [CloseLink(LinkId("site:B"), "it sent nonsense")]
    assert {effect.link for effect in trunks.handle(Tick(), 0.0)} == {LIBP2P, WEBSOCKET}


def test_the_engines_own_wakeup_is_kept() -> None:
    trunks, engine = greeted(LIBP2P, WEBSOCKET)
    due = trunks.next_wakeup()
    assert due is not None
    engine.wakeup = 0.25
    assert trunks.next_wakeup() == 0.25
    engine.wakeup = 1e9
    assert trunks.next_wakeup() == due


def test_frames_of_an_unknown_kind_are_counted_by_reason() -> None:
    trunks, _ = greeted(LIBP2P)
    trunks.handle(FrameReceived(LIBP2P, b"\xc1\x09"), 0.0)
    assert trunks.drops[Reason.ENVELOPE] == 1


def test_the_largest_envelope_fits_everywhere_it_goes() -> None:
    assert SMALLEST_MTU <= MAX_LINK_FRAME
    assert MAX_ENVELOPE < TRUNK_WINDOW_BYTES < TRUNK_BYTES
    assert TRUNK_WINDOW_BYTES + MAX_ENVELOPE < SITE_QUEUE_BYTES  # so that the pump never sheds what has a number


def test_pings_that_a_link_is_sent_are_pings_that_are_answered() -> None:
    assert TRUNK_PING_RATE > 1 / PROBE_RETRY_S
    assert PROBE_IDLE_S + STALL_S < 10.0
    assert TRUNK_ACK_DELAY_S < STALL_S / 10


def about(pair: Pair, verb: Verb) -> list[tuple[object, object]]:
    return [(one.subject, one.hop) for one in pair.others if isinstance(one, Decided) and one.verb is verb]


def send_about(pair: Pair, subject: bytes, size: int = 100) -> None:
    pair.engines[0].answer = [SendFrame((LinkId("site:B"),), bytes(size), Priority.PUBLIC, subject)]
    pair.give(0, Tick())


def test_what_somebody_may_ask_about_is_told_to_have_arrived_and_how_long_it_took() -> None:
    pair = both()
    send_about(pair, b"one")
    assert about(pair, Verb.ACKNOWLEDGED) == []
    pair.run_for(0.5)
    (told,) = [one for one in pair.others if isinstance(one, Decided) and one.verb is Verb.ACKNOWLEDGED]
    assert (told.subject, told.hop) == (b"one", "B")
    assert 0.1 <= float(told.detail.removeprefix("seconds ")) <= 0.3


def test_it_is_told_once_however_often_the_way_changes() -> None:
    pair = both()
    send_about(pair, b"one")
    pair.run_for(0.06)
    pair.cut("libp2p")
    send_about(pair, b"two")
    pair.run_for(1.0)
    assert about(pair, Verb.ACKNOWLEDGED) == [(b"one", "B"), (b"two", "B")]


def test_what_is_kept_for_a_site_in_vain_is_told_to_be_lost() -> None:
    pair = both()
    for link in pair.links.values():
        link.silent = True
    send_about(pair, b"one")
    pair.cut("libp2p")
    pair.cut("websocket")
    pair.run_for(TRUNK_KEEP_S + 1)
    assert about(pair, Verb.LOST) == [(b"one", "B")]


def test_what_there_is_no_room_for_is_told_to_be_dropped() -> None:
    pair = both()
    for link in pair.links.values():
        link.silent = True
    for number in range(3):
        send_about(pair, bytes([number]), TRUNK_BYTES // 2 - 100)
    assert about(pair, Verb.DROPPED) == [(b"\x02", "B")]


def test_every_change_of_the_way_is_told() -> None:
    pair = both()
    pair.cut("libp2p")
    ways = [(one.hop, one.detail) for one in pair.others if isinstance(one, Decided) and (one.verb, one.subject) == (Verb.ROUTE, "B")]
    assert [hop for hop, _ in ways][-2:] == ["libp2p", "websocket"]
    assert "went down" in ways[-1][1]
