"""The page Settings: fields made of the schema, a preview that writes nothing, and changes two people cannot undo for each other."""

from pathlib import Path
from typing import Any

import pytest

from gateway.admin.access.roles import Role
from gateway.admin.settings import Settings
from gateway.config.editing import ConfigFile
from gateway.config.load import load
from gateway.config.schema import KEYS
from tests.admin.forms import Forms
from tests.admin.visiting import Read, Visited

WRITTEN = '# the owner wrote this\n[bridge]\nmode = "off" # for now\n\n[log]\nlevel = "info"\n'


class Site:
    """A configuration file, and the page it is changed on."""

    def __init__(self, directory: Path, role: Role = Role.ADMIN, env: dict[str, str] | None = None) -> None:
        self.path = directory / "config.toml"
        self.path.write_text(WRITTEN)
        self.taken = 0
        surroundings = {"HOME": str(directory), **(env or {})}
        file = ConfigFile(self.path, lambda path, text: load(self.path, surroundings, (), instead=None if text is None else (path, text)))
        self._visited = Visited(role=role, **Settings(file, self._take, file.loaded().config).answers())

    def _take(self) -> None:
        self.taken += 1

    async def look(self, find: str = "") -> Forms:
        code, text, _ = await self._visited.ask(f"/settings?find={find}" if find else "/settings")
        assert code == 200
        return Forms(text)

    async def send(self, form: dict[str, str], code: int = 200, language: str = "en") -> tuple[str, Forms]:
        found, text, _ = await self._visited.ask("/settings", form, language)
        assert found == code, Read(text).text
        return text, Forms(text)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


async def test_every_key_has_the_control_of_its_kind_and_is_explained_by_what_stands_below_it(site) -> None:
    page = await site.look()
    for key in KEYS.values():
        if key.is_list and key.choices:
            assert {f"{key.name}:{choice}" for choice in key.choices} <= set(page.fields)
        else:
            described = (page.fields[key.name]["aria-describedby"] or "").split()
            assert described == [f"{key.name}-about", f"{key.name}-origin"]
        assert key.about.sentence in page.texts[f"{key.name}-about"]
        assert ("restart" in page.texts[f"{key.name}-origin"]) == key.about.restart
    links = page.fields["radio.max_dialled"]
    assert (links["type"], links["min"], links["max"]) == ("number", "1", "16")
    assert page.fields["radio.enabled"]["type"] == "checkbox"
    form = page.sent("preview")
    assert form["bridge.mode"] == "off"
    assert form["transports.order"] == "libp2p\nwebsocket"
    assert form["mqtt.discovery"] == "on"
    assert f"{site.path}:3" in page.texts["bridge.mode-origin"]


async def test_a_form_nobody_touched_changes_nothing(site) -> None:
    form = (await site.look()).sent("preview")
    text, page = await site.send(form)
    assert "Nothing is different" in Read(text).text
    assert [one for one in page.all if one.get("do") == "save"] == []


async def test_a_preview_shows_the_difference_and_writes_nothing_and_saving_keeps_the_comments(site) -> None:
    form = (await site.look()).sent(
        "preview",
        bridge__mode="consent",
        bridge__cell="u4pruy",
        log__level="debug",
        radio__enabled=None,
        transports__order="websocket\r\nlibp2p\r\n",
    )
    text, page = await site.send(form)
    assert site.path.read_text() == WRITTEN
    assert site.taken == 0
    seen = Read(text)
    assert "+mode = &quot;consent&quot; # for now" in text
    assert "-mode = &quot;off&quot; # for now" in text
    assert "Takes effect at oncelog.level" in seen.text
    assert page.sent("preview")["bridge.cell"] == "u4pruy"
    assert "radio.enabled" not in page.sent("preview")
    assert "off" in page.texts["bridge.mode-origin"]  # what counts until it is saved
    text, page = await site.send(page.sent("save"))
    written = site.path.read_text()
    assert written.startswith("# the owner wrote this\n")
    assert 'mode = "consent" # for now' in written
    assert "enabled = false" in written
    assert 'order = ["websocket", "libp2p"]' in written
    assert "sudo systemctl restart meshgate" in Read(text).text
    assert "Not saved" not in text
    assert site.taken == 1


async def test_a_value_is_taken_back_to_its_default(site) -> None:
    page = await site.look()
    assert "bridge.mode:default" in page.fields
    assert "bridge.cell:default" not in page.fields  # it does not stand in the file
    _, page = await site.send(page.sent("preview", **{"log.level:default": "on"}))
    assert "checked" in page.fields["log.level:default"]
    await site.send(page.sent("save"))
    assert "level" not in site.path.read_text()


async def test_every_mistake_stands_at_its_field_with_what_was_written(site) -> None:
    form = (await site.look()).sent(
        "preview", radio__max_dialled="99", bridge__cell="<b>", transports__order="libp2p\ncarrier pigeon", gateway__nickname="Hut"
    )
    text, page = await site.send(form, 400)
    for key, value in (("radio.max_dialled", "99"), ("bridge.cell", "<b>"), ("transports.order", "libp2p\ncarrier pigeon")):
        assert page.fields[key]["aria-invalid"] == "true"
        assert f"{key}-wrong" in (page.fields[key]["aria-describedby"] or "")
        assert page.sent("preview")[key] == value
        assert f'href="#{key}"' in text
    assert "99 links are not between 1 and 16" in page.texts["radio.max_dialled-wrong"]
    assert "Line 2" in page.texts["transports.order-wrong"]
    assert "aria-invalid" not in page.fields["gateway.nickname"]
    assert page.sent("preview")["gateway.nickname"] == "Hut"
    assert "<b>" not in text
    assert site.path.read_text() == WRITTEN


async def test_what_is_no_number_is_said_to_be_none(site) -> None:
    _, page = await site.send((await site.look()).sent("preview", radio__max_dialled="many"), 400)
    assert 'cannot be the text "many"' in page.texts["radio.max_dialled-wrong"]


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_two_people_cannot_undo_each_others_changes(site, language) -> None:
    mine, other = (await site.look()).sent("preview", bridge__cell="u4pruy"), await site.look()
    _, other = await site.send(other.sent("preview", gateway__nickname="Theirs"))
    await site.send(other.sent("save"))
    text, page = await site.send(mine, 412, language)
    assert "changed_meanwhile" in text
    assert "GET /api" not in text
    again = page.sent("preview")
    assert (again["bridge.cell"], again["gateway.nickname"]) == ("u4pruy", "Theirs")
    _, page = await site.send(again)
    save = page.sent("save")
    site.path.write_text(site.path.read_text() + "# and again\n")
    _, page = await site.send(save, 412)
    assert page.sent("preview")["bridge.cell"] == "u4pruy"
    _, page = await site.send(page.sent("preview"))
    await site.send(page.sent("save"))
    written = site.path.read_text()
    assert 'nickname = "Theirs"' in written
    assert 'cell = "u4pruy"' in written
    assert "# and again" in written


async def test_what_another_place_says_is_locked_and_says_where(tmp_path: Path) -> None:
    site = Site(tmp_path, env={"MESHGATE_GATEWAY__NICKNAME": "Env", "MESHGATE_RADIO__ENABLED": "false"})
    drop_ins = tmp_path / "conf.d"
    drop_ins.mkdir()
    (drop_ins / "10-hall.toml").write_text('[bridge]\nmode = "off"\n')
    page = await site.look()
    for key, where in (
        ("gateway.nickname", "MESHGATE_GATEWAY__NICKNAME"),
        ("radio.enabled", "MESHGATE_RADIO__ENABLED"),
        ("bridge.mode", "10-hall.toml"),
    ):
        assert "disabled" in page.fields[key]
        assert "It cannot be changed here" in page.texts[f"{key}-origin"]
        assert where in page.texts[f"{key}-origin"]
        assert key not in page.sent("preview")
        assert f"{key}:default" not in page.fields
    assert "disabled" not in page.fields["log.level"]
    text, _ = await site.send(page.sent("preview"))
    assert "Nothing is different" in text  # a switch that was not sent because it is locked is not switched off


async def test_a_search_shows_what_it_finds_opened_and_leaves_everything_else_as_it_is(site) -> None:
    page = await site.look("carrier+pigeon")
    assert page.fields["find"]["value"] == "carrier pigeon"
    assert "bridge.cell" not in page.fields
    page = await site.look("geohash")
    assert {"bridge.cell", "bridge.geohash_channels"} <= set(page.fields)
    assert "log.level" not in page.fields
    text, page = await site.send(page.sent("preview", bridge__cell="u4pruy"))
    assert "One setting would be written" in text


@pytest.mark.parametrize("form", [{"do": "preview", "changes": "{}"}, {"do": "save"}, {"do": "save", "changes": "["}, {"do": "erase"}])
async def test_a_form_the_page_did_not_make_changes_nothing(site, form: dict[str, Any]) -> None:
    await site.send(form, 400)
    assert site.path.read_text() == WRITTEN


async def test_a_preview_without_a_tag_is_refused(site) -> None:
    form = (await site.look()).sent("preview", bridge__cell="u4pruy", tag=None)
    await site.send(form, 428)


async def test_only_an_admin_sees_or_changes_settings(tmp_path: Path) -> None:
    form = (await Site(tmp_path).look()).sent("preview", bridge__cell="u4pruy")
    text, page = await Site(tmp_path, Role.OPERATOR).send(form, 403)
    assert page.all == []
    assert "u4pruy" not in text


async def test_the_page_is_not_changed_under_the_hands_of_somebody_who_fills_it_in(site) -> None:
    _, text, _ = await site._visited.ask("/settings")
    assert "data-live" not in text


async def test_what_stands_in_the_file_and_is_not_in_force_yet_is_said_until_the_restart(site) -> None:
    text = Read((await site._visited.ask("/settings"))[1]).text
    assert "for a restart" not in text
    _, page = await site.send((await site.look()).sent("preview", radio__max_dialled="7", log__level="debug"))
    await site.send(page.sent("save"))
    _, text, _ = await site._visited.ask("/settings")
    assert "One setting in the file waits for a restart" in Read(text).text
    page = Forms(text)
    assert "Waits for a restart" in page.texts["radio.max_dialled-origin"]
    assert "Waits for a restart" not in page.texts["log.level-origin"]  # it needs none
    assert "sudo systemctl restart meshgate" in Read(text).text
