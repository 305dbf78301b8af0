"""``meshgate policy``: the rules about what crosses, in words; what they say about a packet; and what they would have changed."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.config import add_options, load_from
from gateway.cli.output import CommandError, Exit, emit, print_table

if TYPE_CHECKING:
    from gateway.bridge.policy import Facts, Mode, Policy, Verdict
    from gateway.bridge.policy_trial import History, Tally, Trial

_EXAMPLES = (
    "meshgate policy show",
    "meshgate policy test --kind file --size 50000 --to hut",
    "meshgate policy test --kind message --direction in --from hut --json",
    "meshgate policy dry-run ./stricter.toml --history ./yesterday.jsonl",
)
_HOUR_MS = 3600 * 1000
_FOREVER_MS = 1 << 62
_MOST_HOURS = 1_000_000
_KINDS = ("announce", "message", "leave", "private", "group", "file", "voice", "board", "courier", "prekeys", "ping", "carrier", "other")
_TALLIES = (
    ("still_crosses", "still cross"),
    ("newly_crosses", "would newly cross"),
    ("no_longer_crosses", "would no longer cross"),
    ("still_stays", "still stay"),
    ("refused_anyway", "refused for another reason, whatever the rules say"),
)


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "policy", "Show and try the rules about what crosses to other sites.", _EXAMPLES)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, title="verbs")
    show = add_command(verbs, "show", "Print the rules in words.", _EXAMPLES[:1])
    _add_rules(show)
    test = add_command(verbs, "test", "Say what the rules say about a packet; exit code 4 if it must stay.", _EXAMPLES[1:2])
    test.add_argument("--kind", choices=_KINDS, metavar="KIND", required=True, help="what it is, such as message, private, file or voice")
    test.add_argument("--size", type=_size, default=200, metavar="BYTES", help="how large the packet is (200)")
    test.add_argument("--direction", choices=("out", "in"), default="out", metavar="WAY", help="out to another site, or in from one (out)")
    test.add_argument(
        "--from", dest="origin", default="", metavar="SITE", help="the site it comes from, by its name in the policy or its ID"
    )
    test.add_argument("--to", dest="target", default="", metavar="SITE", help="the site it is going to")
    test.add_argument("--scope", choices=("public", "directed"), metavar="SCOPE", help="public, or directed to one peer (by the kind)")
    test.add_argument("--unsigned", action="store_true", help="it bears no signature that was verified")
    test.add_argument("--mode", choices=("consent", "open"), metavar="MODE", help="the mode of the bridge (as configured)")
    _add_rules(test)
    trial = add_command(verbs, "dry-run", "Say what other rules would have changed about the past; changes nothing.", _EXAMPLES[3:])
    trial.add_argument("file", metavar="FILE", type=Path, help="the rules to try")
    trial.add_argument("--history", metavar="FILE", type=Path, required=True, help="the past, one packet in JSON a line")
    trial.add_argument("--hours", type=_hours, default=0.0, metavar="N", help="only the last N hours of it")


def _add_rules(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rules", metavar="FILE", type=Path, help="the rules in FILE instead of those in force")
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Do what the verb says; exit code 4 for a packet that must stay."""
    from gateway.config.policy import InvalidPolicyError  # noqa: PLC0415 -- slow to import

    try:
        match args.verb:
            case "show":
                return _show(_policy(args), as_json=args.json)
            case "test":
                return _test(args)
            case _:
                return _dry_run(args)
    except InvalidPolicyError as error:
        raise CommandError(
            "policy_invalid",
            str(error),
            hint="The policy in force stays as it is; nothing of this one is used.",
            details={"problems": [problem.document() for problem in error.problems]},
        ) from error


def _policy(args: argparse.Namespace) -> "Policy":
    from gateway.config.policy import load_policy, policy_in_force  # noqa: PLC0415 -- slow to import

    return load_policy(args.rules) if args.rules is not None else policy_in_force(load_from(args))


def _show(policy: "Policy", *, as_json: bool) -> int:
    from gateway.bridge.policy_words import explain, explain_rule  # noqa: PLC0415 -- slow to import

    if as_json:
        rules = [
            {"name": rule.name, "line": rule.line, "then": rule.action.value, "words": explain_rule(rule, policy)} for rule in policy.rules
        ]
        sites = {name: site.hex() for site, name in policy.sites.items()}
        emit({"source": policy.source, "default": policy.default.value, "rules": rules, "sites": sites, "words": explain(policy)})
    else:
        print(f"Rules: {policy.source}. The first that fits decides.")
        for line in explain(policy):
            print(f"  {line}")
    return Exit.OK


def _test(args: argparse.Namespace) -> int:
    from gateway.bridge.policy import Action, decide  # noqa: PLC0415 -- slow to import

    policy = _policy(args)
    verdict = decide(_facts(args, policy), policy)
    if args.json:
        emit(_verdict(verdict))
    else:
        print(verdict.sentence)
        if verdict.limit is not None:
            from gateway.bridge.policy_words import explain_limit  # noqa: PLC0415 -- slow to import

            print(f"The limit is {explain_limit(verdict.limit)}.")
    return Exit.REFUSED if verdict.action is Action.DENY else Exit.OK


def _verdict(verdict: "Verdict") -> dict[str, object]:
    limit = verdict.limit
    figures = None if limit is None else {"packets_per_minute": limit.packets, "bytes_per_minute": limit.size, "per": limit.per.value}
    return {"verdict": verdict.action.value, "rule": verdict.rule, "sentence": verdict.sentence, "limit": figures}


def _facts(args: argparse.Namespace, policy: "Policy") -> "Facts":
    from gateway.bridge.policy import HERE, Direction, Facts, Kind, Mode  # noqa: PLC0415 -- slow to import

    direction = Direction(args.direction)
    inward = direction is Direction.IN
    if inward and not args.origin:
        raise CommandError("usage", "A packet that comes in comes from a site.", hint="Name it with --from.", status=Exit.USAGE)
    if inward and args.target not in {"", "here"}:
        raise CommandError("usage", "A packet that comes in goes here.", hint="Leave --to out.", status=Exit.USAGE)
    kind = Kind(args.kind)
    scope = args.scope or ("directed" if kind in (Kind.PRIVATE, Kind.PING, Kind.COURIER) else "public")
    return Facts(
        kind=kind,
        direction=direction,
        origin=_site(args.origin, policy) if args.origin else HERE,
        target=HERE if inward else _site(args.target, policy) if args.target else None,
        size=args.size,
        directed=scope == "directed",
        signed=not args.unsigned,
        mode=Mode(args.mode) if args.mode else _configured_mode(args),
    )


def _configured_mode(args: argparse.Namespace) -> "Mode":
    from gateway.bridge.policy import Mode  # noqa: PLC0415 -- slow to import

    mode = load_from(args).config.bridge.mode.value
    if mode not in set(Mode):
        raise CommandError("bridge_off", "The bridge is off: nothing crosses, whatever the rules say.", hint="Name a mode with --mode.")
    return Mode(mode)


def _site(text: str, policy: "Policy") -> bytes:
    from gateway.config.policy import site_of  # noqa: PLC0415 -- slow to import

    site = site_of(text, policy)
    if site is None:
        names = ", ".join(sorted(policy.sites.values())) or "none"
        hint = f"A site's ID has 16 hexadecimal digits. Sites with a name in the policy: {names}."
        raise CommandError("unknown_site", f"{text!r} is neither a site's name in the policy nor its ID.", hint=hint, status=Exit.NOT_FOUND)
    return site


def _dry_run(args: argparse.Namespace) -> int:
    from gateway.bridge.policy_trial import dry_run  # noqa: PLC0415 -- slow to import
    from gateway.config.policy import load_policy  # noqa: PLC0415

    policy = load_policy(args.file)
    now = int(time.time() * 1000)
    start, end = (now - int(args.hours * _HOUR_MS), now) if args.hours else (0, _FOREVER_MS)
    trial = dry_run(policy, _history(args).between(start, end))
    if args.json:
        emit(_trial_document(trial))
    else:
        _print_trial(trial)
    return Exit.OK


def _history(args: argparse.Namespace) -> "History":
    from gateway.cli.policy_history import RecordedHistory  # noqa: PLC0415 -- slow to import

    return RecordedHistory(args.history)


def _trial_document(trial: "Trial") -> dict[str, object]:
    changes = [
        {"rule": rule, "kind": kind, "crosses": crosses, "packets": packets}
        for (rule, kind, crosses), packets in sorted(trial.changes.items())
    ]
    tallies = {name: _figures(getattr(trial, name)) for name, _ in (("looked_at", ""), *_TALLIES)}
    return {**tallies, "target_unknown": trial.target_unknown, "changes": changes}


def _figures(tally: "Tally") -> dict[str, int]:
    return {"packets": tally.packets, "bytes": tally.size}


def _print_trial(trial: "Trial") -> None:
    rows = [(words, getattr(trial, name)) for name, words in _TALLIES]
    print_table(
        ("OF THE PAST", "PACKETS", "BYTES"),
        [(words, f"{tally.packets:,}", f"{tally.size:,}") for words, tally in (*rows, ("in all", trial.looked_at))],
    )
    if trial.changes:
        print()
        print_table(
            ("RULE", "KIND", "PACKETS", "NOW"),
            [
                (rule, kind, f"{packets:,}", "cross" if crosses else "stay")
                for (rule, kind, crosses), packets in sorted(trial.changes.items())
            ],
        )
    if trial.target_unknown:
        print()
        print(
            f"Of {trial.target_unknown:,} packets the record does not say where they were going; rules with `to` were passed over for them."
        )


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = 0.0
    if not 0 < hours < _MOST_HOURS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of hours")
    return hours


def _size(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of bytes")
    return int(text)
