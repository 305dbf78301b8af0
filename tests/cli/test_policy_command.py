"""``meshgate policy`` as it is typed."""

import json

import pytest

from tests.cli.support import meshgate, objects

RULES = """default = "allow"

[sites]
hut = "8d31f7a2b4c6d8e0"

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
    assert document["sites"] == {"hut": "8d31f7a2b4c6d8e0"}


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


def packet(**changes):
    plain = {"at_ms": 1_000, "kind": "file", "direction": "out", "from": "here", "to": "8d31f7a2b4c6d8e0", "size": 900}
    plain |= {"scope": "public", "signed": True, "mode": "open", "sender": "aabb", "verdict": "crossed"}
    return json.dumps(plain | changes) + "\n"


def test_dry_run_says_what_would_have_changed(tmp_path, rules):
    history = tmp_path / "past.jsonl"
    history.write_text(packet() + packet(verdict="policy", to=None) + packet(verdict="signature") + packet(kind="message"))
    done = meshgate("policy", "dry-run", rules, "--history", str(history))
    rows = {line.rsplit(maxsplit=2)[0].strip(): line.split()[-2:] for line in done.stdout.splitlines() if line}
    assert done.returncode == 0
    assert rows["would no longer cross"] == ["1", "900"]
    assert rows["would newly cross"] == ["1", "900"]
    assert rows["in all"] == ["4", "3,600"]
    assert "Of 1 packets the record does not say" in done.stdout
    (document,) = objects(meshgate("policy", "dry-run", rules, "--history", str(history), "--json").stdout)
    assert document["changes"] == [
        {"rule": "default", "kind": "file", "crosses": True, "packets": 1},
        {"rule": "no files to the hut", "kind": "file", "crosses": False, "packets": 1},
    ]
    (none,) = objects(meshgate("policy", "dry-run", rules, "--history", str(history), "--hours", "1", "--json").stdout)
    assert none["looked_at"]["packets"] == 0
    for hours in ("nan", "-1", "0", "soon"):
        assert "not a number of hours" in meshgate("policy", "dry-run", rules, "--history", str(history), "--hours", hours).stderr


@pytest.mark.parametrize("line", ["{}\n", "x\n", packet(kind="flie"), packet(sender="xy"), packet(to="xy"), packet(text="hello")])
def test_a_history_that_is_none_is_refused_with_its_line(tmp_path, rules, line):
    history = tmp_path / "past.jsonl"
    history.write_text(packet() + line)
    done = meshgate("policy", "dry-run", rules, "--history", str(history))
    assert done.returncode == 1
    assert f"{history}:2: " in done.stderr
    missing = meshgate("policy", "dry-run", rules, "--history", str(tmp_path / "none"))
    assert "cannot be read" in missing.stderr
