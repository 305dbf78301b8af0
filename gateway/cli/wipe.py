"""``meshgate wipe``: forget everything, now."""

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.asking import answer, print_json
from gateway.cli.config import add_options, load_from
from gateway.cli.output import CommandError, Exit, note

if TYPE_CHECKING:
    from gateway.admin.wipe import WipeDocument
    from gateway.config import Config

_EXAMPLES = ("meshgate wipe                           # asks first", "sudo -u meshgate meshgate wipe --yes    # does not")


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "wipe", "Erase keys, mail, history, members; become somebody else.", _EXAMPLES)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Ask, let the running gateway do it or do it here, and say what is gone."""
    from gateway.admin.wipe import WORD  # noqa: PLC0415 -- slow to import

    config = load_from(args).config
    if not args.yes:
        _ask(config, WORD)
    done = answer(_wipe(config))
    if args.json:
        print_json(done)
    else:
        _print(done)
    return Exit.FAILED if done.failed else Exit.OK


def _ask(config: "Config", word: str) -> None:
    if not sys.stdin.isatty():
        raise CommandError("not_confirmed", "Nothing was erased: nobody is there to ask.", hint="Give --yes.", status=Exit.USAGE)
    note(f"This erases everything the gateway of {config.gateway.state_dir} knows: its keys, mail, history and federation.")
    note("It cannot be taken back. Members must let the new gateway in again.")
    note(f"Write {word} to go on:")
    if input().strip() != word:
        raise CommandError("not_confirmed", "Nothing was erased.", status=Exit.REFUSED)


async def _wipe(config: "Config") -> "WipeDocument":
    from gateway.admin import client  # noqa: PLC0415 -- slow to import
    from gateway.admin.wipe import WORD, WipeRequest  # noqa: PLC0415
    from gateway.runtime.erase import erase  # noqa: PLC0415
    from gateway.store.database import is_held  # noqa: PLC0415

    try:
        return await client.wipe(config.control.socket, WipeRequest(WORD))
    except client.UnreachableError as error:
        if not error.absent:
            hint = "Nothing was erased yet. End it: systemctl kill -s KILL meshgate; then wipe again."
            raise CommandError("unreachable", str(error), hint=hint, status=Exit.UNREACHABLE) from error
    if await asyncio.to_thread(is_held, config.gateway.state_dir / "store.db"):
        text = f"Another gateway, with another control socket, uses {config.gateway.state_dir}. Nothing was erased."
        raise CommandError("in_use", text, hint="Stop it, or name its configuration with --config.", status=Exit.TEMPORARY)
    return await asyncio.to_thread(erase, config)


def _print(done: "WipeDocument") -> None:
    if not (done.erased or done.failed):
        print("There was nothing to erase.")
    for path in done.erased:
        print(f"erased  {path}")
    for one in done.failed:
        print(f"FAILED  {one.path}: {one.why}")
    for path in done.left:
        print(f"left    {path}")
    print()
    if done.failed:
        print("Not everything is gone. Destroy the card, or take the power away and erase it elsewhere.")
    else:
        print("The next start is that of another gateway. A card may keep copies of what was overwritten: see the threat model.")
