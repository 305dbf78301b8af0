"""``meshgate peers``: who is there."""

import argparse
from typing import TYPE_CHECKING

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.asking import answer
from gateway.cli.config import add_options, load_from
from gateway.cli.output import Exit, print_table

if TYPE_CHECKING:
    from gateway.admin.peers import PeerDocument

_EXAMPLES = ("meshgate peers", "meshgate peers --where near", "meshgate peers --json")


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "peers", "List who is near, relayed or on another island.", _EXAMPLES)
    parser.add_argument("--where", choices=("near", "relayed", "elsewhere"), metavar="WHERE", help="only those near, relayed or elsewhere")
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the gateway and print its answer."""
    import msgspec  # noqa: PLC0415 -- slow to import

    from gateway.admin.peers import Where  # noqa: PLC0415
    from gateway.client import Client  # noqa: PLC0415

    client = Client(load_from(args).config.control.socket)
    found = answer(client.peers(None if args.where is None else Where(args.where)))
    if args.json:
        print(msgspec.json.encode({"peers": found}).decode())
    elif found:
        print_table(("PEER", "NAME", "WHERE", "SIGNAL", "HEARD", "OFFERS"), [_row(one) for one in found])
    else:
        print("Nobody is there." if args.where is None else f"Nobody is {args.where}.")
    return Exit.OK


def _row(one: "PeerDocument") -> tuple[str, ...]:
    signal = "" if one.rssi is None else f"{one.rssi} dBm"
    offers = ", ".join(one.capabilities)
    where = f"{one.where.value}, a gateway" if one.is_gateway else one.where.value
    return one.id, one.nickname or "", where, signal, f"{one.silent_s:.0f} s ago", offers
