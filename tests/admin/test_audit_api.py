"""The log of changes in the API, asked over a real socket, and what is noted of what is asked for there."""

import os
from pathlib import Path

import pytest

from gateway.admin import client, serve
from gateway.admin.audit import SENTENCES, AuditDocument, ChangeDocument, change_document
from gateway.admin.client import RefusedError
from gateway.admin.federation import (
    FederationRefusal,
    InviteDocument,
    InviteRequest,
    JoinDocument,
    JoinRequest,
    LeaveDocument,
    RevokeDocument,
    RevokeRequest,
)
from gateway.admin.requests import answers
from gateway.admin.wipe import WipeDocument, WipeRequest
from gateway.errors import StoreError, StoreFault
from gateway.limits import MAX_AUDIT_PAGE
from gateway.store.audit import Action, Actor, Change
from tests.admin.documents import document

CHANGE = ChangeDocument(7, None, "mqtt", None, "bridge_switched", "off", 0, "The bridge was switched over MQTT: off.")


class Log:
    """One change, on every page."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int | None]] = []

    async def page(self, limit: int, cursor: int | None) -> AuditDocument:
        self.asked.append((limit, cursor))
        if limit == 7:
            raise StoreError(StoreFault.LOCKED, "Another process has it.", "Stop it.")
        return AuditDocument((CHANGE,), 7, 3)


class Desk:
    """A federation in which everything succeeds but leaving."""

    async def invite(self, wanted: InviteRequest) -> InviteDocument:
        return InviteDocument("secret-ticket", "secret-code", 99, "12D3KooWpeer", ("public", "private"), wanted.uses, 0, ())

    async def join(self, wanted: JoinRequest) -> JoinDocument:
        return JoinDocument("12D3KooWpeer", "Hut", "joined", wanted.ticket)

    async def revoke(self, _wanted: RevokeRequest) -> RevokeDocument:
        return RevokeDocument("12D3KooWpeer", "Hut", "Done.")

    async def leave(self) -> LeaveDocument:
        raise FederationRefusal(403, "refused", "No.")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


async def refusal(asked) -> tuple[int, str]:
    with pytest.raises(RefusedError) as caught:
        await asked
    return caught.value.document.status, caught.value.document.code


async def test_a_page_arrives_as_it_was_told_and_the_cursor_leads_to_the_next(path) -> None:
    log = Log()
    async with serve(path, answers(document, changes=log)):
        found = await client.get_audit(path, 5)
        assert found == AuditDocument((CHANGE,), 7, 3)
        await client.get_audit(path, 5, found.cursor)
    assert log.asked[1] == (5, 7)
    assert log.asked[0][1] is None or log.asked[0][1] > 10**18


async def test_refusals_say_what_kind_they_are(path) -> None:
    async with serve(path, answers(document, changes=Log())):
        assert await refusal(client.get_audit(path, 0)) == (400, "bad_request")
        assert await refusal(client.get_audit(path, MAX_AUDIT_PAGE + 1)) == (400, "bad_request")
        assert await refusal(client.get_audit(path, 5, -1)) == (400, "bad_request")
        assert await refusal(client.get_audit(path, 5, 2**63)) == (400, "bad_request")
        assert await refusal(client.get_audit(path, 7)) == (503, "store_unavailable")


async def test_a_gateway_without_a_log_says_so(path) -> None:
    async with serve(path, answers(document)):
        assert await refusal(client.get_audit(path, 5)) == (404, "no_record")


async def test_what_is_changed_over_the_socket_is_noted_with_the_user_and_without_secrets_names_and_ids(path) -> None:
    noted: list[tuple[Actor, Action, str, int | None]] = []

    def witness(actor: Actor, action: Action, detail: str = "", uid: int | None = None) -> None:
        noted.append((actor, action, detail, uid))

    async def wipe() -> WipeDocument:
        assert noted[-1][1] is Action.WIPE_ASKED  # before there is nothing left to note it in
        return WipeDocument((), (), ())

    async with serve(path, answers(document, federation=Desk(), wipe=wipe, witness=witness)):
        await client.invite(path, InviteRequest(uses=2))
        await client.join(path, JoinRequest("secret-ticket"))
        await client.revoke(path, RevokeRequest("Hut"))
        await client.revoke(path, RevokeRequest("Hut", pardon=True))
        assert await refusal(client.leave(path)) == (403, "refused")
        assert (await refusal(client.wipe(path, WipeRequest("perhaps"))))[0] == 400
        await client.wipe(path, WipeRequest("wipe"))
    assert [(action, detail) for _, action, detail, _ in noted] == [
        (Action.MEMBER_INVITED, "for 2 gateways, public private"),
        (Action.FEDERATION_JOINED, "joined"),
        (Action.MEMBER_REVOKED, ""),
        (Action.MEMBER_PARDONED, ""),
        (Action.WIPE_ASKED, ""),
    ]
    assert {(actor, uid) for actor, _, _, uid in noted} == {(Actor.CONTROL_SOCKET, os.getuid())}


def test_there_are_words_for_every_action_and_way() -> None:
    assert set(SENTENCES) == set(Action)
    for action in Action:
        for actor in Actor:
            assert change_document(Change(1, actor, action)).sentence.endswith(".")


def test_a_word_of_another_version_is_shown_as_it_is() -> None:
    told = change_document(Change(1, "pigeon", "loft_cleaned", "twice"))
    assert told.sentence == "loft cleaned pigeon: twice."
