"""``meshgate messages``: what became of messages."""

import argparse

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.asking import answer, print_json
from gateway.cli.config import add_options, load_from
from gateway.cli.output import Exit, note, print_table

_EXAMPLES = ("meshgate messages", "meshgate messages --state dropped", "meshgate messages --limit 100 --json")
_STATES = ("waiting", "local", "crossed", "delivered", "read", "dropped", "expired")
_MOST = 100


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "messages", "List what became of messages, the latest first.", _EXAMPLES)
    parser.add_argument("--state", choices=_STATES, metavar="STATE", help=f"only those that are {', '.join(_STATES[:-1])} or {_STATES[-1]}")
    parser.add_argument("--limit", type=_count, default=20, metavar="N", help=f"how many (1 to {_MOST}, default 20)")
    parser.add_argument("--cursor", default="", metavar="C", help="go on where a list before has ended")
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the gateway and print its answer."""
    from gateway.admin.messages import Stage  # noqa: PLC0415 -- slow to import
    from gateway.client import Client  # noqa: PLC0415

    client = Client(load_from(args).config.control.socket)
    found = answer(client.messages(None if args.state is None else Stage(args.state), args.limit, args.cursor))
    if args.json:
        print_json(found)
        return Exit.OK
    if found.messages:
        rows = [(one.id[:12], f"{one.at.astimezone():%H:%M:%S}", one.state.value, one.what, one.sentence) for one in found.messages]
        print_table(("ID", "AT", "STATE", "WHAT", "LAST"), rows)
    else:
        print("There are none.")
    if found.next is not None:
        note(f"There may be more: --cursor {found.next}. What became of one, and why: meshgate why ID.")
    return Exit.OK


def _count(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= _MOST):
        raise argparse.ArgumentTypeError(f"give a number from 1 to {_MOST}")
    return int(text)
