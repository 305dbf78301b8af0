"""Entries with an end, in the order they were put in."""

from dataclasses import dataclass

from gateway.session.timeline import Timeline


@dataclass
class Entry:
    ends_at: float


def test_entries_end_in_order_and_not_before_their_time() -> None:
    timeline: Timeline[Entry] = Timeline()
    for n in range(3):
        timeline.put(bytes((n,)), Entry(10.0 + n))
    assert timeline.next_end() == 10.0
    assert timeline.pop_ended(9.9) == []
    assert timeline.pop_ended(11.0) == [Entry(10.0), Entry(11.0)]
    assert timeline.next_end() == 12.0
    assert timeline.pop_ended(99.0) == [Entry(12.0)]
    assert timeline.next_end() is None


def test_an_entry_put_again_becomes_the_youngest() -> None:
    timeline: Timeline[Entry] = Timeline()
    for peer_id, ends_at in ((b"a", 1.0), (b"b", 2.0), (b"a", 3.0)):
        timeline.put(peer_id, Entry(ends_at))
    assert len(timeline) == 2
    assert timeline.items() == [(b"b", Entry(2.0)), (b"a", Entry(3.0))]
    assert timeline.pop_ended(2.0) == [Entry(2.0)]
    assert timeline.pop(b"a") == Entry(3.0)
    assert timeline.pop(b"a") is None
