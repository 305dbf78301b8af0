"""What the page counts, as Prometheus reads it: refusals by reason, sessions and connections."""

import pytest

from gateway.admin.access.principal import Refused
from gateway.admin.limits import SESSION_IDLE_S
from gateway.telemetry.catalogue import BY_NAME
from gateway.telemetry.outward import of_page
from tests.admin.door import make_door, opened, until


def read(page) -> dict[str, dict[tuple[str, ...], float]]:
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for name, labels, value in of_page(page):
        assert labels not in found.setdefault(name, {})
        found[name][labels] = value
    return found


async def test_every_reason_there_is_has_a_row_from_the_start_and_no_other(tmp_path) -> None:
    rows = read(make_door(tmp_path).page)
    refused = rows["page_refused_total"]
    assert set(refused) == {(why.value,) for why in Refused} == {(value,) for value in BY_NAME["page_refused_total"].labels["reason"]}
    assert not any(refused.values())
    assert (rows["page_sessions"], rows["page_connections"]) == ({(): 0}, {(): 0})
    assert set(rows) == {name for name in BY_NAME if name.startswith("page_")}


async def test_what_is_refused_moves_the_row_of_its_reason_and_a_stranger_makes_no_new_one(tmp_path) -> None:
    async with opened(make_door(tmp_path)) as door:
        await door.add()
        await door.raw(b"\x00\xff nonsense\r\n\r\n")
        await door.ask("GET", "/", host="evil.example")
        await door.ask("GET", "/api/v1/look", [("Authorization", "Bearer mgt_x")])
        await door.submit("/login", name="nobody", passphrase="a guess of mine")  # noqa: S106 -- it opens nothing
        refused = read(door.page)["page_refused_total"]
    moved = {labels[0] for labels, count in refused.items() if count}
    assert moved == {"malformed", "address", "token", "passphrase"}
    assert len(refused) == len(Refused)


async def test_sessions_are_counted_until_they_are_over(tmp_path) -> None:
    async with opened(make_door(tmp_path)) as door:
        await door.logged_in()
        await door.logged_in()
        assert read(door.page)["page_sessions"] == {(): 2}
        door.clock[0] += SESSION_IDLE_S + 1
        assert read(door.page)["page_sessions"] == {(): 0}


@pytest.mark.parametrize("said", [b"", b"G"])
async def test_connections_are_counted_while_they_are_open_also_those_that_say_nothing(tmp_path, said) -> None:
    async with opened(make_door(tmp_path)) as door:
        _, writer = await door.connect()
        writer.write(said)
        await until(lambda: read(door.page)["page_connections"] != {(): 1})
        writer.close()
        await writer.wait_closed()
        await until(lambda: read(door.page)["page_connections"] != {(): 0})


def test_a_page_that_is_switched_off_has_no_figures() -> None:
    assert read(None) == {}
