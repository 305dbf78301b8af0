"""``meshgate run``: the gateway itself, on real radios or on a simulated island."""

import argparse
import asyncio
import contextlib
import shlex
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.config import add_options, load_from
from gateway.cli.output import CommandError, Exit, note

if TYPE_CHECKING:
    from gateway.app import Gateway
    from gateway.config import Config, Loaded
    from gateway.runtime.panel import Panel

_EXAMPLES = (
    "meshgate run --config /etc/meshgate/config.toml",
    "meshgate run --simulate 5               # five virtual phones, no radio needed",
    "meshgate run --simulate 0 --feed in.hex --capture out.hex",
)
MAX_PHONES = 200  # that one process can move in real time on a small board
MAX_RATE = 100_000  # frames a second; the gateway takes far fewer from one neighbour


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "run", "Run the gateway until it is stopped.", _EXAMPLES)
    add_options(parser)
    parser.add_argument("--simulate", type=_count, metavar="N", help=f"use no radio but an island of N virtual phones (0 to {MAX_PHONES})")
    parser.add_argument("--feed", type=Path, metavar="FILE", help="play a capture (one frame in hex a line) as if a neighbour had sent it")
    parser.add_argument("--feed-rate", type=_rate, default=50.0, metavar="HZ", help="frames a second to play (default 50)")
    parser.add_argument("--capture", type=Path, metavar="FILE", help="write every frame sent to that neighbour, one in hex a line")


def run(args: argparse.Namespace) -> int:
    """Run the gateway; returns when it was told to stop."""
    from transports.replay import CaptureError  # noqa: PLC0415

    try:
        return asyncio.run(_serve(args, _checked(load_from(args))))
    except CaptureError as error:
        raise CommandError("capture_unusable", str(error), hint="A capture has one frame in hexadecimal on each line.") from error


def _checked(loaded: "Loaded") -> "Config":
    """Return the configuration; raises `InvalidPolicyError` if the rules it names cannot be used."""
    from gateway.config.policy import policy_in_force  # noqa: PLC0415 -- slow to import

    policy_in_force(loaded)
    return loaded.config


async def _serve(args: argparse.Namespace, config: "Config") -> int:
    from gateway.app import Gateway  # noqa: PLC0415
    from gateway.cli.radios import find_radios  # noqa: PLC0415

    mesh = find_radios(config.radio, args.simulate, args.feed, args.capture, args.feed_rate)
    if mesh.trouble is not None:
        note(" ".join(mesh.trouble))
        note("Everything else is served meanwhile. To try Meshgate without a radio: meshgate run --simulate 5")
    gateway = Gateway(config, mesh.radios, bluetooth=mesh.bluetooth, trouble=mesh.trouble, trusted=mesh.trusted, report=note)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, gateway.reload)
    note(f"Starting Meshgate {config.gateway.nickname!r}, peer ID {gateway.identity.peer_id.hex()}.")
    if (uplink := gateway.libp2p or gateway.websocket) is not None:
        note(f"Other sites know this one as {uplink.peer_id}.")
    which = f" --config {shlex.quote(str(args.config))}" if args.config is not None else ""
    note(f"See how it is doing with: meshgate status{which}")
    panel = asyncio.create_task(_panel(gateway).run(), name="panel")
    try:
        await gateway.run(stop)
    finally:
        panel.cancel()
        await asyncio.gather(panel, return_exceptions=True)
    if gateway.is_wiped:
        note("Wiped. The next start is that of another gateway.")
        return Exit.TEMPORARY  # systemd starts it again
    note("Stopped.")
    return Exit.OK


def _panel(gateway: "Gateway") -> "Panel":
    from gateway.runtime.panel import Panel  # noqa: PLC0415

    def setup() -> None:
        note("There is no setup mode without the page.")

    return Panel(lambda: not gateway.status().problems, setup, gateway.wipe, note)


def _count(text: str) -> int:
    if not (text.isdecimal() and int(text) <= MAX_PHONES):
        raise argparse.ArgumentTypeError(f"give a number of phones from 0 to {MAX_PHONES}")
    return int(text)


def _rate(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < (rate := float(text)) <= MAX_RATE:
            return rate
    raise argparse.ArgumentTypeError(f"give frames a second, above 0 and at most {MAX_RATE}")
