"""The part of the API behind ``meshgate policy``, asked by the client over a real socket."""

from pathlib import Path

import aiohttp
import pytest

from gateway.admin import client, serve
from gateway.admin.client import RefusedError
from gateway.admin.policy import HistoryDocument, PolicyDocument, policy_document, shape_document, shape_from
from gateway.admin.requests import answers
from gateway.bridge.policy import Action, Policy, Rule
from gateway.errors import StoreError, StoreFault
from gateway.store.shapes import Shape
from tests.admin.documents import document

POLICY = Policy(Action.DENY, (Rule("all", Action.ALLOW, 3),), {b"12D3KooWhut": "hut"}, "rules.toml")
SHAPE = Shape(b"", 7, 2, 300, True, False, b"hash", b"far site", "crossed", ((bytes(8), "policy"),))


class Rules:
    def document(self) -> PolicyDocument:
        return policy_document(POLICY, running=True, trouble="It is wrong.")


class Record:
    """Has one page, and cannot answer what begins in 1970."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int, int]] = []

    async def history(self, from_ms: int, to_ms: int, after: int) -> HistoryDocument:
        self.asked.append((from_ms, to_ms, after))
        if from_ms == 0:
            raise StoreError(StoreFault.LOCKED, "Another process has it.", "Stop it.")
        return HistoryDocument((shape_document(SHAPE),), 9)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


async def test_the_rules_in_force_arrive_in_words(path) -> None:
    async with serve(path, answers(document, rules=Rules())):
        policy = await client.get_policy(path)
    assert (policy.source, policy.default, policy.sites, policy.running, policy.trouble) == (
        *("rules.toml", "deny", {"hut": "12D3KooWhut"}),
        *(True, "It is wrong."),
    )
    assert [(rule.name, rule.line, rule.then) for rule in policy.rules] == [("all", 3, "allow")]
    assert len(policy.words) == 2


async def test_a_gateway_without_rules_says_so(path) -> None:
    async with serve(path, answers(document)):
        with pytest.raises(RefusedError) as caught:
            await client.get_policy(path)
    assert caught.value.document.code == "no_policy"


async def test_a_page_of_the_past_arrives_as_it_was_noted(path) -> None:
    record = Record()
    async with serve(path, answers(document, record=record)):
        page = await client.get_history(path, 5, 1 << 62, 3)
    assert record.asked == [(5, 1 << 62, 3)]
    assert ([shape_from(one) for one in page.shapes], page.next) == ([SHAPE], 9)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("from_ms=x", 400),
        ("from_ms=-1", 400),
        ("from_ms=1&to_ms=9223372036854775808", 400),
        ("after=²", 400),
        ("from_ms=" + "9" * 5000, 400),
        ("", 503),
    ],
)
async def test_what_cannot_be_answered_is_refused(path, query, status) -> None:
    async with (
        serve(path, answers(document, record=Record())),
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
        session.get(f"http://meshgate/api/v1/policy/history?{query}") as response,
    ):
        assert response.status == status
