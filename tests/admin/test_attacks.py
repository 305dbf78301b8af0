"""What strangers try on the page, one by one: each is refused, and counted."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.admin import limits, listener
from gateway.admin.access import gate
from gateway.admin.access.gate import ALWAYS
from gateway.admin.access.principal import Refused
from gateway.admin.access.roles import Role
from tests.admin.door import GOOD, Door, Reply, jar, make_door, opened, until
from transports.websocket.address import Address

BAD = "not the passphrase"
JSON = ("Content-Type", "application/json")
FORM = ("Content-Type", "application/x-www-form-urlencoded")
UPGRADE = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
]


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    """A page that ada has set up."""
    async with opened(make_door(tmp_path)) as door:
        await door.add()
        yield door
        assert not door.reports


@pytest.fixture
async def fresh(tmp_path: Path) -> AsyncIterator[Door]:
    """A page nobody has set up."""
    async with opened(make_door(tmp_path)) as door:
        yield door
        assert not door.reports


@pytest.fixture
async def secure(tmp_path: Path) -> AsyncIterator[Door]:
    """The same over TLS."""
    async with opened(make_door(tmp_path, secure=True)) as door:
        await door.add()
        yield door
        assert not door.reports


def is_refused(door: Door, reply: Reply, status: int, why: Refused, times: int = 1) -> bool:
    """Whether it was, was counted, and nothing was done."""
    assert (reply.status, door.count(why)) == (status, times), (reply, door.entrance.refusals)
    assert not door.calls
    return True


# Names that somebody else has pointed at this machine


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "evil.example:8080",
        "meshgate.local.evil.example",
        "a.b.local",
        "-.local",
        "localhost.evil.example",
        "127.1",
        "0x7f.0.0.1",
        "2130706433",
        "127.0.0.1@evil.example",
        "evil.example#.local",
        "evil.example\t.local",
        "127.0.0.1:80:evil.example",
        "127.0.0.1:99999",
        "127.0.0.1:0",
        "127.0.0.1:",
        "[::1",
        "[::1]evil.example",
        "",
    ],
)
async def test_a_name_somebody_else_points_here_is_not_answered(door: Door, host: str) -> None:
    cookies = await door.logged_in()
    reply = await door.ask("GET", "/api/v1/look", [("Cookie", jar(cookies))], host=host)
    assert is_refused(door, reply, 421, Refused.ADDRESS)


async def test_names_of_the_house_and_addresses_are_answered(door: Door) -> None:
    for host in ("127.0.0.1", "[::1]:80", "localhost:8443", "meshgate-1f2e.local", "MESHGATE.LOCAL.", "192.168.1.7:443"):
        assert (await door.ask("GET", "/healthz", host=host)).status == 200, host


async def test_a_request_without_a_host_is_not_answered(door: Door) -> None:
    assert is_refused(door, await door.raw(b"GET /healthz HTTP/1.0\r\n\r\n"), 421, Refused.ADDRESS)


async def test_two_hosts_are_not_answered(door: Door) -> None:
    reply = await door.ask("GET", "/healthz", [("Host", "evil.example")])
    assert reply.status == 400
    assert door.count(Refused.REPEATED) + door.count(Refused.MALFORMED) == 1


async def test_the_whole_address_in_the_request_line_does_not_take_the_place_of_the_host(door: Door) -> None:
    reply = await door.ask("GET", "http://evil.example/api/v1/look")
    assert is_refused(door, reply, 400, Refused.PATH)


async def test_a_host_passed_on_by_a_proxy_nobody_has_is_not_believed(door: Door) -> None:
    reply = await door.ask("GET", "/healthz", [("X-Forwarded-Host", "127.0.0.1"), ("Forwarded", "host=127.0.0.1")], host="evil.example")
    assert is_refused(door, reply, 421, Refused.ADDRESS)


# Pages of other sites in the same browser


async def test_a_form_on_another_site_cannot_log_anybody_in(door: Door) -> None:
    shown = await door.ask("GET", "/login")
    reply = await door.form("/login", {"form": shown.seal, "name": "ada", "passphrase": GOOD}, shown.cookies, origin="https://evil.example")
    assert is_refused(door, reply, 403, Refused.ORIGIN)
    assert len(door.entrance.sessions) == 0


async def test_a_form_without_its_seal_logs_nobody_in(door: Door) -> None:
    assert is_refused(door, await door.form("/login", {"name": "ada", "passphrase": GOOD}, {}), 403, Refused.FORM)


async def test_a_seal_made_for_somebody_else_is_none(door: Door) -> None:
    mine, yours = await door.ask("GET", "/login"), await door.ask("GET", "/login")
    reply = await door.form("/login", {"form": mine.seal, "name": "ada", "passphrase": GOOD}, yours.cookies)
    assert is_refused(door, reply, 403, Refused.FORM)


async def test_an_empty_cookie_and_its_seal_are_none(door: Door) -> None:
    for cookies in ({}, {"meshgate-form": ""}):
        reply = await door.form("/login", {"form": door.entrance.seals.seal(""), "name": "ada", "passphrase": GOOD}, cookies)
        assert reply.status == 403
    assert door.count(Refused.FORM) == 2


async def test_another_site_cannot_change_anything_with_a_persons_cookie(door: Door) -> None:
    cookies = await door.logged_in()
    for origin in (
        "https://evil.example",
        "null",
        f"http://127.0.0.1.evil.example:{door.address.port}",
        f"http://127.0.0.1:{door.address.port + 1}",
    ):
        reply = await door.api("POST", "/api/v1/messages", cookies, {}, origin=origin)
        assert reply.status == 403, origin
    assert is_refused(door, reply, 403, Refused.ORIGIN, 4)


async def test_the_same_host_with_another_scheme_is_another_site(door: Door) -> None:
    reply = await door.api("POST", "/api/v1/messages", await door.logged_in(), {}, origin=f"https://{door.host}")
    assert is_refused(door, reply, 403, Refused.ORIGIN)


async def test_a_change_that_says_nothing_of_where_it_comes_from_is_refused(door: Door) -> None:
    reply = await door.api("POST", "/api/v1/messages", await door.logged_in(), {}, origin=None)
    assert is_refused(door, reply, 403, Refused.ORIGIN)


async def test_what_the_browser_says_of_the_other_site_counts_even_if_the_origin_is_ours(door: Door) -> None:
    cookies = await door.logged_in()
    for site in ("cross-site", "same-site", "none", "SAME-ORIGIN", ""):
        reply = await door.ask("POST", "/api/v1/messages", [("Cookie", jar(cookies)), JSON, ("Sec-Fetch-Site", site)], b"{}")
    assert is_refused(door, reply, 403, Refused.ORIGIN, 5)


async def test_another_site_cannot_read_the_api_as_a_picture_or_script(door: Door) -> None:
    cookies = await door.logged_in()
    for mode, dest in (("no-cors", "image"), ("no-cors", "script"), ("cors", "empty"), ("navigate", "document"), ("navigate", "iframe")):
        headers = [("Cookie", jar(cookies)), ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", mode), ("Sec-Fetch-Dest", dest)]
        reply = await door.ask("GET", "/api/v1/look", headers)
    assert is_refused(door, reply, 403, Refused.ORIGIN, 5)


async def test_nobody_is_told_that_other_sites_may_ask(door: Door) -> None:
    headers = [("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "content-type")]
    reply = await door.ask("OPTIONS", "/api/v1/messages", headers, origin="https://evil.example")
    assert is_refused(door, reply, 403, Refused.ORIGIN)
    assert not [name for name, _ in reply.headers if name.startswith("access-control")]


async def test_json_dressed_up_as_a_form_or_text_is_not_read(door: Door) -> None:
    cookies = await door.logged_in()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        headers = [("Cookie", jar(cookies)), *([("Content-Type", kind)] if kind else [])]
        assert (await door.ask("POST", "/api/v1/messages", headers, b'{"a":1}')).status == 415
    assert not door.calls


async def test_a_link_on_another_site_cannot_log_anybody_out(door: Door) -> None:
    cookies = await door.logged_in()
    assert (await door.ask("GET", "/logout", [("Cookie", jar(cookies))])).status == 405
    assert is_refused(door, await door.form("/logout", {}, cookies, origin="https://evil.example"), 403, Refused.ORIGIN)
    assert len(door.entrance.sessions) == 1


async def test_another_site_cannot_open_a_websocket_with_a_persons_cookie(door: Door) -> None:
    cookies = await door.logged_in()
    for origin in ("https://evil.example", "null", f"https://{door.host}"):
        reply = await door.ask("GET", "/api/v1/events", [*UPGRADE, ("Cookie", jar(cookies)), ("Origin", origin)])
    assert is_refused(door, reply, 403, Refused.ORIGIN, 3)


async def test_a_websocket_with_a_cookie_and_no_origin_is_refused(door: Door) -> None:
    reply = await door.ask("GET", "/api/v1/events", [*UPGRADE, ("Cookie", jar(await door.logged_in()))])
    assert is_refused(door, reply, 403, Refused.ORIGIN)


async def test_our_own_page_opens_a_websocket(door: Door) -> None:
    reply = await door.ask("GET", "/api/v1/events", [*UPGRADE, ("Cookie", jar(await door.logged_in())), ("Origin", door.origin)])
    assert (reply.status, door.calls) == (101, ["events"])


async def test_a_websocket_without_anything_to_show_is_refused(door: Door) -> None:
    assert is_refused(door, await door.ask("GET", "/api/v1/events", UPGRADE), 401, Refused.LOGIN)


async def test_no_other_page_can_show_ours_in_a_frame_or_run_a_script_in_it(door: Door) -> None:
    for path in ("/login", "/account", "/api/v1/look", "/healthz", "/nothing"):
        reply = await door.ask("GET", path)
        policy = reply.get("Content-Security-Policy")
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert reply.get("X-Content-Type-Options") == "nosniff"
        assert reply.get("Cross-Origin-Opener-Policy") == "same-origin"
        assert reply.get("Referrer-Policy") == "same-origin"
        assert reply.get("Cache-Control") == "no-store"
        assert "aiohttp" not in reply.get("Server")
        assert not [part for part in ("<script", "style=", "onload=", "javascript:") if part in reply.body]


# Guessing


async def test_guessing_a_passphrase_costs_more_and_more_time(door: Door) -> None:
    for _ in range(limits.LOGIN_FREE):
        assert (await door.submit("/login", name="ada", passphrase=BAD)).status == 401
    reply = await door.submit("/login", name="ada", passphrase=GOOD)
    assert reply.get("Retry-After") == "3"
    assert is_refused(door, reply, 429, Refused.WAIT)
    assert door.count(Refused.PASSPHRASE) == limits.LOGIN_FREE
    door.clock[0] += 2.1
    assert (await door.submit("/login", name="ada", passphrase=BAD)).status == 401
    assert (await door.submit("/login", name="ada", passphrase=GOOD)).get("Retry-After") == "5"


async def test_many_guesses_at_once_gain_nothing(door: Door) -> None:
    shown = await door.ask("GET", "/login")
    guess = {"form": shown.seal, "name": "ada", "passphrase": "not the passphrase"}
    replies = await asyncio.gather(*(door.form("/login", guess, shown.cookies) for _ in range(20)))
    looked_at = [reply for reply in replies if reply.status == 401]
    assert len(looked_at) <= limits.LOGIN_FREE
    assert all(reply.status == 429 for reply in replies if reply not in looked_at)


async def test_a_restart_does_not_shorten_the_wait_of_somebody_who_guesses(door: Door, tmp_path: Path) -> None:
    for _ in range(limits.LOGIN_FREE + 1):
        await door.submit("/login", name="ada", passphrase=BAD)
    await door.entrance.keep()
    again = make_door(tmp_path)
    async with opened(again):
        assert is_refused(again, await again.submit("/login", name="ada", passphrase=GOOD), 429, Refused.WAIT)


async def test_a_login_of_ones_own_in_between_does_not_buy_more_guesses_of_another(door: Door) -> None:
    await door.add("bo", Role.VIEWER)
    for _ in range(limits.LOGIN_FREE - 1):
        await door.submit("/login", name="ada", passphrase=BAD)
    assert (await door.submit("/login", name="bo", passphrase=GOOD)).status == 303
    assert (await door.submit("/login", name="ada", passphrase=BAD)).status == 401
    assert is_refused(door, await door.submit("/login", name="ada", passphrase=GOOD), 429, Refused.WAIT)


async def test_an_address_that_is_claimed_to_be_another_one_is_still_the_same(door: Door) -> None:
    shown = await door.ask("GET", "/login")
    statuses = []
    for number in range(limits.LOGIN_FREE + 1):
        headers = [FORM, ("Cookie", jar(shown.cookies)), ("X-Forwarded-For", f"10.0.0.{number}"), ("X-Real-IP", f"10.0.0.{number}")]
        body = f"form={shown.seal}&name=ada&passphrase=not+the+passphrase".encode()
        statuses.append((await door.ask("POST", "/login", headers, body)).status)
    assert statuses == [401] * limits.LOGIN_FREE + [429]


async def test_the_answer_tells_nobody_whether_a_name_exists(door: Door) -> None:
    for passphrase in ("not the passphrase", "x", "", "y" * 300):
        known = await door.submit("/login", name="ada", passphrase=passphrase)
        door.clock[0] += 1_000
        unknown = await door.submit("/login", name="eve", passphrase=passphrase)
        assert known.status == unknown.status
        assert known.body.replace(known.seal, "").replace("ada", "eve") == unknown.body.replace(unknown.seal, "")
        assert {name for name, _ in known.headers} == {name for name, _ in unknown.headers}
        door.clock[0] += 1_000


async def test_a_name_nobody_has_is_compared_at_the_same_cost(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    plain = door.entrance._passphrases._compare
    monkeypatch.setattr(door.entrance._passphrases, "_compare", lambda kept, shown: compared.append(kept) or plain(kept, shown))
    for name in ("ada", "eve"):
        await door.submit("/login", name=name, passphrase=BAD)
    costs = [kept.split("$")[1:4] for kept in compared]
    assert len(costs) == 2
    assert costs[0] == costs[1]


async def test_a_name_that_is_locked_out_is_locked_out_whether_or_not_somebody_has_it(door: Door) -> None:
    for name in ("ada", "eve"):
        for _ in range(limits.ACCOUNT_FREE):
            door.entrance._names.fail(name, door.clock[0])
    replies = [await door.submit("/login", name=name, passphrase=GOOD) for name in ("ada", "eve")]
    assert [reply.status for reply in replies] == [429, 429]


async def test_guessing_the_setup_code_costs_more_and_more_time_even_over_a_restart(fresh: Door, tmp_path: Path) -> None:
    right = fresh.entrance.code.issue(fresh.clock[0])
    for _ in range(limits.CODE_FREE):
        assert (await fresh.submit("/setup", code="222-222-222", name="eve", passphrase=GOOD)).status == 403
    assert is_refused(fresh, await fresh.submit("/setup", code=right, name="eve", passphrase=GOOD), 429, Refused.WAIT)
    assert fresh.count(Refused.CODE) == limits.CODE_FREE
    await fresh.entrance.keep()
    again = make_door(tmp_path)
    right = again.entrance.code.issue(again.clock[0])
    async with opened(again):
        assert (await again.submit("/setup", code=right, name="eve", passphrase=GOOD)).status == 429
        assert not again.entrance.vault.is_set_up


async def test_a_setup_code_works_once(fresh: Door) -> None:
    code = fresh.entrance.code.issue(fresh.clock[0])
    assert (await fresh.submit("/setup", code=code, name="ada", passphrase=GOOD)).status == 303
    reply = await _post_setup(fresh, code)
    assert is_refused(fresh, reply, 403, Refused.CODE)
    assert [user.name for user in fresh.entrance.vault.accounts.users] == ["ada"]


async def test_two_who_read_the_same_setup_code_do_not_both_get_in(fresh: Door) -> None:
    code = fresh.entrance.code.issue(fresh.clock[0])
    shown = await fresh.ask("GET", "/setup")
    both = [
        fresh.form("/setup", {"form": shown.seal, "code": code, "name": name, "passphrase": GOOD}, shown.cookies) for name in ("ada", "eve")
    ]
    assert sorted(reply.status for reply in await asyncio.gather(*both)) == [303, 403]
    assert len(fresh.entrance.vault.accounts.users) == 1


async def test_a_setup_code_is_over_after_a_quarter_of_an_hour(fresh: Door) -> None:
    code = fresh.entrance.code.issue(fresh.clock[0])
    fresh.clock[0] += limits.CODE_S + 1
    assert is_refused(fresh, await fresh.submit("/setup", code=code, name="eve", passphrase=GOOD), 403, Refused.CODE)


async def test_no_code_at_all_is_no_code(fresh: Door) -> None:
    for code in ("", "---", " "):
        reply = await fresh.submit("/setup", code=code, name="eve", passphrase=GOOD)
    assert is_refused(fresh, reply, 403, Refused.CODE, 3)
    assert not fresh.entrance.vault.is_set_up


async def test_nobody_sets_a_gateway_up_from_the_internet(fresh: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.admin.entry.is_local", lambda remote, _called: remote != "127.0.0.1")
    code = fresh.entrance.code.issue(fresh.clock[0])
    assert is_refused(fresh, await fresh.ask("GET", "/setup"), 403, Refused.NETWORK)
    assert (await _post_setup(fresh, code, "meshgate-form=x", fresh.entrance.seals.seal("x"))).json["code"] == "not_local"
    assert not fresh.entrance.vault.is_set_up


async def test_a_weak_passphrase_is_no_first_one_and_does_not_cost_the_code(fresh: Door) -> None:
    code = fresh.entrance.code.issue(fresh.clock[0])
    for weak in ("short", "aaaaaaaaaaaaaaaa", "meshgatemeshgate", "password-ada", "x" * 300, "eleven char"):
        assert (await fresh.submit("/setup", code=code, name="ada", passphrase=weak)).status == 400, weak
    assert (await fresh.submit("/setup", code=code, name="ada", passphrase=GOOD)).status == 303


# Sessions and cookies


async def test_a_session_somebody_else_has_chosen_is_not_taken_over(door: Door) -> None:
    planted = "A" * 43
    shown = await door.ask("GET", "/login")
    cookies = {**shown.cookies, "meshgate": planted}
    reply = await door.form("/login", {"form": shown.seal, "name": "ada", "passphrase": GOOD}, cookies)
    assert reply.status == 303
    assert reply.cookies["meshgate"] != planted
    assert (await door.api("GET", "/api/v1/look", {"meshgate": planted})).status == 401
    assert door.count(Refused.COOKIE) == 2


async def test_logging_in_again_ends_the_session_there_was(door: Door) -> None:
    before = await door.logged_in()
    shown = await door.ask("GET", "/account", [("Cookie", jar(before))])
    reply = await door.form("/login", {"form": shown.seal, "name": "ada", "passphrase": GOOD}, before)
    assert reply.status == 303
    assert is_refused(door, await door.api("GET", "/api/v1/look", before), 401, Refused.LOGIN)


@pytest.mark.parametrize(
    "value", ["", "x", "A" * 43, "A" * 42 + "\u00e9", "=" * 43, "A" * 4_000, "../../access.json", '{"user":"ada"}', "%00"]
)
async def test_a_made_up_cookie_opens_nothing(door: Door, value: str) -> None:
    await door.logged_in()
    reply = await door.ask("GET", "/api/v1/look", [("Cookie", f"meshgate={value}")])
    assert reply.status in {400, 401}
    assert not door.calls


async def test_two_session_cookies_are_none(door: Door) -> None:
    cookies = await door.logged_in()
    reply = await door.ask("GET", "/api/v1/look", [("Cookie", f"meshgate={'A' * 43}; {jar(cookies)}")])
    assert is_refused(door, reply, 401, Refused.COOKIE)


async def test_the_hash_that_is_kept_of_a_session_is_no_cookie(door: Door) -> None:
    await door.logged_in()
    (session,) = door.entrance.sessions
    for value in (session.digest.hex()[:43], session.id):
        assert (await door.api("GET", "/api/v1/look", {"meshgate": value})).status == 401
    assert not door.calls


async def test_a_session_that_began_over_tls_is_nothing_without(secure: Door) -> None:
    (value,) = (await secure.logged_in()).values()
    secure.secure = False
    for name in ("meshgate", "__Host-meshgate"):
        assert (await secure.api("GET", "/api/v1/look", {name: value}, secure=False)).status == 401
    assert not secure.calls


async def test_a_cookie_that_was_planted_without_tls_is_not_looked_at_over_tls(secure: Door) -> None:
    (value,) = (await secure.logged_in()).values()
    assert is_refused(secure, await secure.api("GET", "/api/v1/look", {"meshgate": value}), 401, Refused.LOGIN)


async def test_somebody_who_lost_their_role_has_lost_it_in_every_session(door: Door) -> None:
    cookies = await door.logged_in()
    await door.add("bo")
    await door.entrance.remove_user("ada")
    assert (await door.api("GET", "/api/v1/users", cookies)).status == 401


async def test_sessions_do_not_pile_up(door: Door) -> None:
    first = await door.logged_in()
    for _ in range(limits.MAX_SESSIONS_OF_USER):
        door.clock[0] += 3
        await door.logged_in()
    assert len(door.entrance.sessions) == limits.MAX_SESSIONS_OF_USER
    assert is_refused(door, await door.api("GET", "/api/v1/look", first), 401, Refused.LOGIN)


# Without encryption


async def test_another_machine_is_led_to_the_encrypted_page_and_what_it_sends_without_is_not_read(
    secure: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "source_is_here", lambda _source: False)
    reply = await secure.ask("GET", "/login?a=b", secure=False)
    assert (reply.status, reply.get("Location")) == (307, f"https://{secure.host}/login?a=b")
    secure.secure = False
    reply = await secure.form("/login", {"name": "ada", "passphrase": GOOD}, {})
    assert (reply.status, reply.json["code"]) == (403, "not_encrypted")
    shown = [("Authorization", f"Bearer {await secure.token()}")]
    assert is_refused(secure, await secure.ask("GET", "/api/v1/look", shown), 403, Refused.PLAIN, 3)
    assert len(secure.entrance.sessions) == 0


async def test_another_machine_is_not_led_to_a_port_that_only_this_one_can_call(secure: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "source_is_here", lambda _source: False)
    bound = [Address("127.0.0.1", 8480), Address("0.0.0.0", 80), Address("0.0.0.0", 8481)]  # noqa: S104 -- nobody listens there
    monkeypatch.setattr(secure.page.listener, "bound", bound)
    reply = await secure.ask("GET", "/", secure=False)
    assert (reply.status, reply.get("Location")) == (307, f"https://{secure.host.partition(':')[0]}:8481/")


# Tokens and roles


async def test_a_token_does_no_more_than_its_scope(door: Door) -> None:
    shown = [("Authorization", f"Bearer {await door.token(Role.VIEWER)}")]
    assert is_refused(door, await door.ask("POST", "/api/v1/messages", shown, b"{}"), 403, Refused.ROLE)
    assert (await door.ask("GET", "/api/v1/users", shown)).status == 403


async def test_a_viewer_does_no_more_than_look(door: Door) -> None:
    cookies = await door.logged_in("bo", Role.VIEWER)
    for method, path in (("POST", "/api/v1/messages"), ("GET", "/api/v1/users"), ("GET", "/api/v1/tokens"), ("POST", "/api/v1/tokens")):
        reply = await door.api(method, path, cookies, {} if method == "POST" else None)
    assert is_refused(door, reply, 403, Refused.ROLE, 4)


async def test_a_viewer_cannot_change_somebody_elses_passphrase_or_end_their_session(door: Door) -> None:
    await door.logged_in()
    (theirs,) = door.entrance.sessions
    cookies = await door.logged_in("bo", Role.VIEWER)
    reply = await door.api("PUT", "/api/v1/users/ada/passphrase", cookies, {"passphrase": "another four words", "current": GOOD})
    assert is_refused(door, reply, 403, Refused.ROLE)
    assert (await door.api("DELETE", f"/api/v1/sessions/{theirs.id}", cookies)).status == 404
    assert [one["name"] for one in (await door.api("GET", "/api/v1/sessions", cookies)).json["sessions"]] == ["bo"]


async def test_a_browser_left_open_is_not_enough_to_change_a_passphrase(door: Door) -> None:
    cookies = await door.logged_in()
    for current in ("", "not the passphrase"):
        reply = await door.api("PUT", "/api/v1/users/ada/passphrase", cookies, {"passphrase": "another four words", "current": current})
    assert is_refused(door, reply, 401, Refused.PASSPHRASE, 2)


async def test_a_token_that_leaks_cannot_make_another_or_let_anybody_in(door: Door) -> None:
    shown = [("Authorization", f"Bearer {await door.token(Role.ADMIN)}"), JSON]
    made = json.dumps({"name": "mine", "scope": "admin"}).encode()
    assert is_refused(door, await door.ask("POST", "/api/v1/tokens", shown, made), 403, Refused.ROLE)
    user = json.dumps({"name": "eve", "role": "admin", "passphrase": GOOD, "current": GOOD}).encode()
    assert (await door.ask("POST", "/api/v1/users", shown, user)).status == 403
    assert (await door.ask("DELETE", "/api/v1/users/ada", shown)).status == 403
    assert len(door.entrance.vault.accounts.tokens) == 1


async def test_a_token_opens_nothing_when_its_time_is_over_or_nobody_knows_the_time(tmp_path: Path) -> None:
    door = make_door(tmp_path)
    await door.add()
    shown = [("Authorization", f"Bearer {await door.token(days=1)}")]
    for wall in (1_800_000_000 + 86_400, None):
        late = make_door(tmp_path, wall=wall)
        async with opened(late):
            assert is_refused(late, await late.ask("GET", "/api/v1/look", shown), 401, Refused.TOKEN)


NO_TOKENS = [  # of what somebody may show
    "",
    "Bearer",
    "Bearer mgt_",
    "Bearer mgt_" + "A" * 43,
    "Basic YWRhOngK",
    "Token x",
    "bearer\tmgt_x",
    "Bearer " + "A" * 47,
]


@pytest.mark.parametrize("shown", NO_TOKENS)
async def test_a_made_up_token_opens_nothing_even_beside_a_good_cookie(door: Door, shown: str) -> None:
    cookies = await door.logged_in()
    await door.token()
    assert (await door.ask("GET", "/api/v1/look", [("Authorization", shown), ("Cookie", jar(cookies))])).status == 401
    assert not door.calls


async def test_the_hash_that_is_kept_of_a_token_is_no_token(door: Door) -> None:
    await door.token()
    (kept,) = door.entrance.vault.accounts.tokens
    reply = await door.ask("GET", "/api/v1/look", [("Authorization", f"Bearer {kept.digest}")])
    assert is_refused(door, reply, 401, Refused.TOKEN)


async def test_a_secret_in_an_address_is_refused_even_if_it_is_right(door: Door) -> None:
    token = await door.token()
    for path in (f"/api/v1/look?token={token}", f"/api/v1/look?x={token}", f"/{token}", "/setup?code=222-222-222", "/login?Password=x"):
        reply = await door.ask("GET", path)
    assert is_refused(door, reply, 400, Refused.QUERY, 5)
    assert token not in reply.body


async def test_looking_for_tokens_is_slowed_down(door: Door) -> None:
    statuses = set()
    for number in range(int(limits.TOKEN_BURST) + 1):
        statuses.add((await door.ask("GET", "/api/v1/look", [("Authorization", f"Bearer mgt_{number:043}")])).status)
    assert statuses == {401, 429}


async def test_a_route_nobody_has_said_anything_about_needs_an_administrator(door: Door) -> None:
    cookies = await door.logged_in("bo", Role.OPERATOR)
    assert is_refused(door, await door.api("POST", "/api/v1/forgotten", cookies, {}), 403, Refused.ROLE)


async def test_a_stranger_cannot_tell_which_paths_there_are(door: Door) -> None:
    replies = [await door.ask("GET", path) for path in ("/api/v1/look", "/api/v1/nothing", "/api/v2/look")]
    assert len({(reply.status, *(reply.json | {"instance": ""}).items()) for reply in replies}) == 1
    assert is_refused(door, replies[0], 401, Refused.LOGIN, 3)


async def test_the_code_for_setting_up_is_not_made_over_the_network(door: Door) -> None:
    assert (await door.api("POST", "/api/v1/setup-code", await door.logged_in(), {})).status == 403
    assert not door.entrance.code.is_open(door.clock[0])


# Requests that are made to be misread


@pytest.mark.parametrize("name", ["Origin", "Authorization", "Cookie", "Content-Type", "Sec-Fetch-Site"])
async def test_a_header_that_stands_there_twice_is_refused(door: Door, name: str) -> None:
    values = {"Origin": door.origin, "Sec-Fetch-Site": "same-origin"}
    twice = [(name, values.get(name, "x"))] * 2
    reply = await door.ask("POST", "/api/v1/messages", twice, b"{}", origin=None)
    assert reply.status == 400
    assert door.count(Refused.REPEATED) + door.count(Refused.MALFORMED) == 1
    assert not door.calls


@pytest.mark.parametrize(
    "path",
    [
        "/static/../access.json",
        "/static/%2e%2e/access.json",
        "/static/..%2faccess.json",
        "/static/%252e%252e/access.json",
        "/static/..\\access.json",
        "/static/%5c..%5caccess.json",
        "/static/./../access.json",
        "//evil.example/",
        "/static/x%00.css",
        "/static//../../etc/passwd/..",
    ],
)
async def test_no_path_leads_upwards(door: Door, path: str) -> None:
    assert is_refused(door, await door.ask("GET", path), 400, Refused.PATH)


async def test_nobody_is_led_away_from_here(door: Door) -> None:
    for path in ("/login?next=https://evil.example", "/account?next=//evil.example", "/.evil.example"):
        location = (await door.ask("GET", path)).get("Location")
        assert location in {"", "/login"}


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
async def test_a_method_in_a_header_is_not_believed(door: Door, name: str) -> None:
    cookies = await door.logged_in()
    reply = await door.ask("GET", "/api/v1/messages", [("Cookie", jar(cookies)), (name, "POST")])
    assert reply.status == 405
    reply = await door.ask("POST", "/logout", [("Cookie", jar(cookies)), (name, "GET"), FORM])
    assert is_refused(door, reply, 403, Refused.FORM)


@pytest.mark.parametrize("name", ["X-Original-URL", "X-Rewrite-URL"])
async def test_a_path_in_a_header_is_not_believed(door: Door, name: str) -> None:
    reply = await door.ask("GET", "/healthz", [(name, "/api/v1/look")])
    assert reply.body == "ok\n"
    assert is_refused(door, await door.ask("GET", "/api/v1/look", [(name, "/healthz")]), 401, Refused.LOGIN)


async def test_a_scheme_in_a_header_does_not_make_a_connection_encrypted(door: Door) -> None:
    reply = await door.ask("GET", "/login", [("X-Forwarded-Proto", "https"), ("Forwarded", "proto=https")])
    assert "__Host-" not in reply.get("Set-Cookie")
    assert "Secure" not in reply.get("Set-Cookie")


async def test_a_line_break_in_a_name_makes_no_header_and_no_second_line_in_the_log(door: Door) -> None:
    reply = await door.submit("/login", name="ada\r\nSet-Cookie: meshgate=evil\n\x1b[2Jok", passphrase=BAD)
    assert reply.status == 401
    assert "evil" not in reply.get("Set-Cookie")
    door.entrance.audit("x", "ada\r\n\x1b[2J", "\u202e\n")
    assert all(text.isprintable() for entry in door.told for text in entry)


async def test_what_a_stranger_writes_is_not_shown_as_html(door: Door) -> None:
    reply = await door.submit("/login", name='"><script>alert(1)</script>', passphrase=BAD)
    assert reply.status == 401
    assert "<script" not in reply.body
    assert "<script" not in (await door.ask("GET", "/<script>alert(1)</script>")).body


NO_REQUESTS = (
    b"GET\r\n",
    b"\x00\x01\x02\x03\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET  / HTTP/1.1\r\n\r\n",
)


@pytest.mark.parametrize("line", NO_REQUESTS)
async def test_what_is_no_request_is_counted_and_fills_no_log(door: Door, line: bytes, caplog: pytest.LogCaptureFixture) -> None:
    assert is_refused(door, await door.raw(line + b"\r\n"), 400, Refused.MALFORMED)
    assert not caplog.records


async def test_a_request_with_two_lengths_is_not_answered(door: Door) -> None:
    for more in (b"Content-Length: 4\r\nContent-Length: 5", b"Content-Length: 4\r\nTransfer-Encoding: chunked"):
        head = f"POST /login HTTP/1.1\r\nHost: {door.host}\r\nOrigin: {door.origin}\r\n".encode()
        assert (await door.raw(head + more + b"\r\n\r\n0\r\n\r\n")).status == 400
    assert door.count(Refused.MALFORMED) == 2


async def test_a_body_behind_a_question_that_has_none_is_refused(door: Door) -> None:
    reply = await door.ask("GET", "/healthz", [("Content-Length", "40")], b"GET /api/v1/look HTTP/1.1\r\nHost: x\r\n\r\n"[:40])
    assert reply.status == 400
    assert door.count(Refused.BODY) + door.count(Refused.REPEATED) + door.count(Refused.MALFORMED) >= 1


# Too much, and too slow


async def test_a_body_that_is_too_large_is_not_read(door: Door) -> None:
    head = f"POST /login HTTP/1.1\r\nHost: {door.host}\r\nOrigin: {door.origin}\r\nConnection: close\r\n"
    reply = await door.raw(f"{head}Content-Length: {limits.MAX_PAGE_BODY + 1}\r\n\r\n".encode())
    assert is_refused(door, reply, 413, Refused.LARGE)


async def test_a_body_that_does_not_say_how_large_it_is_ends_at_the_same_size(door: Door) -> None:
    head = f"POST /login HTTP/1.1\r\nHost: {door.host}\r\nOrigin: {door.origin}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    reply = await door.raw(head.encode() + b"10000\r\n" + b"x" * 0x10000 + b"\r\n10\r\n" + b"x" * 16 + b"\r\n0\r\n\r\n")
    assert is_refused(door, reply, 413, Refused.LARGE)


async def test_a_compressed_body_does_not_grow_beyond_the_cap(door: Door) -> None:
    import zlib  # noqa: PLC0415

    bomb = zlib.compress(bytes(50_000_000), 9)
    assert len(bomb) < limits.MAX_PAGE_BODY
    reply = await door.ask("POST", "/login", [FORM, ("Content-Encoding", "deflate")], bomb)
    assert reply.status in {400, 413}
    assert door.count(Refused.LARGE) + door.count(Refused.BODY) == 1


async def test_heads_have_an_end(door: Door) -> None:
    assert (await door.ask("GET", "/healthz", [("X-Long", "x" * 2 * limits.MAX_PAGE_LINE)])).status == 400
    assert (await door.ask("GET", "/healthz", [("X-Many", "x")] * (limits.MAX_PAGE_HEADERS + 10))).status == 400
    assert door.count(Refused.MALFORMED) == 2


async def test_a_path_has_an_end(door: Door) -> None:
    assert is_refused(door, await door.ask("GET", "/" + "x" * limits.MAX_PAGE_PATH), 400, Refused.PATH)


async def test_a_form_has_few_fields(door: Door) -> None:
    shown = await door.ask("GET", "/login")
    fields = {"form": shown.seal} | {f"field{number}": "" for number in range(limits.MAX_FORM_FIELDS + 1)}
    assert is_refused(door, await door.form("/login", fields, shown.cookies), 413, Refused.LARGE)


async def test_a_document_nested_ever_deeper_is_a_mistake_and_no_crash(door: Door) -> None:
    cookies = await door.logged_in()
    body = b'{"name":' + b"[" * 30_000 + b"]" * 30_000 + b"}"
    assert (await door.ask("POST", "/api/v1/tokens", [("Cookie", jar(cookies)), JSON], body)).json["code"] == "bad_request"


async def test_a_head_that_comes_byte_by_byte_is_given_up(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener.limits, "PAGE_HEAD_S", 0.05)
    reader, writer = await door.connect()
    writer.write(b"GET /healthz HTTP/1.1\r\nX: ")
    assert await reader.read() == b""
    assert door.count(Refused.SLOW) == 1
    writer.close()


async def test_a_second_head_that_comes_byte_by_byte_is_given_up_as_well(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener.limits, "PAGE_HEAD_S", 0.05)
    reader, writer = await door.connect()
    writer.write(f"GET /healthz HTTP/1.1\r\nHost: {door.host}\r\n\r\n".encode())
    await reader.readuntil(b"ok\n")
    writer.write(b"GET /heal")
    assert await reader.read() == b""
    assert door.count(Refused.SLOW) == 1
    writer.close()


async def test_somebody_who_connects_and_says_nothing_is_given_up(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener.limits, "PAGE_HANDSHAKE_S", 0.05)
    reader, writer = await door.connect()
    assert await reader.read() == b""
    assert door.count(Refused.SLOW) == 1
    writer.close()


async def test_somebody_who_begins_tls_and_stops_is_given_up(secure: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener.limits, "PAGE_HANDSHAKE_S", 0.05)
    reader, writer = await secure.connect(secure=False)
    writer.write(b"\x16\x03\x01")
    assert await reader.read() == b""
    await until(lambda: not secure.count(Refused.MALFORMED) + secure.count(Refused.SLOW))
    writer.close()


async def test_a_body_that_comes_byte_by_byte_is_given_up(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate.limits, "PAGE_BODY_S", 0.05)
    head = f"POST /login HTTP/1.1\r\nHost: {door.host}\r\nOrigin: {door.origin}\r\nConnection: close\r\nContent-Length: 40\r\n\r\nx"
    assert is_refused(door, await door.raw(head.encode()), 408, Refused.SLOW)


async def test_more_connections_than_there_is_room_for_are_closed_and_the_others_served(door: Door) -> None:
    held = [await door.connect() for _ in range(limits.PAGE_CONNECTIONS_OF_ONE)]
    reader, writer = await door.connect()
    writer.write(b"x")
    assert await asyncio.gather(reader.read(), return_exceptions=True)
    assert door.count(Refused.CONNECTIONS) == 1
    held[0][1].write(f"GET /healthz HTTP/1.1\r\nHost: {door.host}\r\n\r\n".encode())
    assert (await held[0][0].readuntil(b"ok\n")).startswith(b"HTTP/1.1 200")
    for _, one in [*held, (reader, writer)]:
        one.close()


async def test_connections_that_are_over_make_room(door: Door) -> None:
    for _ in range(3):
        held = [await door.connect() for _ in range(limits.PAGE_CONNECTIONS_OF_ONE // 2)]
        for _, one in held:
            one.close()
        await until(door.page.listener._sources.total)
    assert (await door.ask("GET", "/healthz")).status == 200
    assert door.count(Refused.CONNECTIONS) == 0


async def test_more_requests_than_a_person_needs_are_refused(door: Door) -> None:
    statuses = [(await door.ask("GET", "/healthz")).status for _ in range(int(limits.PAGE_BURST) + 5)]
    assert statuses[int(limits.PAGE_BURST) :] == [429] * 5
    assert door.count(Refused.RATE) == 5
    door.clock[0] += 1
    assert (await door.ask("GET", "/healthz")).status == 200


async def test_somebody_who_never_reads_is_given_up(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener.limits, "PAGE_STALL_S", 0.05)
    with socket.socket() as lazy:
        lazy.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(lazy, (door.address.host, door.address.port))
        await loop.sock_sendall(lazy, b"G")
        await until(lambda: not door.page.listener._connections)
        (connection,) = door.page.listener._connections.values()
        connection.pause_writing()
        await until(lambda: not door.count(Refused.SLOW))
    assert door.count(Refused.SLOW) == 1


async def test_before_it_is_set_up_nothing_but_the_way_there_is_open(fresh: Door) -> None:
    assert {"/setup", "/healthz"} == ALWAYS
    token = "mgt_" + "A" * 43
    assert (await fresh.ask("GET", "/api/v1/look", [("Authorization", f"Bearer {token}")])).status == 401
    for method, path in (("GET", "/api/v1/session"), ("POST", "/api/v1/users"), ("POST", "/login"), ("POST", "/api/v1/messages")):
        reply = await fresh.ask(method, path, [JSON], b"{}" if method == "POST" else b"")
        assert reply.status == 403, path
    assert is_refused(fresh, reply, 403, Refused.SETUP, 4)


async def _post_setup(door: Door, code: str, cookie: str = "", seal: str = "") -> Reply:
    """Send the form for the setup code without having been shown it."""
    cookie, seal = cookie or "meshgate-form=x", seal or door.entrance.seals.seal("x")
    body = f"form={seal}&code={code}&name=eve&passphrase={GOOD.replace(' ', '+')}".encode()
    return await door.ask("POST", "/setup", [FORM, ("Cookie", cookie)], body)
