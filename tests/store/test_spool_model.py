"""The spool beside a model of it in twenty lines of Python: whatever happens, they agree, and a restart changes nothing."""

import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from gateway.errors import Reason
from gateway.store import quotas
from gateway.store.message import Accepted, Message, State
from gateway.store.quotas import Class, Quota
from gateway.store.retry import CAP_MS
from gateway.store.store import open_store
from tests.store.stores import NOW

PEERS = (b"", b"ada-----", b"ben-----")
SITES = (b"", b"hall")
FEW = Quota(3, 10_000)
WAITING = (State.QUEUED, State.SENT)


class Undo(Exception):  # noqa: N818 -- no error: a power cut in the middle of a transaction
    pass


@dataclass
class Row:
    message: Message
    order: int
    state: State = State.QUEUED
    reason: Reason | None = None
    due_by: int = 0
    attempts: int = 0


class SpoolBesideItsModel(RuleBasedStateMachine):
    known = Bundle("known")

    @initialize(seed=st.integers(0, 2**16))
    def begin(self, seed):
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "store.db"
        self.rng = Random(seed)
        self.caps = (quotas.ORIGIN, quotas.RECIPIENT, quotas.SITE, dict(quotas.CLASSES))
        quotas.ORIGIN = quotas.RECIPIENT = FEW
        quotas.SITE = Quota(4, 10_000)
        quotas.CLASSES.update(dict.fromkeys(Class, Quota(5, 10_000)))
        self.store = open_store(self.path, self.rng)
        self.model: dict[bytes, Row] = {}
        self.now = NOW
        self.order = 0

    def teardown(self):
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()
            quotas.ORIGIN, quotas.RECIPIENT, quotas.SITE, classes = self.caps
            quotas.CLASSES.update(classes)

    def waiting(self):
        return [row for row in self.model.values() if row.state in WAITING]

    def write(self, change):
        with self.store.database.transaction(durable=True):
            return change(self.store.spool)

    def expected_of(self, message):
        row = self.model.get(message.id)
        if row is not None:
            return row.reason or Accepted(row.state, fresh=False)
        if message.expires_ms <= self.now:
            return Reason.EXPIRED
        rows = [one.message for one in self.waiting()]
        for name, cap, reason in (
            ("origin", 3, Reason.QUOTA_PEER),
            ("recipient", 3, Reason.QUOTA_PEER),
            ("via", 4, Reason.QUOTA_SITE),
            ("site", 4, Reason.QUOTA_SITE),
        ):
            if getattr(message, name) and sum(getattr(one, name) == getattr(message, name) for one in rows) >= cap:
                return reason
        if sum(one.service is message.service for one in rows) >= 5:
            return Reason.QUOTA_CLASS
        return Accepted(State.QUEUED, fresh=True)

    @rule(
        target=known,
        name=st.integers(0, 30),
        service=st.sampled_from(Class),
        lifetime=st.integers(-5, 3_000_000),
        origin=st.sampled_from(PEERS),
        recipient=st.sampled_from(PEERS),
        via=st.sampled_from(SITES),
        site=st.sampled_from(SITES),
    )
    def accept(self, name, service, lifetime, origin, recipient, via, site):
        message = Message(b"%d" % name, service, self.rng.randbytes(50), self.now + lifetime, origin, recipient, via, site)
        expected = self.expected_of(message)
        assert self.write(lambda spool: spool.accept(message, self.now)) == expected
        if isinstance(expected, Accepted) and expected.fresh:
            self.order += 1
            self.model[message.id] = Row(message, self.order, due_by=self.now)
        return message.id

    @rule(name=known, is_sent=st.booleans())
    def try_again(self, name, is_sent):
        row = self.model.get(name)
        expected = row is not None and row.state in WAITING
        assert self.write(lambda spool: (spool.sent if is_sent else spool.postpone)(name, self.now)) is expected
        if expected:
            row.attempts += 1
            row.state = State.SENT if is_sent else row.state
            row.due_by = self.now + CAP_MS

    @rule(name=known, is_read=st.booleans())
    def receipt(self, name, is_read):
        row, state = self.model.get(name), State.READ if is_read else State.DELIVERED
        expected = row is not None and row.state is not State.READ and row.state is not state
        assert self.write(lambda spool: (spool.read if is_read else spool.delivered)(name, self.now)) is expected
        if expected:
            row.state, row.reason = state, None

    @rule(name=known)
    def fail(self, name):
        row = self.model.get(name)
        expected = row is not None and row.state in WAITING
        assert self.write(lambda spool: spool.fail(name, Reason.BUDGET, self.now)) is expected
        if expected:
            row.state, row.reason = State.FAILED, Reason.BUDGET

    @rule()
    def expire(self):
        over = [row for row in self.waiting() if row.message.expires_ms <= self.now]
        assert sorted(self.write(lambda spool: spool.expire(self.now))) == sorted(row.message.id for row in over)
        for row in over:
            row.state, row.reason = State.EXPIRED, Reason.EXPIRED

    @rule(milliseconds=st.integers(1, 2_000_000))
    def wait(self, milliseconds):
        self.now += milliseconds

    @rule()
    def restart(self):
        self.store.close()
        self.store = open_store(self.path, self.rng)

    @rule(name=known)
    def lose_a_transaction(self, name):
        with suppress(Undo), self.store.database.transaction():
            self.store.spool.delivered(name, self.now)
            self.store.spool.accept(Message(b"never", Class.PUBLIC, b"", self.now + 1), self.now, promised=False)
            raise Undo

    @invariant()
    def what_is_ready_waits_is_in_time_and_in_order(self):
        ready = self.store.spool.ready(self.now)
        rows = [self.model[message.id] for message in ready]
        assert [row.message for row in rows] == ready
        assert all(row.state in WAITING and row.message.expires_ms > self.now for row in rows)
        assert rows == sorted(rows, key=lambda row: (row.message.service, row.order))
        handed_out = {row.message.id for row in rows}
        for row in self.waiting():
            message = row.message
            if message.expires_ms > self.now and row.due_by <= self.now and message.id not in handed_out:
                flow = [one for one in self.waiting() if self.flow(one) == self.flow(row) and one.order < row.order]
                assert any(one.state is State.QUEUED and one.due_by > self.now for one in flow), "held back by nothing"

    @invariant()
    def every_message_is_as_the_model_has_it(self):
        for name, row in self.model.items():
            progress = self.store.spool.get(name)
            assert (progress.state, progress.reason, progress.attempts) == (row.state, row.reason, row.attempts)
        assert self.store.spool.tally().waiting == len(self.waiting())
        bodies = self.store.database.rows("SELECT count(*) FROM spool_body")
        assert bodies == [(len(self.waiting()),)]

    @staticmethod
    def flow(row):
        return row.message.origin, row.message.recipient, row.message.site, row.message.service


TestSpool = pytest.mark.timeout(60)(SpoolBesideItsModel.TestCase)
TestSpool.settings = settings(max_examples=15, stateful_step_count=30, deadline=None)
