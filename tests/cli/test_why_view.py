"""What ``meshgate why`` prints for a person; running gateways are asked in tests/app."""

import msgspec
import pytest

from gateway.admin.why import CandidateDocument, DeliveryDocument, LatestDocument, StepDocument, WhyDocument
from gateway.cli.why_view import print_candidates, print_latest, print_story

NOON = 1_750_000_000_000


def step(after_ms: int, sentence: str) -> StepDocument:
    return StepDocument(NOON + after_ms, after_ms, "aabb", "heard", "ble", "", "", "", sentence)


def lines_of(capsys: pytest.CaptureFixture) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_a_story_is_told_in_order_with_the_time_since_its_beginning(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    steps = (
        step(0, "Heard."),
        step(41, "Sent to Hut, " + "because the bridge is open, " * 3),
        step(200_000, "Late."),
        step(9_000_000, "Later."),
    )
    print_story(WhyDocument("aabb", "aabbcc", ("ddee", "ff00"), steps, NOON + 60_000))
    lines = lines_of(capsys)
    assert lines[:2] == ["aabbcc", "also known as ddee, ff00"]
    assert lines[4] == "  +0.000 s  Heard."
    assert lines[5].startswith("  +0.041 s  Sent to Hut")
    assert lines[6].startswith(" " * 12 + "the bridge")
    assert max(map(len, lines[:8])) <= 60
    assert [line.split()[0] for line in lines if "Late" in line] == ["+3.3", "+2.5"]
    assert lines[-1].endswith("for phones that ask for what they missed.")


def test_a_message_on_its_way_says_how_far_it_is(capsys: pytest.CaptureFixture) -> None:
    waiting = DeliveryDocument("sent", "", 1, NOON, NOON + 60_000, None)
    print_story(WhyDocument("aabb", "aabbcc", delivery=waiting))
    assert "It is on its way: sent, after 1 try; it is given up at" in lines_of(capsys)[-1]
    print_story(
        WhyDocument("aabb", "aabbcc", delivery=msgspec.structs.replace(waiting, state="failed", reason="store", attempts=3, ended_ms=NOON))
    )
    assert "It has ended: failed (store), after 3 tries, at" in lines_of(capsys)[-1]


def test_several_that_begin_alike_are_listed_with_their_whole_ids(capsys: pytest.CaptureFixture) -> None:
    listed = tuple(CandidateDocument(f"aabb{number:028x}", NOON, 1, "", "Heard.") for number in range(2))
    print_candidates(WhyDocument("aabb", candidates=listed))
    lines = lines_of(capsys)
    assert lines[0] == "2 begin with aabb; write more of the one you mean."
    assert listed[1].id in lines[-1]


def test_the_latest_are_one_line_each_or_a_sentence(capsys: pytest.CaptureFixture) -> None:
    print_latest(LatestDocument((CandidateDocument("aabb" * 8, NOON, 1, "message 9 bytes", "Heard."),)))
    header, line = lines_of(capsys)
    assert header.split() == ["AT", "ID", "WHAT", "WHAT", "WAS", "DONE", "LAST"]
    assert line.split()[2:] == ["aabbaabbaabb", "message", "9", "bytes", "Heard"]
    print_latest(LatestDocument(()))
    assert lines_of(capsys) == ["Nothing was recorded yet."]
