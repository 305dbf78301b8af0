"""``meshgate config`` as it is typed."""

import json
import tomllib

import pytest

from tests.cli.support import meshgate


@pytest.fixture
def gate(tmp_path):
    file = tmp_path / "gate.toml"
    file.write_text('[gateway]\nnickname = "Hut"\n\n[bridge]\nmode = "open"\n')
    return file


def test_check_tells_which_files_it_read(gate):
    done = meshgate("config", "check", "--config", str(gate))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"The configuration can be used. Read: {gate}.\n", "")
    assert json.loads(meshgate("config", "check", "--json", "--config", str(gate)).stdout) == {"valid": True, "files": [str(gate)]}


def test_a_draft_is_checked_in_its_place_without_being_written(gate, tmp_path):
    draft = tmp_path / "conf.d" / "50-hut.toml"
    good = meshgate("config", "check", "--config", str(gate), "--instead", str(draft), stdin='[bridge]\nmode = "off"\n')
    assert (good.returncode, good.stdout) == (0, f"The configuration can be used. Read: {gate}, {draft}.\n")
    bad = meshgate("config", "check", "--json", "--config", str(gate), "--instead", str(draft), stdin="[bridge]\nmode = 5\n")
    assert (bad.returncode, json.loads(bad.stdout)["problems"][0]["key"]) == (1, "bridge.mode")
    assert not draft.exists()


@pytest.mark.parametrize(("name", "text"), [("elsewhere.toml", "[bridge]\n"), ("conf.d/a.toml", ""), ("conf.d/a.toml", "#" * (300 << 10))])
def test_a_draft_that_would_never_be_read_or_is_none_is_a_mistake(gate, tmp_path, name, text):
    done = meshgate("config", "check", "--config", str(gate), "--instead", str(tmp_path / name), stdin=text)
    assert done.returncode == 2


def test_show_prints_what_is_in_force_as_toml(gate):
    done = meshgate("config", "show", "--config", str(gate), "--set", "control.socket=/run/x.sock")
    shown = tomllib.loads(done.stdout)
    assert (shown["gateway"]["nickname"], shown["bridge"]["mode"], shown["control"]["socket"]) == ("Hut", "open", "/run/x.sock")
    document = json.loads(meshgate("config", "show", "--config", str(gate), "--set", "control.socket=/run/x.sock", "--json").stdout)
    assert document == {"config": shown, "files": [str(gate)]}


def test_show_tells_where_each_value_came_from(gate):
    env = {"MESHGATE_CONTROL__SOCKET": "/run/x.sock"}
    done = meshgate("config", "show", "--origin", "--config", str(gate), "--set", "transports.libp2p.enabled=true", env=env)
    rows = {line.split()[0]: line.split("  ") for line in done.stdout.splitlines()}
    origins = {key: row[-1].strip() for key, row in rows.items()}
    assert origins["KEY"] == "FROM"
    assert origins["gateway.nickname"] == f"{gate}:2"
    assert origins["bridge.mode"] == f"{gate}:5"
    assert origins["control.socket"] == "MESHGATE_CONTROL__SOCKET"
    assert origins["transports.libp2p.enabled"] == "--set transports.libp2p.enabled"
    assert origins["transports.libp2p.listen"] == "default"
    starts = {line.index(row[-1].strip()) for line, row in zip(done.stdout.splitlines(), rows.values(), strict=True)}
    assert len(starts) == 1, "the last column is not aligned"


def test_show_tells_programs_where_each_value_came_from(gate):
    origin = json.loads(meshgate("config", "show", "--origin", "--json", "--config", str(gate)).stdout)["origin"]
    assert origin["bridge.mode"] == {"layer": "file", "where": str(gate), "line": 5}


def test_the_example_can_be_used(tmp_path):
    done = meshgate("config", "example")
    file = tmp_path / "gate.toml"
    file.write_text(done.stdout)
    assert meshgate("config", "check", "--config", str(file)).returncode == 0
    assert json.loads(meshgate("config", "example", "--json").stdout) == {"example": done.stdout}


@pytest.mark.parametrize("verb", ["check", "show"])
def test_a_configuration_that_cannot_be_used_fails_with_the_place_and_the_remedy(gate, verb):
    gate.write_text("[gateway]\nnicknam = 'Hut'\n[bridge]\nmode = 'opne'\n")
    done = meshgate("config", verb, "--config", str(gate))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{gate}:2: gateway.nicknam: there is no such key.\n    Did you mean gateway.nickname?" in done.stderr
    assert f'{gate}:4: bridge.mode: this cannot be the text "opne".' in done.stderr


def test_programs_get_every_problem(gate):
    gate.write_text("[gateway]\nnicknam = 'Hut'\n[bridge]\nmode = 'opne'\n")
    done = meshgate("config", "check", "--json", "--config", str(gate))
    assert (done.returncode, done.stderr) == (1, "")
    document = json.loads(done.stdout)
    assert document.keys() == {"error", "problems"}
    assert document["error"].keys() == {"code", "message", "hint"}
    assert document["error"]["code"] == "config_invalid"
    assert [(problem["where"], problem["line"], problem["key"]) for problem in document["problems"]] == [
        (str(gate), 2, "gateway.nicknam"),
        (str(gate), 4, "bridge.mode"),
    ]
