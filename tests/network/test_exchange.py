"""Messages and receipts between two programs: nothing is delivered unproved, nothing comes twice, nothing grows."""

from gateway.errors import Reason
from gateway.limits import MAX_TAKEN_IDS, MAX_UNSETTLED, MAX_UNSETTLED_BYTES, MAX_UNTAKEN_PER_PEER, TRUNK_KEEP_S
from gateway.mesh.events import Tick
from gateway.network.exchange import FULL, LATE, LOST, NO_PROGRAM, NOT_LINKED, SLOW, UNREADABLE
from gateway.wire import envelope as wire
from gateway.wire.envelope_schema import Envelope, Kind
from gateway.wire.program import Fate
from tests.network.rigs import MTU, WIDE, Pair
from transports.link import FrameReceived, LinkDown, LinkId, LinkUp


def number(value: int) -> bytes:
    return value.to_bytes(16)


def test_a_message_is_delivered_once_the_other_program_has_taken_it_and_not_before() -> None:
    pair = Pair("libp2p")
    pair.bob.ears.takes = False
    pair.run_for(1.0)
    pair.submit(number(1), b"hello")
    pair.run_for(5.0)
    assert pair.bob.ears.messages == [b"hello"]
    assert pair.ann.ears.sends == [number(1)]
    assert pair.ann.ears.fates == {}
    pair.bob.ears.takes = True
    pair.give(pair.bob, Tick())
    pair.run_for(1.0)
    assert pair.ann.ears.fates == {number(1): ""}


def test_a_message_nobody_takes_has_failed_when_its_time_is_over() -> None:
    pair = Pair("libp2p")
    pair.bob.ears.takes = False
    pair.run_for(1.0)
    pair.submit(number(1), within=10.0)
    pair.run_for(9.9)
    assert pair.ann.ears.fates == {}
    pair.run_for(0.2)
    assert pair.ann.ears.fates == {number(1): LATE}
    pair.bob.ears.takes = True
    pair.give(pair.bob, Tick())
    pair.run_for(1.0)
    assert pair.ann.ears.fates == {number(1): LATE}  # its receipt came too late to change that


def test_a_message_waits_for_a_link_if_it_may() -> None:
    pair = Pair()
    assert pair.submit(number(1), waits=False) == NOT_LINKED
    assert pair.submit(number(2), within=20.0) == ""
    assert pair.submit(number(3), within=5.0) == ""
    pair.run_for(10.0)
    assert pair.ann.ears.fates == {number(3): NOT_LINKED}
    pair.raise_link("websocket")
    pair.run_for(1.0)
    assert pair.ann.ears.fates[number(2)] == ""


def test_failover_in_the_middle_loses_and_doubles_nothing_and_keeps_the_order() -> None:
    pair = Pair("libp2p", "websocket")
    pair.run_for(1.0)
    for value in range(40):
        pair.submit(number(value), str(value).encode())
    pair.silent.add("libp2p")
    for value in range(40, 80):
        pair.submit(number(value), str(value).encode())
    pair.run_for(10.0)
    assert pair.bob.ears.messages == [str(value).encode() for value in range(80)]
    assert set(pair.ann.ears.fates.values()) == {""}
    assert len(pair.ann.ears.fates) == 80
    assert pair.ann.ears.news == [("up", "bob")]


def test_a_program_that_is_started_anew_gets_what_it_had_not_acknowledged() -> None:
    pair = Pair("libp2p", "websocket")
    pair.run_for(1.0)
    pair.bob.ears.takes = False
    pair.submit(number(1), b"one")
    pair.run_for(1.0)
    pair.restart("bob")
    pair.submit(number(2), b"two")
    pair.run_for(5.0)
    assert pair.bob.ears.messages == [b"one", b"two"]
    assert pair.ann.ears.fates == {number(1): "", number(2): ""}


def test_a_program_started_anew_on_one_link_while_the_other_seems_up_is_greeted_and_gets_its_messages() -> None:
    pair = Pair("libp2p", "websocket")
    pair.run_for(1.0)
    pair.bob.ears.takes = False
    pair.submit(number(1), b"one")
    pair.run_for(1.0)
    dead = pair.links.pop("websocket")  # nobody has noticed yet
    pair.restart("bob")
    pair.bob.ears.takes = True
    pair.run_for(5.0)
    assert dead
    assert pair.bob.ears.messages == [b"one"]
    assert pair.ann.ears.fates == {number(1): ""}
    assert pair.ann.ears.news[-2:] == [("down", "bob"), ("up", "bob")]
    pair.submit(number(2), b"back", side="bob")
    pair.run_for(1.0)
    assert pair.ann.ears.messages == [b"back"]


def test_a_link_that_one_side_never_missed_comes_up_again_for_the_other() -> None:
    pair = Pair("libp2p")
    pair.run_for(1.0)
    link = LinkId("site:bob")
    pair.ann.exchange.handle(LinkDown(link, "noticed here only"), pair.now)
    assert not pair.ann.exchange.is_up("bob")
    pair.ann.exchange.handle(LinkUp(link, MTU, WIDE, "bob"), pair.now)
    pair.submit(number(1))
    (greeting,) = pair.ann.exchange.handle(LinkUp(link, MTU, WIDE, "bob"), pair.now)
    (answer,) = pair.bob.exchange.handle(FrameReceived(LinkId("site:ann"), greeting.frame), pair.now)
    pair.ann.exchange.handle(FrameReceived(link, answer.frame), pair.now)
    assert pair.ann.exchange.is_up("bob")
    assert pair.bob.exchange.handle(FrameReceived(LinkId("site:ann"), answer.frame), pair.now) == []  # which is not answered


def test_a_repeat_is_never_given_to_the_program_again_and_its_receipt_is() -> None:
    pair = Pair("libp2p")
    pair.run_for(1.0)
    pair.submit(number(1), b"once")
    pair.run_for(1.0)
    del pair.ann.ears.fates[number(1)]
    pair.submit(number(1), b"once")
    pair.run_for(1.0)
    assert pair.bob.ears.messages == [b"once"]
    assert pair.ann.ears.fates == {number(1): ""}
    assert pair.bob.exchange.repeats == 1


def test_what_the_other_program_refuses_has_failed_at_once_and_may_be_sent_again() -> None:
    pair = Pair("libp2p")
    pair.run_for(1.0)
    for fate, reason in ((Fate.NO_ROOM, SLOW), (Fate.UNREADABLE, UNREADABLE)):
        pair.bob.ears.answer = fate
        pair.submit(number(fate))
        pair.run_for(1.0)
        assert pair.ann.ears.fates[number(fate)] == reason
    pair.bob.ears.answer = None
    del pair.ann.ears.fates[number(Fate.NO_ROOM)]
    pair.submit(number(Fate.NO_ROOM), b"again")
    pair.run_for(1.0)
    assert pair.bob.ears.messages == [b"again"]


def test_no_more_is_sent_ahead_than_the_other_program_has_places_for() -> None:
    pair = Pair("libp2p")
    pair.run_for(1.0)
    pair.bob.ears.takes = False
    for value in range(MAX_UNTAKEN_PER_PEER + 100):
        assert pair.submit(number(value)) == ""
    pair.run_for(5.0)
    assert len(pair.bob.ears.messages) == MAX_UNTAKEN_PER_PEER
    pair.bob.ears.takes = True
    pair.give(pair.bob, Tick())
    pair.run_for(5.0)
    assert set(pair.ann.ears.fates.values()) == {""}
    assert len(pair.ann.ears.fates) == MAX_UNTAKEN_PER_PEER + 100


def test_too_many_or_too_large_messages_are_refused_here() -> None:
    pair = Pair()
    for value in range(MAX_UNSETTLED):
        assert pair.submit(number(value)) == ""
    assert pair.submit(number(MAX_UNSETTLED)) == FULL
    pair = Pair()
    size = 200_000
    for value in range(MAX_UNSETTLED_BYTES // (size + 100)):
        assert pair.submit(number(value), bytes(size)) == ""
    assert pair.submit(number(99), bytes(size)) == FULL


def test_the_memory_of_repeats_is_bounded() -> None:
    pair = Pair("libp2p")
    pair.run_for(1.0)
    for value in range(MAX_TAKEN_IDS + 50):
        pair.submit(number(value))
        if value % 100 == 0:
            pair.run_for(0.3)
    pair.run_for(5.0)
    assert len(pair.bob.exchange._peers["ann"].came) == MAX_TAKEN_IDS
    assert len(pair.ann.exchange._peers["bob"].open) == 0
    assert pair.ann.exchange.next_wakeup() is None


def test_what_a_trunk_gives_up_has_failed() -> None:
    pair = Pair("libp2p")
    pair.run_for(1.0)
    pair.silent.add("libp2p")
    pair.submit(number(1), within=2 * TRUNK_KEEP_S)
    pair.cut("libp2p")
    pair.run_for(TRUNK_KEEP_S + 1)
    assert pair.ann.ears.fates == {number(1): LOST}


def test_a_gateway_that_answers_takes_no_messages() -> None:
    pair = Pair()
    pair.submit(number(1))
    pair.ann.exchange.handle(LinkUp(LinkId("site:bob"), MTU, WIDE, "bob"), pair.now)
    greeting = wire.encode(Envelope(bytes(16), Kind.PRESENCE, bytes(8), (bytes(8),), 0, 0, bytes([1, 2, 3])))
    assert pair.ann.exchange.handle(FrameReceived(LinkId("site:bob"), greeting), pair.now) == []
    assert pair.ann.ears.fates == {number(1): NO_PROGRAM}
    assert pair.submit(number(2)) == NO_PROGRAM
    assert pair.ann.ears.news == [("gateway", "bob")]


def test_who_is_not_named_is_hung_up_on() -> None:
    pair = Pair()
    pair.give(pair.ann, LinkUp(LinkId("libp2p:eve"), MTU, WIDE, "eve"))
    effects = pair.ann.exchange.handle(LinkUp(LinkId("site:eve"), MTU, WIDE, "eve"), 0.0)
    assert [type(effect).__name__ for effect in effects] == ["CloseLink"]


def test_nonsense_costs_the_link_and_is_counted() -> None:
    pair = Pair("libp2p")
    pair.run_for(1.0)
    effects = pair.ann.exchange.handle(FrameReceived(LinkId("site:bob"), b"nonsense"), pair.now)
    assert [type(effect).__name__ for effect in effects] == ["CloseLink"]
    assert sum(pair.ann.exchange.drops.values()) == 1
    packet = wire.encode(Envelope(bytes(16), Kind.FRAME, bytes(8), (), 0, 0, b"packet"))
    assert pair.ann.exchange.handle(FrameReceived(LinkId("site:bob"), packet), pair.now) == []
    assert pair.ann.exchange.drops[Reason.NOT_BRIDGEABLE] == 1


def test_parting_tells_the_fate_of_everything() -> None:
    pair = Pair("libp2p")
    pair.run_for(1.0)
    pair.bob.ears.takes = False
    pair.submit(number(1))
    pair.ann.exchange.forget("bob", "parted")
    assert pair.ann.ears.fates == {number(1): "parted"}
    assert pair.ann.ears.news[-1] == ("down", "bob")
    assert "bob" not in pair.ann.exchange
    assert pair.ann.exchange.next_wakeup() is None
