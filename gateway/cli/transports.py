"""``meshgate transports``: the ways frames can take."""

import argparse

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.asking import answer, print_json
from gateway.cli.config import add_options, load_from
from gateway.cli.output import Exit, print_table

_EXAMPLES = ("meshgate transports", "meshgate transports --json")


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "transports", "Show how each transport is doing, in the order they are used.", _EXAMPLES)
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the gateway and print its answer; exit code 1 if one is down."""
    from gateway.client import Client  # noqa: PLC0415 -- slow to import

    found = answer(Client(load_from(args).config.control.socket).transports())
    if args.json:
        print_json(found)
    else:
        rows = [
            (one.name, "" if one.order is None else str(one.order), one.state.value, str(one.links), one.breaker, one.sentence)
            for one in found.transports
        ]
        print_table(("TRANSPORT", "ORDER", "STATE", "LINKS", "BREAKER", ""), rows)
        for one in found.transports:
            print(f"\n{one.name}: {one.reachability}" + (f" {one.remedy}" if one.remedy else ""))
            for address in one.addresses:
                print(f"  {address}")
    return Exit.FAILED if any(one.state.value == "down" for one in found.transports) else Exit.OK
