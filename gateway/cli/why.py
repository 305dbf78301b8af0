"""``meshgate why``: what became of a message, and why."""

import argparse

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.asking import answer, print_json
from gateway.cli.config import add_options, load_from
from gateway.cli.output import CommandError, Exit
from gateway.limits import MAX_WHY_LATEST

_EXAMPLES = (
    "meshgate why --last 10                  # find an ID: the latest ones",
    "meshgate why 3f9a21                     # an ID, or its beginning",
    "meshgate why 3f9a21 --json",
)


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "why", "Tell what the running gateway did with a message, and why.", _EXAMPLES)
    parser.add_argument(
        "id",
        nargs="?",
        metavar="ID",
        help="a message ID, packet ID, Nostr event ID or a site's peer ID, or the beginning of one",
    )
    parser.add_argument("--last", type=_count, metavar="N", help=f"list the N latest IDs instead (1 to {MAX_WHY_LATEST})")
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the gateway; exit code 1 if several IDs begin so, 3 if none does."""
    from gateway.admin.client import get_latest, get_why  # noqa: PLC0415 -- slow to import
    from gateway.cli.why_view import print_candidates, print_latest, print_story  # noqa: PLC0415

    if (args.id is None) == (args.last is None):
        hint = "`meshgate why --last 10` lists what there is."
        raise CommandError("usage", "Give an ID or --last N.", hint=hint, status=Exit.USAGE)
    socket = load_from(args).config.control.socket
    if args.last is not None:
        latest = answer(get_latest(socket, args.last))
        if args.json:
            print_json(latest)
        else:
            print_latest(latest)
        return Exit.OK
    story = answer(get_why(socket, args.id))
    if args.json:
        print_json(story)
    elif story.id:
        print_story(story)
    else:
        print_candidates(story)
    return Exit.OK if story.id else Exit.FAILED


def _count(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= MAX_WHY_LATEST):
        raise argparse.ArgumentTypeError(f"give a number from 1 to {MAX_WHY_LATEST}")
    return int(text)
