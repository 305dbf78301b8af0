"""kill -9 at any moment: what was acknowledged is there, and no phone shows anything twice.

The child is a store under load. The parent is everybody else: it holds the ledger of what the child
has acknowledged, it is the phone that gets the messages and sends receipts (some are lost), and it kills.
"""

import os
import selectors
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random, SystemRandom

import pytest

from gateway.store.mail import Letter
from gateway.store.message import Progress, State
from gateway.store.migrations import migrate, newest
from tests.store.crash_child import digest
from tests.store.stores import HOUR, NOW, message, opened

ROOT = Path(__file__).parents[2]
PHASES = ("migrate", "queue", "send", "acknowledge", "mail", "compact")
MOST_S = 20.0  # seconds after which a child that says nothing is a failure of its own
LIVES_OF_A_DATABASE = 12


class Phone:
    """Shows what it gets once, as far as it can tell: like a real one, it knows a packet by its bytes."""

    def __init__(self) -> None:
        self.frames: set[str] = set()
        self.shown: Counter[str] = Counter()
        self.copies = 0

    def take(self, name: str, frame: str) -> None:
        self.copies += 1
        if frame not in self.frames:
            self.frames.add(frame)
            self.shown[name] += 1


class Ledger:
    """What one database has promised, and what is wrong with it."""

    def __init__(self) -> None:
        self.phone = Phone()
        self.promised: dict[str, tuple[int, str]] = {}
        self.mail: dict[str, str] = {}  # letters, with what is in them
        self.copies: dict[str, set[int]] = {}  # how many may be left of each: one number, or two while that is being written
        self.handed: set[str] = set()
        self.leaving: set[str] = set()  # letters the child was about to hand over
        self.ended: dict[str, str] = {}  # what the child said of the end: D or X
        self.receipts: set[str] = set()  # what the phone has said, heard or not
        self.given_up_ms = 0  # the child was about to give up what was wanted until then
        self.unsaid: set[str] = set()  # ended, and the child was killed before it could say so
        self.now_ms = NOW
        self.wrong: list[str] = []

    def read(self, line: str) -> str | None:
        """Enter a line of the child; returns the receipt the phone sends for it, if it is a sending."""
        verb, *words = line.split()
        if verb == "T":
            self.now_ms = int(words[0])
        elif verb == "A":
            name, until_ms, frame = words
            self.promised[name] = (int(until_ms), frame)
        elif verb == "S":
            name, frame = words
            self.phone.take(name, frame)
            if name in self.ended:
                self.wrong.append(f"{name} was sent although it was over ({self.ended[name]})")
            return name
        elif verb in ("D", "X"):
            (name,) = words
            self.ended[name] = verb
            if not self.may_be(name, verb):
                self.wrong.append(f"{name} has ended without a cause ({verb})")
        elif verb == "E":
            self.given_up_ms = int(words[0])
        elif verb == "M":
            name, frame = words
            self.mail[name] = frame
            self.copies[name] = {4}
            if name in self.handed:
                self.wrong.append(f"{name} was taken again after it was handed over")
        elif verb == "C":
            self.copies[words[0]].add(int(words[1]))
        elif verb == "K":
            self.copies[words[0]] = {int(words[1])}
        elif verb == "G":
            self.leaving.add(words[0])
        elif verb == "H":
            self.handed.add(words[0])
        return None

    def audit(self, path: Path) -> None:
        """Compare the database with what was promised."""
        with opened(path) as store:
            if store.database.aside:
                self.wrong.append(store.database.aside)
            bodies = store.database.rows("SELECT id, body FROM spool JOIN spool_body USING (seq)")
            frames = {name.decode(): digest(body) for name, body in bodies}
            for name, (until_ms, frame) in self.promised.items():
                self.compare(name, store.spool.get(name.encode()), frames.get(name) == frame, until_ms)
            self.audit_mail({one.name.decode(): one for one in store.mail.load()})
        self.wrong += [f"{name} was shown {count} times" for name, count in self.phone.shown.items() if count > 1]

    def audit_mail(self, found: dict[str, Letter]) -> None:
        self.wrong += [f"{name} is lost" for name in self.mail.keys() - found.keys() - self.leaving]
        self.wrong += [f"{name} is back: it was shown 2 times" for name in found.keys() & self.handed]
        self.unsaid |= (self.mail.keys() - found.keys()) & self.leaving - self.handed
        for name, letter in found.items():
            if name in self.mail and (digest(letter.payload) != self.mail[name] or letter.copies not in self.copies[name]):
                self.wrong.append(f"{name} is not what it was: {letter.copies} copies, not {self.copies[name]}")

    def may_be(self, name: str, end: str) -> bool:
        """Say whether there is a cause for this end: the phone's receipt, or a deadline that is over."""
        if end == "D":
            return name in self.receipts
        return name not in self.promised or self.promised[name][0] <= self.given_up_ms

    def compare(self, name: str, progress: Progress | None, is_whole: bool, until_ms: int) -> None:
        said = self.ended.get(name)
        if progress is not None and progress.state in (State.QUEUED, State.SENT):
            if said or not is_whole:
                self.wrong.append(f"{name} is not what it was: {progress}, {said}")
            return
        found = {State.DELIVERED: "D", State.EXPIRED: "X"}.get(progress.state) if progress is not None else said
        if progress is None and until_ms < self.now_ms:  # forgotten, as it may be after its deadline; but it has to have ended first
            found = said or ("D" if self.may_be(name, "D") else "X")
        if found is None or not self.may_be(name, found) or (said == "D" and found == "X"):
            self.wrong.append(f"{name} is lost: {progress}, wanted until {until_ms}, now {self.now_ms}, {said}")
        elif said is None:
            self.unsaid.add(name)


def begin(path: Path, ledger: Ledger, rng: Random) -> None:
    """Leave a database of some earlier version, with promises in it where that version made any."""
    version = rng.randrange(newest() + 1)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    migrate(connection, upto=version)
    for number in range(300 if version else 0):
        old = message(f"old-{number}", body=rng.randbytes(1_000))
        connection.execute(
            "INSERT INTO spool VALUES (?, ?, 1, 0, '', ?, x'', x'', ?, 1000, ?, ?, ?, 0, 0)",
            (number + 1, old.id, old.origin, old.recipient, NOW, NOW + 24 * HOUR, NOW),
        )
        connection.execute("INSERT INTO spool_body VALUES (?, ?)", (number + 1, old.body))
        ledger.promised[f"old-{number}"] = (NOW + 24 * HOUR, digest(old.body))
    connection.close()


def live_and_die(path: Path, ledger: Ledger, rng: Random, life: int, phase: str) -> bool:
    """Let a child run until it does something of that kind, kill it then, and read its last words; False if it ended before."""
    marks, delay = 1 if phase == "migrate" else rng.randrange(1, 12), rng.uniform(0, 0.012)
    command = [sys.executable, "-m", "tests.store.crash_child", path, str(rng.getrandbits(32)), str(life), str(ledger.now_ms)]
    with (
        subprocess.Popen(
            command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        ) as child,
        selectors.DefaultSelector() as selector,
    ):
        selector.register(child.stdout, selectors.EVENT_READ)
        until, rest, is_dead = time.monotonic() + MOST_S, b"", False
        while True:
            left = until - time.monotonic()
            if left <= 0 and not is_dead:
                assert marks <= 0, f"nothing was heard of {phase} for {MOST_S} s"
                child.send_signal(signal.SIGKILL)
                is_dead = True
            if not selector.select(None if is_dead else left):
                continue
            chunk = os.read(child.stdout.fileno(), 65_536)
            if not chunk:
                break
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                receipt = ledger.read(line.decode())
                if receipt is not None and not is_dead and rng.random() < 0.7:
                    ledger.receipts.add(receipt)
                    tell(child, receipt)
                if line == f"P {phase}".encode():
                    marks -= 1
                    if marks == 0:
                        until = time.monotonic() + delay
        child.stdin.close()
        assert not rest
        assert child.wait() in (0, -signal.SIGKILL), "the child came to an end of its own"
        return child.returncode == -signal.SIGKILL


def tell(child: subprocess.Popen, receipt: str) -> None:
    try:
        child.stdin.write(f"{receipt}\n".encode())
    except BrokenPipeError:
        return


def kill_many(folder: Path, kills: int) -> None:
    seed = SystemRandom().getrandbits(32)
    rng = Random(seed)
    print(f"seed {seed}")
    ledgers: list[Ledger] = []
    killed: Counter[str] = Counter()
    lives = 0
    while killed.total() < kills:
        if lives % LIVES_OF_A_DATABASE == 0:
            ledgers.append(Ledger())
            path = folder / f"{len(ledgers)}.db"
            begin(path, ledgers[-1], rng)
        phase = "migrate" if lives % LIVES_OF_A_DATABASE == 0 else PHASES[lives % len(PHASES)]
        lives += 1
        if live_and_die(path, ledgers[-1], rng, lives, phase):
            killed[phase] += 1
        if rng.random() < 0.5 or lives % LIVES_OF_A_DATABASE == 0:  # or else the next life finds the log as this one left it
            ledgers[-1].audit(path)
    ledgers[-1].audit(path)
    wrong = sorted({line for ledger in ledgers for line in ledger.wrong})
    promised = sum(len(ledger.promised) + len(ledger.mail) for ledger in ledgers)
    shown = sum(len(ledger.phone.shown) for ledger in ledgers)
    copies = sum(ledger.phone.copies for ledger in ledgers)
    lost = sum("lost" in line or "not what" in line for line in wrong)
    twice = sum("sent although" in line or "times" in line for line in wrong)
    print(f"{killed.total()} kills ({', '.join(f'{killed[phase]} at {phase}' for phase in PHASES)})")
    print(f"{sum(len(ledger.unsaid) for ledger in ledgers)} ends were written, and the process killed before it could say so")
    letters, handed = sum(len(ledger.mail) for ledger in ledgers), sum(len(ledger.handed) for ledger in ledgers)
    print(f"of those {letters} letters, {handed} of them handed over, none of these taken again")
    print(f"{promised} acknowledged, {shown} shown by phones that got {copies} copies; lost or altered: {lost}, twice: {twice}")
    assert not wrong, wrong[:20]
    assert shown > kills
    assert letters > handed > kills // 2
    assert copies > shown, "nothing was sent twice, so nothing was tried"


@pytest.mark.timeout(60)
def test_a_few_kills_lose_nothing(tmp_path):
    kill_many(tmp_path, 10)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_three_hundred_kills_lose_nothing_acknowledged_and_show_nothing_twice(tmp_path):
    kill_many(tmp_path, 300)
