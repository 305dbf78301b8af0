"""The pages: what is on them, who may see them, and what a form does."""

import re
from importlib.resources import files

import pytest

from gateway.admin.access.roles import Role
from gateway.admin.assets import KINDS, address, assets
from gateway.admin.pages import NEEDS, PAGE_ROUTES, PAGES
from gateway.admin.requests import answers
from gateway.admin.views.markup import h, together
from tests.admin.listening import known
from tests.admin.visiting import EVIL, SITE, Read, Visited, status

PATHS = [*(one.path for one in PAGES), "/messages/abab", "/diagnostics?watch=1&peer_ids=on"]
MOST_BYTES = 200_000
DOINGS = {"invite", "join", "revoke", "leave", "wipe", "get_policy_history", "examine", "ping"}
SHUT = {"do": "revoke", "who": "Hut"}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("language", ["en", "ar"])
async def test_every_page_is_there_and_shows_the_words_of_strangers_as_words(path, language) -> None:
    code, text, headers = await Visited().ask(path, language=language)
    assert (code, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert headers["Cache-Control"] == "no-store"
    page = Read(text)
    assert EVIL in page.text
    assert "<script>alert" not in text
    assert "img" not in {tag for tag, _ in page.elements}
    (root,) = [attributes for tag, attributes in page.elements if tag == "html"]
    assert root == {"lang": language, "dir": "rtl" if language == "ar" else "ltr"}


@pytest.mark.parametrize("path", PATHS)
async def test_nothing_stands_in_a_page_that_the_content_security_policy_refuses(path) -> None:
    _, text, _ = await Visited().ask(path)
    for tag, attributes in Read(text).elements:
        assert tag != "style"
        assert not [name for name in attributes if name == "style" or name.startswith("on")]
        if tag == "script":
            assert (attributes["src"] or "").startswith("/static/")
        for name in ("href", "src", "action"):
            assert name not in attributes or (attributes[name] or "").startswith(("/", "#"))


@pytest.mark.parametrize("path", PATHS)
async def test_every_field_has_a_label_every_form_its_seal_and_every_page_one_heading(path) -> None:
    _, text, _ = await Visited().ask(path)
    elements = Read(text).elements
    labelled = {attributes["for"] for tag, attributes in elements if tag == "label"}
    fields = [one for tag, one in elements if tag in {"input", "select", "textarea"} and one.get("type") != "hidden"]
    assert {one["id"] for one in fields} <= labelled
    forms = sum(tag == "form" and one["method"] == "post" for tag, one in elements)
    assert sum(one.get("name") == "form" and one.get("value") == "the-seal" for _, one in elements) == forms
    assert sum(tag == "h1" for tag, _ in elements) == 1
    assert {"main", "nav", "header", "footer"} <= {tag for tag, _ in elements}


async def test_an_element_takes_no_script_no_style_and_no_way_out() -> None:
    for attributes in ({"onclick": "x()"}, {"style": "color: red"}, {"href": "javascript:x()"}, {"href": "https://elsewhere"}):
        with pytest.raises(ValueError, match=r"refused|leads out"):
            h("a", "text", **attributes)
    assert together(h("b", "<", title='"'), "&") == '<b title="&quot;">&lt;</b>&amp;'


async def test_what_nobody_answers_for_is_not_in_the_menu_and_not_there() -> None:
    alone = Visited()
    alone.pages.menu = ()
    bare = type(alone.pages)(answers(status), known(Role.ADMIN), status)
    assert {one.name for one in bare.menu} == {"status", "federation", "policy", "diagnostics", "security", "help"}
    alone.pages = bare
    assert (await alone.ask("/logs"))[0] == 404
    _, text, _ = await alone.ask("/status")
    assert "/logs" not in text


@pytest.mark.parametrize("path", ["/status", "/federation", "/messages/ab"])
async def test_nobody_sees_a_page_without_being_known(path) -> None:
    visited = Visited(role=None)
    code, text, _ = await visited.ask(path)
    assert code == 401
    assert visited.asked == []
    assert SITE not in text


async def test_a_viewer_sees_what_the_api_tells_a_viewer() -> None:
    visited = Visited(role=Role.VIEWER)
    assert (await visited.ask("/peers"))[0] == 200
    assert all(call.role is Role.VIEWER for _, call in visited.asked)
    code, text, _ = await visited.ask("/settings")
    assert code == 403
    assert "get_config" not in [name for name, _ in visited.asked]
    _, text, _ = await visited.ask("/federation")
    assert [one["action"] for tag, one in Read(text).elements if tag == "form"] == ["/logout"]


@pytest.mark.parametrize(
    ("role", "path", "form", "code", "asked"),
    [
        (Role.ADMIN, "/federation", {"do": "invite", "valid_s": "86400"}, 200, "invite"),
        (Role.ADMIN, "/federation", {"do": "join", "ticket": "MESH GATE\n:X", "address": ""}, 200, "join"),
        (Role.ADMIN, "/federation", {**SHUT, "confirm": "revoke"}, 200, "revoke"),
        (Role.ADMIN, "/federation", {**SHUT, "confirm": "yes"}, 400, None),
        (Role.ADMIN, "/federation", {**SHUT}, 400, None),
        (Role.ADMIN, "/federation", {"do": "pardon", "who": SITE}, 200, "revoke"),
        (Role.ADMIN, "/federation", {"do": "leave", "confirm": "revoke"}, 400, None),
        (Role.ADMIN, "/federation", {"do": "leave", "confirm": "leave"}, 200, "leave"),
        (Role.ADMIN, "/federation", {"do": "something"}, 400, None),
        (Role.OPERATOR, "/federation", {"do": "invite"}, 403, None),
        (Role.VIEWER, "/federation", {"do": "invite"}, 403, None),
        (Role.OPERATOR, "/policy", {"do": "try", "rules": 'default = "deny"\n', "hours": "1"}, 200, "get_policy_history"),
        (Role.OPERATOR, "/policy", {"do": "try", "rules": "nonsense", "hours": "1"}, 400, None),
        (Role.ADMIN, "/security", {"do": "wipe", "confirm": "wipe"}, 200, "wipe"),
        (Role.OPERATOR, "/security", {"do": "wipe", "confirm": "wipe"}, 403, None),
        (Role.ADMIN, "/diagnostics", {"do": "scan", "seconds": "4"}, 404, None),
        (Role.OPERATOR, "/diagnostics", {"do": "examine"}, 200, "examine"),
        (Role.VIEWER, "/diagnostics", {"do": "examine"}, 403, None),
        (Role.OPERATOR, "/diagnostics", {"do": "ping", "target": " 0011 "}, 200, "ping"),
        (Role.OPERATOR, "/diagnostics", {"do": "ping", "target": ""}, 400, None),
    ],
)
async def test_a_form_does_what_the_api_lets_its_sender_do_and_says_what_came_of_it(role, path, form, code, asked) -> None:
    visited = Visited(role=role)
    found, text, _ = await visited.ask(path, form)
    assert found == code
    done = [name for name, _ in visited.asked if name in DOINGS]
    assert done == ([asked] if asked else [])
    if role is not Role.VIEWER:
        assert 'class="notice' in text
    assert "data-live" not in text  # what came of it must not be washed away by the next look


async def test_a_ticket_is_sent_without_the_spaces_of_pasting() -> None:
    visited = Visited()
    await visited.ask("/federation", {"do": "join", "ticket": " MESHGATE:A\n B ", "address": " "})
    ((_, call),) = [one for one in visited.asked if one[0] == "join"]
    assert (call._body.ticket, call._body.addresses) == ("MESHGATE:AB", ())


async def test_an_invitation_is_shown_as_a_picture_and_as_text() -> None:
    _, text, _ = await Visited().ask("/federation", {"do": "invite", "valid_s": "3600"})
    assert "MESHGATE:TICKET" in Read(text).text
    assert re.search(r'<div class="qr"|<div role="img"[^>]*class="qr"', text)
    assert "<svg viewBox" in text or "<svg" in text


async def test_the_address_of_the_gateway_leads_to_its_status() -> None:
    code, _, headers = await Visited().ask("/")
    assert (code, headers["Location"]) == (302, "/status")


async def test_style_and_scripts_may_be_kept_for_good_because_what_changes_has_another_name() -> None:
    visited = Visited()
    for name, asset in assets().items():
        code, text, headers = await visited.ask(address(name))
        assert (code, text.encode()) == (200, asset.body)
        assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert headers["Content-Type"].startswith(asset.kind)
    for wrong in ("page.css", "..%2fpages.py", "page-000000000000.js"):
        assert (await visited.ask(f"/static/{wrong}"))[0] == 404


def test_scripts_name_each_other_as_they_are_served_and_reach_for_nothing_else() -> None:
    names = {asset.name for asset in assets().values()}
    for asset in assets().values():
        text = asset.body.decode()
        assert set(re.findall(r'from "\./([^"]+)"', text)) <= names
        assert not re.search(r"https?://(?!www\.w3\.org/)|@import|eval\(|innerHTML", text)


def test_everything_a_browser_fetches_is_small() -> None:
    found = [one for one in (files("gateway.admin") / "static").iterdir() if one.name.rpartition(".")[2] in KINDS]
    assert len(found) == len(assets())
    assert sum(len(one.read_bytes()) for one in found) < MOST_BYTES


async def test_a_language_that_was_chosen_is_kept() -> None:
    _, text, headers = await Visited().ask("/status?lang=ar")
    assert '<html lang="ar" dir="rtl">' in text
    assert headers["Set-Cookie"].startswith("lang=ar;")
    _, text, headers = await Visited().ask("/status?lang=%3Cscript%3E")
    assert '<html lang="en"' in text
    assert "Set-Cookie" not in headers


def test_every_route_of_the_pages_says_who_may() -> None:
    assert len(NEEDS) == len(PAGE_ROUTES)
    assert [place for place, role in NEEDS.items() if role is None] == [("GET", "/static/{file}")]
    low = [path for (method, path), role in NEEDS.items() if method == "POST" and (role is None or role < Role.OPERATOR)]
    assert low == ["/security", "/account"]  # everybody may change their own passphrase
