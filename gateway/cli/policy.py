"""``meshgate policy``: the rules about what crosses, in words; what they say about a packet; and what they would have changed."""

import argparse
import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.config import add_options, load_from
from gateway.cli.output import CommandError, Exit, emit, note

if TYPE_CHECKING:
    from gateway.admin.policy import PolicyDocument
    from gateway.bridge.policy import Facts, Mode, Policy, Verdict

_EXAMPLES = (
    "meshgate policy show",
    "meshgate policy test --kind file --size 50000 --to hut",
    "meshgate policy test --kind message --direction in --from hut --json",
    "meshgate policy dry-run ./stricter.toml --hours 24",
)
_HOUR_MS = 3600 * 1000
_MOST_HOURS = 1_000_000
_KINDS = ("announce", "message", "leave", "private", "group", "file", "voice", "board", "courier", "prekeys", "ping", "carrier", "other")


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "policy", "Show and try the rules about what crosses to other sites.", _EXAMPLES)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, title="verbs")
    show = add_command(verbs, "show", "Print the rules the running gateway goes by, else those in the file.", _EXAMPLES[:1])
    _add_rules(show)
    test = add_command(verbs, "test", "Say what the rules say about a packet; exit code 4 if it must stay.", _EXAMPLES[1:2])
    test.add_argument("--kind", choices=_KINDS, metavar="KIND", required=True, help="what it is, such as message, private, file or voice")
    test.add_argument("--size", type=_size, default=200, metavar="BYTES", help="how large the packet is (200)")
    test.add_argument("--direction", choices=("out", "in"), default="out", metavar="WAY", help="out to another site, or in from one (out)")
    test.add_argument(
        "--from", dest="origin", default="", metavar="SITE", help="the site it comes from: its name in the policy, or peer ID"
    )
    test.add_argument("--to", dest="target", default="", metavar="SITE", help="the site it is going to")
    test.add_argument("--scope", choices=("public", "directed"), metavar="SCOPE", help="public, or directed to one peer (by the kind)")
    test.add_argument("--unsigned", action="store_true", help="it bears no signature that was verified")
    test.add_argument("--mode", choices=("consent", "open"), metavar="MODE", help="the mode of the bridge (as configured)")
    _add_rules(test)
    trial = add_command(verbs, "dry-run", "Say what would have crossed lately under other rules; changes nothing.", _EXAMPLES[3:])
    trial.add_argument("file", metavar="FILE", type=Path, help="the rules to try")
    trial.add_argument("--hours", type=_hours, default=48.0, metavar="N", help="only the last N hours (all that is kept, which is 48)")
    add_options(trial)


def _add_rules(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rules", metavar="FILE", type=Path, help="the rules in FILE instead of those in force")
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Do what the verb says; exit code 4 for a packet that must stay."""
    from gateway.config.policy import InvalidPolicyError  # noqa: PLC0415 -- slow to import

    try:
        match args.verb:
            case "show":
                return _show(args)
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


def _show(args: argparse.Namespace) -> int:
    import msgspec  # noqa: PLC0415 -- slow to import

    document = _document(args)
    if args.json:
        emit(msgspec.to_builtins(document))
        return Exit.OK
    print(f"Rules{' of the running gateway' if document.running else ''}: {document.source}. The first that fits decides.")
    for line in document.words:
        print(f"  {line}")
    if document.trouble:
        note(document.trouble)
    return Exit.OK


def _document(args: argparse.Namespace) -> "PolicyDocument":
    """Return the rules that were named, else those the running gateway goes by, else those in the file."""
    from gateway.admin.client import UnreachableError, get_policy  # noqa: PLC0415 -- slow to import
    from gateway.admin.policy import policy_document  # noqa: PLC0415

    if args.rules is None:
        try:
            return asyncio.run(get_policy(load_from(args).config.control.socket))
        except UnreachableError as error:
            if not error.absent:
                raise CommandError("unreachable", str(error), hint="Name a file with --rules.", status=Exit.UNREACHABLE) from error
    return policy_document(_policy(args))


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
        hint = f"A peer ID begins with 12D3KooW. Sites with a name in the policy: {names}."
        raise CommandError(
            "unknown_site", f"{text!r} is neither a site's name in the policy nor its peer ID.", hint=hint, status=Exit.NOT_FOUND
        )
    return site


def _dry_run(args: argparse.Namespace) -> int:
    from gateway.bridge.policy_trial import dry_run  # noqa: PLC0415 -- slow to import
    from gateway.cli.policy_past import the_past  # noqa: PLC0415
    from gateway.cli.policy_view import print_trial, trial_document  # noqa: PLC0415
    from gateway.config.policy import load_policy  # noqa: PLC0415

    policy = load_policy(args.file)
    now = int(time.time() * 1000)
    start = now - int(args.hours * _HOUR_MS)
    trial = dry_run(policy, the_past(load_from(args).config, start, now + 1))
    if args.json:
        emit({"from_ms": start, "to_ms": now, **trial_document(trial)})
    else:
        print_trial(trial, args.hours)
    return Exit.OK


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
