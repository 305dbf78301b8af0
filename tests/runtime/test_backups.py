"""Backups of a gateway that runs, over its API."""

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import aiohttp
import pytest

from gateway.admin.access.roles import Role
from gateway.admin.api import application
from gateway.admin.backups import BYTES, UPLOAD, BackupAnswers
from gateway.admin.operations import Operations
from gateway.admin.pages import Pages
from gateway.backup.limits import BACKUP_WAIT_S, MAX_BACKUP_FILE, MAX_BACKUPS_WAITING
from gateway.backup.restoring import DECIDED, finish
from gateway.runtime import backups as module
from gateway.runtime.backups import FOLDER, Backups
from gateway.runtime.writer import StoreWriter
from gateway.store.audit import Action
from gateway.store.copying import CopyError
from gateway.store.store import open_store
from tests.admin.listening import known, serving
from tests.admin.visiting import status as page_status
from tests.backup.files import CHEAP, PASSPHRASE, Files
from tests.store.stores import NOW, letter

HERE = "/api/v1/backups"


class Box:
    """A gateway of which only the store runs."""

    def __init__(
        self,
        files: Files,
        session: aiohttp.ClientSession,
        control: Backups,
        stop: asyncio.Event,
        noted: list[tuple[Action, str]],
    ) -> None:
        self.files = files
        self.session = session
        self.control = control
        self.stop = stop
        self.noted = noted

    async def ask(self, method: str, path: str, **more):
        async with self.session.request(method, f"{HERE}{path}", **more) as response:
            return response.status, await response.json(content_type=None)

    async def made(self, passphrase: str = PASSPHRASE) -> str:
        """Make one, and return its ID."""
        status, begun = await self.ask("POST", "", json={"passphrase": passphrase})
        assert status == 202
        while True:
            async with self.session.get(f"/api/v1/operations/{begun['id']}") as response:
                found = await response.json()
            if found["state"] != "running":
                assert found["state"] == "done", found
                return found["backup"]

    async def fetched(self) -> bytes:
        async with self.session.get(f"{HERE}/{await self.made()}") as response:
            assert response.content_type == BYTES
            return await response.read()

    async def sent(self, data: bytes) -> str:
        status, found = await self.ask("POST", "/upload", data=data, headers={"Content-Type": BYTES})
        assert (status, found["uploaded"], found["size"]) == (201, True, len(data))
        return found["id"]

    def waiting(self) -> list[Path]:
        folder = self.files.state / FOLDER
        return list(folder.iterdir()) if folder.exists() else []


@asynccontextmanager
async def box(directory: Path, role: Role = Role.ADMIN):
    files = Files(directory, "# comment\n")
    (files.state / "identity.key").write_bytes(b"k" * 64)
    writer = StoreWriter(lambda _distrust: open_store(files.state / "store.db", Random(1)), lambda: NOW, lambda _sentence: None)
    writing = asyncio.create_task(writer.run())
    await writer.ask(lambda store: store.mail.take(letter("waits"), NOW), durable=True)
    control = Backups(files.config, files.file, writer, "ab", lambda: 1_800_000_000.0, Random(2).randbytes, CHEAP)
    stop = asyncio.Event()
    control.begin(stop)
    operations = Operations(None, lambda: None, Random(3).randbytes)
    noted: list[tuple[Action, str]] = []
    answers = {
        **operations.answers(),
        **BackupAnswers(control, operations, lambda _call, action, detail: noted.append((action, detail))).answers(),
    }
    try:
        app = application(answers, known(role))
        app.add_routes(Pages(answers, known(role), page_status).routes())
        async with serving(app) as base, aiohttp.ClientSession(base) as session:
            yield Box(files, session, control, stop, noted)
    finally:
        await operations.close()
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


async def test_one_box_makes_a_backup_and_another_becomes_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "RESTART_S", 0.0)
    async with box(tmp_path / "north") as north:
        data = await north.fetched()
        assert north.waiting() == []  # fetched once
        assert north.noted == [(Action.BACKUP_BEGUN, "without history"), (Action.BACKUP_FETCHED, "")]
        assert PASSPHRASE not in "".join(str(one) for one in await north.ask("GET", ""))
    async with box(tmp_path / "south") as south:
        name = await south.sent(data)
        assert south.waiting()[0].stat().st_mode & 0o777 == 0o600
        assert south.waiting()[0].read_bytes() == data
        status, contents = await south.ask("POST", f"/{name}/contents", json={"passphrase": PASSPHRASE})
        assert (status, contents["site"], contents["made"]) == (200, "north", "2027-01-15T08:00:00Z")
        status, plan = await south.ask("POST", f"/{name}/restore", json={"passphrase": PASSPHRASE, "dry_run": True})
        assert (status, plan["dry_run"], south.stop.is_set()) == (200, True, False)
        assert (await south.ask("POST", f"/{name}/restore", json={"passphrase": PASSPHRASE}))[1]["code"] == "not_confirmed"
        assert not (south.files.state / DECIDED).exists()
        status, done = await south.ask("POST", f"/{name}/restore", json={"passphrase": PASSPHRASE, "confirm": "restore"})
        assert status == 200
        assert "must never run beside this one" in done["warning"]
        assert south.noted == [(Action.BACKUP_RESTORED, "the gateway becomes the other")]  # the dry run was none
        await south.stop.wait()
        assert (await south.ask("POST", f"/{name}/contents", json={"passphrase": PASSPHRASE}))[1]["code"] == "busy"  # it ends
    await south.control.finish()
    assert not finish(south.files.config)  # nothing is left to do
    assert south.files.config.gateway.nickname == "north"
    assert "# of north" in south.files.path.read_text()
    assert not (south.files.state / FOLDER).exists()


async def test_the_page_does_the_same_without_a_script(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "RESTART_S", 0.0)
    async with box(tmp_path / "north") as north:
        form = {"do": "create", "form": "", "passphrase": PASSPHRASE, "again": PASSPHRASE, "history": ""}
        async with north.session.post("/backup", data=form) as response:
            assert response.status == 200
            (link,) = re.findall(r'href="(/api/v1/backups/[0-9a-f]+)"', await response.text())
        async with north.session.get(link) as response:
            data = await response.read()
        async with north.session.get(link) as response:
            assert response.status == 404  # once
    async with box(tmp_path / "south") as south:
        sent = aiohttp.FormData()
        for name, text in (("do", "upload"), ("form", ""), ("opens", PASSPHRASE)):
            sent.add_field(name, text)
        sent.add_field("file", data, filename="north.backup")
        async with south.session.post("/backup/upload", data=sent) as response:
            text = await response.text()
            assert response.status == 200
        assert "north" in text
        (name,) = re.findall(r'name="id" value="([0-9a-f]+)"', text)
        form = {"do": "restore", "form": "", "id": name, "opens_again": "another passphrase", "confirm": "restore", "identity": ""}
        async with south.session.post("/backup", data=form) as response:
            assert response.status == 403
        assert not south.stop.is_set()
        async with south.session.post("/backup", data=form | {"opens_again": PASSPHRASE}) as response:
            assert response.status == 200
        await south.stop.wait()
    await south.control.finish()
    assert south.files.config.gateway.nickname == "north"


@pytest.mark.parametrize(
    ("data", "passphrase", "status", "code"),
    [
        (b"something else", PASSPHRASE, 400, "no_backup"),
        (None, "another passphrase", 403, "wrong_passphrase"),
        (b"cut", PASSPHRASE, 400, "backup_damaged"),
    ],
)
async def test_what_is_not_taken_is_told_counted_and_changes_nothing(tmp_path, data, passphrase, status, code) -> None:
    async with box(tmp_path / "hut") as hut:
        good = await hut.fetched()
        before = {name: content for name, content in hut.files.content().items() if FOLDER not in name and "-shm" not in name}
        name = await hut.sent(good[:-1] if data == b"cut" else data or good)
        for verb, more in (("contents", {}), ("restore", {"confirm": "restore"})):
            found = await hut.ask("POST", f"/{name}/{verb}", json={"passphrase": passphrase, **more})
            assert (found[0], found[1]["code"]) == (status, code)
            assert passphrase not in str(found)
        _, listed = await hut.ask("GET", "")
        assert sum(listed["refused"].values()) == 2
        after = {name: content for name, content in hut.files.content().items() if FOLDER not in name and "-shm" not in name}
        assert after == before
        assert not hut.stop.is_set()


async def test_an_upload_is_no_larger_than_a_backup_and_leaves_nothing_when_it_is(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("gateway.backup.making.MAX_BACKUP_FILE", 1000)
    assert MAX_BACKUP_FILE > 256 * 1024 * 1024
    async with box(tmp_path / "hut") as hut:
        status, problem = await hut.ask("POST", "/upload", data=bytes(1001), headers={"Content-Type": BYTES})
        assert (status, problem["code"]) == (413, "too_large")
        assert hut.waiting() == []
        await hut.sent(bytes(1000))
        status, problem = await hut.ask("POST", "/upload", data=b"x", headers={"Content-Type": "text/plain"})
        assert (status, problem["code"]) == (415, "not_bytes")


async def test_an_upload_that_stops_coming_is_given_up(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "BACKUP_STALL_S", 0.01)

    async def stalling():
        yield b"x"
        await asyncio.Event().wait()

    async with box(tmp_path / "hut") as hut:
        with pytest.raises(module.BackupError):
            await hut.control.take(stalling())
        assert hut.waiting() == []


async def test_only_so_many_wait_and_not_for_long(tmp_path) -> None:
    async with box(tmp_path / "hut") as hut:
        names = [await hut.sent(b"x" * (number + 1)) for number in range(MAX_BACKUPS_WAITING + 1)]
        _, listed = await hut.ask("GET", "")
        assert [one["id"] for one in listed["backups"]] == names[1:]
        assert all(0 < one["seconds"] <= BACKUP_WAIT_S for one in listed["backups"])
        assert len(hut.waiting()) == MAX_BACKUPS_WAITING
        assert (await hut.ask("GET", f"/{names[-1]}"))[1]["code"] == "unknown_backup"  # what was sent is not handed out
        waiting = hut.control._waiting
        waiting |= {name: replace(one, until=0.0) for name, one in waiting.items()}
        assert (await hut.ask("GET", ""))[1]["backups"] == []
        assert hut.waiting() == []
        for verb in ("contents", "restore"):
            body = {"passphrase": PASSPHRASE} | ({"confirm": "restore"} if verb == "restore" else {})
            assert (await hut.ask("POST", f"/{names[0]}/{verb}", json=body))[1]["code"] == "unknown_backup"


async def test_one_thing_is_done_at_a_time(tmp_path) -> None:
    begun = asyncio.Event()

    async def endless():
        yield b"x"
        begun.set()
        await asyncio.Event().wait()

    async with box(tmp_path / "hut") as hut:
        first = asyncio.create_task(hut.control.take(endless()))
        await begun.wait()
        status, problem = await hut.ask("POST", "/upload", data=b"x", headers={"Content-Type": BYTES})
        assert (status, problem["code"]) == (409, "busy")
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert hut.waiting() == []
        await hut.sent(b"x")


@pytest.mark.parametrize("passphrase", ["short", "aaaaaaaaaaaaaaaa", "x" * 300])
async def test_a_passphrase_that_would_be_guessed_is_refused_at_once(tmp_path, passphrase) -> None:
    async with box(tmp_path / "hut") as hut:
        status, problem = await hut.ask("POST", "", json={"passphrase": passphrase})
        assert (status, problem["code"] in {"bad_request", "weak_passphrase"}) == (400, True)
        assert passphrase not in str(problem)


async def test_only_an_admin_has_to_do_with_backups(tmp_path) -> None:
    async with box(tmp_path / "hut", Role.OPERATOR) as hut:
        for method, path in (
            ("GET", ""),
            ("POST", ""),
            ("POST", "/upload"),
            ("GET", "/x"),
            ("POST", "/x/contents"),
            ("POST", "/x/restore"),
        ):
            assert (await hut.ask(method, path))[1]["code"] == "role_needed"
    assert f"{HERE}/upload" == UPLOAD


async def test_a_copy_that_cannot_be_written_stops_neither_the_store_nor_says_that_it_is_made(tmp_path, monkeypatch) -> None:
    async with box(tmp_path / "hut") as hut:

        def full(_database, path, **_named):
            raise CopyError(f"{path}: no room")

        monkeypatch.setattr(module, "copy_open", full)
        _, begun = await hut.ask("POST", "", json={"passphrase": PASSPHRASE})
        found = {"state": "running"}
        while found["state"] == "running":
            async with hut.session.get(f"/api/v1/operations/{begun['id']}") as response:
                found = await response.json()
        assert (found["state"], "no room" in found["sentence"]) == ("failed", True)
        assert hut.control._writer.trouble is None
        assert hut.control.refused == {"disk": 1}
        assert hut.waiting() == []
        assert [one.name for one in hut.files.state.iterdir() if one.name.startswith(".store")] == []


async def test_what_waited_for_a_gateway_before_is_gone(tmp_path) -> None:
    async with box(tmp_path / "hut") as hut:
        await hut.sent(b"x")
        hut.control.begin(hut.stop)
        assert hut.waiting() == []
