"""The table of routes, and everything that is made from it."""

import re

import aiohttp
import jsonschema_rs
import msgspec
import pytest

from gateway.admin import serve
from gateway.admin.access.roles import Role
from gateway.admin.api import application
from gateway.admin.limits import MAX_API_BODY
from gateway.admin.openapi import description
from gateway.admin.requests import answers
from gateway.admin.table import METHODS, PATHS, TABLE
from gateway.status import PeerSummary
from gateway.telemetry.labels import METHODS as COUNTED_METHODS
from gateway.telemetry.labels import ROUTES as COUNTED
from gateway.telemetry.probes import Probes
from tests.admin.documents import document
from tests.admin.listening import known, serving

PEER = PeerSummary("0011223344556677", "Ada", direct=True, local=True, remote=False, last_heard_s=1.0)


class Probed:
    """Answers probes, and counts nothing."""

    @property
    def counting(self):
        @aiohttp.web.middleware
        async def count(request, handler):
            return await handler(request)

        return count

    def answers(self):
        return Probes(None, None, None, lambda: 0.0).answers()


def test_what_is_served_described_and_counted_is_what_the_table_says() -> None:
    app = application(answers(document), known(Role.ADMIN), Probed())
    served = {(one.method, one.resource.canonical) for one in app.router.routes() if one.method != "HEAD"}
    described = {(method.upper(), path) for path, methods in description(TABLE)["paths"].items() for method in methods}
    declared = {(one.method, one.path) for one in TABLE}
    assert served == described == declared
    assert len(declared) == len(TABLE)
    assert set(PATHS) <= set(COUNTED)
    assert set(METHODS) <= set(COUNTED_METHODS)


OF_ONESELF = ("end_session", "change_passphrase")
"""What everybody may do to themselves; whoever answers sees to it that it is to nobody else."""


def test_every_route_has_a_name_and_a_sentence_of_its_own() -> None:
    assert len({one.name for one in TABLE}) == len(TABLE)
    for one in TABLE:
        assert re.fullmatch(r"[a-z][a-z_]+", one.name)
        assert one.summary.endswith(".")
        assert one.changes <= (one.method != "GET")
        assert one.changes <= (one.role is not None and one.role >= Role.OPERATOR) or one.name in OF_ONESELF
        assert all(not problem.when.endswith(".") for problem in one.every_problem)


def test_only_what_says_nothing_is_for_everybody() -> None:
    assert [one.path for one in TABLE if one.role is None] == ["/healthz"]


def test_the_description_is_a_valid_one_and_refers_to_nothing_that_is_missing() -> None:
    whole = description(TABLE)
    schemas = whole["components"]["schemas"]
    for schema in schemas.values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
    named = set(re.findall(r"#/components/schemas/([\w.]+)", str(whole)))
    assert named <= set(schemas)
    assert whole["openapi"] == "3.1.0"


async def ask(path, method: str, url: str, **more) -> tuple[int, dict, dict]:
    connector = aiohttp.UnixConnector(str(path))
    async with aiohttp.ClientSession(connector=connector) as session, session.request(method, f"http://meshgate{url}", **more) as response:
        return response.status, await response.json(content_type=None), dict(response.headers)


async def test_the_description_is_shipped(tmp_path) -> None:
    async with serve(tmp_path / "s", answers(document)):
        status, found, _ = await ask(tmp_path / "s", "GET", "/api/v1/openapi.json")
    assert (status, found) == (200, msgspec.json.decode(msgspec.json.encode(description(TABLE))))


@pytest.mark.parametrize(
    ("method", "url", "body", "status", "code"),
    [
        ("GET", "/api/v1/nothing", None, 404, "not_found"),
        ("DELETE", "/api/v1/status", None, 405, "method_not_allowed"),
        ("POST", "/api/v1/wipe", b"{", 400, "bad_json"),
        ("POST", "/api/v1/wipe", b'{"confirm": 5}', 400, "bad_request"),
        ("POST", "/api/v1/radio/scan", b'{"secnods": 5}', 400, "unknown_field"),
        ("POST", "/api/v1/wipe", b" " * (MAX_API_BODY + 1), 413, "too_large"),
        ("GET", "/api/v1/why?lsat=5", None, 400, "unknown_field"),
        ("GET", "/api/v1/why?last=0", None, 400, "bad_request"),
    ],
)
async def test_whatever_cannot_be_answered_is_a_problem_with_a_word_and_what_to_do(tmp_path, method, url, body, status, code) -> None:
    async with serve(tmp_path / "s", answers(document)):
        found, problem, headers = await ask(tmp_path / "s", method, url, data=body)
    assert (found, problem["status"], problem["code"], headers["Content-Type"]) == (status, status, code, "application/problem+json")
    assert problem["detail"].endswith(".")
    assert problem["hint"].endswith(".")
    assert problem["instance"] == url.partition("?")[0]
    assert ("Allow" in headers) == (status == 405)


async def test_a_mistake_of_ours_is_a_problem_too_and_names_nothing(tmp_path) -> None:
    def broken():
        raise RuntimeError("a secret")

    async with serve(tmp_path / "s", answers(broken)):
        status, problem, _ = await ask(tmp_path / "s", "GET", "/api/v1/status")
    assert (status, problem["code"]) == (500, "broken")
    assert "secret" not in str(problem)


@pytest.mark.parametrize(
    ("role", "url", "status", "code"),
    [
        (None, "/api/v1/status", 401, "not_signed_in"),
        (Role.VIEWER, "/api/v1/status", 200, None),
        (Role.VIEWER, "/api/v1/policy/history", 403, "role_needed"),
        (Role.OPERATOR, "/api/v1/policy/history", 404, "no_record"),
    ],
)
async def test_nobody_is_answered_above_their_role(role, url, status, code) -> None:
    app = application(answers(document), known(role))
    async with serving(app) as base, aiohttp.ClientSession() as session, session.get(base + url) as response:
        found = await response.json(content_type=None)
    assert response.status == status
    assert code is None or found["code"] == code


async def test_a_viewer_is_not_told_what_people_are_called() -> None:
    whole = msgspec.structs.replace(document(), mesh=msgspec.structs.replace(document().mesh, peers=(PEER,)))
    for role, name in ((Role.VIEWER, ""), (Role.OPERATOR, "Ada")):
        app = application(answers(lambda: whole), known(role))
        async with serving(app) as base, aiohttp.ClientSession() as session, session.get(f"{base}/api/v1/status") as response:
            found = await response.json()
        assert [one["nickname"] for one in found["mesh"]["peers"]] == [name]
