import pytest

from gateway.mesh.effects import PrivateMessage, PublicMessage
from gateway.mesh.events import ClockSet
from tests.testing.flooder import Flooder
from tests.testing.small_islands import flooding_island
from transports.link import FrameReceived, LinkDown, LinkUp

NAMES = [f"a{n}" for n in range(1, 13)]


def test_phones_talk_to_each_other_without_a_gateway():
    island = flooding_island(NAMES)
    island.advance(1.0)
    island.say("a1", "hello")
    island.advance(2.0)
    assert {notice.node for notice in island.notices if isinstance(notice.effect, PublicMessage)} == {*NAMES} - {"a1"}
    assert not island.has_gateway_events


def test_a_whisper_is_observed_by_its_recipient_alone():
    island = flooding_island(NAMES)
    island.advance(1.0)
    island.whisper("a1", island.phones["a9"].peer_id, "ID-1", "psst")
    island.advance(2.0)
    private = [notice for notice in island.notices if isinstance(notice.effect, PrivateMessage)]
    assert [(notice.node, notice.effect.text) for notice in private] == [("a9", "psst")]
    assert private[0] in island.heard("a9")
    assert 1.0 < private[0].at < 2.0


def test_the_gateway_hears_the_phones_in_reach_and_they_hear_it():
    island = flooding_island(NAMES)
    island.switch_on()
    island.advance(0.1)
    links = [event.link for event in island.take_gateway_events() if isinstance(event, LinkUp)]
    assert 4 <= len(links) <= 8
    island.say("a12", "far away")
    island.advance(1.0)
    assert any(isinstance(event, FrameReceived) and b"far away" in event.frame for event in island.take_gateway_events())
    assert island.gateway_send(links[0], b"\x01\x02\x07" + bytes(11) + b"gateway!from the box", 1.5)
    island.advance(2.5)
    assert {n.node for n in island.notices if isinstance(n.effect, PublicMessage) and n.effect.text == "from the box"} == {*NAMES}


def test_switching_off_takes_every_gateway_link_down_and_on_brings_them_back():
    island = flooding_island(NAMES)
    island.switch_on()
    island.switch_on()
    island.advance(0.1)
    ups = {event.link for event in island.take_gateway_events() if isinstance(event, LinkUp)}
    island.switch_off()
    island.advance(0.2)
    assert {event.link for event in island.take_gateway_events() if isinstance(event, LinkDown)} == ups
    island.advance(20.0)
    assert not island.has_gateway_events
    island.switch_on()
    island.advance(20.1)
    assert {event.link for event in island.take_gateway_events() if isinstance(event, LinkUp)} == ups


def test_the_gateway_may_close_one_link():
    island = flooding_island(["a1"])
    island.switch_on()
    island.advance(0.1)
    up = island.take_gateway_events()[0]
    island.gateway_close(up.link, "rude", 0.2)
    island.advance(0.3)
    assert island.take_gateway_events() == [LinkDown(up.link, "rude")]
    assert LinkDown("radio:gateway@a1", "rude") in island.phones["a1"].engine.events


def test_an_oversized_frame_of_the_gateway_is_refused():
    island = flooding_island(["a1"])
    island.switch_on()
    island.advance(0.1)
    up = island.take_gateway_events()[0]
    with pytest.raises(ValueError, match="MTU"):
        island.gateway_send(up.link, bytes(up.mtu + 1), 0.2)


def test_the_wall_clock_reaches_every_phone():
    island = flooding_island(["a1", "a2"])
    island.advance(3.0)
    island.set_clock(1000.0)
    assert island.unix == 1003.0
    for phone in island.phones.values():
        assert isinstance(phone.engine, Flooder)
        assert phone.engine.events[-1] == ClockSet(1000.0)


def test_what_the_phones_observed_is_kept_within_a_bound(monkeypatch):
    monkeypatch.setattr("gateway.testing.island.KEPT_NOTICES", 10)
    island = flooding_island(["a1", "a2"])
    island.advance(52.0)
    for number in range(30):
        island.say("a1", str(number))
    island.advance(53.0)
    assert [notice.effect.text for notice in island.notices][-1] == "29"
    assert len(island.notices) == 10
