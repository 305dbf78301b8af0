"""The radio's part of the API, asked by the client over a real socket."""

import asyncio
import json
from pathlib import Path

import aiohttp
import pytest

from gateway.admin import client, serve
from gateway.admin.client import RefusedError, UnreachableError
from gateway.admin.radio import HeardDocument, LinkDocument, ResetRequest, ScanRequest, radio_document
from gateway.admin.requests import answers
from hw.bluez.steps import Outcome, Step
from tests.admin.documents import document
from tests.admin.radios import ATTEMPT, LINK, MUTE, PLAIN, RECOVERY, TAGGED, Radio, adapter


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


def in_the_loop(radio: Radio) -> Radio:
    radio.now = asyncio.get_running_loop().time
    return radio


async def refusal(asked) -> tuple[int, str]:
    with pytest.raises(RefusedError) as caught:
        await asked
    return caught.value.document.status, caught.value.document.code


async def test_links_arrive_with_their_figures(path) -> None:
    async with serve(path, answers(document, Radio(adapter("hci0", LINK, MUTE)))):
        (one,) = (await client.get_radio(path)).adapters
    assert (one.name, one.budget, one.state.value) == ("hci0", 8, "up")
    assert one.links[0] == LinkDocument("ble:3", True, 509, -61, 130.0, 4.2, 12, 7)
    assert one.links[1].rssi is None


def test_times_are_told_as_ages() -> None:
    radio = Radio(adapter(history=(ATTEMPT,), recoveries=(RECOVERY,)))
    (one,) = radio_document(radio.radio(), 100.0).adapters
    assert (one.history[0].step, one.history[0].symptom, one.history[0].ago_s, one.history[0].seconds) == (
        *("new_scanner", "scan_failed"),
        *(60.0, 0.3),
    )
    assert (one.recoveries[0].steps, one.recoveries[0].ago_s, one.recoveries[0].seconds) == (("new_scanner",), 59.0, 3.2)


async def test_a_scan_tells_no_peer_id_unless_asked(path) -> None:
    radio = Radio(adapter(), heard=(TAGGED, PLAIN))
    async with serve(path, answers(document, radio)):
        shy = await client.scan(path, ScanRequest(5.0))
        told = await client.scan(path, ScanRequest(5.0, peer_ids=True))
    assert radio.asked == [5.0, 5.0]
    assert shy.heard[0] == HeardDocument("hci0", True, -50, 9, linked=True, shows_peer_id=True)
    assert TAGGED.tag not in repr(shy)
    assert [one.peer_id for one in told.heard] == [TAGGED.tag, None]
    assert [one.shows_peer_id for one in told.heard] == [True, False]


@pytest.mark.parametrize("outcome", list(Outcome))
async def test_a_reset_is_done_only_if_it_was_done_everywhere(path, outcome: Outcome) -> None:
    radio = in_the_loop(Radio(adapter("hci0"), adapter("hci1"), outcomes={"hci1": outcome}))
    async with serve(path, answers(document, radio)):
        both = await client.reset(path, ResetRequest())
        first = await client.reset(path, ResetRequest("hci0", "new_scanner"))
    assert radio.asked == [(None, Step.POWER_CYCLE), ("hci0", Step.NEW_SCANNER)]
    assert both.done is (outcome is Outcome.OK)
    assert first.done
    assert first.sentences == ("hci0: ok.",)


async def test_an_older_step_is_not_taken_for_the_one_asked_for(path) -> None:
    radio = Radio(adapter("hci0"))  # notes what it does in the distant past
    async with serve(path, answers(document, radio)):
        assert not (await client.reset(path, ResetRequest("hci0"))).done


async def test_what_cannot_be_is_refused_with_a_word_for_programs(path) -> None:
    async with serve(path, answers(document, Radio(adapter()))):
        assert await refusal(client.reset(path, ResetRequest("hci7"))) == (404, "no_adapter")
        assert await refusal(client.reset(path, ResetRequest(None, "dance"))) == (400, "bad_request")
    for nothing in (Radio(), Radio(adapter(central=False))):
        async with serve(path, answers(document, nothing)):
            assert await refusal(client.scan(path, ScanRequest())) == (409, "no_adapter")
    async with serve(path, answers(document, Radio())):
        assert await refusal(client.reset(path, ResetRequest())) == (404, "no_adapter")


async def test_a_gateway_without_a_radio_says_so(path) -> None:
    async with serve(path, answers(document)):
        for asked in (client.get_radio(path), client.scan(path, ScanRequest()), client.reset(path, ResetRequest())):
            assert await refusal(asked) == (404, "no_radio")


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"seconds": 0}', b'{"seconds": 61}', b'{"seconds": "5"}', b'{"secnods": 5}', b"\xff"])
async def test_a_request_without_sense_is_refused_as_the_standard_says(path, body: bytes) -> None:
    radio = Radio(adapter())
    async with (
        serve(path, answers(document, radio)),
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
        session.post("http://meshgate/api/v1/radio/scan", data=body) as response,
    ):
        assert (response.status, response.content_type) == (400, "application/problem+json")
        problem = json.loads(await response.read())
    assert problem.keys() == {"type", "title", "status", "detail", "code", "hint", "instance"}
    assert not radio.asked


async def test_a_request_without_a_body_has_the_defaults(path) -> None:
    radio = Radio(adapter())
    async with (
        serve(path, answers(document, radio)),
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
        session.post("http://meshgate/api/v1/radio/scan") as response,
    ):
        assert response.status == 200
    assert radio.asked == [8.0]


async def test_only_a_socket_nobody_listens_on_means_that_no_gateway_runs(path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnreachableError) as caught:
        await client.get_radio(path)
    assert caught.value.absent

    async def denied(*_args: object, **_kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_unix_connection", denied)
    with pytest.raises(UnreachableError) as caught:
        await client.get_radio(path)
    assert not caught.value.absent
