"""The command ``meshgate``: finds the command asked for, runs it, and turns what happens into an exit code.

A command is a module of this package with the command's name, and ``_`` where that has ``-``. It has
``add(commands)``, which describes it, and ``run(args) -> int``, which does it. Whatever is slow
to import is imported inside `run`, so that help and ``--version`` come at once.
"""

import importlib
import io
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from gateway.cli.arguments import Help, Parser, add_json, examples_text
from gateway.cli.output import CommandError, Exit, note, report
from gateway.errors import ConfigError, GatewayError

COMMANDS = (
    *("demo", "run", "status", "peers", "messages", "transports", "tail", "why", "send", "ping", "logs", "audit", "federation"),
    *("doctor", "radio", "metrics", "packet", "policy", "config", "backup", "setup-code", "token", "wipe", "update", "appliance", "units"),
)
"""The commands in the order help lists them."""

_EXAMPLES = ("meshgate config example > config.toml   # a configuration to start from",)


def build_parser() -> Parser:
    """The parser of the whole command line."""
    return _build()[0]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file name may hold what no encoding has
    try:
        code = _run_or_report(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whatever is left in the buffer goes nowhere, or the interpreter would complain when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.BROKEN_PIPE
    except KeyboardInterrupt:
        note("")  # the shell's prompt would stand behind ^C
        return Exit.INTERRUPTED
    return code


def _run_or_report(arguments: Sequence[str]) -> int:
    as_json = "--json" in arguments
    try:
        return _run(arguments)
    except CommandError as error:
        return report(error, as_json=as_json)
    except ConfigError as error:
        return report(_invalid_config(error), as_json=as_json)
    except GatewayError as error:
        return report(CommandError("failed", str(error)), as_json=as_json)


def _run(arguments: Sequence[str]) -> int:
    if "--version" in arguments and {"--version", "--json"}.issuperset(arguments):
        return _version(as_json="--json" in arguments)  # without importing any command
    parser, modules = _build()
    args = parser.parse_args(arguments)
    args.json = getattr(args, "json", False)
    if args.version:
        return _version(as_json=args.json)
    if args.command is None:
        raise CommandError(
            "usage", f"No command was given. There are: {', '.join(COMMANDS)}.", hint="Try: meshgate --help", status=Exit.USAGE
        )
    code: int = modules[args.command].run(args)
    return code


def _build() -> tuple[Parser, dict[str, ModuleType]]:
    parser = Parser(
        prog="meshgate",
        description="A gateway between nearby BitChat phones and other islands of phones.",
        epilog=examples_text(_EXAMPLES),
        formatter_class=Help,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="store_true", help="print the versions to name in a bug report")
    add_json(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    modules = {name: importlib.import_module(f"gateway.cli.{name.replace('-', '_')}") for name in COMMANDS}
    for module in modules.values():
        module.add(commands)
    return parser, modules


def _version(*, as_json: bool) -> int:
    from gateway.cli.version import print_versions  # noqa: PLC0415 -- slow to import

    print_versions(as_json=as_json)
    return Exit.OK


def _invalid_config(error: ConfigError) -> CommandError:
    from gateway.config import InvalidConfigError  # noqa: PLC0415 -- slow to import

    hint = "`meshgate config example` shows every key with what is allowed."
    if not isinstance(error, InvalidConfigError):
        return CommandError("config_invalid", str(error))
    return CommandError("config_invalid", str(error), hint=hint, details={"problems": [problem.document() for problem in error.problems]})
