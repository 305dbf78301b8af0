"""``meshgate ping``: whether somebody is there."""

import argparse

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.asking import answer, print_json
from gateway.cli.config import add_options, load_from
from gateway.cli.output import Exit

_EXAMPLES = ("meshgate ping 3f9a21c07b5d4e18", "meshgate ping 12D3KooW…            # a linked site")


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "ping", "Ask a peer or a linked site whether it is there.", _EXAMPLES)
    parser.add_argument("target", metavar="ID", help="a peer ID as `meshgate peers` lists it, or a site's")
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Ask, and print how long the answer took; exit code 75 if none came, 3 if nobody like that is known."""
    from gateway.client import Client  # noqa: PLC0415 -- slow to import

    found = answer(Client(load_from(args).config.control.socket).ping(args.target))
    if args.json:
        print_json(found)
    else:
        hops = "" if found.hops is None else f", {found.hops} {'hop' if found.hops == 1 else 'hops'} away"
        print(f"{found.target} answered after {found.seconds * 1000:.0f} ms{hops}.")
    return Exit.OK
