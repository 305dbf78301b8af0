import pytest

from gateway.cli.demo_islands import KEPT_CROSSINGS, Crossing, Phase
from gateway.cli.island import Got, Quiet
from gateway.testing.chat import PRIVATE, PUBLIC
from tests.cli.demo_scene import NORTH, SOUTH, doing, island_of, new_demo, private, public, talking


def test_a_fresh_demo_has_nothing_to_show_and_is_not_clean() -> None:
    demo = new_demo()
    assert demo.phase is Phase.STARTING
    assert not demo.is_clean()
    assert demo.result() == {
        "sent": 0,
        "delivered": 0,
        "lost": 0,
        "duplicates": 0,
        "messages": 0,
        "latency_ms": {"p50": 0.0, "p99": 0.0},
        "private": {"sent": 0, "delivered": 0},
        "order": {"overtaken": 0},
        "killed_nodes": 0,
        "transports": {},
    }


def test_one_message_to_five_phones_counts_five() -> None:
    demo = new_demo()
    doing(demo)
    public(demo, "Ada", 1)
    private(demo, "Ada", "Fay", 1)
    result = demo.result()
    assert (result["messages"], result["sent"], result["delivered"], result["lost"], result["duplicates"]) == (2, 6, 6, 0, 0)
    assert result["private"] == {"sent": 1, "delivered": 1}
    assert result["latency_ms"] == {"p50": 50.0, "p99": 150.0}
    assert result["transports"] == {name: {"restarts": 0, "crossed_out": 43, "crossed_in": 45} for name in ("north", "south")}
    assert demo.is_clean()


def test_a_delivery_that_is_missing_is_lost() -> None:
    demo = talking()
    assert demo.is_clean()
    public(demo, "Ada", 99, missing=("Fay", "Bela"))
    assert demo.result()["lost"] == 2
    assert not demo.is_clean()


@pytest.mark.parametrize("got", [Got("Ada #0", "Fay", 1_001.0), Got("Ada #0", "Ada", 1_001.0), Got("nobody said this", "Fay", 1_001.0)])
def test_what_comes_twice_or_to_the_wrong_phone_counts_as_a_duplicate(got: Got) -> None:
    demo = talking()
    demo.take(island_of(demo, got.recipient), got)
    assert demo.result()["duplicates"] == 1
    assert demo.result()["lost"] == 0
    assert not demo.is_clean()


def test_what_is_known_of_the_phones_is_added_up_over_the_islands() -> None:
    demo = new_demo()
    assert demo.acquaintances() == (0, 30)
    doing(demo, sites=0, acquainted=6)
    assert demo.phase is Phase.MEETING
    assert demo.acquaintances() == (12, 30)
    assert not demo.is_linked
    doing(demo)
    assert demo.acquaintances() == (30, 30)
    assert demo.is_linked


def test_crossings_are_messages_that_reached_the_other_island_with_their_slowest_delivery() -> None:
    demo = new_demo()
    public(demo, "Ada", 1, missing=("Emre",), latency=0.05)
    demo.take(island_of(demo, "Emre"), Got("Ada #1", "Emre", 1_000.2))
    private(demo, "Fay", "Bela", 1)
    private(demo, "Ada", "Bela", 2)  # stays on its island
    first, second = demo.recent
    assert (first.sender, first.kind, first.recipients, round(first.slowest, 3)) == ("Ada", PUBLIC, ["Dina", "Fay", "Emre"], 0.2)
    assert (second.sender, second.kind, second.recipients) == ("Fay", PRIVATE, ["Bela"])


def test_only_the_latest_crossings_are_kept() -> None:
    demo = new_demo()
    for number in range(KEPT_CROSSINGS + 5):
        private(demo, "Ada", "Fay", number)
    assert [crossing.message_id for crossing in demo.recent] == [f"private {number}" for number in range(5, KEPT_CROSSINGS + 5)]
    assert all(isinstance(crossing, Crossing) for crossing in demo.recent)


def test_the_books_wait_for_both_islands_to_be_quiet() -> None:
    demo = talking()
    for island, quiet in zip(demo.islands, ({"North"}, {"North", "South"}), strict=True):
        demo.take(island, Quiet())
        assert demo._quiet == quiet


def test_the_first_interruption_ends_the_talk_and_the_second_the_waiting() -> None:
    demo = talking()
    demo.interrupt()
    assert (demo._stop.is_set(), demo._hurry.is_set()) == (True, False)
    demo.interrupt()
    assert demo._hurry.is_set()
    assert demo.interrupted


def test_the_phones_of_both_islands_have_names_of_their_own() -> None:
    assert not set(NORTH) & set(SOUTH)
