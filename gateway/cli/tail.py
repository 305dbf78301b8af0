"""``meshgate tail``: what happens, as it happens."""

import argparse
import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.asking import answer
from gateway.cli.config import add_options, load_from
from gateway.cli.output import Exit

if TYPE_CHECKING:
    from gateway.admin.feed import EventDocument, Topic
    from gateway.client import Client

_EXAMPLES = ("meshgate tail", "meshgate tail --filter messages,peers", "meshgate tail --json | jq .type")
_TOPICS = ("peers", "messages", "transports", "policy", "adapters", "alerts")


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "tail", "Print what happens, as it happens, until Ctrl-C.", _EXAMPLES)
    parser.add_argument("--filter", type=_topics, default=(), metavar="TOPICS", help=f"only some of {', '.join(_TOPICS)}")
    parser.add_argument("--since", default="", metavar="ID", help="begin after an event of the same run, as --json shows it")
    parser.add_argument("--count", type=int, default=0, metavar="N", help="end after N events")
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Follow until it ends; with --json one document a line, the state at the beginning included."""
    from gateway.admin.feed import Topic  # noqa: PLC0415 -- slow to import
    from gateway.client import Client  # noqa: PLC0415

    client = Client(load_from(args).config.control.socket)
    answer(_follow(client, [Topic(one) for one in args.filter], args.since, args.count, as_json=args.json))
    return Exit.OK


async def _follow(client: "Client", topics: "Collection[Topic]", since: str, count: int, *, as_json: bool) -> None:
    import msgspec  # noqa: PLC0415 -- slow to import

    seen = 0
    async for event in client.follow(topics, since):
        if as_json:
            print(msgspec.json.encode(event).decode(), flush=True)
        else:
            print(line_of(event), flush=True)
        seen += event.type not in {"state", "gap"}
        if count and seen >= count:
            return
        await asyncio.sleep(0)


def line_of(event: "EventDocument") -> str:
    """Return an event as a line for a person."""
    at = "--:--:--" if event.time is None else f"{event.time.astimezone():%H:%M:%S}"
    if event.type == "state":
        return f"{at} {event.data.get('sentence', '')}"
    if event.type == "gap":
        return f"{at} Some events were missed."
    told = " ".join(f"{name}={value}" for name, value in event.data.items() if value not in ("", None))
    return f"{at} {event.type:<19} {told}"


def _topics(text: str) -> tuple[str, ...]:
    wanted = tuple(one.strip() for one in text.split(",") if one.strip())
    for one in wanted:
        if one not in _TOPICS:
            raise argparse.ArgumentTypeError(f"{one!r} is no topic; there are {', '.join(_TOPICS)}")
    return wanted
