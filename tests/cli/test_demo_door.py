"""The pages of the demo: on which port, and what opens them."""

import socket
from pathlib import Path
from random import Random

import pytest
from argon2.profiles import CHEAPEST

from gateway.admin.access.entrance import Entrance
from gateway.admin.limits import CODE_S
from gateway.admin.page import Page
from gateway.cli.demo_door import FIRST_PORT, HOSTS, Door, free_place, sentence
from gateway.cli.demo_islands import Phase
from gateway.cli.demo_view import Lines
from tests.cli.demo_scene import doing, new_demo, talking
from tests.cli.test_demo_view import drawn
from transports.websocket.address import Address

CODE = "4GG-8PW-ARK"


def page(directory: Path, clock: list[float]) -> Page:
    """A page nobody has set up, which does not listen yet."""
    rng = Random(3)
    entrance = Entrance(directory, rng.randbytes, lambda: clock[0], lambda: None, profile=CHEAPEST)
    return Page(entrance, None, [Address("127.0.0.1", 0)], randbytes=rng.randbytes)


def test_a_port_that_is_taken_is_passed_over() -> None:
    first = free_place("127.0.0.1")
    assert first is not None
    port = int(first.rpartition(":")[2])
    assert port >= FIRST_PORT
    with socket.create_server(("127.0.0.1", port)):
        second = free_place("127.0.0.1")
        assert second is not None
        assert int(second.rpartition(":")[2]) > port


def test_an_address_this_machine_does_not_have_is_none() -> None:
    assert free_place("192.0.2.1") is None


def test_the_two_pages_have_hosts_of_their_own_because_browsers_keep_cookies_by_host() -> None:
    assert len(set(HOSTS)) == 2


async def test_nothing_is_said_of_a_page_before_it_listens_and_nothing_where_there_is_none(tmp_path: Path) -> None:
    assert Door(None).look() == ("", "")
    made = page(tmp_path, [1_000.0])
    assert Door(made).look() == ("", "")
    assert not made.entrance.code.is_open(1_000.0)


async def test_the_code_is_a_new_one_when_its_time_is_over_and_none_once_somebody_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1_000.0]
    made = page(tmp_path, clock)
    monkeypatch.setattr(made, "addresses", lambda: ("http://127.0.0.1:8480/",))
    door = Door(made)
    address, first = door.look()
    assert address == "http://127.0.0.1:8480/"
    assert door.look() == (address, first)
    clock[0] += CODE_S + 1
    _, second = door.look()
    assert second not in {"", first}
    await made.entrance.set_up(second, "ada", "correct horse battery staple", "127.0.0.1")
    assert door.look() == (address, "")


@pytest.mark.parametrize("width", [60, 100])
def test_the_live_picture_says_where_the_pages_are_until_they_are_gone(width: int) -> None:
    demo = talking()
    doing(demo, code=CODE)
    text = " ".join(" ".join(drawn(demo, width)).split())
    for host in HOSTS:
        assert f"http://{host}:8480/" in text
    assert text.count(CODE) == 2
    demo.phase = Phase.DONE
    assert CODE not in " ".join(drawn(demo, width))


@pytest.mark.parametrize(("width", "height"), [(100, 24), (60, 26)])
def test_a_low_window_has_room_for_the_pages_too(width: int, height: int) -> None:
    demo = talking()
    doing(demo, code=CODE)
    assert len(drawn(demo, width, height)) < height


def test_plain_lines_say_it_once_and_again_when_it_is_another() -> None:
    demo, said = new_demo(), []
    with Lines(demo, said.append) as view:
        doing(demo, code=CODE)
        view.update()
        view.update()
        assert [line for line in said if CODE in line] == [
            sentence(name, f"http://{host}:8480/", CODE) for name, host in zip(("North", "South"), HOSTS, strict=True)
        ]
        doing(demo, code="")
        view.update()
    assert said[-2:] == ["The page of North: http://127.0.0.1:8480/", "The page of South: http://127.0.0.2:8480/"]
