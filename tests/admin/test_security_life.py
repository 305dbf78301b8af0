"""The whole life of a token and of a person, through the forms of the page Security as a browser without scripts sends them."""

import re
from collections.abc import Mapping

from gateway.admin.access.gate import asker, bound_to
from gateway.admin.access.roles import Role
from gateway.admin.access.tls import PageCertificate
from gateway.admin.audit import AuditDocument, change_document
from gateway.admin.pages import NEEDS, Pages
from gateway.admin.requests import answers
from gateway.admin.route import Answers
from gateway.store.audit import Action, Actor, Change
from tests.admin.door import GOOD, WALL, Door, Reply, jar, make_door, opened
from tests.admin.visiting import status

HERS = "a bicycle in the tall grass"
LATER = "seven lamps along a quay"
MAKE = {"do": "make_token", "token_name": "the hall", "token_scope": "read", "token_days": "7", "token_current": GOOD}
REVOKE = {"do": "revoke_token", "token_confirm": "revoke"}


class Log:
    """The log of changes, made of what the door was told."""

    def __init__(self) -> None:
        self.door: Door | None = None

    async def page(self, limit: int, cursor: int | None) -> AuditDocument:
        told = enumerate(self.door.told, start=1)
        rows = [Change(None, Actor.PAGE, action, f"{actor}, {detail}", seq=seq) for seq, (action, actor, detail) in told]
        wanted = [one for one in reversed(rows) if cursor is None or one.seq < cursor][: limit + 1]
        more = wanted[limit - 1].seq if len(wanted) > limit else None
        return AuditDocument(tuple(map(change_document, wanted[:limit])), more, 0)


def furnished(tmp_path, **options) -> Door:
    """A door with the pages behind it."""
    log = Log()

    def more(own: Answers):
        everybody = {**answers(status, changes=log), **own}
        pages = Pages(everybody, asker, status, seal=lambda request: log.door.entrance.seals.seal(bound_to(request)), wall=lambda: WALL)
        return pages.routes()

    def needs(request) -> Role | None:
        return NEEDS.get((request.method, request.match_info.route.resource.canonical), Role.ADMIN)

    log.door = make_door(tmp_path, more=more, needs=needs, **options)
    return log.door


async def look(door: Door, cookies: Mapping[str, str], query: str = "") -> Reply:
    return await door.ask("GET", f"/security{query}", [("Cookie", jar(dict(cookies)))])


async def send(door: Door, cookies: Mapping[str, str], **fields: str) -> Reply:
    """Load the page and send a form of it, with its seal."""
    shown = await look(door, cookies)
    return await door.form("/security", {"form": shown.seal, **fields}, dict(cookies))


def twice(of: str, new: str, current: str) -> dict[str, str]:
    return {f"{of}_new": new, f"{of}_again": new, f"{of}_current": current}


async def log_in(door: Door, name: str, passphrase: str) -> tuple[int, dict[str, str]]:
    reply = await door.submit("/login", name=name, passphrase=passphrase)
    return reply.status, {name: value for name, value in reply.cookies.items() if value}


async def test_somebody_is_added_comes_in_changes_the_passphrase_and_is_removed(tmp_path) -> None:
    async with opened(furnished(tmp_path, secure=True)) as door:
        ada = await door.logged_in()
        adding = {"do": "add_user", "add_name": "eve", "add_role": "viewer", **twice("add", HERS, GOOD)}
        assert (await door.form("/security", adding, ada)).status == 403  # without the seal of a page that was looked at
        assert (await send(door, ada, **{**adding, "add_current": "a guess"})).status == 401
        assert (await log_in(door, "eve", HERS))[0] == 401
        added = await send(door, ada, **adding)
        assert (added.status, added.get("cache-control")) == (200, "no-store")
        assert (await send(door, ada, **adding)).status == 409

        code, phone = await log_in(door, "eve", HERS)
        _, laptop = await log_in(door, "eve", HERS)
        assert code == 303
        own = await look(door, phone)
        assert own.status == 200
        assert 'id="own-passphrase"' in own.body
        assert 'id="people"' not in own.body
        assert (await send(door, phone, do="add_user", add_name="mallory", add_role="admin", **twice("add", LATER, HERS))).status == 403
        changed = await send(door, phone, do="own_passphrase", **twice("own", LATER, HERS))
        assert changed.status == 200
        assert (await look(door, laptop)).get("location") == "/login"
        assert (await look(door, phone)).status == 200
        assert (await log_in(door, "eve", HERS))[0] == 401

        seen = await look(door, ada)
        (session,) = re.findall(r'name="session" value="(\w+)"', seen.body)
        assert (await send(door, ada, do="end_session", session=session)).status == 200
        assert (await look(door, phone)).get("location") == "/login"
        code, phone = await log_in(door, "eve", LATER)
        assert code == 303
        assert (await send(door, ada, do="remove_user", gone_name="eve", gone_confirm="no")).status == 400
        assert (await look(door, phone)).status == 200
        assert (await send(door, ada, do="remove_user", gone_name="eve", gone_confirm="remove")).status == 200
        assert (await look(door, phone)).get("location") == "/login"
        assert (await log_in(door, "eve", LATER))[0] == 401
        assert (await send(door, ada, do="remove_user", gone_name="ada", gone_confirm="remove")).status == 409

        said = " ".join(f"{action} {actor} {detail}" for action, actor, detail in door.told)
        wanted = [Action.USER_ADDED, Action.PASSPHRASE_CHANGED, Action.SESSION_ENDED, Action.USER_REMOVED]
        assert [action for action, _, _ in door.told if action in wanted] == wanted
        written = (door.state / "access.json").read_text()
        for secret in (HERS, LATER, GOOD):
            assert secret not in said + written + added.body + changed.body


async def test_a_token_is_made_used_shown_never_again_and_taken_back(tmp_path) -> None:
    async with opened(furnished(tmp_path)) as door:
        ada = await door.logged_in()
        for wrong in ("", "a guess"):
            refused = await send(door, ada, **{**MAKE, "token_current": wrong})
            assert (refused.status, "mgt_" in refused.body) == (401, False)
        made = await send(door, ada, **MAKE)
        assert made.status == 200
        (token,) = re.findall(r'id="made-token"[^>]*>(mgt_[\w-]{43})<', made.body)

        async def use() -> Reply:
            return await door.ask("GET", "/api/v1/session", [("Authorization", f"Bearer {token}")])

        assert (await use()).json["role"] == "viewer"
        page = await look(door, ada)
        assert token not in page.body
        (known,) = re.findall(r'<option value="([0-9a-f]{8})">the hall', page.body)
        assert (await send(door, ada, **{**REVOKE, "token_id": known, "token_confirm": ""})).status == 400
        assert (await use()).status == 200
        assert (await send(door, ada, **REVOKE, token_id=known)).status == 200
        assert (await use()).status == 401
        assert (await send(door, ada, **REVOKE, token_id=known)).status == 404
        made_by_token = await door.form("/security", {"do": "make_token"}, {}, origin=None)
        assert made_by_token.status == 403

        page = await look(door, ada)
        assert token not in page.body
        assert "A token was made on the page: ada" in page.body
        assert "A token was revoked on the page: ada" in page.body
        assert token not in " ".join(detail for _, _, detail in door.told) + (door.state / "access.json").read_text()


async def test_the_fingerprint_on_the_page_is_that_of_the_connection(tmp_path) -> None:
    async with opened(furnished(tmp_path, secure=True)) as door:
        ada = await door.logged_in()
        page = await look(door, ada)
        assert door.page.fingerprint in page.body
        assert "You are looking without encryption" not in page.body


async def test_a_certificate_that_cannot_be_read_any_more_hides_nothing_else(tmp_path) -> None:
    async with opened(furnished(tmp_path)) as door:
        ada = await door.logged_in()
        door.page.resources._certificate = made = PageCertificate(tmp_path / "own.crt", tmp_path / "own.key")
        made.file.write_bytes(b"")
        page = await look(door, ada)
        assert page.status == 200
        assert "cannot be read" in page.body
        door.page._certificate = made
        assert "cannot be read" in door.page.certificate_trouble()[0]
        assert 'id="tokens"' in page.body
        assert (await door.api("GET", "/api/v1/certificate", ada)).json["code"] == "unreadable"


async def test_the_log_goes_back_as_far_as_there_is_something(tmp_path) -> None:
    async with opened(furnished(tmp_path)) as door:
        ada = await door.logged_in()
        for number in range(60):
            door.told.append((Action.LOGIN, f"user{number}", "192.0.2.7"))
        page, seen = await look(door, ada), []
        while True:
            seen += re.findall(r"ada|user\d+", page.body.partition('id="change-list"')[2].partition("</main>")[0])
            further = re.search(r'href="/security(\?before=\d+)#changes"', page.body)
            if further is None:
                break
            page = await look(door, ada, further[1])
        assert seen == [f"user{number}" for number in reversed(range(60))] + ["ada"]
