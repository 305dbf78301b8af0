"""How commands describe themselves: one look for every ``--help``, one kind of error for every wrong line."""

import argparse
import difflib
import re
import shutil
from collections.abc import Sequence
from typing import NoReturn, Protocol

from gateway.cli.output import CommandError, Exit

_MAX_WIDTH = 100  # columns; longer lines are hard to read


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are `CommandError`s."""

    def error(self, message: str) -> NoReturn:
        """Refuse the command line; names the nearest command where one was misspelt."""
        hint = f"`{self.prog} --help` shows how it is used."
        choice = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        if choice:
            close = difflib.get_close_matches(choice[1], re.findall(r"[\w-]+", choice[2]), n=1)
            hint = f"Did you mean {close[0]}? {hint}" if close else hint
        raise CommandError("usage", message, hint=hint, status=Exit.USAGE)


class Subcommands(Protocol):
    """What `argparse.ArgumentParser.add_subparsers` returns, as far as commands need it."""

    def add_parser(
        self,
        name: str,
        *,
        help: str,  # noqa: A002 -- the name is argparse's
        description: str,
        epilog: str,
        formatter_class: type[argparse.HelpFormatter],
        allow_abbrev: bool,
    ) -> argparse.ArgumentParser:
        """Add a command and return its parser."""


class Help(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal, but never too wide to read."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=min(shutil.get_terminal_size().columns, _MAX_WIDTH) - 2)

    def add_argument(self, action: argparse.Action) -> None:
        """Leave room for commands as far as they are indented, which argparse forgets."""
        super().add_argument(action)
        names = [len(self._format_action_invocation(one)) for one in self._iter_indented_subactions(action)]
        self._action_max_length = max(self._action_max_length, *(length + 2 * self._indent_increment for length in names), 0)


def add_command(commands: Subcommands, name: str, sentence: str, examples: Sequence[str]) -> argparse.ArgumentParser:
    """Add a command with its sentence, its examples and ``--json``."""
    parser = commands.add_parser(
        name,
        help=sentence[:1].lower() + sentence[1:].removesuffix("."),
        description=sentence,
        epilog=examples_text(examples),
        formatter_class=Help,
        allow_abbrev=False,
    )
    add_json(parser)
    return parser


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``, which may stand before or after the command's name."""
    # A default here would overwrite the one given before the name.
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON document, also for an error")


def examples_text(examples: Sequence[str]) -> str:
    """The end of a help page."""
    return "\n".join(["examples:", *(f"  {line}" for line in examples)])
