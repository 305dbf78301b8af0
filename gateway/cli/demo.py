"""``meshgate demo``: two islands of virtual phones, joined by two real gateways over real libp2p."""

import argparse
import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.output import CommandError, Exit, emit, note

_EXAMPLES = (
    "meshgate demo                           # watch until Ctrl-C",
    "meshgate demo --seconds 60 --json       # one minute, then the figures",
    "meshgate demo --seconds 60 --kill-node  # with a process killed half way",
)
DEFAULT_PHONES = 3


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "demo", "Join two islands of virtual phones through two real gateways.", _EXAMPLES)
    parser.add_argument("--seconds", type=_positive, metavar="N", help="stop after N seconds of talk (default: on Ctrl-C)")
    parser.add_argument(
        "--phones", type=_phones, default=DEFAULT_PHONES, metavar="N", help="virtual phones per island (3 to 20, default 3)"
    )
    parser.add_argument(
        "--kill-node", action="store_true", help="kill one gateway's libp2p process half way (after 10 s without --seconds)"
    )


def run(args: argparse.Namespace) -> int:
    """Show the demo; exit code 1 if anything was lost or came twice."""
    from gateway.cli.demo_islands import Demo, DemoError  # noqa: PLC0415 -- slow to import
    from gateway.cli.demo_view import Lines, Live, summary  # noqa: PLC0415

    live = sys.stderr.isatty() and not args.json
    with TemporaryDirectory(prefix="meshgate-demo-") as directory:
        demo = Demo(Path(directory), args.phones, seconds=args.seconds, kill_node=args.kill_node)
        view = Live(demo) if live else Lines(demo, note)
        try:
            asyncio.run(demo.run(view))
        except DemoError as error:
            raise CommandError("demo_failed", str(error), hint=error.hint) from error
    result = demo.result()
    if args.json:
        emit(result)
    else:
        print(summary(result))
    return Exit.OK if demo.is_clean() else Exit.FAILED


def _positive(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 86_400:
        raise argparse.ArgumentTypeError("give seconds between 1 and 86400")
    return seconds


def _phones(text: str) -> int:
    count = int(text)
    if not 3 <= count <= 20:
        raise argparse.ArgumentTypeError("give a number of phones from 3 to 20")
    return count
