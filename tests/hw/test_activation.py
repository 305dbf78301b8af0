"""Sockets that systemd hands over."""

import contextlib
import os
import socket

import pytest

from hw.activation import handed_over

PID = 4711


def env(count: int, names: str) -> dict[str, str]:
    return {"LISTEN_PID": str(PID), "LISTEN_FDS": str(count), "LISTEN_FDNAMES": names}


@pytest.fixture
def places():
    """Ten descriptors in a row for what systemd would hand over, found free far up."""
    first = 200
    yield first
    for number in range(first, first + 10):
        with contextlib.suppress(OSError):
            os.close(number)


def put(what: socket.socket, number: int) -> None:
    os.dup2(what.fileno(), number)


def test_only_the_sockets_of_that_name_are_taken_and_children_do_not_get_them(places: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as page, socket.create_server(("127.0.0.1", 0)) as other:
        put(other, places)
        put(page, places + 1)
        (taken,) = handed_over(env(2, "other:page"), "page", pid=PID, first=places)
        with taken:
            assert taken.getsockname() == page.getsockname()
            assert not os.get_inheritable(taken.fileno())


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "page"},
        {"LISTEN_PID": str(PID), "LISTEN_FDS": "one", "LISTEN_FDNAMES": "page"},
        {"LISTEN_PID": str(PID), "LISTEN_FDS": "1"},
    ],
)
def test_what_was_meant_for_another_process_or_makes_no_sense_is_left_alone(places: int, given: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as page:
        put(page, places)
        assert handed_over(given, "page", pid=PID, first=places) == []


def test_what_does_not_listen_is_left_alone(places: int, tmp_path) -> None:
    with socket.socket() as silent, (tmp_path / "file").open("wb") as file:
        put(silent, places)
        os.dup2(file.fileno(), places + 1)
        assert handed_over(env(3, "page:page:page"), "page", pid=PID, first=places) == []
