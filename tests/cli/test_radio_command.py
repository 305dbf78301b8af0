"""``meshgate radio`` as a person and a program use it, against a control socket with a radio behind it."""

import asyncio
import json
from pathlib import Path

import pytest

from gateway.admin import serve
from gateway.admin.requests import answers
from hw.bluez.steps import Outcome, Step
from tests.admin.documents import document
from tests.admin.radios import LINK, TAGGED, Radio, adapter
from tests.app.processes import meshgate, write_site

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write_site(tmp_path / "hut")


async def run(site: Path, *arguments: str) -> tuple[int | None, str, str]:
    """Exit code, stdout and stderr."""
    async with meshgate("radio", *arguments, "--config", site) as process:
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


def socket_of(site: Path) -> Path:
    return site.parent / "control.sock"


async def test_links_for_a_person_and_for_a_program(site: Path) -> None:
    async with serve(socket_of(site), answers(document, Radio(adapter("hci0", LINK)))):
        code, out, _ = await run(site, "links")
        assert (code, out.splitlines()[0][:8]) == (0, "hci0  up")
        assert "ble:3" in out
        code, out, err = await run(site, "links", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["adapters"][0]["links"][0]["mtu"] == 509


async def test_a_scan_tells_peer_ids_only_to_who_asks(site: Path) -> None:
    radio = Radio(adapter(), heard=(TAGGED,))
    async with serve(socket_of(site), answers(document, radio)):
        shy = await run(site, "scan", "--seconds", "2")
        told = await run(site, "scan", "--seconds", "3", "--peer-ids", "--json")
    assert radio.asked == [2.0, 3.0]
    assert (shy[0], told[0]) == (0, 0)
    assert TAGGED.tag not in shy[1]
    assert shy[2] == "Listening for 2 s.\n"
    assert json.loads(told[1])["heard"][0]["peer_id"] == TAGGED.tag


async def test_a_reset_that_worked_and_one_that_did_not(site: Path) -> None:
    radio = Radio(adapter(), outcomes={})
    radio.now = asyncio.get_running_loop().time
    async with serve(socket_of(site), answers(document, radio)):
        assert await run(site, "reset", "--adapter", "hci0", "--step", "forget-devices") == (0, "hci0: ok.\n", "")
        radio.outcomes["hci0"] = Outcome.FAILED
        assert await run(site, "reset") == (1, "hci0: failed.\n", "")
        code, _, err = await run(site, "reset", "--adapter", "hci9")
    assert radio.asked == [("hci0", Step.FORGET_DEVICES), (None, Step.POWER_CYCLE)]
    assert code == 3
    assert "There is no adapter hci9 in use." in err


async def test_without_a_gateway_links_and_reset_say_so_with_exit_5(site: Path) -> None:
    for verb in ("links", "reset"):
        code, out, _ = await run(site, verb, "--json")
        assert (code, json.loads(out)["error"]["code"]) == (5, "unreachable")


async def test_a_gateway_without_a_radio_is_another_thing_than_none(site: Path) -> None:
    async with serve(socket_of(site), answers(document)):
        code, out, _ = await run(site, "links", "--json")
    assert (code, json.loads(out)["error"]["code"]) == (3, "no_radio")


async def test_a_gateway_that_is_there_and_does_not_search_is_not_gone_around(site: Path) -> None:
    async with serve(socket_of(site), answers(document, Radio())):
        code, out, _ = await run(site, "scan", "--json")
    assert (code, json.loads(out)["error"]["code"]) == (1, "no_adapter")


@pytest.mark.parametrize(
    "arguments", [["scan", "--seconds", "0"], ["scan", "--seconds", "61"], ["scan", "--seconds", "x"], ["reset", "--step", "kick"], []]
)
async def test_a_wrong_line_is_a_usage_error(site: Path, arguments: list[str]) -> None:
    assert (await run(site, *arguments))[0] == 2
