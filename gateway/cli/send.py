"""``meshgate send``: say something as the gateway."""

import argparse

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.asking import answer, print_json
from gateway.cli.config import add_options, load_from
from gateway.cli.output import Exit

_EXAMPLES = (
    'meshgate send "Soup at six"             # a notice to everybody on the island',
    'meshgate send "A test" --to 3f9a21c07b5d4e18',
)


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "send", "Send a notice to the island, or a private message to one peer.", _EXAMPLES)
    parser.add_argument("text", metavar="TEXT", help="what to say, 500 bytes at most; 255 to one peer")
    parser.add_argument("--to", default="island", metavar="PEER", help="a peer ID (default: everybody on the island)")
    parser.add_argument("--urgent", action="store_true", help="go ahead of what others say, on busy links")
    parser.add_argument("--key", default="", metavar="WORD", help="a word of your own: the same text with it is sent once")
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Send, and print the receipt."""
    from gateway.client import Client  # noqa: PLC0415 -- slow to import

    receipt = answer(Client(load_from(args).config.control.socket).send(args.text, args.to, urgent=args.urgent, key=args.key))
    if args.json:
        print_json(receipt)
    elif receipt.to == "island":
        print(f"It is on the air. What becomes of it: meshgate why {receipt.id[:12]}")
    else:
        print(f"It leaves when {receipt.to} answers. How far it is: meshgate why {receipt.id[:12]}")
    return Exit.OK
