"""``meshgate radio``: the Bluetooth adapters, for a person at the box."""

import argparse
from typing import TYPE_CHECKING

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.asking import answer, print_json
from gateway.cli.config import add_options, load_from
from gateway.cli.output import Exit, note

if TYPE_CHECKING:
    from gateway.admin.radio import ScanDocument, ScanRequest
    from gateway.config import Config

_EXAMPLES = ("meshgate radio links", "meshgate radio scan --seconds 20", "meshgate radio reset --adapter hci0")
_STEPS = ("new-scanner", "forget-devices", "power-cycle", "reset-adapter", "restart-bluetooth")


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "radio", "Show and steer the Bluetooth adapters.", _EXAMPLES)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, title="verbs")
    links = add_command(verbs, "links", "Show the adapters of the running gateway and their links.", _EXAMPLES[:1])
    add_options(links)
    scan = add_command(verbs, "scan", "Listen for a while and list who offers BitChat, with or without a gateway.", _EXAMPLES[1:2])
    scan.add_argument("--seconds", type=_seconds, default=8.0, metavar="N", help="how long to listen (1 to 60, default 8)")
    scan.add_argument("--peer-ids", action="store_true", help="also print the peer IDs that devices show; they stand for people")
    add_options(scan)
    reset = add_command(verbs, "reset", "Take a step against a radio that does not work.", _EXAMPLES[2:])
    reset.add_argument("--adapter", metavar="NAME", help="the adapter, such as hci0 (default: all in use)")
    reset.add_argument(
        "--step",
        choices=_STEPS,
        default="power-cycle",
        metavar="STEP",
        help=f"from gentle to rough: {', '.join(_STEPS)} (default power-cycle)",
    )
    add_options(reset)


def run(args: argparse.Namespace) -> int:
    """Do what the verb says."""
    config = load_from(args).config
    match args.verb:
        case "links":
            return _links(args, config)
        case "scan":
            return _scan(args, config)
        case _:
            return _reset(args, config)


def _links(args: argparse.Namespace, config: "Config") -> int:
    from gateway.admin.client import get_radio  # noqa: PLC0415 -- slow to import
    from gateway.cli.radio_view import print_radio  # noqa: PLC0415

    radio = answer(get_radio(config.control.socket))
    if args.json:
        print_json(radio)
    else:
        print_radio(radio)
    return Exit.OK


def _scan(args: argparse.Namespace, config: "Config") -> int:
    from gateway.admin.radio import ScanRequest  # noqa: PLC0415 -- slow to import
    from gateway.cli.radio_view import print_heard  # noqa: PLC0415

    note(f"Listening for {args.seconds:.0f} s.")
    found = answer(_listen(config, ScanRequest(args.seconds, args.peer_ids)))
    if args.json:
        print_json(found)
    else:
        print_heard(found)
    return Exit.OK


def _reset(args: argparse.Namespace, config: "Config") -> int:
    from gateway.admin.client import reset  # noqa: PLC0415 -- slow to import
    from gateway.admin.radio import ResetRequest  # noqa: PLC0415

    result = answer(reset(config.control.socket, ResetRequest(args.adapter, args.step.replace("-", "_"))))
    if args.json:
        print_json(result)
    else:
        print("\n".join(result.sentences))
    return Exit.OK if result.done else Exit.FAILED


async def _listen(config: "Config", request: "ScanRequest") -> "ScanDocument":
    """Let the gateway listen; where there is none, or it has no radio, use the adapters directly."""
    from gateway.admin.client import RefusedError, UnreachableError, scan  # noqa: PLC0415 -- slow to import
    from gateway.cli.radio_survey import survey  # noqa: PLC0415

    try:
        return await scan(config.control.socket, request)
    except UnreachableError as error:
        if not error.absent:
            raise
    except RefusedError as error:
        if error.document.code != "no_radio":
            raise
    return await survey(config.radio, request)


def _seconds(text: str) -> float:
    if not (text.isdecimal() and 1 <= int(text) <= 60):
        raise argparse.ArgumentTypeError("give whole seconds from 1 to 60")
    return float(text)
