"""``meshgate policy`` as it is typed."""

import time

import pytest

from gateway.bridge.policy import mark_of
from gateway.store.shapes import Shape
from gateway.wire.types import MessageType
from tests.cli.support import meshgate, objects
from tests.store.stores import opened

RULES = """default = "allow"

[sites]
hut = "12D3KooW9tHTtS3inCZiYykw4u5G4frbjVFqhkmJX12gSNCVeH3e"

[[rule]]
name = "no files to the hut"
kind = "file"
to = "hut"
then = "deny"

[[rule]]
name = "mail"
kind = "private"
then = "limit"
packets_per_minute = 6
per = "origin"
"""


@pytest.fixture
def rules(tmp_path):
    file = tmp_path / "rules.toml"
    file.write_text(RULES)
    return str(file)


def test_show_says_the_rules_in_words(rules):
    done = meshgate("policy", "show", "--rules", rules)
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [
            f"Rules: {rules}. The first that fits decides.",
            "  1. no files to the hut: Files to hut must stay.",
            "  2. mail: Private packets may cross, 6 packets a minute for each sender.",
            "  Everything else crosses as far as the mode of the bridge allows.",
        ],
    )
    (document,) = objects(meshgate("policy", "show", "--rules", rules, "--json").stdout)
    assert document["rules"][0] == {"name": "no files to the hut", "line": 6, "then": "deny", "words": "Files to hut must stay."}
    assert document["sites"] == {"hut": "12D3KooW9tHTtS3inCZiYykw4u5G4frbjVFqhkmJX12gSNCVeH3e"}


def test_show_finds_the_rules_the_configuration_names(rules):
    done = meshgate("policy", "show", "--set", f"policy.file={rules}")
    assert "Files to hut must stay" in done.stdout


def test_test_prints_verdict_and_rule_and_refuses_with_its_own_exit_code(rules):
    packet = ("--kind", "file", "--size", "50000", "--to", "hut", "--mode", "open", "--rules", rules)
    done = meshgate("policy", "test", *packet)
    assert (done.returncode, done.stdout) == (
        4,
        'file, 50,000 bytes, signed public, out to hut: the rule "no files to the hut" keeps it here.\n',
    )
    (document,) = objects(meshgate("policy", "test", *packet, "--json").stdout)
    assert (document["verdict"], document["rule"], document["limit"]) == ("deny", "no files to the hut", None)


def test_test_tells_how_much_a_limit_allows(rules):
    done = meshgate("policy", "test", "--kind", "private", "--direction", "in", "--from", "hut", "--mode", "open", "--rules", rules)
    assert done.returncode == 0
    assert done.stdout.endswith("The limit is 6 packets a minute for each sender.\n")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--kind", "file", "--to", "nowhere", "--mode", "open"), 3, "neither a site's name"),
        (("--kind", "file", "--direction", "in", "--mode", "open"), 2, "comes from a site"),
        (("--kind", "file", "--direction", "in", "--from", "hut", "--to", "hut", "--mode", "open"), 2, "goes here"),
        (("--kind", "files", "--mode", "open"), 2, "Did you mean file?"),
        (("--kind", "file", "--size", "0", "--mode", "open"), 2, "not a number of bytes"),
        (("--kind", "file", "--set", "bridge.mode=off"), 1, "The bridge is off"),
    ],
)
def test_a_packet_that_makes_no_sense_is_refused(rules, arguments, code, said):
    done = meshgate("policy", "test", *arguments, "--rules", rules)
    assert done.returncode == code
    assert said in done.stderr


def test_rules_with_a_problem_are_refused_with_the_line(tmp_path, rules):
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(RULES.replace('"file"', '"flie"'))
    done = meshgate("policy", "show", "--rules", str(wrong))
    assert done.returncode == 1
    assert f"{wrong}:8: rule[0].kind" in done.stderr
    assert 'Did you mean "file"?' in done.stderr
    (document,) = objects(meshgate("policy", "show", "--rules", str(wrong), "--json").stdout)
    assert document["problems"][0]["line"] == 8


NOW = int(time.time() * 1000)
HUT, HALL = mark_of(b"12D3KooW9tHTtS3inCZiYykw4u5G4frbjVFqhkmJX12gSNCVeH3e"), b"another."


@pytest.fixture
def past(tmp_path):
    """A configuration whose gateway is not running, and what it noted."""

    def note(*shapes):
        with opened(tmp_path / "state" / "store.db") as store, store.database.transaction():
            for number, (kind, verdict, sites) in enumerate(shapes):
                packet = Shape(bytes([number]), NOW - 7_200_000, kind, 900, False, True, b"ada-----", b"", verdict, sites)
                store.shapes.add(packet)
        return ("--set", f"gateway.state_dir={tmp_path / 'state'}", "--set", f"control.socket={tmp_path / 'none.sock'}")

    return note


def test_dry_run_says_what_crossed_and_what_would_have_by_kind_and_by_rule(rules, past):
    where = past(
        (MessageType.FILE, "crossed", ((HUT, "crossed"), (HALL, "crossed"))),
        (MessageType.FILE, "policy", ((HALL, "policy"),)),
        (MessageType.MESSAGE, "crossed", ((HUT, "crossed"),)),
        (MessageType.MESSAGE, "signature", ()),
    )
    done = meshgate("policy", "dry-run", rules, *where)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["file", "2", "2"] in rows  # one less to the hut, one more to the hall
    assert ["message", "1", "1"] in rows
    assert ["in", "all", "3", "3"] in rows
    assert ["default", "3", "0"] in rows
    assert ["no", "files", "to", "the", "hut", "0", "1"] in rows
    assert '1 of kind file: the rule "no files to the hut" would have kept what crossed.' in done.stdout
    assert "1 of kind file: no rule would have fitted, and by default would have let across what stayed." in done.stdout
    assert "1 more did not cross for reasons no rule can change" in done.stdout
    (document,) = objects(meshgate("policy", "dry-run", rules, *where, "--json").stdout)
    assert document["kinds"] == [{"kind": "file", "before": 2, "after": 2}, {"kind": "message", "before": 1, "after": 1}]
    assert document["changes"] == [
        {"rule": "default", "kind": "file", "crosses": True, "packets": 1},
        {"rule": "no files to the hut", "kind": "file", "crosses": False, "packets": 1},
    ]
    assert document["no_longer_crosses"] == {"packets": 1, "bytes": 900}


def test_dry_run_looks_no_further_back_than_it_is_asked(rules, past):
    where = past((MessageType.FILE, "crossed", ((HUT, "crossed"),)))
    (document,) = objects(meshgate("policy", "dry-run", rules, *where, "--hours", "1", "--json").stdout)
    assert document["looked_at"]["packets"] == 0
    assert "Nothing was noted" in meshgate("policy", "dry-run", rules, *where, "--hours", "1").stdout
    for hours in ("nan", "-1", "0", "soon"):
        assert "not a number of hours" in meshgate("policy", "dry-run", rules, "--hours", hours).stderr


def test_dry_run_without_a_gateway_and_without_a_database_says_what_to_do(rules, tmp_path):
    done = meshgate("policy", "dry-run", rules, "--set", f"gateway.state_dir={tmp_path}", "--set", f"control.socket={tmp_path}/none.sock")
    assert done.returncode == 3
    assert "No gateway is running" in done.stderr
    assert not (tmp_path / "store.db").exists()
