"""``meshgate demo``: two islands of virtual phones, joined by two real gateways over a real network."""

import argparse
import asyncio
import contextlib
import os
import shutil
import sys
import textwrap
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.output import CommandError, Exit, emit, note

_EXAMPLES = (
    "meshgate demo                           # watch until Ctrl-C",
    "meshgate demo --seconds 60 --json       # one minute, then the figures",
    "meshgate demo --seconds 60 --kill-node  # with a process killed half way",
    "meshgate demo --transport websocket     # over WebSocket, without libp2p",
    "meshgate demo --seconds 60 --failover   # over both; libp2p goes away",
)
MIN_PHONES, MAX_PHONES = 3, 20  # per island
DEFAULT_PHONES = 3
MAX_SECONDS = 86_400


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "demo", "Join two islands of virtual phones through two real gateways.", _EXAMPLES)
    parser.add_argument("--seconds", type=_seconds, metavar="N", help="stop after N seconds of talk (default: on Ctrl-C)")
    parser.add_argument(
        "--phones", type=_phones, default=DEFAULT_PHONES, metavar="N", help="virtual phones per island (3 to 20, default 3)"
    )
    parser.add_argument("--transport", choices=("libp2p", "websocket"), help="what joins the two gateways (default libp2p)")
    parser.add_argument(
        "--kill-node", action="store_true", help="kill one gateway's libp2p process half way (after 10 s without --seconds)"
    )
    parser.add_argument(
        "--failover",
        action="store_true",
        help="join them by both transports, kill one libp2p process for good, and let it come back later",
    )


def run(args: argparse.Namespace) -> int:
    """Show the demo; exit code 1 if anything was lost or came twice, 130 if it was stopped before anybody spoke."""
    from gateway.cli.demo_islands import Demo, DemoError  # noqa: PLC0415 -- slow to import
    from gateway.cli.demo_view import Lines, Live, summary  # noqa: PLC0415

    if args.failover and (args.transport or args.kill_node):
        raise CommandError("usage", "--failover uses both transports and does its own killing.", status=Exit.USAGE)
    if args.kill_node and args.transport == "websocket":
        raise CommandError("usage", "--kill-node kills a libp2p process, and there is none with --transport websocket.", status=Exit.USAGE)
    transports = ("libp2p", "websocket") if args.failover else (args.transport or "libp2p",)
    live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and not args.json
    with TemporaryDirectory(prefix="meshgate-demo-") as directory:
        demo = Demo(Path(directory), args.phones, seconds=args.seconds, kill_node=args.kill_node, transports=transports)
        view = Live(demo) if live else Lines(demo, note)
        try:
            asyncio.run(demo.run(view))
        except DemoError as error:
            raise CommandError("demo_failed", str(error), hint=error.hint) from error
    result = demo.result()
    if args.json:
        emit(result)
    else:
        print(_wrapped(summary(result)))
    if demo.interrupted and not result["messages"]:
        return Exit.INTERRUPTED
    return Exit.OK if demo.is_clean() else Exit.FAILED


def _wrapped(text: str) -> str:
    """The text without words cut in two, where a person reads it."""
    if not sys.stdout.isatty():
        return text
    columns = shutil.get_terminal_size().columns
    return "\n".join(textwrap.fill(line, columns) for line in text.splitlines())


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 1 <= (seconds := float(text)) <= MAX_SECONDS:
            return seconds
    raise argparse.ArgumentTypeError(f"give seconds from 1 to {MAX_SECONDS}")


def _phones(text: str) -> int:
    if not (text.isdecimal() and MIN_PHONES <= int(text) <= MAX_PHONES):
        raise argparse.ArgumentTypeError(f"give a number of phones from {MIN_PHONES} to {MAX_PHONES}")
    return int(text)
