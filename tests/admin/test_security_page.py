"""The page Security: who sees what of it, what its forms ask of the API, and what is never shown again."""

import re

import pytest

from gateway.admin.access.documents import CertificateDocument
from gateway.admin.access.problem import AccessProblem
from gateway.admin.access.roles import Role
from tests.admin.forms import Forms
from tests.admin.visiting import EVIL, PRINT, SECRET, TOKEN, Read, Visited

PASSPHRASE = "correct horse battery staple"  # noqa: S105 -- of nobody
OWN = "the passphrase of whoever asks"
PARTS = ("you", "sessions", "people", "tokens", "certificate", "changes", "wipe")


def twice(of: str, new: str = PASSPHRASE) -> dict[str, str]:
    return {f"{of}_new": new, f"{of}_again": new, f"{of}_current": OWN}


def ids(text: str) -> list[str]:
    return [one["id"] or "" for _, one in Read(text).elements if "id" in one]


def asked(visited: Visited) -> list[str]:
    return [name for name, _ in visited.asked if not name.startswith(("list_", "get_"))]


@pytest.mark.parametrize(
    ("role", "parts"),
    [
        (Role.VIEWER, ("you", "sessions", "certificate")),
        (Role.OPERATOR, ("you", "sessions", "certificate")),
        (Role.ADMIN, PARTS),
    ],
)
async def test_everybody_sees_what_is_theirs_and_admins_see_everything(role, parts) -> None:
    visited = Visited(role=role)
    code, text, _ = await visited.ask("/security")
    assert code == 200
    assert [one for one in PARTS if one in ids(text)] == list(parts)
    assert re.findall(r'href="#(\w+)">', text.partition('class="stages"')[2].partition("</ul>")[0]) == list(parts)
    assert "own-passphrase" in ids(text)
    if role is not Role.ADMIN:
        assert not {"list_users", "list_tokens", "list_changes"} & {name for name, _ in visited.asked}


@pytest.mark.parametrize("form", [None, {"do": "make_token", "token_name": "x", "token_scope": "read", "token_days": "9"}])
async def test_every_name_in_the_page_is_there_once(form) -> None:
    _, text, _ = await Visited().ask("/security", form)
    assert len(ids(text)) == len(set(ids(text)))


async def test_the_page_does_not_change_under_the_hands_of_whoever_ends_a_session() -> None:
    _, text, _ = await Visited().ask("/security")
    assert "data-live" not in text


@pytest.mark.parametrize(
    ("role", "form", "name", "named", "body"),
    [
        (
            Role.ADMIN,
            {"do": "add_user", "add_name": " eve ", "add_role": "operator", **twice("add")},
            "add_user",
            {},
            {"name": "eve", "role": "operator", "passphrase": PASSPHRASE, "current": OWN},
        ),
        (Role.ADMIN, {"do": "remove_user", "gone_name": "eve", "gone_confirm": " remove "}, "remove_user", {"name": "eve"}, None),
        (
            Role.ADMIN,
            {"do": "other_passphrase", "other_name": "eve", **twice("other")},
            "change_passphrase",
            {"name": "eve"},
            {"passphrase": PASSPHRASE, "current": OWN},
        ),
        (
            Role.VIEWER,
            {"do": "own_passphrase", "own_name": "somebody else", **twice("own")},
            "change_passphrase",
            {"name": "ada"},
            {"passphrase": PASSPHRASE, "current": OWN},
        ),
        (
            Role.ADMIN,
            {"do": "make_token", "token_name": " the hall ", "token_scope": "send", "token_days": " 30 ", "token_current": OWN},
            "make_token",
            {},
            {"name": "the hall", "scope": "send", "days": 30, "current": OWN},
        ),
        (Role.ADMIN, {"do": "revoke_token", "token_id": "0badc0de", "token_confirm": "revoke"}, "revoke_token", {"id": "0badc0de"}, None),
        (Role.VIEWER, {"do": "end_session", "session": "s2"}, "end_session", {"id": "s2"}, None),
    ],
)
async def test_a_form_asks_the_api_for_what_it_says(role, form, name, named, body) -> None:
    visited = Visited(role=role)
    code, text, headers = await visited.ask("/security", form)
    assert (code, headers["Cache-Control"]) == (200, "no-store")
    assert 'class="notice good"' in text
    assert "<script>alert" not in text
    ((_, call),) = [one for one in visited.asked if one[0] == name]
    assert dict(call._names or {}) == named
    sent = call._body
    assert (sent and {key: getattr(sent, key) for key in body}) == body


@pytest.mark.parametrize(
    "form",
    [
        {"do": "add_user", "add_name": "eve", "add_role": "operator", **twice("add"), "add_again": "something else"},
        {"do": "own_passphrase", **twice("own"), "own_again": ""},
        {"do": "remove_user", "gone_name": "eve", "gone_confirm": "yes"},
        {"do": "remove_user", "gone_name": "eve"},
        {"do": "revoke_token", "token_id": "0badc0de"},
        {"do": "make_token", "token_name": "x", "token_scope": "read", "token_days": "1e9"},
        {"do": "make_token", "token_name": "x", "token_scope": "read", "token_days": "٣"},
        {"do": "make_token", "token_name": "x", "token_scope": "read", "token_days": "9999"},
        {"do": "make_token", "token_name": "", "token_scope": "read", "token_days": "9"},
        {"do": "something"},
        {},
    ],
)
async def test_what_is_not_confirmed_or_makes_no_sense_changes_nothing(form) -> None:
    visited = Visited()
    code, text, _ = await visited.ask("/security", form)
    assert code == 400
    assert 'class="notice broken"' in text
    assert asked(visited) == []


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
@pytest.mark.parametrize(
    "form",
    [
        {"do": "add_user", "add_name": "eve", "add_role": "admin", **twice("add")},
        {"do": "remove_user", "gone_name": "ada", "gone_confirm": "remove"},
        {"do": "make_token", "token_name": "x", "token_scope": "read", "token_days": "9"},
        {"do": "revoke_token", "token_id": "0badc0de", "token_confirm": "revoke"},
        {"do": "wipe", "confirm": "wipe"},
    ],
)
async def test_a_form_that_was_not_shown_to_somebody_does_nothing_for_them(role, form) -> None:
    visited = Visited(role=role)
    assert (await visited.ask("/security", form))[0] == 403
    assert asked(visited) == []


async def refuse(_call):
    raise AccessProblem(400, "weak_passphrase", "A passphrase stands on one line.")


@pytest.mark.parametrize("of", ["add", "own", "other"])
async def test_a_passphrase_is_never_shown_again_and_a_name_that_was_refused_is(of) -> None:
    visited = Visited(add_user=refuse, change_passphrase=refuse)
    do = {"add": "add_user", "own": "own_passphrase", "other": "other_passphrase"}[of]
    code, text, _ = await visited.ask("/security", {"do": do, f"{of}_name": "evelyn", "add_role": "operator", **twice(of)})
    assert code == 400
    assert PASSPHRASE not in text
    assert OWN not in text
    fields = [one for tag, one in Read(text).elements if tag == "input" and one.get("type") == "password"]
    assert len(fields) == 10
    assert not [one for one in fields if "value" in one]
    opened = [one["id"] for tag, one in Read(text).elements if tag == "details" and "open" in one]
    assert opened == ([] if of == "own" else ["change-people"])
    assert ('value="evelyn"' in text, '<option value="operator" selected>' in text) == ((True, True) if of == "add" else (False, False))


async def test_a_form_that_was_taken_is_empty_again() -> None:
    _, text, _ = await Visited().ask("/security", {"do": "add_user", "add_name": "evelyn", "add_role": "operator", **twice("add")})
    assert "evelyn" not in text


async def test_a_token_is_shown_once_with_what_it_may_and_is_nowhere_afterwards() -> None:
    visited = Visited()
    _, text, _ = await visited.ask("/security", {"do": "make_token", "token_name": "x", "token_scope": "read", "token_days": "9"})
    assert text.count(SECRET) == 1
    assert 'data-copy="made-token"' in text
    assert "nobody can show it again" in text
    assert SECRET not in (await visited.ask("/security"))[1]


async def test_tokens_say_who_made_them_whether_they_are_over_and_when_they_were_used() -> None:
    _, text, _ = await Visited().ask("/security")
    page = Read(text)
    assert TOKEN.id in page.text
    assert all(said in page.text for said in ("At the box", "Over", "Never"))


async def wait(_call):
    raise AccessProblem(429, "wait", "Too many tries.", "Wait, then try again.", 7.2)


async def test_whoever_has_guessed_too_often_is_told_how_long_to_wait() -> None:
    code, text, _ = await Visited(change_passphrase=wait).ask("/security", {"do": "own_passphrase", **twice("own")})
    assert code == 429
    assert "Wait 8 s, then send it again." in Read(text).text


async def test_the_fingerprint_is_shown_in_lines_people_can_compare() -> None:
    _, text, _ = await Visited(role=Role.VIEWER).ask("/security")
    lines = re.findall(r'<li><code dir="ltr">([0-9A-F:]+)</code></li>', text)
    assert [len(one.split(":")) for one in lines] == [8, 8, 8, 8]
    assert ":".join(lines) == PRINT
    assert "meshgate setup-code" in text


@pytest.mark.parametrize(
    ("ends", "kind"),
    [("2027-06-01T00:00:00+00:00", "good"), ("2027-02-01T00:00:00+00:00", "attention"), ("2027-01-01T00:00:00+00:00", "broken")],
)
async def test_a_certificate_whose_time_is_soon_over_says_so(ends, kind) -> None:
    async def certificate(_call):
        return CertificateDocument(PRINT, ends, "page.crt")

    _, text, _ = await Visited(role=Role.VIEWER, get_certificate=certificate).ask("/security")
    part = text.partition('id="certificate"')[2]
    assert f'data-state="{kind}"' in part


async def test_a_certificate_of_the_boxs_own_ends_never_and_one_that_is_missing_is_said_to_be() -> None:
    async def certificate(_call):
        return CertificateDocument(PRINT, "9999-12-31T23:59:59+00:00", "page.crt")

    async def none(_call):
        raise AccessProblem(404, "no_certificate", "The page has no certificate.")

    _, text, _ = await Visited(role=Role.VIEWER, get_certificate=certificate).ask("/security")
    assert "9999" not in text
    code, text, _ = await Visited(role=Role.VIEWER, get_certificate=none).ask("/security")
    assert code == 200
    assert "The page has no certificate." in text


async def test_the_log_of_changes_goes_back_page_by_page() -> None:
    visited = Visited()
    _, text, _ = await visited.ask("/security")
    assert 'href="/security?before=7#changes"' in text
    assert "Time not known" in text
    assert "On this machine, user 1000" in text
    assert EVIL in Read(text).text
    _, text, _ = await visited.ask("/security?before=7")
    assert [call.query(type(call._query)).cursor for name, call in visited.asked if name == "list_changes"][1] == 7
    assert 'href="/security#changes"' in text
    assert not Forms(text).all


@pytest.mark.parametrize("before", ["-1", "x", "", "٣", "9" * 400])
async def test_a_place_in_the_log_that_makes_no_sense_leads_to_its_beginning(before) -> None:
    visited = Visited()
    code, text, _ = await visited.ask(f"/security?before={before}")
    assert code == 200
    assert "own-passphrase" in ids(text)


async def test_the_log_of_changes_is_not_shown_to_others_wherever_they_look() -> None:
    visited = Visited(role=Role.OPERATOR)
    _, text, _ = await visited.ask("/security?before=7")
    assert "list_changes" not in [name for name, _ in visited.asked]
    assert "own-passphrase" in ids(text)


async def test_after_a_wipe_nothing_is_asked_of_what_is_gone() -> None:
    visited = Visited()
    code, text, _ = await visited.ask("/security", {"do": "wipe", "confirm": "wipe"})
    assert code == 200
    assert [name for name, _ in visited.asked] == ["wipe"]
    assert "2 files were erased" in text
