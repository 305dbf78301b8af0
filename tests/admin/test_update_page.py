"""The page Update of a box that is kept in versions: every step says what comes next, and nothing happens before the last."""

import asyncio
import os
import shutil
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import FormData
from aiohttp.test_utils import make_mocked_request

from gateway.admin.access.roles import Role
from gateway.admin.inbox import Inbox
from gateway.admin.limits import BUNDLE_STALL_S, BUNDLE_WAIT_S
from gateway.admin.problems import ProblemError
from gateway.admin.route import Call
from gateway.admin.update import Means, Updates, UpdatesDocument, VersionsDocument
from gateway.admin.versions import Versions
from gateway.admin.views.words import LANGUAGES, Words
from gateway.update import limits, staging
from gateway.update.errors import Refusal, UpdateError
from gateway.update.journal import Journal, Outcome, Phase, Report, Wish, write_journal
from gateway.update.keys import public_of
from gateway.update.progress import ProgressFile, read_progress
from tests.admin.test_versions import ADMIN, Asked
from tests.admin.visiting import EVIL, NOW, Read, Visited
from tests.testing.virtual_loop import run
from tests.update.box import NEW, OLD, Box
from tests.update.bundles import MACHINE, SEED, bundle_at

SEALED = (("do", "upload"), ("form", "the-seal"))
IDLE = VersionsDocument("0.0.9", "", "", "", "")


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Box:
    monkeypatch.setattr("gateway.admin.versions.box_of", lambda tree: staging.Box(tree.current, MACHINE, "cp311"))
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    found = Box(tmp_path)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/release.pub").write_text(public_of(SEED).hex())
    (tmp_path / "stick").mkdir()
    return found


def visited(document: VersionsDocument | None = IDLE, role: Role = Role.ADMIN) -> Visited:
    async def updates(_call: Call) -> UpdatesDocument:
        return UpdatesDocument(OLD, Means.VERSIONS, "", (), document)

    return Visited(role, get_updates=updates)


class Hut(Visited):
    """The pages of a box that really looks at bundles."""

    def __init__(self, box: Box, asked: Asked, inbox: Inbox | None = None, role: Role = Role.ADMIN) -> None:
        self.inbox = inbox or Inbox(box.root / "state/.bundles")
        self.progress = box.root / "progress.json"
        versions = Versions(asked.note, self.inbox, box.tree, box.root / "keys", (box.root / "stick",), asked.ask)
        super().__init__(role, **Updates(box.root / "mark", box.tree, self.progress).answers(), **versions.answers())

    async def send(self, file: bytes, *fields: tuple[str, str]) -> tuple[int, Read]:
        form = FormData()
        for name, text in fields or SEALED:
            form.add_field(name, text, content_type="text/plain")
        form.add_field("file", file, filename="new.meshgate", content_type="application/octet-stream")
        code, text, _ = await self.ask("/update/upload", form)
        return code, Read(text)


def actions(page: Read) -> list[tuple[str, str]]:
    """What the forms of a page would send, and where to."""
    found, action = [], ""
    for tag, one in page.elements:
        if tag == "form":
            action = one["action"] or ""
        if tag == "input" and one.get("name") == "do":
            found.append((action, one["value"] or ""))
    return [one for one in found if one[0].startswith("/update")]


def asked_of(hut: Visited) -> list[str]:
    return [name for name, _ in hut.asked]


async def test_whoever_may_is_offered_a_stick_a_file_and_the_way_back() -> None:
    _, text, _ = await visited().ask("/update")
    assert actions(Read(text)) == [("/update", "look"), ("/update/upload", "upload"), ("/update", "back")]
    _, text, _ = await visited(VersionsDocument("", "", "", "", "")).ask("/update")
    assert ("/update", "back") not in actions(Read(text))


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
@pytest.mark.parametrize("wish", ["look", "apply", "roll_back"])
async def test_who_is_no_admin_sees_no_button_and_presses_none(role: Role, wish: str) -> None:
    hut = visited(role=role)
    _, text, _ = await hut.ask("/update")
    assert actions(Read(text)) == []
    code, _, _ = await hut.ask("/update", {"do": wish, "form": "the-seal", "version": NEW})
    assert (code, asked_of(hut)) == (403, [])


async def test_a_box_that_is_not_kept_in_versions_has_no_such_button() -> None:
    _, text, _ = await visited(None).ask("/update")
    assert actions(Read(text)) == []


async def test_nothing_is_asked_for_before_somebody_is_sure() -> None:
    hut = visited()
    _, text, _ = await hut.ask("/update", {"do": "look"})
    assert ("/update", "choose") in actions(Read(text))
    assert EVIL in Read(text).text  # why the other one is refused
    for step, then in (("choose", "apply"), ("back", "roll_back")):
        code, text, _ = await hut.ask("/update", {"do": step, "version": "7.7.7"})
        assert (code, (("/update", then)) in actions(Read(text))) == (200, True)
        assert "7.7.7" in Read(text).text
    assert asked_of(hut) == ["list_bundles"]
    for wish, route in (("apply", "apply_update"), ("roll_back", "roll_back_update")):
        code, text, _ = await hut.ask("/update", {"do": wish, "version": "7.7.7"})
        assert (code, asked_of(hut)[-1]) == (200, route)
        assert EVIL in Read(text).text
        assert "<script>alert" not in text
    for odd in ({"do": "anything"}, {"do": "choose"}, {"do": "back", "version": ""}):
        assert (await hut.ask("/update", odd))[0] == 400


async def test_a_bundle_that_is_sent_is_looked_into_and_put_in_place_only_then(box: Box) -> None:
    asked = Asked()
    hut = Hut(box, asked)
    code, page = await hut.send(bundle_at(box.root / "new", version=NEW).read_bytes())
    assert (code, asked.wishes) == (200, [])
    assert ("/update", "apply") in actions(page)
    assert ("input", {"type": "hidden", "name": "version", "value": NEW}) in page.elements
    _, text, _ = await hut.ask("/update", {"do": "look"})
    assert "sent from a browser" in Read(text).text
    code, _, _ = await hut.ask("/update", {"do": "apply", "version": NEW})
    assert (code, [name for _, name in asked.wishes]) == (200, ["sent.meshgate"])


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"seed": bytes(32)}, "signed by a key this box does not trust"),
        ({"version": "0.0.9", "oldest": "0.0.1"}, "is older than"),
        ({"machine": "aarch64"}, "is for aarch64"),
        ({"version": OLD}, "is what runs"),
    ],
)
async def test_a_bundle_that_is_refused_says_why_and_is_not_kept(box: Box, about, said: str) -> None:
    hut = Hut(box, Asked())
    code, page = await hut.send(bundle_at(box.root / "new", **about).read_bytes())
    assert code == 403
    assert said in page.text
    assert not hut.inbox.path.exists()


@pytest.mark.parametrize("spoil", [b"", b"no bundle", None])
async def test_what_is_no_bundle_or_not_a_whole_one_is_refused(box: Box, spoil: bytes | None) -> None:
    whole = bundle_at(box.root / "new", version=NEW).read_bytes()
    hut = Hut(box, Asked())
    code, page = await hut.send(whole[:-512] if spoil is None else spoil)
    assert (code, "bundle" in page.text, hut.inbox.path.exists()) == (403, True, False)


async def test_a_flipped_byte_of_a_wheel_is_found_before_anything_is_offered(box: Box) -> None:
    data = bytearray(bundle_at(box.root / "new", version=NEW).read_bytes())
    data[data.index(b"PKPKPK") + 100] ^= 1
    code, page = await Hut(box, Asked()).send(bytes(data))
    assert (code, "is not what was signed" in page.text, ("/update", "apply") in actions(page)) == (403, True, False)


async def test_a_form_that_is_none_of_ours_brings_no_bundle_in(box: Box) -> None:
    hut = Hut(box, Asked())
    for fields in ([("do", "upload")], [("do", "upload"), ("form", "another")], [("do", "other"), ("form", "the-seal")]):
        assert (await hut.send(b"x", *fields))[0] == 400
    assert not hut.inbox.folder.exists()


async def test_nobody_sends_a_bundle_to_a_box_that_could_not_use_it(box: Box) -> None:
    shutil.rmtree(box.root / "keys")
    hut = Hut(box, Asked())
    assert (await hut.send(b"x"))[0] == 404
    assert not hut.inbox.folder.exists()
    assert (await Hut(box, Asked(), role=Role.OPERATOR).send(b"x"))[0] == 403


async def test_over_the_api_a_bundle_is_bytes_and_nothing_else(box: Box) -> None:
    hut = Hut(box, Asked())
    with pytest.raises(ProblemError) as raised:
        await hut.answers["send_bundle"](Call(make_mocked_request("POST", "/", {"Content-Type": "application/json"}), ADMIN))
    assert raised.value.document.status == 415


async def pieces(*found: bytes, hold: asyncio.Event | None = None, came: asyncio.Event | None = None) -> AsyncIterator[bytes]:
    for one in found:
        yield one
    if came is not None:
        came.set()
    if hold is not None:
        await hold.wait()


async def test_a_bundle_may_have_as_many_bytes_as_any_and_not_one_more(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "in", most=1_000)
    await inbox.take(pieces(b"x" * 600, b"y" * 400))
    assert inbox.path.stat().st_size == 1_000
    with pytest.raises(UpdateError) as raised:
        await inbox.take(pieces(b"x" * 600, b"y" * 401))
    assert (raised.value.refusal, [path.name for path in inbox.folder.iterdir()]) == (Refusal.FORMAT, ["sent.meshgate"])
    assert inbox.path.stat().st_size == 1_000  # what waits gives way only to one that came to its end
    assert Inbox(tmp_path)._most == limits.MAX_BUNDLE


async def test_the_last_room_on_the_disk_is_not_taken(tmp_path: Path) -> None:
    free = os.statvfs(tmp_path)
    inbox = Inbox(tmp_path / "in", spare=free.f_bavail * free.f_frsize + 2**30)
    with pytest.raises(UpdateError) as raised:
        await inbox.take(pieces(b"x"))
    assert (raised.value.refusal, list(inbox.folder.iterdir())) == (Refusal.NO_ROOM, [])


async def test_one_bundle_comes_at_a_time(tmp_path: Path) -> None:
    inbox, hold, came = Inbox(tmp_path / "in"), asyncio.Event(), asyncio.Event()
    first = asyncio.create_task(inbox.take(pieces(b"x", hold=hold, came=came)))
    await came.wait()
    with pytest.raises(UpdateError) as raised:
        await inbox.take(pieces(b"y"))
    hold.set()
    assert (raised.value.refusal, (await first).read_bytes()) == (Refusal.BUSY, b"x")
    inbox.forget()


def test_one_that_stops_coming_is_given_up_and_one_that_waits_is_removed_after_half_an_hour(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "in")

    async def script() -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(UpdateError, match="stopped coming"):
            await inbox.take(pieces(b"x", hold=asyncio.Event()))
        assert loop.time() - began == pytest.approx(BUNDLE_STALL_S)
        await inbox.take(pieces(b"x"))
        await asyncio.sleep(BUNDLE_WAIT_S - 1)
        assert inbox.path.exists()
        await asyncio.sleep(2)
        assert not inbox.path.exists()

    run(script())


async def test_what_a_gateway_before_has_left_is_removed(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "in")
    await inbox.take(pieces(b"x"))
    Inbox(tmp_path / "in").clear()
    assert not inbox.folder.exists()
    inbox.forget()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("phase", [one for one in Phase if one is not Phase.IDLE])
async def test_what_is_under_way_is_said_by_the_gateway_of_before_and_by_the_one_after_it(box: Box, language: str, phase: Phase) -> None:
    write_journal(box.tree.journal, Journal(phase, origin=OLD, target=NEW, previous="0.0.9"))
    hut, words = Hut(box, Asked()), Words(language)
    ProgressFile(hut.progress).show("trial", 0.25, f"{NEW} is well so far.")
    for _ in range(2):  # nothing of it is in the memory of either
        code, text, _ = await hut.ask("/update", language=language)
        page = Read(text)
        assert (code, actions(page)) == (200, [])
        assert words(f"update.phase_{phase.value}", title=NEW) in page.text
        assert words("update.power") in page.text
        assert f"{NEW} is well so far." in page.text
        assert [one["value"] for tag, one in page.elements if tag == "progress"] == ["0.25"]
        hut = Hut(box, Asked())


async def test_a_trial_of_which_nobody_says_how_far_it_is_is_shown_all_the_same(box: Box) -> None:
    write_journal(box.tree.journal, Journal(Phase.TRIAL, Wish.ROLLBACK, origin=NEW, target=OLD))
    _, text, _ = await Hut(box, Asked()).ask("/update")
    page = Read(text)
    assert "progress" not in {tag for tag, _ in page.elements}
    assert Words()("update.back_under_way", title=OLD) in page.text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("outcome", Outcome)
async def test_what_came_of_the_last_update_is_said_with_its_reason(box: Box, language: str, outcome: Outcome) -> None:
    report = Report(1, outcome, "7.7.7", "6.6.6", f"{EVIL} it did not answer", NOW - 90)
    write_journal(box.tree.journal, Journal(previous="0.0.9", last=report))
    words = Words(language)
    code, text, _ = await Hut(box, Asked(), role=Role.VIEWER).ask("/update", language=language)
    page = Read(text)
    assert code == 200
    for said in (words(f"update.{outcome.value}", title="7.7.7"), words(f"update.{outcome.value}_about"), EVIL, "6.6.6", "0.0.9"):
        assert said in page.text
    assert "<script>alert" not in text
    assert datetime.fromtimestamp(NOW - 90, UTC).isoformat().replace("+00:00", "Z") in [
        one["datetime"] for tag, one in page.elements if tag == "time"
    ]


def test_how_far_it_is_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    shown = ProgressFile(path)
    done = threading.Event()

    def write() -> None:
        for step in range(200):
            shown.show("copy", step / 200, "It copies.")
        done.set()

    shown.show("copy", 0.0, "It copies.")
    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        assert read_progress(path) is not None
    writer.join()
    shown.clear()
    shown.clear()
    assert read_progress(path) is None
    path.write_text("{")
    assert read_progress(path) is None
    ProgressFile(tmp_path / "nowhere/progress.json").show("copy", 0.0, "Nobody can be told, and nothing is held up.")
