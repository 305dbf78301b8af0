"""What is shown can be used again."""

import json
import tomllib

from gateway.config import explain, load
from gateway.config.schema import KEYS, TABLES
from tests.config.support import ALICE, places, write


def test_the_example_changes_nothing_as_it_is(tmp_path):
    file = write(tmp_path / "a.toml", explain.example())
    assert load(file, {}, [], where=places(tmp_path)).config == load(None, {}, [], where=places(tmp_path)).config


def test_the_example_has_every_key_with_its_default(tmp_path):
    keys = {name.rpartition(".")[2] for name in KEYS}
    lines = explain.example().splitlines()
    taken = [line.removeprefix("# ") if line.removeprefix("# ").partition(" = ")[0] in keys else line for line in lines]
    file = write(tmp_path / "a.toml", "\n".join(taken))
    loaded = load(file, {}, [], where=places(tmp_path))
    assert loaded.config == load(None, {}, [], where=places(tmp_path)).config
    assert {origin.name for origin in loaded.origin.values()} == {str(file)}


def test_the_example_fits_a_terminal_and_explains_each_key():
    text = explain.example()
    assert max(map(len, text.splitlines())) <= 80
    words = " ".join(line.removeprefix("# ") for line in text.splitlines())
    for key in KEYS.values():
        assert key.about.sentence in words
        assert key.about.sentence.endswith(".")
    for table in TABLES.values():
        assert explain.sentence(table)


def test_what_is_in_force_can_be_read_back(tmp_path):
    overrides = ['gateway.nickname="He said \\"hut\\" \\\\ ü"', f'transports.libp2p.members=["{ALICE}"]', "bridge.mode=open"]
    loaded = load(None, {}, overrides, where=places(tmp_path))
    file = write(tmp_path / "a.toml", explain.effective(loaded))
    assert load(file, {}, [], where=places(tmp_path)).config == loaded.config


def test_the_document_for_programs_has_the_values_and_their_origins(tmp_path):
    loaded = load(None, {}, ["bridge.mode=open"], where=places(tmp_path))
    shown = json.loads(json.dumps(explain.document(loaded, with_origin=True)))
    assert shown["config"] == tomllib.loads(explain.effective(loaded))
    assert shown["origin"].keys() == KEYS.keys()
    assert shown["origin"]["bridge.mode"] == {"layer": "command line", "where": "--set bridge.mode", "line": None}
    assert "origin" not in explain.document(loaded, with_origin=False)
