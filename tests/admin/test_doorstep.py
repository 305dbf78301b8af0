"""What people see at the door: pages like all others, without scripts, in their language, with what is wrong beside the field."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.admin.access.principal import Refused
from gateway.admin.access.roles import Role
from tests.admin.door import GOOD, Door, Reply, jar, make_door, opened
from tests.admin.visiting import EVIL, Read, Visited

ARABIC = ("Accept-Language", "ar")
HTML = ("Accept", "text/html,application/xhtml+xml")
OTHER = "another four words entirely"


@pytest.fixture
async def fresh(tmp_path: Path) -> AsyncIterator[Door]:
    """A page nobody has set up."""
    async with opened(make_door(tmp_path, called=EVIL, answers=Visited().answers)) as door:
        yield door


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    """A page that ada has set up."""
    async with opened(make_door(tmp_path, secure=True)) as door:
        await door.add()
        yield door


def troubles(reply: Reply) -> dict[str, str | None]:
    """The fields that are marked as wrong, with what describes each."""
    found = {}
    for tag, one in Read(reply.body).elements:
        if tag == "input" and one.get("aria-invalid") == "true":
            described = (one["aria-describedby"] or "").split()
            assert f'id="{described[0]}"' in reply.body
            found[one["name"] or ""] = described[0]
    return found


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_the_door_is_a_page_like_all_others_but_without_scripts(fresh: Door, language: str) -> None:
    shown = await fresh.ask("GET", "/setup", [("Accept-Language", language)])
    page = Read(shown.body)
    (root,) = [one for tag, one in page.elements if tag == "html"]
    assert root == {"lang": language, "dir": "rtl" if language == "ar" else "ltr"}
    assert {"main", "header", "footer", "h1"} <= {tag for tag, _ in page.elements}
    assert not {"script", "style", "nav", "img"} & {tag for tag, _ in page.elements}
    assert EVIL in page.text
    assert next(one["href"] for tag, one in page.elements if tag == "link" and one["rel"] == "stylesheet") in re.findall(
        r"/static/[\w.-]+", shown.body
    )
    labelled = {one["for"] for tag, one in page.elements if tag == "label"}
    assert (
        {one["id"] for tag, one in page.elements if tag == "input" and one["type"] != "hidden"}
        == labelled
        == {"code", "name", "passphrase"}
    )


async def test_a_language_that_is_chosen_at_the_door_is_remembered(fresh: Door) -> None:
    shown = await fresh.ask("GET", "/setup?lang=ar")
    assert '<html lang="ar"' in shown.body
    assert shown.cookies["lang"] == "ar"
    again = await fresh.ask("GET", "/setup", [("Cookie", "lang=ar")])
    assert '<html lang="ar"' in again.body
    for wrong in ("<script>", "xx", "a" * 50):
        assert "lang" not in (await fresh.ask("GET", f"/setup?lang={wrong.replace('<', '%3C').replace('>', '%3E')}")).cookies


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"code": "AAA-BBB-CCC", "name": "ada", "passphrase": GOOD}, "code"),
        ({"code": "AAA-BBB-CCC", "name": "a b", "passphrase": GOOD}, "name"),
        ({"code": "AAA-BBB-CCC", "name": "ada", "passphrase": "short"}, "passphrase"),
    ],
)
async def test_what_is_wrong_stands_beside_its_field_with_what_to_do(fresh: Door, fields: dict[str, str], wrong: str) -> None:
    reply = await fresh.submit("/setup", **fields)
    assert reply.status in {400, 403}
    assert troubles(reply) == {wrong: f"{wrong}-trouble"}
    assert 'role="alert"' in reply.body
    assert f'value="{fields["name"]}"' in reply.body
    assert GOOD not in reply.body


async def test_too_many_tries_say_how_long_to_wait(fresh: Door) -> None:
    for _ in range(6):
        reply = await fresh.submit("/setup", code="AAA-BBB-CCC", name="ada", passphrase=GOOD)
    assert reply.status == 429
    assert int(reply.get("Retry-After")) > 50
    assert re.search(r"Wait \d+ (s|min)", reply.body)
    assert troubles(reply) == {}


async def test_the_fingerprint_stands_there_in_groups_that_make_the_whole(door: Door) -> None:
    code = door.entrance.code.issue(door.clock[0])
    assert code
    shown = await door.ask("GET", "/setup")
    groups = re.findall(r'<code dir="ltr">([0-9A-F:]{11})</code>', shown.body)
    assert ":".join(groups) == door.page.fingerprint
    assert len(groups) == 8


async def test_whoever_sets_it_up_is_told_to_log_in_and_led_to_the_first_choices_once(fresh: Door) -> None:
    code = fresh.entrance.code.issue(fresh.clock[0])
    shown = await fresh.ask("GET", "/setup")
    sent = await fresh.form("/setup", {"form": shown.seal, "code": code, "name": "ada", "passphrase": GOOD}, shown.cookies)
    assert (sent.status, sent.get("Location")) == (303, "/login")
    mine = await fresh.ask("GET", "/login", [("Cookie", jar(shown.cookies))])
    theirs = await fresh.ask("GET", "/login")
    assert ("The passphrase is set" in mine.body, 'value="ada"' in mine.body) == (True, True)
    assert ("The passphrase is set" in theirs.body, 'value="ada"' in theirs.body) == (False, False)
    seal = {"form": mine.seal, "name": "ada", "passphrase": GOOD}
    assert (await fresh.form("/login", seal, shown.cookies)).get("Location") == "/welcome"
    assert (await fresh.form("/login", seal, shown.cookies)).get("Location") == "/"


async def test_a_forgotten_passphrase_leads_to_no_first_choices(door: Door) -> None:
    code = door.entrance.code.issue(door.clock[0])
    assert (await door.submit("/setup", code=code, name="ada", passphrase=OTHER)).status == 303
    assert (await door.submit("/login", name="ada", passphrase=OTHER)).get("Location") == "/"


async def test_people_who_are_sent_away_see_a_page_and_programs_a_document(door: Door) -> None:
    cookies = ("Cookie", jar(await door.logged_in("bo", Role.VIEWER)))
    form = ("Content-Type", "application/x-www-form-urlencoded")
    for path, headers, body, status in (("/logout", [cookies, form], b"form=0", 403), ("/nothing", [cookies], b"", 404)):
        method = "POST" if body else "GET"
        person = await door.ask(method, path, [*headers, HTML, ARABIC], body)
        program = await door.ask(method, path, headers, body)
        assert (person.status, program.status) == (status, status)
        assert '<html lang="ar" dir="rtl">' in person.body
        assert "<script" not in person.body
        assert program.json["status"] == status
    assert (await door.ask("GET", "/api/v1/nothing", [cookies, HTML])).json["status"] == 404
    assert door.count(Refused.FORM) == 2


async def test_every_page_says_who_is_logged_in_and_has_the_way_out(door: Door) -> None:
    cookies = await door.logged_in()
    shown = await door.ask("GET", "/account", [("Cookie", jar(cookies))])
    page = Read(shown.body)
    assert "/account" in [one.get("href") for tag, one in page.elements if tag == "a"]
    assert "/logout" in [one.get("action") for tag, one in page.elements if tag == "form"]
    reply = await door.form("/logout", {"form": shown.seal}, cookies)
    assert reply.get("Location") == "/login"
    assert "/logout" not in (await door.ask("GET", "/login")).body


async def test_one_changes_ones_own_passphrase_on_the_page_and_is_logged_out_elsewhere(door: Door) -> None:
    here, there = await door.logged_in("bo", Role.VIEWER), await door.logged_in("bo")
    shown = await door.ask("GET", "/account", [("Cookie", jar(here))])
    wish = {"form": shown.seal, "do": "passphrase", "current": GOOD, "passphrase": OTHER, "again": OTHER}
    for changed, status, wrong in (
        ({"current": "not the passphrase"}, 401, "current"),
        ({"passphrase": "short", "again": "short"}, 400, "passphrase"),
        ({"again": "something else entirely"}, 400, "again"),
    ):
        reply = await door.form("/account", wish | changed, here)
        assert (reply.status, list(troubles(reply))) == (status, [wrong])
        assert OTHER not in reply.body
    assert (await door.form("/account", wish, here)).status == 200
    assert (await door.api("GET", "/api/v1/session", here)).status == 200
    assert (await door.api("GET", "/api/v1/session", there)).status == 401
    assert (await door.submit("/login", name="bo", passphrase=OTHER)).status == 303


async def test_one_ends_ones_own_sessions_on_the_page_and_nobody_elses(door: Door) -> None:
    here, there, other = await door.logged_in(), await door.logged_in(), await door.logged_in("bo", Role.VIEWER)
    sessions = (await door.api("GET", "/api/v1/sessions", here)).json["sessions"]
    mine = next(one["id"] for one in sessions if one["name"] == "ada" and not one["yours"])
    theirs = next(one["id"] for one in sessions if one["name"] == "bo")
    shown = await door.ask("GET", "/account", [("Cookie", jar(here))])
    assert (mine in shown.body, theirs in shown.body) == (True, False)
    assert (await door.form("/account", {"form": shown.seal, "do": "end", "id": theirs}, here)).status == 404
    assert (await door.form("/account", {"form": shown.seal, "do": "end", "id": mine}, here)).status == 200
    assert (await door.api("GET", "/api/v1/session", there)).status == 401
    assert (await door.api("GET", "/api/v1/session", other)).status == 200
    assert (await door.form("/account", {"do": "end", "id": mine}, here)).status == 403
