"""This project itself, as two versions that are built, bundled, signed and put in place beside each other, with real gateways."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.update.client import wish
from gateway.update.errors import Refusal, UpdateError
from gateway.update.journal import Phase, Wish, read_journal
from gateway.update.keys import write_signing_key
from gateway.update.protocol import Request
from gateway.update.service import ask
from gateway.update.tree import Tree
from tests.update.bundles import SEED
from tests.update.wheels import BAD, NEW, OLD

HERE = Path(__file__).parent
PATIENCE_S = 60.0
POLL_S = 0.05  # seconds between two looks at processes that live in real time

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class Box:
    """That box, with a gateway that runs and somebody who puts updates in place."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tree = Tree(root / "opt")
        self.control, self.socket = root / "control.sock", root / "update.sock"
        shutil.copy(HERE / "systemctl", root / "systemctl")
        if not (root / "keys").exists():
            write_signing_key(self._directory("keys") / "release.key", SEED)
        settings = {"gateway.state_dir": root / "state", "control.socket": self.control, "page.enabled": "false", "radio.clock": "trust"}
        words = [f"{key}={value}" for key, value in settings.items()]
        start = [str(root / "opt/current/bin/python"), "-I", "-m", "gateway", "run", "--simulate", "1"]
        (root / "start.json").write_text(json.dumps([*start, *(word for pair in words for word in ("--set", pair))]))
        self.updater: subprocess.Popen[bytes] | None = None
        self.systemctl("start")
        self.until(lambda: ask(self.control)[0] == OLD)

    def _directory(self, name: str) -> Path:
        (self.root / name).mkdir(exist_ok=True)
        return self.root / name

    def systemctl(self, verb: str) -> None:
        subprocess.run([sys.executable, self.root / "systemctl", verb], check=True)

    def start_updater(self) -> None:
        self.socket.unlink(missing_ok=True)
        where = [f"--home={self.tree.home}", f"--keys={self.root / 'keys'}", f"--system={self.root / 'system'}", f"--socket={self.socket}"]
        words = [sys.executable, HERE / "process.py", self.root / "systemctl", self.control, "--allow-user=0", *where]
        with (self.root / "updater.log").open("ab") as log:
            self.updater = subprocess.Popen(words, stderr=log)
        self.until(lambda: self.socket.exists() or self.updater.poll() is not None)

    def kill_updater(self) -> None:
        assert self.updater is not None
        self.updater.send_signal(signal.SIGKILL)
        self.updater.wait()

    def ask(self, request: Request, bundle: Path | None = None, told=lambda _step: None):
        self.start_updater()
        try:
            if bundle is None:
                return wish(request, None, told, self.socket)
            with bundle.open("rb") as file:
                return wish(request, file, told, self.socket)
        finally:
            self.kill_updater()

    def until(self, holds) -> None:
        began = time.monotonic()
        while not holds():
            logs = [path.read_text(errors="replace")[-2000:] for path in self.root.glob("*.log")]
            assert time.monotonic() - began < PATIENCE_S, "\n".join(logs)
            time.sleep(POLL_S)

    def runs(self, version: str) -> bool:
        return (self.tree.current, self.tree.good, ask(self.control)[0]) == (version, version, version)

    def is_at_rest(self) -> bool:
        journal = read_journal(self.tree.journal)
        return journal is not None and journal.phase is Phase.IDLE


@pytest.fixture
def box(installed: Path):
    """The box, as it was installed whatever the test before did to it; its versions stay where they were made for."""
    tree = Tree(installed / "opt")
    tree.run(OLD)
    tree.trust(OLD)
    tree.journal.unlink(missing_ok=True)
    tree.tidy({OLD})
    found = Box(installed)
    yield found
    if found.updater is not None and found.updater.poll() is None:
        found.kill_updater()
    found.systemctl("stop")


APPLY = Request(Wish.APPLY)


def test_the_next_version_is_put_in_place_and_taken_back(box: Box, bundles) -> None:
    steps: list[str] = []
    assert box.ask(APPLY, bundles[NEW], lambda step: steps.append(step.step)).outcome == "applied"
    assert list(dict.fromkeys(steps)) == ["copy", "environment", "install", "compile", "prove", "switch", "trial", "confirm"]
    assert box.runs(NEW)
    unit = (box.root / "system/etc/systemd/system/meshgate.service").read_text()
    assert "ExecStart=/opt/meshgate/current/bin/python -I -m gateway run" in unit
    assert box.ask(Request(Wish.ROLLBACK)).outcome == "rolled_back"
    assert box.runs(OLD)


def test_a_version_that_does_not_start_gives_way_to_the_one_before(box: Box, bundles) -> None:
    answer = box.ask(APPLY, bundles[BAD])
    assert (answer.ok, answer.outcome) == (False, "fell_back")
    box.until(lambda: box.runs(OLD))
    assert not box.tree.of(BAD).exists()
    assert "this version is no good" in (box.root / "gateway.log").read_text()


def test_a_bundle_that_was_tampered_with_is_refused_and_nothing_stops(box: Box, bundles, tmp_path: Path) -> None:
    data = bytearray(bundles[NEW].read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "bad.meshgate").write_bytes(data)
    pid = (box.root / "pid").read_text()
    with pytest.raises(UpdateError) as raised:
        box.ask(APPLY, tmp_path / "bad.meshgate")
    assert raised.value.refusal in {Refusal.TAMPERED, Refusal.FORMAT}
    assert box.runs(OLD)
    assert (box.root / "pid").read_text() == pid
    assert not box.tree.of(NEW).exists()


@pytest.mark.parametrize("step", ["copy", "environment", "install", "compile", "prove", "switch", "trial"])
def test_whoever_is_killed_at_a_step_is_followed_by_one_who_undoes_it_or_goes_on(box: Box, bundles, step: str) -> None:
    box.start_updater()

    def told(one) -> None:
        if one.step == step:
            box.kill_updater()

    with bundles[NEW].open("rb") as file, pytest.raises(UpdateError, match="broke off"):
        wish(APPLY, file, told, box.socket)
    assert box.tree.is_complete(box.tree.current)
    box.start_updater()
    box.until(box.is_at_rest)
    box.until(lambda: box.runs(NEW if step == "trial" else box.tree.good))
    assert box.tree.good == (NEW if step == "trial" else OLD)
    assert {path.name for path in box.tree.versions.iterdir()} == ({OLD, NEW} if step == "trial" else {OLD})
