"""The page Diagnostics: frames are watched only when somebody asks, and what was found is said."""

import pytest

from gateway.admin.access.roles import Role
from gateway.admin.frames import FramesQuery, Way
from gateway.admin.operations import OperationDocument, OperationsDocument, Phase
from gateway.admin.route import Call
from tests.admin.visiting import WHEN, Read, Visited


def asked(visited: Visited) -> list[FramesQuery]:
    return [call.query(FramesQuery) for name, call in visited.asked if name == "watch_frames"]


async def test_frames_are_not_watched_before_somebody_asks_for_it() -> None:
    visited = Visited()
    _, text, _ = await visited.ask("/diagnostics")
    assert asked(visited) == []
    assert 'href="/diagnostics?watch=1#monitor"' in text


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", FramesQuery()),
        ("&kind=voice&way=out&link=3&verdict=dropped", FramesQuery(kind="voice", way=Way.OUT, link=3, verdict="dropped")),
        ("&way=sideways", FramesQuery()),
        ("&link=-1", FramesQuery()),
        ("&link=99999999999999999999", FramesQuery()),
        (f"&kind={'x' * 500}", FramesQuery()),
    ],
)
async def test_filters_go_to_the_api_and_nonsense_is_no_filter(query, wanted) -> None:
    visited = Visited()
    code, _, _ = await visited.ask(f"/diagnostics?watch=1{query}")
    assert code == 200
    assert asked(visited) == [wanted]


@pytest.mark.parametrize(("role", "told"), [(Role.ADMIN, True), (Role.OPERATOR, False)])
async def test_peer_ids_are_asked_for_by_admins_who_want_them(role, told) -> None:
    visited = Visited(role=role)
    _, text, _ = await visited.ask("/diagnostics?watch=1&peer_ids=on")
    assert [one.peer_ids for one in asked(visited)] == [told]
    assert ('id="peer_ids"' in text) == told
    await visited.ask("/diagnostics?watch=1")
    assert asked(visited)[-1].peer_ids is False


async def test_a_viewer_is_shown_no_frames_and_no_doctor() -> None:
    visited = Visited(role=Role.VIEWER)
    code, text, _ = await visited.ask("/diagnostics?watch=1")
    assert code == 200
    assert asked(visited) == []
    assert [one["action"] for tag, one in Read(text).elements if tag == "form"] == ["/logout"]


@pytest.mark.parametrize(("state", "said"), [(Phase.RUNNING, "Under way"), (Phase.DONE, "Done"), (Phase.FAILED, "It did not end well")])
async def test_the_last_examination_stands_there_with_how_far_it_is(state, said) -> None:
    async def operations(_call: Call) -> OperationsDocument:
        scan = OperationDocument("cd", "scan", Phase.DONE, 1.0, "A scan.", WHEN)
        return OperationsDocument((scan, OperationDocument("ab", "doctor", state, 0.5, "The doctor looks.", WHEN)))

    _, text, _ = await Visited(list_operations=operations).ask("/diagnostics")
    page = Read(text)
    assert said in page.text
    assert "The doctor looks." in page.text
    assert "A scan." not in page.text
    assert ("progress" in {tag for tag, _ in page.elements}) == (state is Phase.RUNNING)


async def test_the_answer_to_a_ping_says_how_long_it_took_and_over_how_many() -> None:
    _, text, _ = await Visited().ask("/diagnostics", {"do": "ping", "target": "0011"})
    assert "An answer came after 0.25 s" in Read(text).text
    assert "Over 2 other phones." in Read(text).text


async def test_air_time_is_told_by_site() -> None:
    text = Read((await Visited().ask("/diagnostics"))[1]).text
    assert "Air time" in text
    assert "Saved up" in text
