"""``meshgate logs``: the last entries of the running gateway's log."""

import argparse
import asyncio
from typing import TYPE_CHECKING

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.asking import answer, print_json
from gateway.cli.config import add_options, load_from
from gateway.cli.output import Exit

if TYPE_CHECKING:
    from gateway.admin.logbook import LogEntry, LogLevel
    from gateway.client import Client

_EXAMPLES = ("meshgate logs", "meshgate logs --level warning --limit 50", "meshgate logs --follow")
_LEVELS = ("debug", "info", "warning", "error")
_MOST = 1_000
_EVERY_S = 1.0  # seconds between two looks for new entries


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "logs", "Print the last entries of the log, without names and secrets.", _EXAMPLES)
    parser.add_argument("--level", choices=_LEVELS, default="info", metavar="LEVEL", help=f"from which level on: {', '.join(_LEVELS)}")
    parser.add_argument("--limit", type=_count, default=100, metavar="N", help=f"how many (1 to {_MOST}, default 100)")
    parser.add_argument("--follow", action="store_true", help="go on until Ctrl-C")
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the gateway and print its answer."""
    from gateway.admin.logbook import LogLevel  # noqa: PLC0415 -- slow to import
    from gateway.client import Client  # noqa: PLC0415

    client, level = Client(load_from(args).config.control.socket), LogLevel(args.level)
    if args.follow:
        answer(_follow(client, level, args.limit, as_json=args.json))
        return Exit.OK
    found = answer(client.logs(level, args.limit))
    if args.json:
        print_json(found)
    else:
        for one in found.entries:
            print(line_of(one))
    return Exit.OK


async def _follow(client: "Client", level: "LogLevel", limit: int, *, as_json: bool) -> None:
    import msgspec  # noqa: PLC0415 -- slow to import

    after = 0
    while True:
        for one in (await client.logs(level, limit, after)).entries:
            print(msgspec.json.encode(one).decode() if as_json else line_of(one), flush=True)
            after = one.id
        await asyncio.sleep(_EVERY_S)


def line_of(one: "LogEntry") -> str:
    """Return an entry as a line for a person."""
    level = "" if one.level.value == "info" else f"{one.level.value}: "
    return f"{one.time.astimezone():%H:%M:%S} {level}{' '.join(one.sentence.split())}"


def _count(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= _MOST):
        raise argparse.ArgumentTypeError(f"give a number from 1 to {_MOST}")
    return int(text)
