"""The policy in sentences, for ``meshgate policy show`` and the page."""

from collections.abc import Iterable, Iterator

from gateway.bridge.policy import Action, Direction, Limit, Per, Policy, Rule, site_name

_PLURALS = {
    "announce": "announces",
    "message": "public messages",
    "leave": "goodbyes",
    "private": "private packets",
    "group": "group messages",
    "file": "files",
    "voice": "voice packets",
    "board": "board posts",
    "courier": "mail for absent people",
    "prekeys": "prekey bundles",
    "ping": "pings",
    "carrier": "copies signed for the bridge",
    "other": "packets of unknown types",
}
_PER = {Per.ORIGIN: " for each sender", Per.SITE: " for each site", Per.ALL: ""}


def explain(policy: Policy) -> tuple[str, ...]:
    """Return the whole table in words, a sentence for each rule in order and one for the default."""
    return (*_rules(policy), _default(policy))


def explain_rule(rule: Rule, policy: Policy) -> str:
    """Return one rule in words."""
    subject = _what(rule) + _which_way(rule, policy) + _when(rule)
    return f"{subject[:1].upper()}{subject[1:]} {_then(rule)}."


def explain_limit(limit: Limit) -> str:
    """Return how much a limit gives, such as "6 packets and 60,000 bytes a minute for each sender"."""
    figures = [_count(limit.packets, "packet"), _count(limit.size, "byte")]
    return f"{' and '.join(filter(None, figures))} a minute{_PER[limit.per]}"


def _rules(policy: Policy) -> Iterator[str]:
    for number, rule in enumerate(policy.rules, 1):
        yield f"{number}. {rule.name}: {explain_rule(rule, policy)}"


def _default(policy: Policy) -> str:
    what = "Everything else" if policy.rules else "Everything"
    return f"{what} {'crosses as far as the mode of the bridge allows' if policy.default is Action.ALLOW else 'stays here'}."


def _what(rule: Rule) -> str:
    kinds = _listed([words for kind, words in _PLURALS.items() if kind in rule.kinds]) or "everything"
    sort = [
        word
        for word, asked in (
            ("signed" if rule.signed else "unsigned", rule.signed),
            ("directed" if rule.directed else "public", rule.directed),
        )
        if asked is not None
    ]
    size = f"larger than {rule.larger_than:,} bytes" if rule.larger_than is not None else ""
    qualified = " and ".join(filter(None, (*sort, size)))
    return f"{kinds} that is {qualified}" if qualified and not rule.kinds else f"{kinds}{f' ({qualified})' if qualified else ''}"


def _which_way(rule: Rule, policy: Policy) -> str:
    way = {None: "", Direction.OUT: " going out", Direction.IN: " coming in"}[rule.direction]
    return way + _sites(" from ", rule.origins, policy) + _sites(" to ", rule.targets, policy)


def _sites(word: str, sites: Iterable[bytes], policy: Policy) -> str:
    names = sorted(site_name(site, policy) for site in sites)
    return word + _listed(names, "or") if names else ""


def _when(rule: Rule) -> str:
    return f", in {rule.mode.value} mode," if rule.mode is not None else ""


def _then(rule: Rule) -> str:
    if rule.limit is not None:
        return f"may cross, {explain_limit(rule.limit)}"
    return "may cross" if rule.action is Action.ALLOW else "must stay"


def _listed(words: list[str], last: str = "and") -> str:
    return f" {last} ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""


def _count(number: int | None, what: str) -> str:
    return "" if number is None else f"{number:,} {what}{'' if number == 1 else 's'}"
