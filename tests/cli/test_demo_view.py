import io
import re

import pytest
from rich.console import Console

from gateway.cli.demo_islands import Phase
from gateway.cli.demo_view import FRAME_S, LINE_S, Lines, Live, picture, summary
from tests.cli.demo_scene import EVERYONE, doing, new_demo, private, public, talking

CLEAN = {
    "sent": 125,
    "delivered": 125,
    "lost": 0,
    "duplicates": 0,
    "messages": 37,
    "latency_ms": {"p50": 41.6, "p99": 166.2},
    "private": {"sent": 15, "delivered": 15},
    "killed_nodes": 0,
    "transports": {},
}
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def console(width: int, height: int = 40, *, colour: bool = False) -> Console:
    return Console(file=io.StringIO(), width=width, height=height, force_terminal=colour, color_system="truecolor" if colour else None)


def drawn(demo, width: int, height: int = 40) -> list[str]:
    window = console(width, height)
    window.print(picture(demo, window))
    return window.file.getvalue().splitlines()


def scenes():
    starting = new_demo()
    meeting = new_demo()
    doing(meeting, sites=0, acquainted=6)
    waiting = talking()
    public(waiting, "Ada", 99, missing=("Fay",))
    waiting.phase = Phase.SETTLING
    killed = talking(60)
    killed.killed = 1
    done = talking(60)
    done.phase = Phase.DONE
    return {
        "starting": starting,
        "meeting": meeting,
        "talking": talking(),
        "timed": talking(60),
        "waiting": waiting,
        "killed": killed,
        "done": done,
    }


@pytest.mark.parametrize("width", [20, 40, 60, 75, 76, 80, 100, 200])
@pytest.mark.parametrize("scene", scenes())
def test_every_scene_fits_every_window(scene: str, width: int) -> None:
    lines = drawn(scenes()[scene], width)
    assert lines
    assert max(map(len, lines)) <= min(width, 100)


@pytest.mark.parametrize("width", [40, 60, 100])
def test_it_says_who_is_near_what_crossed_and_how_long_it_took(width: int) -> None:
    text = "\n".join(drawn(talking(), width))
    for words in ("Island North", "Island South", *EVERYONE, "near", "far", "linked", "Ada → Fay", "sealed", "150 ms", "50 ms"):
        assert words in text
    assert "19 messages, 91 delivered, 0 on the way" in " ".join(text.split())


def test_wide_windows_have_the_islands_side_by_side_and_narrow_ones_below_each_other() -> None:
    assert [("North" in line and "South" in line) for line in drawn(talking(), 100)].count(True) == 1
    assert [("North" in line and "South" in line) for line in drawn(talking(), 60)].count(True) == 0


@pytest.mark.parametrize(("width", "height"), [(100, 24), (100, 16), (60, 24), (40, 26)])
def test_a_low_window_shows_fewer_crossings_so_that_all_of_it_fits(width: int, height: int) -> None:
    demo = talking()
    lines = drawn(demo, width, height)
    assert len(lines) < height
    assert any("Ada → Fay" in line for line in lines)  # the latest stays


def test_the_picture_keeps_its_height_while_messages_come_in() -> None:
    demo = new_demo()
    doing(demo)
    demo.phase = Phase.TALKING
    private(demo, "Ada", "Fay", 0)
    heights = set()
    for number in range(1, 20):
        heights.add(len(drawn(demo, 100)))
        private(demo, "Ada", "Fay", number)
    assert len(heights) == 1


@pytest.mark.parametrize(
    ("scene", "sentence"),
    [
        ("starting", "Two gateways are starting."),
        ("meeting", "The gateways are looking for each other."),
        ("talking", "6 phones on two islands are talking."),
        ("waiting", "Waiting for the last messages. Ctrl-C stops at once."),
        ("done", "Both gateways have stopped."),
    ],
)
def test_the_first_line_is_a_true_sentence(scene: str, sentence: str) -> None:
    assert drawn(scenes()[scene], 100)[0].startswith(sentence)


def test_progress_is_shown_while_the_phones_get_to_know_each_other() -> None:
    demo = new_demo()
    doing(demo, acquainted=6)
    assert "12 of 30 acquaintances" in drawn(demo, 100)[0]


def test_a_link_that_is_gone_is_said_in_words() -> None:
    demo = talking()
    doing(demo, sites=0)
    lines = drawn(demo, 100)
    assert lines[0].startswith("The link is gone.")
    assert any("no link" in line for line in lines)


def test_how_to_end_it_is_shown_unless_it_ends_by_itself() -> None:
    assert any("Ctrl-C ends the talk" in line for line in drawn(talking(), 100))
    assert not any("Ctrl-C" in line for line in drawn(talking(60), 100))
    assert "of 60 s" in drawn(talking(60), 100)[0]


def test_a_killed_process_is_told_of() -> None:
    assert any("1 libp2p process was killed on the way." in line for line in drawn(scenes()["killed"], 100))


def test_the_live_picture_draws_and_leaves_the_terminal_as_it_was() -> None:
    demo = talking()
    window = console(100, colour=True)
    with Live(demo, window) as view:
        view.update()
        view.update()
        demo.phase = Phase.DONE
    output = window.file.getvalue()
    assert output.count("\x1b[?25l") == output.count("\x1b[?25h") == 1  # the cursor is hidden and shown again
    assert "Both gateways have stopped." in ESCAPES.sub("", output)


def test_the_live_picture_is_drawn_now_and_then_only(monkeypatch: pytest.MonkeyPatch) -> None:
    demo, now = talking(), [100.0]
    monkeypatch.setattr("gateway.cli.demo_view.time.monotonic", lambda: now[0])
    window = console(100, colour=True)
    with Live(demo, window) as view:
        sizes = []
        for now[0] in (100.0, 100.0 + FRAME_S / 2, 100.0 + FRAME_S):
            view.update()
            sizes.append(len(window.file.getvalue()))
    assert sizes[0] == sizes[1] < sizes[2]


def test_plain_lines_come_with_each_phase_and_every_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    demo, now, said = new_demo(), [100.0], []
    monkeypatch.setattr("gateway.cli.demo_view.time.monotonic", lambda: now[0])
    with Lines(demo, said.append) as view:
        view.update()
        view.update()
        assert said == ["starting two gateways: 0 messages, 0 delivered, 0 on the way, 0 twice"]
        now[0] += LINE_S
        view.update()
        assert len(said) == 2
        demo.phase = Phase.TALKING
        private(demo, "Ada", "Fay", 1)
        view.update()
    assert said[2:] == ["talking: 1 message, 1 delivered, 0 on the way, 0 twice, half within 150 ms, 99 of 100 within 150 ms"]


def test_the_summary_of_a_clean_demo() -> None:
    assert summary(CLEAN).splitlines() == [
        "Nothing was lost and nothing came twice.",
        "37 messages made 125 of 125 deliveries, 15 of 15 private ones among them (Noise XX from phone to phone).",
        "Half took at most 42 ms, 99 of 100 at most 166 ms.",
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lost": 1, "delivered": 124}, "Not everything went well: 1 lost delivery, 0 twice."),
        ({"lost": 5, "delivered": 120}, "Not everything went well: 5 lost deliveries, 0 twice."),
        ({"duplicates": 2}, "Not everything went well: 0 lost deliveries, 2 twice."),
        ({"messages": 0}, "The demo ended before anybody spoke."),
        ({"killed_nodes": 1}, "1 libp2p process was killed on the way."),
        ({"messages": 1}, "1 message made 125 of 125 deliveries"),
    ],
)
def test_the_summary_says_what_went_wrong(change: dict, words: str) -> None:
    text = summary(CLEAN | change)
    assert words in text
    assert ("Nothing was lost" in text) == (not {"lost", "duplicates"} & set(change) and change.get("messages") != 0)


def test_the_summary_takes_what_the_demo_gives() -> None:
    assert summary(talking().result()).startswith("Nothing was lost and nothing came twice.\n19 messages made 91 of 91 deliveries, 1 of 1")
