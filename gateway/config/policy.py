"""Reads the operator's policy: a TOML file with rules, in the order in which they are asked.

    default = "deny"                  # or "allow": what happens to a packet no rule fits

    [sites]                           # names for peer IDs, for use in the rules
    hut = "12D3KooWBpYTF6ivu2HZHFpvc1964PE5q2tdc7dUrd2aDhMhcMq9"

    [[rule]]
    name = "files slowly"
    kind = ["file", "voice"]          # also: direction, from, to, scope, signed, mode, larger_than
    to = "hut"
    then = "limit"                    # or "allow", "deny"
    bytes_per_minute = 60000          # and, or, packets_per_minute
    per = "site"                      # or "origin", "all"

All of it is checked before any of it is used: a file with one problem in it gives the problems and no policy.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from gateway.bridge.policy import BUILT_IN, DEFAULT, HERE, NOSTR, Action, Direction, Kind, Limit, Mode, Per, Policy, Rule
from gateway.config.load import Loaded, syntax
from gateway.config.paths import POLICY_FILE
from gateway.config.policy_fields import Fields
from gateway.config.positions import positions
from gateway.config.problems import InvalidConfigError, Layer, Origin, Problem, described, quoted
from gateway.limits import MAX_FRAME, MAX_POLICY_FIGURE, MAX_POLICY_FILE, MAX_POLICY_NAME, MAX_POLICY_RULES, MAX_POLICY_SITES
from gateway.wire.envelope_schema import SITE_ID
from transports.libp2p.identity import peer_id_from, public_key_of

_KEYS: Final = ("default", "sites", "rule")
_RULE_KEYS: Final = (
    *("name", "kind", "direction", "from", "to", "scope", "signed", "mode", "larger_than", "then"),
    *("packets_per_minute", "bytes_per_minute", "per"),
)
_STATED: Final = re.compile(f"[0-9a-fA-F]{{{2 * SITE_ID}}}")  # what a site says its ID is, and anybody can say
_STATED_WORDS: Final = "a site is named by the identity its links prove, not by the ID it states"
_PEER_WORDS: Final = "the peer ID of the site, 12D3KooW…, as `meshgate federation list` prints it"
_NAME: Final = re.compile(rf"[^\W_][\w .'-]{{0,{MAX_POLICY_NAME - 1}}}")
_NAME_WORDS: Final = f"a name of at most {MAX_POLICY_NAME} letters, digits, spaces and - . ' _"
_SITE_WORDS: Final = f'a name of [sites], "here", "nostr" for the relays, or {_PEER_WORDS}'
_PLACES: Final = {"here": HERE, "nostr": NOSTR}
_SCOPES: Final = {"directed": True, "public": False}


class InvalidPolicyError(InvalidConfigError):
    """A policy with problems, every one of which is in the text."""

    subject = "policy"


def policy_in_force(loaded: Loaded) -> Policy:
    """Return the policy a configuration names; the built-in one where nobody named a file and there is none.

    Raises:
        InvalidPolicyError: with every problem found.
    """
    file = loaded.config.policy.file
    if loaded.origin["policy.file"].layer is Layer.DEFAULT:
        try:
            file.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return BUILT_IN
        except OSError:  # it may be there, so it must not be passed over: reading it says what is wrong
            pass
    return load_policy(file)


def default_policy_file(state_dir: Path) -> Path:
    """Return where the rules stand if nobody has named a file; only there may they be missing."""
    return state_dir / POLICY_FILE


def site_of(text: str, policy: Policy) -> bytes | None:
    """Return the place that was named by its name in the policy, by its peer ID, or as "here" or "nostr"; None if it is none."""
    if text in _PLACES:
        return _PLACES[text]
    named = next((site for site, name in policy.sites.items() if name == text), None)
    return _peer(text) if named is None else named


def load_policy(file: Path) -> Policy:
    """Return the policy in a file.

    Raises:
        InvalidPolicyError: with every problem found.
    """
    origin = Origin(Layer.FILE, str(file))
    try:
        with file.open("rb") as opened:
            raw = opened.read(MAX_POLICY_FILE + 1)
    except OSError as error:
        raise InvalidPolicyError([Problem(origin, "", f"cannot be read: {error.strerror}")]) from error
    if len(raw) > MAX_POLICY_FILE:
        raise InvalidPolicyError([Problem(origin, "", "the file is too large for a policy", f"at most {MAX_POLICY_FILE:,} bytes")])
    try:
        return parse_policy(raw.decode("utf-8-sig"), str(file))
    except UnicodeDecodeError as error:
        place = Origin(Layer.FILE, str(file), raw.count(b"\n", 0, error.start) + 1)
        raise InvalidPolicyError([Problem(place, "", "not valid UTF-8", "UTF-8 text")]) from error


def parse_policy(text: str, source: str) -> Policy:
    """Return the policy in a text.

    Args:
        text: TOML.
        source: where it stands, for people.

    Raises:
        InvalidPolicyError: with every problem found.
    """
    try:
        data = tomllib.loads(text)
        lines = positions(text)
    except tomllib.TOMLDecodeError as error:
        message, line = syntax(str(error), text)
        raise InvalidPolicyError([Problem(Origin(Layer.FILE, source, line), "", f"not valid TOML: {message}")]) from error
    except RecursionError as error:
        raise InvalidPolicyError([Problem(Origin(Layer.FILE, source), "", "lists or tables are nested too deeply")]) from error
    reading = _Reading(Fields(data, (), source, lines, []))
    policy = reading.policy()
    if reading.problems:
        raise InvalidPolicyError(reading.problems)
    return policy


class _Reading:
    def __init__(self, top: Fields) -> None:
        self.problems = top.problems
        self._top = top
        self._sites: dict[str, bytes] = {}
        self._names: dict[str, int] = {DEFAULT: 0}  # of rules, with the line each stands in

    def policy(self) -> Policy:
        top = self._top
        top.refuse_others(_KEYS)
        default = top.choice("default", {Action.ALLOW.value: Action.ALLOW, Action.DENY.value: Action.DENY})
        if "default" not in top.data:
            top.missing("default", "what happens to a packet that no rule fits has to be said", '"allow" or "deny"')
        self._read_sites()
        rules = self._rules()
        names = MappingProxyType({site: name for name, site in self._sites.items()})
        return Policy(default or Action.DENY, rules, names, top.source)

    def _read_sites(self) -> None:
        sites = self._top.table("sites")
        if len(sites.data) > MAX_POLICY_SITES:
            self._top.problem("sites", f"there are {len(sites.data)} sites", f"at most {MAX_POLICY_SITES}")
            return
        for name, value in sites.data.items():
            if not _NAME.fullmatch(name) or name in _PLACES or _peer(name):
                sites.problem(name, "this cannot be the name of a site", f'{_NAME_WORDS}; not "here", not "nostr" and not a peer ID')
            elif not isinstance(value, str) or (place := _peer(value)) is None:
                stated = isinstance(value, str) and _STATED.fullmatch(value)
                sites.problem(name, f"this cannot be {described(value)}{f': {_STATED_WORDS}' if stated else ''}", _PEER_WORDS)
            elif place in self._sites.values():
                sites.problem(name, f"{quoted(value)} has a name already")
            else:
                self._sites[name] = place

    def _rules(self) -> tuple[Rule, ...]:
        rows = self._top.data.get("rule", [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            self._top.problem("rule", "rules are tables", "[[rule]], once for each rule")
            return ()
        if len(rows) > MAX_POLICY_RULES:
            self._top.problem("rule", f"there are {len(rows)} rules", f"at most {MAX_POLICY_RULES}")
            return ()
        rules: list[Rule] = []
        for index, row in enumerate(rows):
            fields = self._top.row("rule", index, row)
            known = len(self.problems)
            rule = self._rule(fields)
            if len(self.problems) == known and rules and rules[-1].fits_everything:
                fields.problem("", f'this rule is never asked, because "{rules[-1].name}" before it fits every packet')
            if rule is not None:
                rules.append(rule)
        return tuple(rules)

    def _rule(self, fields: Fields) -> Rule | None:
        fields.refuse_others(_RULE_KEYS)
        name = self._name(fields)
        action = fields.choice("then", {one.value: one for one in Action})
        if "then" not in fields.data:
            fields.missing("then", "what the rule does has to be said", '"allow", "deny" or "limit"')
        rule = Rule(
            name=name,
            action=action or Action.DENY,
            line=fields.line,
            kinds=frozenset(fields.choices("kind", {one.value: one for one in Kind}, len(Kind))),
            direction=fields.choice("direction", {one.value: one for one in Direction}),
            origins=self._named_sites(fields, "from"),
            targets=self._named_sites(fields, "to"),
            directed=fields.choice("scope", _SCOPES),
            signed=fields.boolean("signed"),
            mode=fields.choice("mode", {one.value: one for one in Mode}),
            larger_than=fields.integer("larger_than", 0, MAX_FRAME),
            limit=self._limit(fields, action),
        )
        return rule if name and action else None

    def _name(self, fields: Fields) -> str:
        name = fields.data.get("name")
        if name is None:
            fields.missing("name", "a rule needs a name, so that a decision can be traced to it", _NAME_WORDS)
            return ""
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            fields.problem("name", f"this cannot be {described(name)}", _NAME_WORDS)
            return ""
        if name in self._names:
            where = f"the rule in line {self._names[name]}" if self._names[name] else "what decides when no rule fits"
            fields.problem("name", f"{quoted(name)} is the name of {where} already")
            return ""
        self._names[name] = fields.line
        return name

    def _named_sites(self, fields: Fields, key: str) -> frozenset[bytes]:
        known: Mapping[str, bytes] = {**_PLACES, **self._sites}
        return frozenset(fields.choices(key, known, MAX_POLICY_SITES, _peer, _SITE_WORDS))

    def _limit(self, fields: Fields, action: Action | None) -> Limit | None:
        packets = fields.integer("packets_per_minute", 1, MAX_POLICY_FIGURE)
        size = fields.integer("bytes_per_minute", 1, MAX_POLICY_FIGURE)
        per = fields.choice("per", {one.value: one for one in Per})
        given = [key for key in ("packets_per_minute", "bytes_per_minute", "per") if key in fields.data]
        if action is not None and action is not Action.LIMIT and given:
            fields.problem(given[0], f'only a rule with then = "limit" has a limit, and this one says "{action.value}"')
        if action is not Action.LIMIT:
            return None
        if not {"packets_per_minute", "bytes_per_minute"} & fields.data.keys():
            fields.missing("then", "how much the limit allows has to be said", "packets_per_minute, bytes_per_minute, or both")
        return Limit(packets, size, per or Per.ALL)


def _peer(text: str) -> bytes | None:
    """Return the place a peer ID stands for, as the transports spell it."""
    try:
        return peer_id_from(public_key_of(text)).encode()
    except ValueError:
        return None
