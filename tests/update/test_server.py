"""Whoever puts updates in place is root: it does two things, for two users, and every doubt is a refusal."""

import json
import os
import socket
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.update import staging
from gateway.update.client import begin, wish
from gateway.update.errors import Refusal, UpdateError
from gateway.update.journal import Wish
from gateway.update.keys import public_of
from gateway.update.limits import BURST, MAX_REQUEST, REFILL_S
from gateway.update.progress import ProgressFile, read_progress
from gateway.update.protocol import Answer, Request, Step, encode, parse_line, parse_request
from gateway.update.server import Server
from gateway.update.trial import Look
from hw.recover.admission import Allowed, Caller
from tests.update.box import NEW, OLD, Box
from tests.update.bundles import MACHINE, SEED

NOBODY = 65534


class Serving:
    """A server that attends one caller after the other in a thread."""

    def __init__(self, box: Box, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.box, self.path, self.log, self.uid, self.now = box, root / "sock", [], 0, 0.0
        keys = root / "keys"
        keys.mkdir()
        (keys / "release.pub").write_text(public_of(SEED).hex())
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(self.path))
        self.listener.listen()
        self.server = Server(
            self.listener,
            Allowed(1000),
            box.installation(),
            keys,
            self.log.append,
            lambda: self.now,
            lambda: self.box.time,
            ProgressFile(root / "progress.json"),
        )
        monkeypatch.setattr("gateway.update.server.caller_of", lambda _connection: Caller(1, self.uid, self.uid))

    def ask(self, request: Request, file: Path | None = None, told=lambda _step: None) -> Answer:
        def attend() -> None:
            connection, _ = self.listener.accept()
            with connection:
                self.server.attend(connection)

        thread = threading.Thread(target=attend)
        thread.start()
        try:
            if file is None:
                return wish(request, None, told, self.path)
            with file.open("rb") as opened:
                return wish(request, opened, told, self.path)
        finally:
            thread.join()

    def refused(self, request: Request, file: Path | None = None) -> Refusal:
        with pytest.raises(UpdateError) as raised:
            self.ask(request, file)
        return raised.value.refusal


@pytest.fixture
def serving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(staging, "MACHINE", MACHINE)
    monkeypatch.setattr(staging, "PYTHON", "cp311")
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    (tmp_path / "box").mkdir()
    found = Serving(Box(tmp_path / "box"), tmp_path, monkeypatch)
    yield found
    found.listener.close()


APPLY, BACK = Request(Wish.APPLY), Request(Wish.ROLLBACK)


def test_an_open_bundle_is_handed_over_and_every_step_is_told(serving: Serving) -> None:
    steps: list[Step] = []
    answer = serving.ask(APPLY, serving.box.bundle(), steps.append)
    assert answer == Answer(ok=True, outcome="applied")
    assert [step.step for step in steps][:2] == ["install", "switch"]
    assert steps[-1].step == "confirm"
    assert serving.box.is_of_one_piece()
    assert serving.log[-1] == f"{NEW}: applied."


def test_a_version_that_is_no_good_is_told_as_a_failure(serving: Serving) -> None:
    serving.box.service.behaviour[NEW] = lambda _age: Look(failed=True, restarts=0)
    answer = serving.ask(APPLY, serving.box.bundle())
    assert (answer.ok, answer.outcome, answer.why) == (False, "fell_back", "systemd gave it up")


def test_only_root_and_the_gateway_may_ask_and_only_root_for_an_older_version(serving: Serving) -> None:
    older = serving.box.bundle("0.0.9", oldest="0.0.1")
    serving.uid = NOBODY
    assert serving.refused(BACK) is Refusal.NOT_ALLOWED
    serving.uid = 1000
    assert serving.refused(Request(Wish.APPLY, downgrade=True), older) is Refusal.NOT_ALLOWED
    assert serving.refused(APPLY, older) is Refusal.OLDER
    assert serving.box.tree.current == OLD
    serving.uid = 0
    assert serving.ask(Request(Wish.APPLY, downgrade=True), older).outcome == "applied"


def test_the_gateway_cannot_have_versions_put_in_place_again_and_again(serving: Serving) -> None:
    serving.uid = 1000
    assert serving.ask(APPLY, serving.box.bundle()).ok
    assert serving.refused(BACK) is Refusal.BUSY
    serving.box.time += REFILL_S
    assert serving.ask(BACK).outcome == "rolled_back"


def test_nobody_can_have_bundles_read_without_end(serving: Serving) -> None:
    for _ in range(BURST):
        assert serving.refused(BACK) is Refusal.NO_PREVIOUS
    assert serving.refused(BACK) is Refusal.BUSY
    serving.now += REFILL_S
    assert serving.refused(BACK) is Refusal.NO_PREVIOUS


def test_what_is_no_file_is_not_read(serving: Serving, tmp_path: Path) -> None:
    assert serving.refused(APPLY) is Refusal.FORMAT
    os.mkfifo(tmp_path / "fifo")
    held = os.open(tmp_path / "fifo", os.O_RDWR)
    assert serving.refused(APPLY, tmp_path / "fifo") is Refusal.FORMAT
    os.close(held)
    assert serving.refused(APPLY, Path("/dev/zero")) is Refusal.FORMAT


def test_a_caller_that_goes_away_stops_nothing(serving: Serving) -> None:
    near, far = socket.socketpair()
    with serving.box.bundle().open("rb") as file:
        socket.send_fds(near, [encode(APPLY)], [file.fileno()])
    near.close()
    with far:
        assert serving.server.attend(far)
    assert serving.box.tree.current == NEW


def test_who_will_be_ended_by_it_waits_only_until_it_has_begun(serving: Serving) -> None:
    def attend() -> None:
        connection, _ = serving.listener.accept()
        with connection:
            serving.server.attend(connection)

    thread = threading.Thread(target=attend)
    thread.start()
    with serving.box.bundle().open("rb") as file:
        assert begin(APPLY, file, serving.path) == "It installs."
    thread.join()
    assert serving.box.tree.current == NEW


def test_without_anybody_to_ask_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(UpdateError) as raised:
        wish(BACK, None, lambda _step: None, tmp_path / "nothing")
    assert raised.value.refusal is Refusal.NOT_HERE


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b'{"do": "rollback"}',
        b'{"do": "wipe"}\n',
        b'{"do": "apply", "path": "/etc/passwd"}\n',
        b'{"do": "apply", "downgrade": 1}\n',
        b'["apply"]\n',
        b'{"do": "rollback"}\n' + b" " * MAX_REQUEST + b"\n",
    ],
)
def test_what_is_not_on_the_list_is_refused(line: bytes) -> None:
    with pytest.raises(UpdateError):
        parse_request(line)


@given(line=st.binary(max_size=MAX_REQUEST + 2))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_request_raises_anything_else(line: bytes) -> None:
    try:
        parse_request(line)
    except UpdateError:
        return
    assert json.loads(line)["do"] in set(Wish)


def test_every_line_is_read_as_it_was_written() -> None:
    for one in (Step("copy", 0.5, "It."), Answer(ok=False, refusal="key", why="W", hint="H"), Answer(ok=True, outcome="applied")):
        assert parse_line(encode(one)) == one
    assert parse_request(encode(APPLY)) == APPLY


def test_everybody_on_the_box_can_see_how_far_it_is_until_it_is_over(
    serving: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Step | None] = []
    look = serving.box.service.look

    def looked() -> Look:
        seen.append(read_progress(tmp_path / "progress.json"))
        return look()

    monkeypatch.setattr(serving.box.service, "look", looked)
    assert serving.ask(APPLY, serving.box.bundle()).ok
    trial = [one for one in seen if one is not None and one.step == "trial"]
    assert trial[-1].sentence == f"{NEW} is well so far."
    assert 0.9 < trial[-1].done < 1.0
    assert read_progress(tmp_path / "progress.json") is None
    assert serving.refused(APPLY) is Refusal.FORMAT
    assert read_progress(tmp_path / "progress.json") is None
