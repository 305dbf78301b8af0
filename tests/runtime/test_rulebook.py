"""The rules while the gateway runs: read again when their file changes, and never half of them or none by mistake."""

import os

import pytest

from gateway.bridge.policy import BUILT_IN, Action, Policy
from gateway.config.policy import InvalidPolicyError
from gateway.errors import ConfigError
from gateway.runtime import rulebook
from gateway.runtime.rulebook import LOOK_S, SETTLE_S, Rulebook
from gateway.store.audit import Action as Deed
from gateway.store.audit import Actor

SHUT = 'default = "deny"\n'
AJAR = 'default = "deny"\n[[rule]]\nname = "people"\nkind = "announce"\nthen = "allow"\n'
WRONG = 'default = "denny"\n'


class Desk:
    """A file, the rulebook that goes by it, and what it did."""

    def __init__(self, tmp_path, text=None, *, needed=False):
        self.file = tmp_path / "policy.toml"
        self.now = 0.0
        self.used: list[Policy] = []
        self.reports: list[str] = []
        self._writes = 0
        if text is not None:
            self.write(text)
        self.book = Rulebook(self.file, needed=needed, use=self.used.append, report=self.reports.append)

    def write(self, text):
        self._writes += 1
        self.file.write_text(text)
        os.utime(self.file, ns=(self._writes, self._writes))

    def pass_time(self, seconds=3 * LOOK_S):
        end = self.now + seconds
        while self.now < end:
            self.now += LOOK_S
            self.book.look(self.now)

    @property
    def policy(self):
        return self.used[-1] if self.used else BUILT_IN


def test_the_rules_there_at_the_start_are_used_and_a_mistake_in_them_stops_it(tmp_path):
    desk = Desk(tmp_path, SHUT)
    assert desk.policy.default is Action.DENY
    desk.write(WRONG)
    with pytest.raises(InvalidPolicyError, match=r"policy\.toml:1: default"):
        Rulebook(desk.file, needed=False, use=desk.used.append, report=desk.reports.append)


def test_without_a_file_the_mode_alone_decides_but_not_where_one_was_named(tmp_path):
    assert Desk(tmp_path).policy is BUILT_IN
    with pytest.raises(InvalidPolicyError, match="cannot be read"):
        Desk(tmp_path, needed=True)


def test_a_file_that_is_there_and_cannot_be_followed_is_not_taken_for_none(tmp_path):
    (tmp_path / "policy.toml").symlink_to(tmp_path / "nowhere.toml")
    with pytest.raises(InvalidPolicyError):
        Desk(tmp_path)


def test_a_changed_file_is_in_force_a_few_seconds_later_and_the_log_says_so(tmp_path):
    desk = Desk(tmp_path, SHUT)
    desk.write(AJAR)
    desk.pass_time()
    assert [rule.name for rule in desk.policy.rules] == ["people"]
    assert desk.reports == [f"The rules in {desk.file} are in force now: 1 rule, and what none of them fits stays."]


def test_a_file_that_appears_is_used(tmp_path):
    desk = Desk(tmp_path)
    desk.write(SHUT)
    desk.pass_time()
    assert desk.policy.default is Action.DENY


def test_a_file_is_not_read_while_somebody_is_still_writing_it(tmp_path):
    desk = Desk(tmp_path, AJAR)
    for text in ('default = "allow"\n', 'default = "allow"\n[[rule]]\nname = "half"\nthen = "deny"\n', SHUT):
        desk.write(text)
        desk.pass_time(LOOK_S)
    assert len(desk.used) == 1
    desk.pass_time()
    assert (len(desk.used), desk.policy.default, desk.policy.rules) == (2, Action.DENY, ())
    assert SETTLE_S <= LOOK_S


@pytest.mark.parametrize("spoil", [lambda desk: desk.write(WRONG), lambda desk: desk.file.unlink()])
def test_a_file_that_cannot_be_used_leaves_the_old_rules_in_force_and_that_is_said_once(tmp_path, spoil):
    desk = Desk(tmp_path, SHUT)
    spoil(desk)
    desk.pass_time()
    desk.book.read()
    assert (len(desk.used), desk.policy.default) == (1, Action.DENY)
    (said,) = desk.reports
    assert said == " ".join(desk.book.trouble)
    assert "so the rules read before stay in force." in said
    assert str(desk.file) in said
    assert desk.book.document().trouble == said
    desk.file.unlink(missing_ok=True)
    desk.write(AJAR)
    desk.pass_time()
    assert (desk.book.trouble, desk.book.document().trouble, len(desk.policy.rules)) == (None, "", 1)


def test_somebody_who_asks_is_answered_at_once(tmp_path):
    desk = Desk(tmp_path, SHUT)
    desk.write(AJAR)
    desk.book.read()
    assert len(desk.policy.rules) == 1
    desk.pass_time()
    assert len(desk.used) == 2


def test_rules_that_say_the_same_are_no_news(tmp_path):
    desk = Desk(tmp_path, SHUT)
    desk.write(SHUT)
    desk.pass_time()
    desk.book.read()
    assert desk.reports == []


def test_a_look_is_one_stat_and_no_reading(tmp_path, monkeypatch):
    desk = Desk(tmp_path, SHUT)
    monkeypatch.setattr(rulebook, "load_policy", lambda _file: pytest.fail("read without need"))
    desk.pass_time(100 * LOOK_S)


def test_the_document_says_what_is_in_force(tmp_path):
    document = Desk(tmp_path, AJAR).book.document()
    assert (document.running, document.default, document.rules[0].words) == (True, "deny", "Announces may cross.")


def test_who_asks_for_a_reload_hears_that_the_rules_cannot_be_used(tmp_path):
    desk = Desk(tmp_path, SHUT)
    desk.write(WRONG)
    with pytest.raises(ConfigError, match="stay in force"):
        desk.book.read_anew()
    desk.write(AJAR)
    desk.book.read_anew()
    assert desk.policy.default is Action.DENY
    assert desk.book.trouble is None


def test_a_change_of_the_rules_and_a_file_that_was_not_taken_are_noted_once(tmp_path):
    noted = []
    file = tmp_path / "policy.toml"
    file.write_text(SHUT)
    book = Rulebook(file, needed=False, use=lambda _: None, report=lambda _: None, witness=lambda *what: noted.append(what))
    assert noted == []  # they are those of the start
    for text in (SHUT, AJAR, AJAR, WRONG, WRONG):
        file.write_text(text)
        book.read()
    assert noted == [
        (Actor.CONFIGURATION, Deed.POLICY_CHANGED, "1 rule, and what none of them fits stays"),
        (Actor.CONFIGURATION, Deed.POLICY_REFUSED),
    ]
