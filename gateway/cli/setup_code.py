"""``meshgate setup-code``: a code with which somebody chooses the first passphrase of the page, or one in the place of a lost one."""

import argparse
import sys

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.asking import answer, print_json
from gateway.cli.config import add_options, load_from
from gateway.cli.output import Exit

_EXAMPLES = ("sudo meshgate setup-code                # then open /setup on the page",)


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "setup-code", "Make a code for choosing a passphrase for the page.", _EXAMPLES)
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the running gateway for one."""
    from gateway.admin.client import make_setup_code  # noqa: PLC0415 -- slow to import

    made = answer(make_setup_code(load_from(args).config.control.socket))
    if args.json:
        print_json(made)
        return Exit.OK
    print(made.code)
    if sys.stdout.isatty():
        print(f"\nIt works once, within {made.seconds // 60} minutes. Open one of these, compare the fingerprint, and go to /setup:")
        for address in made.addresses:
            print(f"  {address}")
        print(f"SHA-256 {made.fingerprint}")
    return Exit.OK
