"""``meshgate config``: check, show and write configuration."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.output import CommandError, Exit, emit, print_table

if TYPE_CHECKING:
    from gateway.config import Loaded
    from gateway.config.editing import ConfigFile

_EXAMPLES = (
    "meshgate config example > /etc/meshgate/config.toml",
    "meshgate config check --config ./config.toml",
    "meshgate config check --instead /etc/meshgate/conf.d/50-hut.toml < draft.toml",
    "meshgate config show --origin --set bridge.mode=open",
    "MESHGATE_GATEWAY__NICKNAME=Hut meshgate config show",
)


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "config", "Check, show and write the configuration.", _EXAMPLES)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, title="verbs")
    check = add_command(verbs, "check", "Read the configuration and tell whether it can be used.", _EXAMPLES[1:3])
    check.add_argument(
        "--instead",
        metavar="FILE",
        type=Path,
        help="check as if FILE, there or not, had the text that comes on standard input; writes nothing",
    )
    add_options(check)
    show = add_command(verbs, "show", "Print every setting in force.", _EXAMPLES[3:])
    show.add_argument("--origin", action="store_true", help="also print where each value came from")
    add_options(show)
    add_command(verbs, "example", "Print a configuration file with every key explained.", _EXAMPLES[:1])


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of every command that reads the configuration."""
    parser.add_argument("--config", metavar="FILE", type=Path, help="read FILE (and conf.d beside it) instead of /etc/meshgate")
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        type=_assignment,
        action="append",
        default=[],
        dest="overrides",
        help="override one setting; repeatable",
    )


def load_from(args: argparse.Namespace) -> "Loaded":
    """The configuration a command with `add_options` was asked to use.

    Raises:
        InvalidConfigError: with every problem found.
    """
    from gateway.config import load  # noqa: PLC0415 -- slow to import

    return load(args.config, os.environ, args.overrides)


def config_file(args: argparse.Namespace) -> "ConfigFile":
    """The file in which settings of such a command are changed, with everything that is read beside it."""
    from gateway.config.editing import ConfigFile  # noqa: PLC0415 -- slow to import
    from gateway.config.load import load  # noqa: PLC0415
    from gateway.config.paths import changed_file, places  # noqa: PLC0415

    def again(path: Path, text: str | None) -> "Loaded":
        return load(args.config, os.environ, args.overrides, instead=None if text is None else (path, text))

    return ConfigFile(changed_file(args.config, places(os.environ)), again)


def run(args: argparse.Namespace) -> int:
    """Do what the verb says."""
    from gateway.config import explain  # noqa: PLC0415 -- slow to import

    match args.verb:
        case "example":
            _print({"example": explain.example()} if args.json else explain.example())
        case "check":
            files = _checked(args).files
            words = f"The configuration can be used. Read: {', '.join(map(str, files)) or 'no files, so these are the defaults'}.\n"
            _print({"valid": True, "files": list(map(str, files))} if args.json else words)
        case "show" if args.json:
            emit(explain.document(load_from(args), with_origin=args.origin))
        case "show" if args.origin:
            print_table(("KEY", "VALUE", "FROM"), explain.origins(load_from(args)))
        case _:
            _print(explain.effective(load_from(args)))
    return Exit.OK


def _checked(args: argparse.Namespace) -> "Loaded":
    """The configuration to check, with a draft where one was named."""
    from gateway.config import load  # noqa: PLC0415 -- slow to import
    from gateway.limits import MAX_CONFIG_DRAFT  # noqa: PLC0415

    if args.instead is None:
        return load_from(args)
    raw = sys.stdin.buffer.read(MAX_CONFIG_DRAFT + 1)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = ""
    if not text or len(raw) > MAX_CONFIG_DRAFT:
        raise CommandError("draft_unusable", f"On standard input is no text of at most {MAX_CONFIG_DRAFT:,} bytes.", status=Exit.USAGE)
    loaded = load(args.config, os.environ, args.overrides, instead=(args.instead, text))
    if args.instead not in loaded.files:
        hint = "It has to be a config.toml or end with .toml in a conf.d that is read."
        raise CommandError("draft_unusable", f"{args.instead} would never be read.", hint=hint, status=Exit.USAGE)
    return loaded


def _print(result: object) -> None:
    if isinstance(result, str):
        print(result, end="")
    else:
        emit(result)


def _assignment(text: str) -> str:
    if "=" not in text:
        raise argparse.ArgumentTypeError(f"{text!r} has no = in it; write KEY=VALUE, such as bridge.mode=open")
    return text
