"""The recovery helper as a process of its own, on a real socket, against callers of every kind."""

import asyncio
import json
import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from hw.recover.client import RecoverySocket
from hw.recover.limits import BURST, MAX_REFUSALS_LOGGED, MAX_REQUEST
from hw.recover.protocol import Answer, Request, Verb, encode_answer, encode_request
from tests.hw.recover_rig import command, helper, read_all, systemctl
from tests.hw.sysfs import rfkill, usb_device, write

RESTART = b'{"do": "restart-bluetooth"}\n'
is_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")


def stick(root: Path) -> None:
    usb_device(root, "bluetooth", "hci0", "1-1")
    write(root, "sys/devices/pci0000:00/0000:00:14.0/usb1/1-1/busnum", "1\n")
    write(root, "dev/bus/usb/001/007", "")
    rfkill(root, 0, "hci0", soft=True)


def test_it_does_what_is_on_the_list_and_writes_down_for_whom(tmp_path: Path) -> None:
    log = systemctl(tmp_path)
    stick(tmp_path)
    with helper(tmp_path) as running:
        assert running.ask(do="restart-bluetooth") == {"ok": True, "possible": True, "why": ""}
        assert running.ask(do="unblock-radio", adapter="hci0") == {"ok": True, "possible": True, "why": ""}
        reset = running.ask(do="reset-adapter", adapter="hci0")
        assert reset["ok"] is False
        assert reset["why"] == "The USB device cannot be reset: Inappropriate ioctl for device."
        assert running.ask(do="reset-adapter", adapter="hci1")["possible"] is False
        lines = running.stop()
    assert log.read_text().splitlines() == ["reset-failed bluetooth.service", "restart bluetooth.service"]
    assert (tmp_path / "sys/class/rfkill/rfkill0/soft").read_text().startswith("0")
    assert lines[0] == f"restart-bluetooth for process {os.getpid()} of user {os.getuid()}"
    assert lines[1].startswith("restart-bluetooth: done after ")
    assert lines[5].startswith("reset-adapter hci0: failed after ")


def test_a_user_who_is_not_named_is_refused_before_a_word_is_read(tmp_path: Path) -> None:
    log = systemctl(tmp_path)
    with helper(tmp_path, allow=os.getuid() + 4711) as running:
        answer = json.loads(running.say(b""))
        assert answer == {"ok": False, "possible": False, "why": "This user may not ask for that."}
        assert json.loads(running.say(RESTART, more=True))["ok"] is False
        running.stop()
    assert log.read_text() == ""


@is_root
def test_another_user_is_refused_even_where_the_socket_lets_everybody_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = systemctl(tmp_path)
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)  # the directories above let nobody through
    with helper(tmp_path) as running, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        running.socket.chmod(0o666)
        connection.settimeout(5.0)
        os.seteuid(65534)
        try:
            connection.connect(running.socket.name)
        finally:
            os.seteuid(0)
        connection.sendall(RESTART)
        assert json.loads(read_all(connection))["why"] == "This user may not ask for that."
        assert any("user 65534" in line for line in running.stop())
    assert log.read_text() == ""


@pytest.mark.parametrize(
    "data",
    [
        b"\n",
        b"{",
        b'{"do": "restart-bluetooth"}',  # no line end
        b"GET / HTTP/1.1\r\nHost: box\r\n\r\n",
        b'{"do": "poweroff"}\n',
        b'{"do": "reset-adapter", "adapter": "../../../etc"}\n',
        b'{"do": "reset-adapter", "adapter": "hci0; reboot"}\n',
        RESTART + RESTART,
        RESTART + b" ",
        b"\0" * MAX_REQUEST + b"\n",
        b"x" * MAX_REQUEST + b"\n",
        b"x" * 4_000_000,
    ],
)
def test_garbage_is_refused_and_the_next_caller_is_served(tmp_path: Path, data: bytes) -> None:
    log = systemctl(tmp_path)
    with helper(tmp_path) as running:
        refused = running.say(data)
        assert not refused or json.loads(refused)["ok"] is False  # one that is still talking may not hear it
        assert log.read_text() == ""
        assert running.ask(do="restart-bluetooth")["ok"] is True
        lines = running.stop()
    assert sum("refused" in line for line in lines) == 1
    assert not any("reboot" in line or "GET" in line for line in lines)  # nothing of it is repeated


def test_whoever_only_looks_whether_somebody_is_here_is_no_refusal(tmp_path: Path) -> None:
    log = systemctl(tmp_path)
    with helper(tmp_path) as running:
        for _ in range(20):
            assert running.say(b"") == b""
        assert log.read_text() == ""
        assert running.ask(do="restart-bluetooth")["ok"] is True  # looking uses up nothing
        assert not any("refused" in line or "went away" in line for line in running.stop())


def test_a_caller_who_dawdles_is_cut_off_and_those_who_wait_are_served(tmp_path: Path) -> None:
    systemctl(tmp_path)
    with helper(tmp_path, REQUEST_S=0.3) as running, running.connect() as slow, running.connect() as silent:
        slow.sendall(RESTART[:10])
        assert running.ask(do="restart-bluetooth")["ok"] is True
        for connection in (slow, silent):
            assert json.loads(read_all(connection))["why"] == "The request took too long."


def test_a_byte_now_and_then_does_not_win_time(tmp_path: Path) -> None:
    with helper(tmp_path, REQUEST_S=0.3) as running, running.connect() as slow:
        slow.settimeout(0.02)
        sent = 0
        while sent < 1000:
            try:
                slow.sendall(b" ")
                sent += 1
                answer = slow.recv(1000)
                break
            except TimeoutError:
                continue
        assert 1 < sent < 100
        assert json.loads(answer)["why"] == "The request took too long."


def test_a_flood_is_survived_hardly_logged_and_does_not_use_up_the_ration(tmp_path: Path) -> None:
    systemctl(tmp_path)
    with helper(tmp_path) as running:
        for number in range(300):
            with running.connect() as connection:
                connection.sendall(b"nonsense\n" if number % 2 else b"")
        assert running.ask(do="restart-bluetooth")["ok"] is True
        lines = running.stop()
    assert len(lines) <= MAX_REFUSALS_LOGGED + 3


def test_too_many_actions_are_refused(tmp_path: Path) -> None:
    log = systemctl(tmp_path)
    with helper(tmp_path) as running:
        answers = [running.ask(do="restart-bluetooth") for _ in range(BURST + 3)]
        running.stop()
    assert [answer["ok"] for answer in answers] == [True] * BURST + [False] * 3
    assert answers[-1]["why"] == "This was asked for too often; try again in some minutes."
    assert len(log.read_text().splitlines()) == 2 * BURST


async def test_one_thing_is_done_at_a_time_and_nothing_for_a_caller_who_left(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    keeper = os.open(gate, os.O_RDWR)
    log = systemctl(tmp_path, f"dd if={gate} bs=1 count=1 of=/dev/null status=none\necho end >> {tmp_path}/systemctl.log")
    with helper(tmp_path) as running:
        client = RecoverySocket(running.socket)
        first = asyncio.create_task(client.do(Verb.RESTART_BLUETOOTH))
        while not log.read_text():  # noqa: ASYNC110 - another process writes it; from then on the others have to wait
            await asyncio.sleep(0)
        with running.connect() as left:
            left.sendall(RESTART)
        second = asyncio.create_task(client.do(Verb.RESTART_BLUETOOTH))
        os.write(keeper, b"open" * 3)
        assert [await first, await second] == [Answer(ok=True), Answer(ok=True)]
        running.stop()
    os.close(keeper)
    once = ["reset-failed bluetooth.service", "end", "restart bluetooth.service", "end"]
    assert log.read_text().splitlines() == once * 2


def test_for_a_caller_who_hangs_up_nothing_is_done(tmp_path: Path) -> None:
    log = systemctl(tmp_path)
    with helper(tmp_path) as running:
        with running.connect() as connection:
            connection.sendall(RESTART)
            connection.shutdown(socket.SHUT_WR)  # as good as gone
            assert json.loads(read_all(connection))["why"] == "Nobody waits for the answer any more."
        assert log.read_text() == ""
        assert running.ask(do="restart-bluetooth")["ok"] is True


def test_started_by_systemd_it_leaves_when_idle_but_not_while_the_ration_would_be_forgotten(tmp_path: Path) -> None:
    systemctl(tmp_path)
    with helper(tmp_path, IDLE_S=0.1) as running:
        assert running.process.wait(timeout=8) == 0
    (tmp_path / "helper.sock").unlink()
    with helper(tmp_path, IDLE_S=0.1) as running:
        assert running.ask(do="restart-bluetooth")["ok"] is True
        with pytest.raises(subprocess.TimeoutExpired):
            running.process.wait(timeout=0.5)


def test_without_systemd_it_makes_a_socket_that_only_its_caller_may_open(tmp_path: Path) -> None:
    systemctl(tmp_path)
    path = tmp_path / "own.sock"
    stale = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stale.bind(str(path))
    stale.close()  # as a killed one leaves it
    start = command(tmp_path, None, "--socket", str(path))
    process = subprocess.Popen(start, stderr=subprocess.PIPE, text=True)
    try:
        answer = asyncio.run(answered(path))
        assert answer == Answer(ok=True)
        mode = path.stat()
        assert (stat.S_IMODE(mode.st_mode), mode.st_uid) == (0o600, os.getuid())
        second = subprocess.run(start, capture_output=True, text=True, check=False, timeout=8)
        assert second.returncode == 69
        assert "another one is listening there" in second.stderr
    finally:
        process.kill()
        process.communicate()


def test_what_is_no_socket_is_left_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "own.sock"
    path.write_text("somebody's")
    start = command(tmp_path, None, "--socket", str(path))
    refused = subprocess.run(start, capture_output=True, text=True, check=False, timeout=8)
    assert refused.returncode == 69
    assert "not a socket is in the way" in refused.stderr
    assert path.read_text() == "somebody's"
    assert list(tmp_path.iterdir()) == [path]


async def answered(path: Path) -> Answer:
    """Ask until somebody is there."""
    client = RecoverySocket(path)
    while True:
        answer = await client.do(Verb.RESTART_BLUETOOTH)
        if answer.possible:
            return answer
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ((), 64),
        (("--allow-user", "nobody-of-this-name"), 64),
        (("--allow-group", "nobody-of-this-name"), 64),
        (("--allow-user", "0"), 69),
        (("--allow-user", "0", "--socket", "/nowhere/at/all"), 69),
    ],
)
def test_a_start_that_is_not_clear_fails_with_a_reason(tmp_path: Path, arguments: tuple[str, ...], status: int) -> None:
    begin = command(tmp_path, 0)
    done = subprocess.run((*begin[: begin.index("--allow-user")], *arguments), capture_output=True, text=True, check=False, timeout=8)
    assert done.returncode == status
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("what", ["file", "datagram", "silent", "two"])
def test_only_one_listening_stream_socket_is_taken_from_systemd(tmp_path: Path, what: str) -> None:
    kind = socket.SOCK_DGRAM if what == "datagram" else socket.SOCK_STREAM
    with socket.socket(socket.AF_UNIX, kind) as given, (tmp_path / "plain").open("w") as plain:
        given.bind(str(tmp_path / "given"))
        if what == "two":
            given.listen()
        start = command(tmp_path, None, fds=2 if what == "two" else 1)
        done = subprocess.run(start, stdin=plain if what == "file" else given, capture_output=True, text=True, check=False, timeout=8)
    assert done.returncode == 69
    assert "systemd must hand over" in done.stderr


async def test_a_client_says_what_is_wrong_and_never_raises(tmp_path: Path) -> None:
    client = RecoverySocket(tmp_path / "nobody")
    assert (await client.do(Verb.RESTART_BLUETOOTH)).possible is False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(tmp_path / "nobody"))
        assert (await client.do(Verb.RESTART_BLUETOOTH)).why == "The recovery helper is not running."
    (tmp_path / "folder").mkdir()
    assert (await RecoverySocket(tmp_path / "folder").do(Verb.RESTART_BLUETOOTH)).ok is False
    assert (await RecoverySocket(tmp_path / ("x" * 200)).do(Verb.RESTART_BLUETOOTH)).ok is False


@pytest.mark.parametrize("answer", [b"", b"half an ans", b"y" * 10_000, b"null\n", b'{"ok": "yes", "possible": true, "why": ""}\n'])
async def test_a_client_takes_no_nonsense_for_success(tmp_path: Path, answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        writer.close()

    async with await asyncio.start_unix_server(serve, tmp_path / "odd"):
        got = await RecoverySocket(tmp_path / "odd").do(Verb.RESTART_BLUETOOTH)
    assert got == Answer(ok=False, why="The recovery helper broke off.")


async def test_a_client_that_is_refused_before_it_says_a_word_hears_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as curt:
        curt.bind(str(tmp_path / "curt"))
        curt.listen()

        def hang_up_first(request: Request) -> bytes:
            connection, _ = curt.accept()
            with connection:
                connection.sendall(encode_answer(Answer(ok=False, why="Not you.", possible=False)))
            return encode_request(request)

        monkeypatch.setattr("hw.recover.client.encode_request", hang_up_first)
        assert await RecoverySocket(tmp_path / "curt").do(Verb.RESTART_BLUETOOTH) == Answer(ok=False, why="Not you.", possible=False)


async def test_a_client_that_is_one_too_many_says_so(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as deaf, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        deaf.bind(str(tmp_path / "deaf"))
        deaf.listen(0)
        other.connect(str(tmp_path / "deaf"))
        answer = await RecoverySocket(tmp_path / "deaf").do(Verb.RESTART_BLUETOOTH)
    assert answer == Answer(ok=False, why="The recovery helper has too many callers.", possible=False)


async def test_a_client_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hw.recover.client.ACTION_S", 0.05)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as deaf:
        deaf.bind(str(tmp_path / "deaf"))
        deaf.listen()
        assert await RecoverySocket(tmp_path / "deaf").do(Verb.RESTART_BLUETOOTH) == Answer(
            ok=False, why="The recovery helper did not answer."
        )
