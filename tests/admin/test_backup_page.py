"""The page Backup: what it asks, what it says, and what it never says."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import FormData

from gateway.admin.access.roles import Role
from gateway.admin.backups import BackupDocument
from gateway.admin.limits import MAX_UPLOAD_FIELD, MAX_UPLOAD_FIELDS
from gateway.admin.problems import Problem, ProblemError
from tests.admin.listening import serving
from tests.admin.visiting import EVIL, Read, Visited

PASSPHRASE = "seven quiet herons wade"  # noqa: S105 -- of nothing that exists
FILE = bytes(range(256)) * 2000  # more than one piece


class Taking(Visited):
    """Takes a file in."""

    def __init__(self, role: Role = Role.ADMIN, **changes) -> None:
        self.taken = b""

        async def take(call) -> BackupDocument:
            pieces: AsyncIterator[bytes] = call.stream()
            self.asked.append(("send_backup", call))
            self.taken = b"".join([piece async for piece in pieces])
            return BackupDocument("ef", len(self.taken), uploaded=True, seconds=9)

        super().__init__(role, **({"send_backup": take} | changes))


def sending(*fields: tuple[str, str], file: bytes | None = FILE) -> FormData:
    """A form as a browser sends it."""
    form = FormData()
    for name, text in fields:
        form.add_field(name, text, content_type="text/plain")
    if file is not None:
        form.add_field("file", file, filename="hut.backup", content_type="application/octet-stream")
    return form


OURS = (("do", "upload"), ("form", "the-seal"), ("opens", PASSPHRASE))


async def test_a_file_is_looked_into_before_anything_is_asked() -> None:
    hut = Taking()
    code, text, _ = await hut.ask("/backup/upload", sending(*OURS))
    assert (code, hut.taken) == (200, FILE)
    (asked,) = [call for name, call in hut.asked if name == "get_backup_contents"]
    assert asked["id"] == "ef"
    assert "restore_backup" not in [name for name, _ in hut.asked]
    page = Read(text)
    assert EVIL in page.text
    assert "never run beside this one" in page.text
    assert ("input", {"type": "hidden", "name": "id", "value": "ef"}) in page.elements
    assert PASSPHRASE not in text
    assert "<script>alert" not in text


async def test_it_is_restored_only_with_the_word() -> None:
    hut = Taking()
    sent = {"do": "restore", "form": "the-seal", "id": "ef", "opens_again": PASSPHRASE, "identity": ""}
    code, _, _ = await hut.ask("/backup", sent)
    assert (code, [name for name, _ in hut.asked if name == "restore_backup"]) == (400, [])
    code, text, _ = await hut.ask("/backup", sent | {"confirm": " restore "})
    (asked,) = [call for name, call in hut.asked if name == "restore_backup"]
    assert (code, asked["id"]) == (200, "ef")
    assert "starts again as the restored one" in text
    assert PASSPHRASE not in text


async def test_one_is_made_of_a_passphrase_typed_twice_and_can_be_fetched() -> None:
    hut = Taking()
    sent = {"do": "create", "form": "the-seal", "passphrase": PASSPHRASE, "again": PASSPHRASE, "history": ""}
    code, text, _ = await hut.ask("/backup", sent | {"again": f"{PASSPHRASE}s"})
    assert (code, "create_backup" in [name for name, _ in hut.asked]) == (400, False)
    code, text, _ = await hut.ask("/backup", sent)
    assert (code, "create_backup" in [name for name, _ in hut.asked]) == (200, True)
    links = [one["href"] for tag, one in Read(text).elements if tag == "a"]
    assert "/api/v1/backups/abcd" in links
    assert "/api/v1/backups/ef" not in links  # what was sent is not handed out
    assert PASSPHRASE not in text


async def test_what_is_wrong_with_a_file_is_said_on_the_page() -> None:
    async def wrong(_call):
        raise ProblemError(Problem(403, "wrong_passphrase", ""), "The passphrase is not the one of this backup.", "Type it again.")

    code, text, _ = await Taking(get_backup_contents=wrong).ask("/backup/upload", sending(*OURS))
    assert code == 403
    assert "The passphrase is not the one of this backup." in text


@pytest.mark.parametrize(
    "form",
    [
        sending(("do", "upload"), ("opens", PASSPHRASE)),
        sending(("do", "upload"), ("form", "another"), ("opens", PASSPHRASE)),
        sending(("do", "other"), ("form", "the-seal")),
        sending(*OURS, file=None),
        sending(*OURS, *((f"field{number}", "x") for number in range(MAX_UPLOAD_FIELDS))),
        sending(*OURS, ("long", "x" * (MAX_UPLOAD_FIELD + 1))),
        b"--x",
        {"do": "upload", "form": "the-seal"},
        b"",
    ],
    ids=["no seal", "another seal", "another form", "no file", "many fields", "a long field", "a beginning", "no file form", "nothing"],
)
async def test_a_form_that_is_none_of_ours_brings_no_file_in(form) -> None:
    hut = Taking()
    code, _, _ = await hut.ask("/backup/upload", form)
    assert (code, hut.taken) == (400, b"")
    assert "send_backup" not in [name for name, _ in hut.asked]


@pytest.mark.filterwarnings("ignore::aiohttp.multipart.BadContentDispositionHeader", "ignore::aiohttp.multipart.BadContentDispositionParam")
async def test_a_form_that_ends_in_the_middle_is_told_to() -> None:
    hut = Taking()
    body = b'--x\r\nContent-Disposition: form-data; name="do"\r\n\r\nupload\r\n--x\r\nContent-Disposition: form-data; name="fo'

    async def asked(data: bytes) -> int:
        app = aiohttp.web.Application()
        app.add_routes(hut.pages.routes())
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        async with (
            serving(app) as base,
            aiohttp.ClientSession(base) as session,
            session.post("/backup/upload", data=data, headers=headers) as got,
        ):
            return got.status

    for length in range(0, len(body), 7):
        assert await asked(body[:length]) == 400
    assert hut.taken == b""


async def test_who_is_no_admin_sees_no_form() -> None:
    code, text, _ = await Taking(Role.OPERATOR).ask("/backup")
    assert code == 200
    assert [one["action"] for tag, one in Read(text).elements if tag == "form"] == ["/logout"]
    code, _, _ = await Taking(Role.OPERATOR).ask("/backup/upload", sending(*OURS))
    assert code == 403
    assert (await Taking(Role.VIEWER).ask("/backup/upload", sending(*OURS)))[0] == 403
