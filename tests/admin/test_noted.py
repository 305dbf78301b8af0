"""What is changed and sent over the API stands in the log of changes: by whom and what, and neither values, nor texts, nor recipients."""

import json
from collections.abc import Mapping
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from gateway.admin.access.principal import LOCAL, Principal, Proof
from gateway.admin.access.roles import Role
from gateway.admin.answering import routed
from gateway.admin.audit import of_calls, sentence_of
from gateway.admin.limits import MAX_USER_NAME
from gateway.admin.rules_file import RulesFile
from gateway.admin.sending import Sending
from gateway.admin.settings import Settings
from gateway.admin.table import TABLE
from gateway.config.editing import ConfigFile
from gateway.config.load import Loaded, load
from gateway.config.policy_file import PolicyFile
from gateway.config.schema import KEYS
from gateway.limits import MAX_AUDIT_DETAIL
from gateway.mesh.records import Decided, Verb
from gateway.store.audit import Action, Actor, Change
from tests.admin.listening import serving

PEER = "00112233aabbccdd"
ADA = Principal("ada", Role.ADMIN, Proof.SESSION, "1")
SECRET = "the key lies under the stone"  # noqa: S105 -- what somebody says


class Desk:
    """Settings and sending behind a port, with a witness."""

    def __init__(self, directory: Path, who: Principal = ADA) -> None:
        self.noted: list[tuple[Actor, Action, str]] = []
        self.events: list[str] = []

        def again(path: Path, text: str | None) -> Loaded:
            return load(path, {}, [f"gateway.state_dir={directory}"], instead=None if text is None else (path, text))

        self.who = who
        self.path = directory / "config.toml"
        self.path.touch()
        file = ConfigFile(self.path, again)
        note = of_calls(lambda actor, action, detail="", _uid=None: self.witness(actor, action, detail))
        peers = SimpleNamespace(get=lambda peer_id: object() if peer_id.hex() == PEER else None)
        self.sending = Sending(lambda: self.give, peers, self.no_site, lambda: 1.0, Random(1).randbytes, note)
        rules = RulesFile(PolicyFile(directory / "policy.toml"), lambda: self.events.append("taken"), note)
        self.answers = {
            **Settings(file, lambda: self.events.append("taken"), note=note).answers(),
            **rules.answers(),
            **self.sending.answers(),
        }

    def witness(self, actor: Actor, action: Action, detail: str) -> None:
        self.events.append("noted")
        self.noted.append((actor, action, detail))

    def give(self, _event: object) -> None:
        self.sending.take(Decided(subject=b"a message", verb=Verb.SAID))

    async def no_site(self, target: str) -> bool:
        raise KeyError(target)

    async def ask(
        self, method: str, path: str, document: object, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any, Mapping[str, str]]:
        app = web.Application()
        app.add_routes(routed([one for one in TABLE if one.name in self.answers], self.answers, lambda _request: self.who))
        async with (
            serving(app) as base,
            aiohttp.ClientSession() as session,
            session.request(method, f"{base}/api/v1{path}", json=document, headers=headers or {}) as response,
        ):
            return response.status, json.loads(await response.read()), response.headers

    async def change(self, changes: Mapping[str, object], query: str = "") -> int:
        _, _, headers = await self.ask("GET", "/config", None)
        return (await self.ask("PATCH", f"/config{query}", {"changes": changes}, {"If-Match": headers["ETag"]}))[0]


async def test_a_change_of_settings_is_noted_with_its_keys_before_it_is_taken(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert await desk.change({"log.level": "debug", "gateway.nickname": SECRET[:20]}) == 200
    assert desk.noted == [(Actor.PAGE, Action.SETTINGS_CHANGED, "ada, gateway.nickname, log.level")]
    assert desk.events == ["noted", "taken"]
    assert SECRET[:20] in desk.path.read_text()


async def test_what_was_only_looked_at_refused_or_is_so_already_is_not_noted(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert await desk.change({"log.level": "debug"}, "?dry_run=true") == 200
    assert await desk.change({"log.level": "shouting"}) == 400
    assert await desk.change({}) == 200
    assert (await desk.ask("PATCH", "/config", {"changes": {"log.level": "debug"}}))[0] == 428
    assert desk.noted == []


async def test_a_key_that_is_written_and_changes_nothing_is_noted_as_well(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert await desk.change({"gateway.state_dir": str(tmp_path / "elsewhere")}) == 200  # another place says otherwise
    assert await desk.change({"log.level": "info"}) == 200  # the default
    assert [detail for _, _, detail in desk.noted] == ["ada, gateway.state_dir", "ada, log.level"]
    assert desk.events == ["noted", "noted"]


async def test_many_keys_and_a_long_name_leave_room_for_how_many_more_there_are(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Principal("a" * MAX_USER_NAME, Role.ADMIN, Proof.SESSION, "1"))
    defaults = {name: value for name, value in (await numbers(desk)).items() if name.startswith(("mqtt.", "mail.", "radio."))}
    assert len(defaults) > 4
    assert await desk.change(defaults) == 200
    ((_, _, detail),) = desk.noted
    assert len(detail) <= MAX_AUDIT_DETAIL
    named = detail.split(", ")[1:-1]
    assert set(named) <= set(KEYS)
    assert detail.endswith(f", {len(defaults) - len(named)} more")


async def numbers(desk: Desk) -> dict[str, object]:
    """Every switch and number with the value it has."""
    _, document, _ = await desk.ask("GET", "/config", None)
    return {one["key"]: one["value"] for one in document["settings"] if isinstance(one["value"], bool | int)}


async def test_other_rules_are_noted_with_who_wrote_them_and_not_with_what_they_say(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    rules = {"text": f'default = "deny"\n# {SECRET}\n'}
    for query, noted in (("?dry_run=true", 0), ("", 1), ("", 1)):
        _, _, headers = await desk.ask("GET", "/policy/file", None)
        assert (await desk.ask("PUT", f"/policy/file{query}", rules, {"If-Match": headers["ETag"]}))[0] == 200
        assert len(desk.noted) == noted
    assert desk.noted == [(Actor.PAGE, Action.SETTINGS_CHANGED, "ada, the rules in policy.file")]
    assert desk.events[:2] == ["noted", "taken"]


@pytest.mark.parametrize(
    ("wanted", "detail"), [({"text": SECRET}, "to everybody near"), ({"text": SECRET, "urgent": True, "to": PEER}, "to one peer")]
)
async def test_what_is_sent_is_noted_without_what_it_says_and_to_whom(tmp_path: Path, wanted, detail) -> None:
    desk = Desk(tmp_path)
    assert (await desk.ask("POST", "/messages", wanted))[0] == 202
    assert desk.noted == [(Actor.PAGE, Action.NOTICE_SENT, f"ada, {detail}")]
    said = sentence_of(Change(None, *desk.noted[0]))
    assert said == f"A notice was sent to the mesh on the page: ada, {detail}."
    assert SECRET not in said


async def test_what_was_sent_already_or_not_at_all_is_not_noted(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for _ in range(3):
        assert (await desk.ask("POST", "/messages", {"text": SECRET}, {"Idempotency-Key": "once"}))[0] == 202
    assert (await desk.ask("POST", "/messages", {"text": "another"}, {"Idempotency-Key": "once"}))[0] == 409
    assert (await desk.ask("POST", "/messages", {"text": SECRET, "to": "ffffffffffffffff"}))[0] == 404
    desk.give = lambda _event: None  # it does not speak
    assert (await desk.ask("POST", "/messages", {"text": SECRET}))[0] == 503
    assert len(desk.noted) == 1


async def test_a_program_at_the_control_socket_is_noted_as_that(tmp_path: Path) -> None:
    desk = Desk(tmp_path, LOCAL)
    assert (await desk.ask("POST", "/messages", {"text": SECRET}))[0] == 202
    assert desk.noted == [(Actor.CONTROL_SOCKET, Action.NOTICE_SENT, "to everybody near")]


async def test_a_token_is_named_and_never_shown(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Principal("the hall", Role.OPERATOR, Proof.TOKEN, "0badc0de"))
    assert (await desk.ask("POST", "/messages", {"text": SECRET}))[0] == 202
    assert desk.noted == [(Actor.PAGE, Action.NOTICE_SENT, "token:the hall, to everybody near")]
