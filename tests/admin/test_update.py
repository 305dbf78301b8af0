"""The page Update: the installed version, how the box gets another, and its notes; nothing is asked of a network."""

import json
from importlib import metadata
from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request

from gateway.admin.access.principal import Principal, Proof
from gateway.admin.access.roles import Role
from gateway.admin.changelog import NotesDocument, changelog, notes_of
from gateway.admin.route import Call
from gateway.admin.update import Means, Updates, UpdatesDocument, means
from gateway.admin.views.words import LANGUAGES, catalogue
from tests.admin.visiting import Read, Visited

LOG = """# Changelog

## [Unreleased]

### Added

* **Much**: see [there](docs/x.md), and
  `meshgate run`.

## [0.2.0] - 2026-01-01

### Fixed

* One.
- Two.

### Removed
"""

VIEWER = Principal("ada", Role.VIEWER, Proof.SESSION)


class Installed(metadata.Distribution):
    """A distribution with these files."""

    def __init__(self, **files: str) -> None:
        self._files = files

    def read_text(self, filename: str) -> str | None:
        return self._files.get(filename.partition(".")[0])

    def locate_file(self, path: object) -> Path:
        raise FileNotFoundError(path)


def test_the_notes_are_those_of_the_version_or_of_what_is_not_released_yet() -> None:
    assert notes_of(LOG, "0.2.0") == ("0.2.0", (NotesDocument("Fixed", ("One.", "Two.")),))
    assert notes_of(LOG, "0.3.0") == ("Unreleased", (NotesDocument("Added", ("Much: see there, and `meshgate run`.",)),))
    assert notes_of("", "0.2.0") == ("", ())


def test_the_projects_own_changelog_has_notes_for_the_version_that_is_installed() -> None:
    about, notes = notes_of(changelog(), metadata.version("meshgate"))
    assert about
    assert all(one.heading and one.items for one in notes)
    assert sum(len(one.items) for one in notes) > 3


@pytest.mark.parametrize(
    ("mark", "files", "found"),
    [
        ("image\n", {}, Means.IMAGE),
        ("ansible", {"INSTALLER": "pip"}, Means.ANSIBLE),
        ("package", {}, Means.PACKAGE),
        ("nonsense", {"INSTALLER": "pip\n"}, Means.PYTHON),
        ("image" * 100, {"INSTALLER": "pip\n"}, Means.PYTHON),
        (None, {"INSTALLER": "uv"}, Means.PYTHON),
        (None, {"INSTALLER": "debian\n"}, Means.PACKAGE),
        (None, {}, Means.PYTHON),
        (None, {"direct_url": json.dumps({"dir_info": {"editable": True}}), "INSTALLER": "pip"}, Means.CHECKOUT),
        (None, {"direct_url": json.dumps({"dir_info": {}}), "INSTALLER": "pip"}, Means.PYTHON),
    ],
)
def test_how_it_was_installed_is_what_its_mark_says_or_what_the_installer_left(tmp_path: Path, mark, files, found) -> None:
    path = tmp_path / "installed-by"
    if mark is not None:
        path.write_text(mark)
    assert means(path, Installed(**files)) is found


def test_a_mark_that_is_no_text_is_none(tmp_path: Path) -> None:
    path = tmp_path / "installed-by"
    path.write_bytes(b"\xff\xfe")
    assert means(path, Installed(INSTALLER="pip")) is Means.PYTHON


async def test_the_api_tells_the_version_that_is_installed(tmp_path: Path) -> None:
    (tmp_path / "mark").write_text("image")
    found = await Updates(tmp_path / "mark").answers()["get_updates"](
        Call(make_mocked_request("GET", "/"), Principal("ada", Role.VIEWER, Proof.SESSION))
    )
    assert isinstance(found, UpdatesDocument)
    assert (found.version, found.means) == (metadata.version("meshgate"), Means.IMAGE)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("how", Means)
async def test_the_page_says_in_words_how_the_box_is_updated(language, how) -> None:
    async def updates(_call: Call) -> UpdatesDocument:
        return UpdatesDocument("9.9", how, "9.9", (NotesDocument("Added", ("Type `this`.",)),))

    code, text, _ = await Visited(get_updates=updates, role=Role.VIEWER).ask("/update", language=language)
    assert code == 200
    page = Read(text)
    for name in (how.value, f"{how.value}_how", "offline"):
        said = catalogue(language)[f"update.{name}"]
        assert isinstance(said, str)
        assert said in page.text
    assert "<code>this</code>" in text
