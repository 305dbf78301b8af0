"""``meshgate federation``: invite other gateways, join them, see who is a member, and shut somebody out."""

import argparse
import re
import sys
import time
from datetime import datetime
from getpass import getpass
from typing import Final

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.asking import answer, print_json
from gateway.cli.config import add_options, load_from
from gateway.cli.output import CommandError, Exit
from gateway.limits import MAX_TICKET_TEXT, MAX_TICKET_USES

_EXAMPLES = (
    "meshgate federation invite              # a ticket, a QR code and a short code",
    "meshgate federation invite --for 12D3KooW… --valid 1d --scope link,status",
    "meshgate federation join                # asks for the ticket",
    "meshgate federation list --ask",
    "meshgate federation revoke hut",
    "meshgate federation leave",
)
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600}
_PATIENCE_S: Final = 30.0
_MOST_READ: Final = 2 * MAX_TICKET_TEXT  # characters taken from standard input: a ticket, broken into lines


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "federation", "Invite gateways, join them, and shut them out.", _EXAMPLES)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, title="verbs")
    invite = add_command(verbs, "invite", "Make a ticket with which another gateway can join this one.", _EXAMPLES[:2])
    invite.add_argument("--for", dest="audience", metavar="ID", default="", help="the only gateway that may use it (anyone who has it)")
    invite.add_argument("--uses", type=_uses, metavar="N", default=1, help=f"how many gateways may use it, 1 to {MAX_TICKET_USES} (1)")
    invite.add_argument("--valid", type=_duration, metavar="TIME", default=3600, help="for how long it can be used: 30m, 12h, 7d (1h)")
    invite.add_argument("--until", type=_moment, metavar="WHEN", default=0, help="when the membership ends: a date and time, or 2d (never)")
    invite.add_argument("--scope", metavar="RIGHTS", default="", help="what of link,history,status,invite it may (not invite)")
    invite.add_argument("--address", metavar="ADDRESS", action="append", default=[], help="where to call this gateway (where it listens)")
    invite.add_argument("--no-qr", action="store_true", help="print no QR code")
    add_options(invite)
    join = add_command(verbs, "join", "Join with a ticket or a code.", _EXAMPLES[2:3])
    join.add_argument(
        "ticket",
        nargs="?",
        default="",
        metavar="TICKET",
        help="the ticket or the code; left out, it is asked for, and - reads it from standard input. "
        "On the command line other users of this machine can see it, and the shell remembers it",
    )
    join.add_argument("--at", metavar="ADDRESS", action="append", default=[], help="where the other gateway is called; repeatable")
    add_options(join)
    show = add_command(verbs, "list", "Show who is a member, and who is shut out.", _EXAMPLES[3:4])
    show.add_argument("--ask", action="store_true", help="also ask the linked ones how they are")
    add_options(show)
    revoke = add_command(verbs, "revoke", "Shut a gateway out of the federation, now and everywhere.", _EXAMPLES[4:5])
    revoke.add_argument("who", metavar="WHO", help="its name, its ID, or the beginning of that")
    revoke.add_argument("--undo", action="store_true", help="take it back instead; it needs a new ticket then")
    add_options(revoke)
    leave = add_command(verbs, "leave", "Leave the federation: everybody is told, and forgotten.", _EXAMPLES[5:])
    add_options(leave)


def run(args: argparse.Namespace) -> int:
    """Ask the gateway; exit code 4 if it refuses, 75 if the other one has not answered yet."""
    match args.verb:
        case "invite":
            return _invite(args)
        case "join":
            return _join(args)
        case "list":
            return _list(args)
        case "revoke":
            return _revoke(args)
        case _:
            return _leave(args)


def _invite(args: argparse.Namespace) -> int:
    from gateway.admin.client import invite  # noqa: PLC0415 -- slow to import
    from gateway.admin.federation import InviteRequest  # noqa: PLC0415
    from gateway.cli.federation_view import print_invitation  # noqa: PLC0415

    scope = tuple(word.strip() for word in args.scope.split(",") if word.strip())
    wanted = InviteRequest(args.valid, args.audience, args.uses, args.until, scope, tuple(args.address))
    made = answer(invite(load_from(args).config.control.socket, wanted))
    if args.json:
        print_json(made)
    else:
        print_invitation(made, with_qr=not args.no_qr)
    return Exit.OK


def _join(args: argparse.Namespace) -> int:
    from gateway.admin.client import join  # noqa: PLC0415 -- slow to import
    from gateway.admin.federation import JoinRequest  # noqa: PLC0415

    socket = load_from(args).config.control.socket
    came = answer(join(socket, JoinRequest(_secret(args.ticket), tuple(args.at), _PATIENCE_S)))
    if args.json:
        print_json(came)
    else:
        print(came.sentence)
    return Exit.OK if came.state == "joined" else Exit.TEMPORARY


def _list(args: argparse.Namespace) -> int:
    from gateway.admin.client import get_federation  # noqa: PLC0415 -- slow to import
    from gateway.cli.federation_view import print_federation  # noqa: PLC0415

    found = answer(get_federation(load_from(args).config.control.socket, ask=args.ask))
    if args.json:
        print_json(found)
    else:
        print_federation(found, time.time())
    return Exit.OK


def _revoke(args: argparse.Namespace) -> int:
    from gateway.admin.client import revoke  # noqa: PLC0415 -- slow to import
    from gateway.admin.federation import RevokeRequest  # noqa: PLC0415

    done = answer(revoke(load_from(args).config.control.socket, RevokeRequest(args.who, args.undo)))
    if args.json:
        print_json(done)
    else:
        print(done.sentence)
    return Exit.OK


def _leave(args: argparse.Namespace) -> int:
    from gateway.admin.client import leave  # noqa: PLC0415 -- slow to import

    done = answer(leave(load_from(args).config.control.socket))
    if args.json:
        print_json(done)
    else:
        print(done.sentence)
    return Exit.OK


def _secret(given: str) -> str:
    """Return the ticket from where nobody else sees it, unless it was given on the command line."""
    if given not in ("", "-"):
        return given
    is_asked = given == "" and sys.stdin.isatty()
    found = getpass("Ticket or code (it is not shown): ", sys.stderr) if is_asked else sys.stdin.read(_MOST_READ)
    if not found.strip():
        hint = "Paste it when asked, or write: meshgate federation join - < ticket.txt"
        raise CommandError("usage", "There is no ticket.", hint=hint, status=Exit.USAGE)
    return found.strip()


def _duration(text: str) -> int:
    found = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    if found is None or int(found[1]) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 30m, 12h or 7d")
    return int(found[1]) * _UNITS[found[2]]


def _moment(text: str) -> int:
    if re.fullmatch(r"[0-9]+[smhd]", text):
        return int(time.time()) + _duration(text)
    try:
        return int(datetime.fromisoformat(text).astimezone().timestamp())
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a date such as 2027-05-01T18:00 nor a time such as 2d") from error


def _uses(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= MAX_TICKET_USES):
        raise argparse.ArgumentTypeError(f"give a number of gateways from 1 to {MAX_TICKET_USES}")
    return int(text)
