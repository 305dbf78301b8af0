"""The first choices: looked at, written, and in force after a restart; by a real configuration file."""

import html
import os
import re
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from msgspec import structs

from gateway.admin.access.roles import Role
from gateway.admin.restart import Restarting
from gateway.admin.route import Call
from gateway.admin.settings import ConfigDocument, Settings
from gateway.config import load
from gateway.config.editing import ConfigFile
from gateway.config.load import Loaded
from gateway.errors import GatewayError
from gateway.store.audit import Actor
from tests.admin.visiting import DOCUMENTS, Read, Visited

CHOSEN = {"do": "look", "nickname": "Hut", "place": "48.2, 16.37", "mode": "consent", "broker": "localhost", "port": ""}
WRITTEN = '# mine\n[gateway]\nnickname = "Meshgate"  # for now\n'


class Gate:
    """A gateway whose settings are in a file."""

    def __init__(self, directory: Path, role: Role = Role.ADMIN, *, refusal: str = "") -> None:
        self.file = directory / "config.toml"
        self.file.write_text(WRITTEN)
        self.restarts: list[tuple[Actor, str, int | None]] = []
        self.taken = 0
        self.refusal = refusal
        env = {"HOME": os.fspath(directory)}

        def again(path: Path, text: str | None) -> Loaded:
            return load(self.file, env, (), instead=None if text is None else (path, text))

        answers: dict[str, Any] = {**Settings(ConfigFile(self.file, again), self._take).answers(), **Restarting(self._restart).answers()}
        self.visited = Visited(role, **answers)

    def _take(self) -> None:
        self.taken += 1

    async def _restart(self, by: Actor, who: str, uid: int | None) -> None:
        if self.refusal:
            raise GatewayError(self.refusal)
        self.restarts.append((by, who, uid))

    async def send(self, **fields: str) -> tuple[int, str]:
        code, text, _ = await self.visited.ask("/welcome", {**CHOSEN, **fields})
        return code, text

    async def save(self, text: str, **changed: str) -> tuple[int, str]:
        """Press the button below the preview."""
        form = text[text.index('value="save"') :].partition("</form>")[0]
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))
        code, text, _ = await self.visited.ask(
            "/welcome", {"do": "save", **{name: html.unescape(one) for name, one in hidden.items()}, **changed}
        )
        return code, text


def wrong(text: str) -> set[str]:
    """The fields of a page beside which something is said to be wrong."""
    return {one["name"] or "" for tag, one in Read(text).elements if tag == "input" and one.get("aria-invalid")}


async def test_what_was_chosen_is_shown_before_it_is_written_and_the_file_keeps_its_comments(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    code, text = await gate.send()
    assert code == 200
    assert gate.file.read_text() == WRITTEN
    shown = Read(text).text
    for words in (
        "This would change",
        "gateway.nickname",
        "Hut",
        "bridge.cell",
        "u2edhw",
        "after a restart",
        "0.6 km from south to north",
        "u2edhx",
    ):
        assert words in shown
    assert "mqtt.enabled" not in shown
    code, text = await gate.save(text)
    assert (code, gate.taken) == (200, 1)
    written = tomlkit.parse(gate.file.read_text()).unwrap()
    assert written == {"gateway": {"nickname": "Hut"}, "bridge": {"cell": "u2edhw"}}
    assert "# mine" in gate.file.read_text()
    assert "# for now" in gate.file.read_text()
    assert "Some of it takes effect when the gateway starts again." in text


async def test_an_open_bridge_and_a_broker_are_written_and_the_rest_of_a_cluster_stays(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    gate.file.write_text('[mqtt]\nbrokers = ["one", "two:1883"]\n')
    _, text = await gate.send(mode="open", place="", mqtt="on", broker="2001:db8::7", port="1883")
    await gate.save(text)
    written = tomlkit.parse(gate.file.read_text()).unwrap()
    assert written["bridge"] == {"mode": "open"}
    assert written["mqtt"] == {"brokers": ["[2001:db8::7]:1883", "two:1883"], "enabled": True}


@pytest.mark.parametrize(
    ("fields", "beside"),
    [
        ({"nickname": ""}, {"nickname"}),
        ({"nickname": "x" * 300}, {"nickname"}),
        ({"place": "somewhere"}, {"place"}),
        ({"place": ""}, {"place"}),
        ({"place": "91, 0", "nickname": " "}, {"place", "nickname"}),
        ({"mqtt": "on", "broker": "mqtt://x"}, {"broker"}),
        ({"mqtt": "on", "broker": "host", "port": "70000"}, {"broker"}),
        ({"mqtt": "on", "broker": ""}, {"broker"}),
    ],
)
async def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_written(
    tmp_path: Path, fields: dict[str, str], beside: set[str]
) -> None:
    gate = Gate(tmp_path)
    code, text = await gate.send(**fields)
    assert (code, wrong(text)) == (400, beside)
    assert gate.file.read_text() == WRITTEN
    for name, value in fields.items():
        assert f'name="{name}"' in text
        assert value.strip() in html.unescape(text)


async def test_a_mode_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    code, text = await Gate(tmp_path).send(mode="wide open")
    assert (code, "Choose one of the three." in text) == (400, True)


async def test_mqtt_is_not_switched_on_where_the_gateway_could_not_start_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.admin.views.choices.find_spec", lambda _name: None)
    code, text = await Gate(tmp_path).send(mqtt="on")
    assert (code, "installed without MQTT" in text) == (400, True)


async def test_whoever_was_overtaken_by_somebody_elses_change_overwrites_nothing(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    _, text = await gate.send()
    gate.file.write_text('[gateway]\nnickname = "Theirs"\n')
    code, text = await gate.save(text)
    assert (code, "changed_meanwhile" in text) == (412, True)
    assert "Theirs" in gate.file.read_text()


async def test_nothing_is_written_where_nothing_changes(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    gate.file.write_text('[bridge]\ncell = "u2edhw"\n')
    code, text = await gate.send(nickname="Meshgate", place="U2EDHW")
    assert (code, "Nothing would change" in text) == (200, True)


async def test_a_square_is_found_in_six_steps_without_a_script(tmp_path: Path) -> None:
    visited, path, steps = Gate(tmp_path).visited, "/welcome", 0
    for length in range(1, 7):
        _, text, _ = await visited.ask(path.partition("#")[0])
        links = re.findall(r'href="(/welcome\?at=([0-9a-z]+)#[\w-]+)"', text)
        inside = {cell: address for address, cell in links if len(cell) == length}
        assert len(inside) == 32
        path, steps = inside["u2edhw"[:length]], steps + 1
    assert (steps, path) == (6, "/welcome?at=u2edhw#where-card")
    _, text, _ = await visited.ask("/welcome?at=u2edhw")
    assert re.search(r'id="place"[^>]*value="u2edhw"', text)
    assert "0.6 km from south to north and 0.8 km from west to east" in Read(text).text


@pytest.mark.parametrize("at", ["a", "u2edhwx", "%3Cscript%3E", "u" * 2000])
async def test_what_is_no_square_is_not_looked_into(tmp_path: Path, at: str) -> None:
    code, text, _ = await Gate(tmp_path).visited.ask(f"/welcome?at={at}")
    assert (code, "at=u#picker" in text, "<script>" in text) == (200, True, False)


async def test_a_restart_is_asked_for_by_a_button_and_the_page_says_when_it_is_back(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    code, text = await gate.send(do="restart")
    assert (code, gate.restarts) == (200, [(Actor.PAGE, "ada", None)])
    assert "back in about 30 s" in text


@pytest.mark.parametrize("pending", [False, True])
async def test_the_page_of_all_settings_has_the_same_button_where_something_waits_for_a_restart(pending: bool) -> None:
    found = DOCUMENTS["get_config"]
    assert isinstance(found, ConfigDocument)
    settings = tuple(structs.replace(one, pending=pending) for one in found.settings)

    async def answer(_call: Call) -> ConfigDocument:
        return structs.replace(found, settings=settings)

    code, text, _ = await Visited(get_config=answer).ask("/settings")
    assert (code, "Start the gateway again now" in text) == (200, pending)


async def test_a_restart_that_cannot_be_is_said(tmp_path: Path) -> None:
    gate = Gate(tmp_path, refusal="The gateway has only just started.")
    code, text = await gate.send(do="restart")
    assert (code, "only just started" in text, gate.restarts) == (409, True, [])


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
async def test_only_an_admin_makes_the_first_choices(tmp_path: Path, role: Role) -> None:
    gate = Gate(tmp_path, role)
    assert (await gate.visited.ask("/welcome"))[0] == 403
    for wish in ("look", "save", "restart"):
        assert (await gate.send(do=wish))[0] == 403
    assert (gate.file.read_text(), gate.restarts) == (WRITTEN, [])
    assert "/welcome" not in (await gate.visited.ask("/help"))[1]


async def test_help_leads_back_to_the_first_choices(tmp_path: Path) -> None:
    assert 'href="/welcome"' in (await Gate(tmp_path).visited.ask("/help"))[1]
