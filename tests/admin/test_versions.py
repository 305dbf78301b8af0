"""Another version is asked for over the API: what is on a stick, put in place, or gone back from."""

import os
from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request

from gateway.admin.access.principal import Principal, Proof
from gateway.admin.access.roles import Role
from gateway.admin.inbox import Inbox
from gateway.admin.problems import ProblemError
from gateway.admin.route import Call
from gateway.admin.update import Means, Updates, VersionsDocument
from gateway.admin.versions import ApplyRequest, RollbackRequest, Versions
from gateway.store.audit import Action
from gateway.update import staging
from gateway.update.errors import Refusal, UpdateError
from gateway.update.journal import Journal, Outcome, Phase, Report, Wish, write_journal
from gateway.update.keys import public_of
from gateway.update.protocol import Request
from tests.update.box import NEW, OLD, Box
from tests.update.bundles import MACHINE, SEED, bundle_at

ADMIN = Principal("ada", Role.ADMIN, Proof.SESSION)


class Asked:
    """Who puts versions in place, as far as the API sees it."""

    def __init__(self, refusal: Refusal | None = None) -> None:
        self.refusal = refusal
        self.wishes: list[tuple[Request, str]] = []
        self.notes: list[tuple[Action, str]] = []

    def ask(self, request: Request, file) -> str:
        if self.refusal is not None:
            raise UpdateError(self.refusal, "No.", "Do this.")
        self.wishes.append((request, Path(file.name).name if file is not None else ""))
        return "It begins."

    def note(self, _call: Call, action: Action, detail: str) -> None:
        self.notes.append((action, detail))


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Box:
    monkeypatch.setattr("gateway.admin.versions.box_of", lambda tree: staging.Box(tree.current, MACHINE, "cp311"))
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    found = Box(tmp_path)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/release.pub").write_text(public_of(SEED).hex())
    (tmp_path / "stick").mkdir()
    return found


def versions(box: Box, asked: Asked) -> Versions:
    return Versions(asked.note, Inbox(box.root / "state/.bundles"), box.tree, box.root / "keys", (box.root / "stick",), asked.ask)


def call(body=None) -> Call:
    return Call(make_mocked_request("POST", "/"), ADMIN, None, body)


async def test_what_is_on_the_stick_is_listed_with_what_is_wrong_with_it(box: Box) -> None:
    bundle_at(box.root / "stick/a.meshgate", version=NEW)
    bundle_at(box.root / "stick/b.meshgate", version="0.3.0", seed=bytes(32))
    found = await versions(box, Asked()).answers()["list_bundles"](call())
    assert [(one.version, one.refusal) for one in found.bundles] == [(NEW, ""), ("", "key")]


async def test_a_version_on_the_stick_is_handed_over_and_noted(box: Box) -> None:
    bundle_at(box.root / "stick/a.meshgate", version=NEW)
    asked = Asked()
    begun = await versions(box, asked).answers()["apply_update"](call(ApplyRequest(NEW)))
    assert begun.sentence == "It begins."
    assert asked.wishes == [(Request(Wish.APPLY), "a.meshgate")]
    assert asked.notes == [(Action.UPDATE_ASKED, NEW)]


async def test_only_what_can_be_believed_is_handed_over(box: Box) -> None:
    bundle_at(box.root / "stick/a.meshgate", version=NEW, seed=bytes(32))
    bundle_at(box.root / "stick/b.meshgate", version="0.0.9", oldest="0.0.1")
    asked = Asked()
    for version in (NEW, "0.0.9", "../x"):
        with pytest.raises(ProblemError) as raised:
            await versions(box, asked).answers()["apply_update"](call(ApplyRequest(version)))
        assert (raised.value.document.status, raised.value.document.code) == (404, "not_here")
    assert asked.wishes == asked.notes == []


async def test_going_back_is_asked_for(box: Box) -> None:
    asked = Asked()
    await versions(box, asked).answers()["roll_back_update"](call(RollbackRequest()))
    assert asked.wishes == [(Request(Wish.ROLLBACK), "")]
    assert asked.notes == [(Action.UPDATE_ASKED, "the one before")]


@pytest.mark.parametrize(
    ("refusal", "status"),
    [(Refusal.NO_PREVIOUS, 404), (Refusal.BUSY, 409), (Refusal.NOT_ALLOWED, 403), (Refusal.FAILED, 503), (Refusal.NO_ROOM, 503)],
)
async def test_a_refusal_is_a_problem_with_its_word(box: Box, refusal: Refusal, status: int) -> None:
    asked = Asked(refusal)
    with pytest.raises(ProblemError) as raised:
        await versions(box, asked).answers()["roll_back_update"](call(RollbackRequest()))
    assert (raised.value.document.status, raised.value.document.code, raised.value.document.hint) == (status, refusal.value, "Do this.")
    assert asked.notes == []


async def test_the_api_tells_of_the_versions_of_a_box(box: Box) -> None:
    updates = Updates(box.root / "mark", box.tree).answers()["get_updates"]
    found = await updates(call())
    assert (found.means, found.appliance) == (Means.VERSIONS, VersionsDocument("", "", "", "", ""))
    last = Report(1, Outcome.FELL_BACK, "0.3.0", NEW, "it did not answer")
    write_journal(box.tree.journal, Journal(Phase.TRIAL, origin=OLD, target=NEW, previous="0.0.9", last=last))
    found = (await updates(call())).appliance
    assert (found.previous, found.on_trial, found.asked, found.outcome, found.why) == (
        "0.0.9",
        NEW,
        "0.3.0",
        "fell_back",
        "it did not answer",
    )
    assert (found.phase, found.target, found.back, found.origin, found.at, found.done) == (Phase.TRIAL, NEW, False, NEW, None, None)
