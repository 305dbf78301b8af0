"""What systemd and the journal are told, over real sockets."""

import io
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hw.journal import MOST_VALUE, Journal, encode, is_connected
from hw.systemd.notify import Notifier


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5)
        yield listening


def notifier(manager: socket.socket, **env: str) -> Notifier:
    return Notifier({"NOTIFY_SOCKET": manager.getsockname(), **env})


def test_each_word_is_a_datagram(manager: socket.socket) -> None:
    tell = notifier(manager)
    assert tell.ready()
    assert tell.status("3 phones near.\nLinked to 1 site.")
    assert tell.alive()
    assert tell.stopping()
    assert [manager.recv(100) for _ in range(4)] == [
        b"READY=1",
        b"STATUS=3 phones near. Linked to 1 site.",
        b"WATCHDOG=1",
        b"STOPPING=1",
    ]


def test_a_reload_says_when_it_began(manager: socket.socket) -> None:
    assert notifier(manager).reloading()
    first, second = manager.recv(100).split(b"\n")
    assert first == b"RELOADING=1"
    assert int(second.removeprefix(b"MONOTONIC_USEC=")) > 0


def test_an_abstract_socket_is_reached() -> None:
    name = f"meshgate-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name}")
        assert Notifier({"NOTIFY_SOCKET": f"@{name}"}).ready()
        assert listening.recv(100) == b"READY=1"


@pytest.mark.parametrize("env", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}, {"NOTIFY_SOCKET": "/nowhere/notify"}])
def test_where_nobody_listens_nothing_is_said_and_nothing_breaks(env: dict[str, str]) -> None:
    assert not Notifier(env).ready()


@pytest.mark.parametrize(
    ("env", "seconds"),
    [
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_watches_who_it_names(manager: socket.socket, env: dict[str, str], seconds: float | None) -> None:
    assert notifier(manager, **env).watchdog_s == seconds


def test_without_a_socket_there_is_no_watchdog_to_feed() -> None:
    assert Notifier({"WATCHDOG_USEC": "60000000"}).watchdog_s is None


def test_a_value_with_a_line_break_has_its_length_ahead() -> None:
    assert encode({"MESSAGE": "one", "MESHGATE_TRACE": "a\nb"}) == b"MESSAGE=one\nMESHGATE_TRACE\n" + (3).to_bytes(8, "little") + b"a\nb\n"


@pytest.mark.parametrize("name", ["", "message", "_PID", "MESH GATE", "A=B", "A\nB", "9A", "A" * 65])
def test_a_name_the_journal_would_drop_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no name of a journal field"):
        encode({name: "x"})


def test_a_value_too_large_for_a_datagram_is_cut(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journald:
        journald.bind(str(tmp_path / "journal"))
        journal = Journal(tmp_path / "journal")
        assert journal.send({"MESSAGE": "x" * 1_000_000})
        assert len(journald.recv(1_000_000)) == len(b"MESSAGE=\n") + MOST_VALUE
        journal.close()


def test_a_stream_without_a_file_is_not_the_journal() -> None:
    assert not is_connected(io.StringIO(), {"JOURNAL_STREAM": "1:2"})
