"""The file with the rules: what it may say, and what is refused with its line."""

import pytest

from gateway.bridge.policy import BUILT_IN, HERE, NOSTR, Action, Direction, Kind, Limit, Mode, Per
from gateway.config.policy import InvalidPolicyError, load_policy, parse_policy, policy_in_force, site_of
from gateway.errors import ConfigError
from gateway.limits import MAX_POLICY_FILE, MAX_POLICY_NAME, MAX_POLICY_RULES, MAX_POLICY_SITES
from tests.config.support import read, write
from transports.libp2p.identity import peer_id_from

HUT, HALL, BARN = (peer_id_from(bytes([number]) * 32) for number in (1, 2, 3))
WHOLE = f"""
default = "deny"

[sites]
hut = "{HUT}"
"the big hall" = "{HALL}"

[[rule]]
name = "files slowly"
kind = ["file", "voice"]
direction = "out"
from = "here"
to = ["hut", "{BARN}", "nostr"]
scope = "public"
signed = true
mode = "open"
larger_than = 4096
then = "limit"
packets_per_minute = 6
bytes_per_minute = 60000
per = "origin"

[[rule]]
name = "rest"
then = "allow"
"""
RULE = 'default = "deny"\n[[rule]]\nname = "one"\n'


def problems(text):
    with pytest.raises(InvalidPolicyError) as caught:
        parse_policy(text, "rules.toml")
    assert str(caught.value).startswith("The policy cannot be used (")
    return caught.value.problems


def only(text):
    found = problems(text)
    assert len(found) == 1, found
    return found[0]


def test_every_key_is_read():
    policy = parse_policy(WHOLE, "rules.toml")
    hut = HUT.encode()
    slowly, rest = policy.rules
    assert (policy.default, policy.source, policy.sites[hut]) == (Action.DENY, "rules.toml", "hut")
    assert (slowly.name, slowly.line, slowly.action, slowly.kinds) == ("files slowly", 8, Action.LIMIT, {Kind.FILE, Kind.VOICE})
    assert (slowly.direction, slowly.origins, slowly.targets) == (Direction.OUT, {HERE}, {hut, BARN.encode(), NOSTR})
    assert (slowly.directed, slowly.signed, slowly.mode, slowly.larger_than) == (False, True, Mode.OPEN, 4096)
    assert slowly.limit == Limit(6, 60_000, Per.ORIGIN)
    assert (rest.line, rest.fits_everything, rest.limit) == (23, True, None)
    assert site_of("the big hall", policy) == HALL.encode()
    assert (site_of("here", policy), site_of("nostr", policy), site_of("hall", policy)) == (HERE, NOSTR, None)
    assert site_of(BARN, policy) == BARN.encode()


def test_every_problem_is_told_at_once_with_its_line_and_nothing_is_half_loaded():
    text = WHOLE.replace('"voice"]', '"voise"]').replace('then = "allow"', 'than = "allow"').replace('"deny"', '"dney"')
    found = problems(text)
    assert [(one.origin.line, one.key) for one in found] == [
        (2, "default"),
        (10, "rule[0].kind[1]"),
        (25, "rule[1].than"),
        (23, "rule[1].then"),
    ]
    assert [one.suggestion for one in found] == ['"deny"', '"voice"', "then", ""]


@pytest.mark.parametrize(
    ("text", "line", "key", "said"),
    [
        ("", 1, "default", "has to be said"),
        ("[[rule]]\nname = 'a'\nthen = 'deny'", 1, "default", "has to be said"),
        ("default = 'limit'", 1, "default", 'cannot be the text "limit"'),
        ("default = true", 1, "default", "cannot be true"),
        ("default = 'deny'\nrules = []", 2, "rules", "no such key"),
        ("default = 'deny'\nrule = 3", 2, "rule", "rules are tables"),
        ("default = 'deny'\nrule = [3]", 2, "rule", "rules are tables"),
        ("default = 'deny'\nsites = 3", 2, "sites", "this is a table"),
        ("default = 'deny'\n[sites]\nhut = 'xyz'", 3, "sites.hut", "cannot be the text"),
        ("default = 'deny'\n[sites]\nhut = 3", 3, "sites.hut", "cannot be the number 3"),
        ("default = 'deny'\n[sites]\nhut = '8d31f7a2b4c6d8e0'", 3, "sites.hut", "by the identity its links prove, not by the ID it states"),
        (f"default = 'deny'\n[sites]\nhere = '{HUT}'", 3, "sites.here", "cannot be the name"),
        (f"default = 'deny'\n[sites]\nnostr = '{HUT}'", 3, "sites.nostr", "cannot be the name"),
        (f"default = 'deny'\n[sites]\n{HALL} = '{HUT}'", 3, f"sites.{HALL}", "cannot be the name"),
        (f"default = 'deny'\n[sites]\na = '{HUT}'\nb = '{HUT}'", 4, "sites.b", "has a name already"),
        ("default = 'deny'\n[[rule]]\nthen = 'deny'", 2, "rule[0].name", "needs a name"),
        ("default = 'deny'\n[[rule]]\nname = ''\nthen = 'deny'", 3, "rule[0].name", "cannot be the text"),
        ("default = 'deny'\n[[rule]]\nname = 'default'\nthen = 'deny'", 3, "rule[0].name", "when no rule fits"),
        (RULE + "then = 'drop'", 4, "rule[0].then", 'cannot be the text "drop"'),
        (RULE + "then = 'deny'\nkind = []", 5, "rule[0].kind", "the list has 0 elements"),
        (RULE + "then = 'deny'\nto = 'hut'", 5, "rule[0].to", 'cannot be the text "hut"'),
        (RULE + "then = 'deny'\nscope = 'secret'", 5, "rule[0].scope", "cannot be the text"),
        (RULE + "then = 'deny'\nsigned = 'yes'", 5, "rule[0].signed", "cannot be the text"),
        (RULE + "then = 'deny'\nsigned = 1", 5, "rule[0].signed", "cannot be the number 1"),
        (RULE + "then = 'deny'\nmode = 'off'", 5, "rule[0].mode", "cannot be the text"),
        (RULE + "then = 'deny'\nlarger_than = -1", 5, "rule[0].larger_than", "cannot be the number -1"),
        (RULE + "then = 'deny'\nlarger_than = true", 5, "rule[0].larger_than", "cannot be true"),
        (RULE + "then = 'limit'", 2, "rule[0].then", "how much the limit allows"),
        (RULE + "then = 'limit'\nper = 'site'", 2, "rule[0].then", "how much the limit allows"),
        (RULE + "then = 'limit'\npackets_per_minute = 0", 5, "rule[0].packets_per_minute", "cannot be the number 0"),
        (RULE + "then = 'limit'\nbytes_per_minute = 1.5", 5, "rule[0].bytes_per_minute", "cannot be the number 1.5"),
        (RULE + "then = 'deny'\npackets_per_minute = 3", 5, "rule[0].packets_per_minute", "only a rule with"),
        (
            RULE + "then = 'allow'\n[[rule]]\nname = 'one'\nthen = 'deny'\nkind='file'",
            6,
            "rule[1].name",
            "is the name of the rule in line 2",
        ),
        (RULE + "then = 'allow'\n[[rule]]\nname = 'two'\nthen = 'deny'", 5, "rule[1]", "never asked"),
        ("default = 'deny'\n[[rule]\n", 2, "", "not valid TOML"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_line(text, line, key, said):
    problem = next(one for one in problems(text) if one.key == key)
    assert said in problem.message
    assert problem.origin.line == line


def test_there_are_caps_on_rules_sites_names_and_the_file(tmp_path):
    rules = "".join(f"[[rule]]\nname = 'r{number}'\nkind = 'file'\nthen = 'deny'\n" for number in range(MAX_POLICY_RULES + 1))
    assert "there are 129 rules" in only("default = 'deny'\n" + rules).message
    assert len(parse_policy("default = 'deny'\n" + rules.rpartition("[[rule]]")[0], "x").rules) == MAX_POLICY_RULES
    sites = "".join(f"s{number} = '{number:016x}'\n" for number in range(MAX_POLICY_SITES + 1))
    assert "there are 65 sites" in only("default = 'deny'\n[sites]\n" + sites).message
    assert only(f"default = 'deny'\n[[rule]]\nname = '{'n' * (MAX_POLICY_NAME + 1)}'\nthen = 'deny'").key == "rule[0].name"
    large = write(tmp_path / "large.toml", "default = 'deny'\n" + "#" * MAX_POLICY_FILE)
    with pytest.raises(InvalidPolicyError, match="too large"):
        load_policy(large)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    file = tmp_path / "rules.toml"
    file.write_bytes(b"default = 'deny'\n# \xff\n")
    with pytest.raises(InvalidPolicyError, match=r"rules\.toml:2: not valid UTF-8"):
        load_policy(file)
    with pytest.raises(InvalidPolicyError, match="nested too deeply"):
        parse_policy("default = " + "[" * 5_000, "x")


def in_state(tmp_path):
    """A configuration with a state directory of its own."""
    return read(tmp_path, f'[gateway]\nstate_dir = "{tmp_path}/state"')


def test_without_a_file_the_mode_decides_but_a_file_that_was_named_must_be_there(tmp_path):
    assert policy_in_force(in_state(tmp_path)) is BUILT_IN
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        policy_in_force(read(tmp_path, '[policy]\nfile = "rules.toml"'))


def test_a_policy_that_is_there_and_cannot_be_read_is_never_passed_over(tmp_path):
    file = tmp_path / "state" / "policy.toml"
    file.mkdir(parents=True)
    with pytest.raises(ConfigError, match="cannot be read"):
        policy_in_force(in_state(tmp_path))
    file.rmdir()
    file.symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="cannot be read"):
        policy_in_force(in_state(tmp_path))


def test_a_file_is_found_in_the_state_directory_or_where_the_configuration_says(tmp_path):
    write(tmp_path / "state" / "policy.toml", "default = 'deny'")
    assert policy_in_force(in_state(tmp_path)).default is Action.DENY
    write(tmp_path / "etc" / "rules.toml", "default = 'allow'")
    assert policy_in_force(read(tmp_path, '[policy]\nfile = "rules.toml"')).source == str(tmp_path / "etc" / "rules.toml")
