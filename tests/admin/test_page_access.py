"""The way in, as it is meant: over real connections on this machine."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.admin.access.principal import Refused
from gateway.admin.access.roles import Role
from tests.admin.door import GOOD, Door, jar, make_door, opened, until


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(make_door(tmp_path)) as door:
        yield door


async def test_before_the_first_passphrase_only_setting_up_is_answered(door: Door) -> None:
    assert (await door.ask("GET", "/healthz")).body == "ok\n"
    for path in ("/", "/login", "/account", "/anything"):
        reply = await door.ask("GET", path)
        assert (reply.status, reply.get("Location")) == (303, "/setup")
    reply = await door.ask("GET", "/api/v1/look")
    assert (reply.status, reply.json["code"]) == (403, "not_set_up")
    assert door.count(Refused.SETUP) == 5
    assert (await door.ask("GET", "/setup")).status == 200


async def test_the_setup_code_makes_one_administrator_who_can_then_log_in_and_out(door: Door) -> None:
    code = door.entrance.code.issue(door.clock[0])
    reply = await door.submit("/setup", code=f" {code.lower()} ", name="ada", passphrase=GOOD)
    assert (reply.status, reply.get("Location")) == (303, "/login")
    cookies = await door.logged_in("ada")
    who = (await door.api("GET", "/api/v1/session", cookies)).json
    assert (who["name"], who["role"], who["proof"]) == ("ada", "admin", "session")
    shown = await door.ask("GET", "/account", [("Cookie", jar(cookies))])
    assert "ada" in shown.body
    reply = await door.form("/logout", {"form": shown.seal}, cookies)
    assert (reply.status, reply.get("Location")) == (303, "/login")
    assert (await door.api("GET", "/api/v1/session", cookies)).status == 401
    assert [action for action, _, _ in door.told] == ["setup_done", "login", "logout"]


async def test_over_tls_the_cookie_is_for_this_host_only_and_the_browser_is_led_there(tmp_path: Path) -> None:
    async with opened(make_door(tmp_path, secure=True)) as door:
        await door.add()
        reply = await door.submit("/login", name="ada", passphrase=GOOD)
        cookie = next(value for name, value in reply.headers if name == "set-cookie" and value.startswith("__Host-meshgate="))
        assert {part.strip() for part in cookie.split(";")[1:]} == {"Path=/", "HttpOnly", "SameSite=Strict", "Secure"}


async def test_a_token_works_until_it_is_revoked(door: Door) -> None:
    await door.add()
    token = await door.token(Role.OPERATOR)
    shown = [("Authorization", f"Bearer {token}")]
    assert (await door.ask("POST", "/api/v1/messages", shown, b"{}", origin=None)).json == {"sent": True}
    assert door.calls == ["send:a program"]
    await door.entrance.tokens.revoke(door.entrance.vault.accounts.tokens[0].id)
    assert (await door.ask("POST", "/api/v1/messages", shown, b"{}", origin=None)).status == 401


async def test_administrators_add_people_and_tokens_and_take_them_back(door: Door) -> None:
    cookies = await door.logged_in()
    added = await door.api("POST", "/api/v1/users", cookies, {"name": "bo", "role": "viewer", "passphrase": GOOD, "current": GOOD})
    assert (added.status, added.json["role"]) == (200, "viewer")
    names = [one["name"] for one in (await door.api("GET", "/api/v1/users", cookies)).json["users"]]
    assert names == ["ada", "bo"]
    made = (await door.api("POST", "/api/v1/tokens", cookies, {"name": "wall", "scope": "read", "days": 7, "current": GOOD})).json
    assert made["token"].startswith("mgt_")
    assert made["about"]["by"] == "ada"
    listed = (await door.api("GET", "/api/v1/tokens", cookies)).body
    assert made["token"] not in listed
    assert (await door.api("DELETE", f"/api/v1/tokens/{made['about']['id']}", cookies)).status == 200
    theirs = await door.logged_in("bo")
    assert (await door.api("DELETE", "/api/v1/users/bo", cookies)).status == 200
    assert (await door.api("GET", "/api/v1/session", theirs)).status == 401
    assert (await door.api("DELETE", "/api/v1/users/ada", cookies)).json["code"] == "last_admin"


async def test_whoever_changes_a_passphrase_stays_logged_in_and_nobody_else_does(door: Door) -> None:
    here, there = await door.logged_in(), await door.logged_in()
    sessions = (await door.api("GET", "/api/v1/sessions", here)).json["sessions"]
    assert [one["yours"] for one in sessions] == [True, False]
    other = "another four words entirely"
    reply = await door.api("PUT", "/api/v1/users/ada/passphrase", here, {"passphrase": other, "current": GOOD})
    assert reply.status == 200, reply.body
    assert (await door.api("GET", "/api/v1/session", here)).status == 200
    assert (await door.api("GET", "/api/v1/session", there)).status == 401


async def test_a_session_ends_after_half_an_hour_of_rest_and_after_twelve_hours(door: Door) -> None:
    cookies = await door.logged_in()
    for _ in range(24):
        door.clock[0] += 1_790
        assert (await door.api("GET", "/api/v1/session", cookies)).status == 200
    door.clock[0] += 300
    assert (await door.api("GET", "/api/v1/session", cookies)).status == 401
    cookies = await door.logged_in()
    door.clock[0] += 1_801
    assert (await door.api("GET", "/api/v1/session", cookies)).status == 401


async def test_what_is_kept_opens_nothing_and_only_its_owner_can_read_it(door: Door, tmp_path: Path) -> None:
    cookies, token = await door.logged_in(), await door.token()
    file = tmp_path / "access.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    assert not [secret for secret in (GOOD, token, token[4:], *cookies.values()) if secret in text]
    assert json.loads(text)["users"][0]["passphrase"].startswith("$argon2id$")


async def test_a_damaged_file_is_moved_aside_and_nobody_is_in(door: Door, tmp_path: Path) -> None:
    await door.add()
    (tmp_path / "access.json").write_text('{"version": 1, "users": [')
    again = make_door(tmp_path)
    assert not again.entrance.vault.is_set_up
    assert again.entrance.vault.found is not None
    assert (tmp_path / "access.json.damaged-1").exists()


async def test_a_forgotten_passphrase_is_replaced_with_a_code_from_the_box(door: Door) -> None:
    cookies = await door.logged_in()
    assert (await door.ask("GET", "/setup")).get("Location") == "/login"
    code = door.entrance.code.issue(door.clock[0], forgive=True)
    other = "another four words entirely"
    assert (await door.submit("/setup", code=code, name="ada", passphrase=other)).status == 303
    assert (await door.api("GET", "/api/v1/session", cookies)).status == 401
    assert (await door.submit("/login", name="ada", passphrase=GOOD)).status == 401
    assert (await door.submit("/login", name="ada", passphrase=other)).status == 303


async def test_an_address_that_is_taken_is_told_and_does_not_end_the_page(tmp_path: Path) -> None:
    async with opened(make_door(tmp_path / "one")) as first:
        second = make_door(tmp_path / "two")
        second.page.listener.addresses = (first.address,)
        task = asyncio.create_task(second.page.run())
        await until(lambda: second.page.listener.trouble is None)
        assert str(first.address) in str(second.page.listener.trouble)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
