"""``meshgate audit``: what somebody changed at the gateway, when, and by which way."""

import argparse
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.asking import answer, print_json
from gateway.cli.config import add_options, load_from
from gateway.cli.output import Exit, print_table
from gateway.limits import MAX_AUDIT_PAGE

if TYPE_CHECKING:
    from gateway.admin.audit import AuditDocument, ChangeDocument

_EXAMPLES = (
    "meshgate audit                          # the last twenty changes",
    "meshgate audit --last 200 --json",
)
_USUAL = 20


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "audit", "List what was changed at the gateway, and by which way.", _EXAMPLES)
    parser.add_argument("--last", type=_count, default=_USUAL, metavar="N", help=f"how many changes to list (1 to {MAX_AUDIT_PAGE})")
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the gateway, and print the latest first."""
    from gateway.admin.client import get_audit  # noqa: PLC0415 -- slow to import

    found = answer(get_audit(load_from(args).config.control.socket, args.last))
    if args.json:
        print_json(found)
    else:
        print_changes(found)
    return Exit.OK


def print_changes(found: "AuditDocument") -> None:
    """Print one line for each change."""
    if not found.changes:
        print("Nothing was changed yet.")
        return
    print_table(("AT", "BY", "WHAT"), [(_moment(one.at_ms), _who(one), one.sentence) for one in found.changes])
    if found.cursor is not None:
        print("\nThere are more: give a larger --last.")


def _moment(at_ms: int | None) -> str:
    if at_ms is None:
        return "time not known"
    return datetime.fromtimestamp(at_ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _who(change: "ChangeDocument") -> str:
    return change.actor if change.uid is None else f"{change.actor}, user {change.uid}"


def _count(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= MAX_AUDIT_PAGE):
        raise argparse.ArgumentTypeError(f"give a number from 1 to {MAX_AUDIT_PAGE}")
    return int(text)
