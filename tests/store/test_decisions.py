"""What ``why`` and ``policy dry-run`` can know, and what nobody can."""

from random import Random

import pytest

from gateway.limits import (
    DECISION_LIFETIME_MS,
    MAX_DECISION_DETAIL,
    MAX_DECISION_WORDS,
    MAX_MESSAGE_ID,
    MAX_SHAPE_SITES,
    SHAPE_LIFETIME_MS,
)
from gateway.store import decisions, shapes
from gateway.store.decisions import MAX_TRAIL, Decision, Decisions
from gateway.store.shapes import DAY_MS, Shape, Shapes
from tests.store.stores import NOW, opened, writing

ADA = b"ada-----"
UUID = "7F3A9C10-0000-4000-8000-00000000BEEF"


@pytest.fixture
def store(tmp_path):
    with writing(tmp_path / "store.db") as one:
        yield one


def decision(subject, number=0, **changes):
    return Decision(subject, NOW + number, "radio", "dropped", "rule 3", "budget", **changes)


def shape(packet_id, at_ms=NOW, origin=ADA, verdict="crossed", sites=()):
    return Shape(packet_id, at_ms, 2, 300, directed=False, signed=True, origin=origin, via=b"", verdict=verdict, sites=sites)


def test_the_trail_of_a_packet_is_told_in_order_and_survives_a_restart(tmp_path):
    rows = [decision("aabbcc", 1, detail="12 ms"), decision("aabbcc", 2), decision("aabbcc", 0)]
    with writing(tmp_path / "store.db") as store:
        for row in (rows[0], decision("other"), *rows[1:]):
            store.decisions.add(row)
    with opened(tmp_path / "store.db") as store:
        assert store.decisions.trail("aabbcc") == rows
        assert store.decisions.trail("aabbcd") == []


def test_an_id_is_found_by_its_beginning_and_capitals_do_not_matter(store):
    for subject in (UUID, "7f3a0000", "7f3b0000", "7f3a0000"):
        store.decisions.add(decision(subject))
    assert store.decisions.subjects("7F3A", 9) == ["7f3a0000", UUID.lower()]  # the latest first
    assert store.decisions.subjects("7f3a", 1) == ["7f3a0000"]
    assert store.decisions.subjects(UUID, 9) == [UUID.lower()]
    assert len(store.decisions.trail(UUID.lower())) == 1
    with pytest.raises(ValueError, match="4 characters"):
        store.decisions.subjects("7f3", 9)


@pytest.mark.parametrize("prefix", ["%%%%", "____", "7f3a%", "' OR '"])
def test_a_prefix_is_taken_literally(store, prefix):
    store.decisions.add(decision("7f3a0000"))
    assert store.decisions.subjects(prefix, 9) == []


def test_words_that_are_too_long_are_cut(store):
    long = "x" * 1_000
    store.decisions.add(Decision(long, NOW, long, long, long, long, long))
    (row,) = store.decisions.trail(long[:MAX_MESSAGE_ID])
    assert {len(word) for word in (row.hop, row.verb, row.rule, row.reason)} == {MAX_DECISION_WORDS}
    assert len(row.detail) == MAX_DECISION_DETAIL


def test_the_record_keeps_the_newest_rows(store):
    record = Decisions(store.database, capacity=100)
    for number in range(decisions.PRUNE_EVERY):
        record.add(decision(f"{number:08}"))
    assert store.database.rows("SELECT count(*), min(subject) FROM decision") == [(100, f"{decisions.PRUNE_EVERY - 100:08}")]


def test_the_record_forgets_after_a_week(store):
    store.decisions.add(decision("old"))
    store.decisions.add(decision("young", 1))
    assert store.decisions.prune(NOW + DECISION_LIFETIME_MS) == 0
    assert store.decisions.prune(NOW + DECISION_LIFETIME_MS + 1) == 1
    assert store.decisions.trail("young")


def test_of_a_packet_with_an_endless_trail_the_end_is_told(store):
    for number in range(MAX_TRAIL + 1):
        store.decisions.add(decision("busy", number))
    trail = store.decisions.trail("busy")
    assert (len(trail), trail[0].at_ms, trail[-1].at_ms) == (MAX_TRAIL, NOW + 1, NOW + MAX_TRAIL)


def test_a_dry_run_sees_what_a_rule_would_have_seen(store):
    before, inside, after = (shape(bytes([n]), NOW + n) for n in (1, 2, 3))
    for one in (before, inside, after):
        store.shapes.add(one)
    (seen,) = store.shapes.between(NOW + 2, NOW + 3)
    assert (seen.packet_id, seen.kind, seen.size, seen.directed, seen.signed, seen.via, seen.verdict) == (
        b"\x02", 2, 300, False, True, b"", "crossed",
    )  # fmt: skip


def test_more_than_one_piece_is_walked(store):
    for number in range(shapes._LOAD + 1):
        store.shapes.add(shape(str(number).encode()))
    assert len(list(store.shapes.between(NOW, NOW + 1))) == shapes._LOAD + 1


def test_the_last_verdict_of_a_packet_counts(store):
    store.shapes.add(shape(b"one", verdict="unknown_recipient"))
    store.shapes.add(shape(b"one", NOW + 9, verdict="crossed"))
    assert [(one.at_ms, one.verdict) for one in store.shapes.between(0, NOW + 99)] == [(NOW, "crossed")]
    store.shapes.add(shape(b"one", verdict="expired"))
    (one,) = store.shapes.between(0, NOW + 99)
    assert one.verdict == "crossed"  # it has, whatever came of a later copy


def test_what_became_of_a_packet_at_each_site_is_added_up_and_the_last_counts(store):
    hut, hall = bytes(8), b"\xff" * 8  # no text in any encoding
    store.shapes.add(shape(b"one", verdict="policy", sites=((hut, "policy"), (hall, "crossed"))))
    store.shapes.add(shape(b"one", sites=((hut, "crossed"),)))
    store.shapes.add(shape(b"two"))
    assert [dict(one.sites) for one in store.shapes.between(0, NOW + 1)] == [{hut: "crossed", hall: "crossed"}, {}]


def test_no_more_sites_are_kept_with_a_packet_than_there_can_be_links(store):
    names = [number.to_bytes(8) for number in range(3 * MAX_SHAPE_SITES)]
    store.shapes.add(shape(b"one", sites=tuple((name, "policy_limit") for name in names[: 2 * MAX_SHAPE_SITES])))
    for name in names[2 * MAX_SHAPE_SITES :]:
        store.shapes.add(shape(b"one", sites=((name, "crossed"),)))
    (one,) = store.shapes.between(0, NOW + 1)
    assert one.sites == tuple((name, "crossed") for name in names[2 * MAX_SHAPE_SITES :])


def test_a_page_begins_behind_a_number_and_is_no_longer_than_was_asked(store):
    for number in range(5):
        store.shapes.add(shape(bytes([number])))
    first = store.shapes.page(NOW, NOW + 1, 0, 3)
    assert [one.packet_id for _, one in first] == [b"\0", b"\1", b"\2"]
    assert [one.packet_id for _, one in store.shapes.page(NOW, NOW + 1, first[-1][0], 3)] == [b"\3", b"\4"]


def test_a_sender_is_known_by_a_hash_that_a_rule_can_make_and_that_changes_with_the_day(store):
    store.shapes.add(shape(b"today"))
    store.shapes.add(shape(b"today too"))
    store.shapes.add(shape(b"tomorrow", NOW + DAY_MS))
    store.shapes.add(shape(b"Ben's", origin=b"ben-----"))
    origins = {one.packet_id: one.origin for one in store.shapes.between(0, NOW + 9 * DAY_MS)}
    assert origins[b"today"] == origins[b"today too"]
    assert store.shapes.tags(ADA) == {origins[b"today"], origins[b"tomorrow"]}
    assert len(set(origins.values())) == 3


def test_who_sent_what_is_nowhere_in_the_file_and_the_days_key_goes_with_the_day(tmp_path):
    with writing(tmp_path / "store.db") as store:
        store.shapes.add(shape(b"packet"))
    assert ADA not in (tmp_path / "store.db").read_bytes()
    with writing(tmp_path / "store.db") as store:
        ((key,),) = store.database.rows("SELECT key FROM salt")
        assert store.shapes.prune(NOW + SHAPE_LIFETIME_MS) == 0
        assert store.shapes.prune(NOW + SHAPE_LIFETIME_MS + DAY_MS) == 1
        assert store.shapes.tags(ADA) == frozenset()
    assert key not in (tmp_path / "store.db").read_bytes()


def test_two_gateways_have_different_keys(tmp_path):
    tags = []
    for seed in (1, 2):
        with writing(tmp_path / f"{seed}.db", Random(seed)) as store:
            store.shapes.add(shape(b"packet"))
            tags.append(store.shapes.tags(ADA))
    assert tags[0] != tags[1]


def test_the_newest_shapes_are_kept(store):
    kept = Shapes(store.database, Random(1).randbytes, capacity=100)
    for number in range(shapes.PRUNE_EVERY):
        kept.add(shape(str(number).encode()))
    assert len(list(kept.between(0, NOW + 1))) == 100
