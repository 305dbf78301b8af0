"""Other rules over the API and on the page: tried, looked at, and in force only when somebody says so."""

import asyncio
from pathlib import Path

import pytest

from gateway.admin.access.roles import Role
from gateway.admin.policy import policy_document
from gateway.admin.requests import answers
from gateway.admin.rules_file import RulesFile
from gateway.bridge.allowances import Allowances, Left
from gateway.bridge.policy import Action, Direction, Facts, Kind, Limit, Mode, Per, Policy, Rule, decide
from gateway.config.policy import InvalidPolicyError
from gateway.config.policy_file import PolicyFile
from gateway.limits import MAX_POLICY_FILE
from gateway.runtime.rulebook import Rulebook
from tests.admin.forms import Forms
from tests.admin.visiting import Read, Visited, status

OPEN = '# ours\ndefault = "allow"\n'
SHUT = '# ours\ndefault = "deny"\n'
SLOW = Rule("slowly", Action.LIMIT, 1, limit=Limit(6, 600, Per.SITE))


class Desk:
    """A file with rules, the rulebook that goes by it, and the page."""

    def __init__(self, directory: Path, role: Role = Role.ADMIN, text: str | None = OPEN) -> None:
        self.path = directory / "policy.toml"
        if text is not None:
            self.path.write_text(text)
        self.used: list[Policy] = []
        self.book = Rulebook(self.path, needed=False, use=self.used.append, report=lambda _sentence: None)
        given = {**answers(status, rules=self.book), **RulesFile(PolicyFile(self.path), self.book.read_anew).answers()}
        self._visited = Visited(role=role, **{name: given[name] for name in ("get_policy", "get_policy_file", "change_policy_file")})

    async def look(self) -> Forms:
        code, text, _ = await self._visited.ask("/policy")
        assert code == 200
        return Forms(text)

    async def send(self, form: dict[str, str], code: int = 200) -> tuple[str, Forms]:
        found, text, _ = await self._visited.ask("/policy", form)
        assert found == code, Read(text).text
        return text, Forms(text)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_rules_are_in_force_only_after_a_look_at_what_they_change(desk) -> None:
    before = len(desk.used)
    page = await desk.look()
    assert page.sent("preview")["rules"] == OPEN
    text, page = await desk.send(page.sent("preview", rules=SHUT.replace("\n", "\r\n")))
    assert (desk.path.read_text(), len(desk.used)) == (OPEN, before)
    assert "+default = &quot;deny&quot;" in text
    assert page.sent("preview")["rules"].replace("\r\n", "\n") == SHUT
    text, page = await desk.send(page.sent("write"))
    assert desk.path.read_text() == SHUT
    assert desk.book.policy.default is Action.DENY
    assert "These rules are in force now" in Read(text).text


async def test_the_first_rules_make_their_file(tmp_path: Path) -> None:
    desk = Desk(tmp_path, text=None)
    page = await desk.look()
    _, page = await desk.send(page.sent("preview", rules=SHUT))
    await desk.send(page.sent("write"))
    assert desk.path.read_text() == SHUT
    assert desk.book.policy.default is Action.DENY


async def test_rules_that_cannot_be_used_are_not_written_and_still_stand_in_the_field(desk) -> None:
    for wrong in ('default = "denny"\n', "nonsense"):
        for what in ("preview", "write"):
            text, page = await desk.send({**(await desk.look()).sent("preview", rules=wrong), "do": what}, 400)
            assert page.sent("preview")["rules"] == wrong
            assert "have not changed" in text
    assert desk.path.read_text() == OPEN


async def test_two_people_cannot_undo_each_others_rules(desk) -> None:
    mine = (await desk.look()).sent("preview", rules=SHUT)
    desk.path.write_text("# theirs\n" + OPEN)
    text, page = await desk.send(mine, 412)
    assert "Somebody else changed the rules" in Read(text).text
    text, page = await desk.send(page.sent("preview"))
    assert "-# theirs" in text
    desk.path.write_text(OPEN + "# once more\n")
    await desk.send(page.sent("write"), 412)
    assert desk.path.read_text() == OPEN + "# once more\n"


async def test_nothing_different_is_said_to_be_nothing(desk) -> None:
    text, page = await desk.send((await desk.look()).sent("preview"))
    assert "Nothing is different" in Read(text).text
    assert [one for one in page.all if one.get("do") == "write"] == []


async def test_an_operator_tries_rules_and_cannot_change_them(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Role.OPERATOR)
    page = await desk.look()
    form = page.sent("try", rules=SHUT)
    assert "tag" not in form
    await desk.send({**form, "do": "write", "tag": PolicyFile(desk.path).tag()}, 403)
    assert desk.path.read_text() == OPEN


async def test_a_file_larger_than_a_policy_may_be_is_not_written(desk) -> None:
    with pytest.raises(InvalidPolicyError, match="too large"):
        PolicyFile(desk.path).change("#" * MAX_POLICY_FILE + "\n", write=True)
    assert desk.path.read_text() == OPEN


async def test_a_file_nobody_can_read_is_said_to_be_one(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.path.write_bytes(b"\xff\xfe")
    code, text, _ = await desk._visited.ask("/policy")
    assert code == 200
    assert "cannot be read" in text
    assert "Rules in force" in text
    assert Forms(text).all == []


def test_a_limit_says_what_is_left_for_whoever_used_most_of_it() -> None:
    allowances, policy = Allowances(), Policy(Action.DENY, (SLOW,))
    for site, times in ((b"one", 2), (b"two", 5)):
        facts = Facts(Kind.MESSAGE, Direction.OUT, b"", site, 100, False, True, Mode.OPEN)
        for _ in range(times):
            assert allowances.admit(decide(facts, policy), facts, b"sender", 0.0)
    assert allowances.left(0.0) == {"slowly": Left(1.0, 100.0, 2)}
    (limit,) = policy_document(policy, running=True, left=allowances.left(0.0)).limits
    assert (limit.packets_left, limit.bytes_left, limit.counted, limit.per) == (1, 100, 2, "site")
    assert allowances.left(60.0) == {"slowly": Left(6.0, 600.0, 2)}
    (unused,) = policy_document(policy, running=True).limits
    assert (unused.packets_left, unused.bytes_left, unused.counted) == (6, 600, 0)
    assert policy_document(policy).limits == ()


async def test_the_page_shows_the_limits_with_what_is_left() -> None:
    text = Read((await Visited().ask("/policy"))[1]).text
    assert "1 of 6" in text
    assert "each site" in text


async def test_changes_come_one_after_the_other(desk) -> None:
    page = await desk.look()
    _, page = await desk.send(page.sent("preview", rules=SHUT))
    form = page.sent("write")
    codes = await asyncio.gather(*(desk._visited.ask("/policy", form) for _ in range(3)))
    assert sorted(code for code, _, _ in codes) == [200, 412, 412]
