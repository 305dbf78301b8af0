"""The part of the API behind ``meshgate why``, asked by the client over a real socket."""

from pathlib import Path

import aiohttp
import pytest

from gateway.admin import client, serve
from gateway.admin.client import RefusedError
from gateway.admin.requests import answers
from gateway.admin.why import CandidateDocument, LatestDocument, StepDocument, WhyDocument
from gateway.errors import StoreError, StoreFault
from gateway.limits import MAX_WHY_LATEST
from tests.admin.documents import document

STEP = StepDocument(1_750_000_000_000, 0, "aabb", "heard", "ble", "verified", "", "", "Heard on the radio.")
STORY = WhyDocument("aabb", "aabbcc", ("dd",), (STEP,), 1_750_000_001_000)
LISTED = CandidateDocument("aabbcc", 1_750_000_000_000, 1, "message 9 bytes", "Heard on the radio.")


class Record:
    """Knows one thing, two that begin alike, and a question that the store cannot answer."""

    def __init__(self) -> None:
        self.asked: list[str | int] = []

    async def why(self, wanted: str) -> WhyDocument:
        self.asked.append(wanted)
        if len(wanted) < 4:
            raise ValueError("an ID is looked up by 4 characters or more")
        if wanted == "full":
            raise StoreError(StoreFault.LOCKED, "Another process has it.", "Stop it.")
        return {"aabb": STORY, "alike": WhyDocument("alike", candidates=(LISTED, LISTED))}.get(wanted, WhyDocument(wanted))

    async def latest(self, count: int) -> LatestDocument:
        self.asked.append(count)
        if count == 7:
            raise StoreError(StoreFault.LOCKED, "Another process has it.", "Stop it.")
        return LatestDocument((LISTED,) * count)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


async def refusal(asked) -> tuple[int, str]:
    with pytest.raises(RefusedError) as caught:
        await asked
    return caught.value.document.status, caught.value.document.code


async def test_a_story_and_a_list_arrive_as_they_were_told(path) -> None:
    record = Record()
    async with serve(path, answers(document, record=record)):
        assert await client.get_why(path, "aabb") == STORY
        assert len((await client.get_why(path, "alike")).candidates) == 2
        assert len((await client.get_latest(path, 3)).latest) == 3
    assert record.asked == ["aabb", "alike", 3]


async def test_what_is_asked_arrives_letter_by_letter(path) -> None:
    record = Record()
    strange = "../a b?c#d%2f&é"
    async with serve(path, answers(document, record=record)):
        assert await refusal(client.get_why(path, strange)) == (404, "unknown_id")
    assert record.asked == [strange]


async def test_refusals_say_what_kind_they_are(path) -> None:
    async with serve(path, answers(document, record=Record())):
        assert await refusal(client.get_why(path, "abc")) == (400, "bad_request")
        assert await refusal(client.get_why(path, "ffff")) == (404, "unknown_id")
        assert await refusal(client.get_why(path, "full")) == (503, "store_unavailable")
        assert await refusal(client.get_latest(path, 7)) == (503, "store_unavailable")
        assert await refusal(client.get_latest(path, 0)) == (400, "bad_request")
        assert await refusal(client.get_latest(path, MAX_WHY_LATEST + 1)) == (400, "bad_request")


async def test_twenty_are_listed_where_nobody_says_how_many(path) -> None:
    record = Record()
    async with (
        serve(path, answers(document, record=record)),
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
        session.get("http://meshgate/api/v1/why") as response,
    ):
        assert response.status == 200
    assert record.asked == [20]


async def test_a_gateway_without_a_record_says_so(path) -> None:
    async with serve(path, answers(document)):
        assert await refusal(client.get_why(path, "aabb")) == (404, "no_record")
