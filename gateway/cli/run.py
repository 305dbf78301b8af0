"""``meshgate run``: the gateway itself, on real radios or on a simulated island."""

import argparse
import asyncio
import contextlib
import os
import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.config import add_options, config_file, load_from
from gateway.cli.output import CommandError, Exit

if TYPE_CHECKING:
    from gateway.app import Gateway
    from gateway.config import Config, Loaded
    from gateway.config.editing import ConfigFile
    from gateway.runtime.panel import Panel

_EXAMPLES = (
    "meshgate run --config /etc/meshgate/config.toml",
    "meshgate run --simulate 5               # five virtual phones, no radio needed",
    "meshgate run --simulate 0 --feed in.hex --capture out.hex",
)
_LOG_FORMAT = "the log as text, json or journal, instead of log.format"
STOP_S = 10  # seconds a stop may take; what has not ended then is ended
MAX_PHONES = 200  # that one process can move in real time on a small board
MAX_RATE = 100_000  # frames a second; the gateway takes far fewer from one neighbour


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "run", "Run the gateway until it is stopped.", _EXAMPLES)
    add_options(parser)
    parser.add_argument("--simulate", type=_count, metavar="N", help=f"use no radio but an island of N virtual phones (0 to {MAX_PHONES})")
    parser.add_argument("--feed", type=Path, metavar="FILE", help="play a capture (one frame in hex a line) as if a neighbour had sent it")
    parser.add_argument("--feed-rate", type=_rate, default=50.0, metavar="HZ", help="frames a second to play (default 50)")
    parser.add_argument("--log-format", choices=("auto", "text", "json", "journal"), metavar="FORMAT", help=_LOG_FORMAT)
    parser.add_argument("--capture", type=Path, metavar="FILE", help="write every frame sent to it, one in hex a line")


def run(args: argparse.Namespace) -> int:
    """Run the gateway; returns when it was told to stop."""
    from transports.replay import CaptureError  # noqa: PLC0415

    try:
        ended = asyncio.run(_serve(args, _checked(_settled(args)), config_file(args)))
    except CaptureError as error:
        raise CommandError("capture_unusable", str(error), hint="A capture has one frame in hexadecimal on each line.") from error
    if ended is None:
        # The same process becomes a new gateway: whoever watches over it, systemd or a terminal, sees no end.
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 -- our own command line
    return ended


def _settled(args: argparse.Namespace) -> "Loaded":
    """Return the configuration, after what is left to do of a backup that was being restored; raises `ConfigError`."""
    from gateway.backup.restoring import finish  # noqa: PLC0415 -- slow to import

    loaded = load_from(args)
    return load_from(args) if finish(loaded.config) else loaded


def _checked(loaded: "Loaded") -> "Config":
    """Return the configuration; raises `InvalidPolicyError` if the rules it names cannot be used."""
    from gateway.config.policy import policy_in_force  # noqa: PLC0415 -- slow to import

    policy_in_force(loaded)
    return loaded.config


async def _serve(args: argparse.Namespace, config: "Config", file: "ConfigFile") -> Exit | None:
    """Run the gateway; returns how it ended, None if it is to start again."""
    from gateway.app import Gateway  # noqa: PLC0415
    from gateway.cli.logging import begin_logging  # noqa: PLC0415
    from gateway.cli.radios import find_radios  # noqa: PLC0415
    from gateway.telemetry.events import Entry, Event, Level  # noqa: PLC0415

    mesh = find_radios(config.radio, args.simulate, args.feed, args.capture, args.feed_rate)
    with begin_logging(config.log, args.log_format) as logs:

        def say(sentence: str, event: Event = Event.GATEWAY_STARTING) -> None:
            logs.tell(Entry(Level.INFO, event, sentence))

        gateway = Gateway(config, mesh.radios, bluetooth=mesh.bluetooth, trouble=mesh.trouble, trusted=mesh.trusted, logs=logs, file=file)
        uplink, own = gateway.libp2p or gateway.websocket, gateway.identity.peer_id.hex()
        if logs.redactor is not None:
            logs.redactor.allow(own, *([uplink.peer_id] if uplink is not None else []))
        stop, told = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, _stop, stop, told)
        loop.add_signal_handler(signal.SIGHUP, gateway.reload)
        gateway.reloads.listen("the configuration", lambda: logs.follow(load_from(args).config.log.level))
        say(f"Starting Meshgate {config.gateway.nickname!r}, peer ID {own}.")
        if uplink is not None:
            say(f"Other sites know this one as {uplink.peer_id}.")
        if mesh.trouble is not None:
            say("Everything else is served meanwhile. To try Meshgate without a radio: meshgate run --simulate 5")
        if gateway.page is not None:
            from gateway.assembly.page import first_words, readable  # noqa: PLC0415

            if logs.redactor is not None:
                logs.redactor.allow(*readable(gateway.page.fingerprint))
            for words in first_words(gateway.page, config):
                say(words, Event.PAGE)
        which = f" --config {shlex.quote(str(args.config))}" if args.config is not None else ""
        say(f"See how it is doing with: meshgate status{which}")
        panel = asyncio.create_task(_panel(gateway, say).run(), name="panel")
        try:
            await gateway.run(stop)
        finally:
            panel.cancel()
            await asyncio.gather(panel, return_exceptions=True)
        if gateway.wiping.is_wanted:
            say("Wiped. The next start is that of another gateway.", Event.GATEWAY_STOPPED)
            return Exit.TEMPORARY  # systemd starts it again
        if gateway.backups.is_wanted:
            say("Restored. The next start is that of the gateway of the backup.", Event.GATEWAY_STOPPED)
            return Exit.TEMPORARY
        restarts = gateway.steering.restarts and not told.is_set()
        say("Starting again." if restarts else "Stopped.", Event.GATEWAY_STOPPED)
    return None if restarts else Exit.OK


def _stop(stop: asyncio.Event, told: asyncio.Event) -> None:
    """End in good order, or after `STOP_S` without it: the kernel sees to that, whatever hangs."""
    signal.alarm(STOP_S)
    told.set()
    stop.set()


def _panel(gateway: "Gateway", say: Callable[[str], None]) -> "Panel":
    from gateway.assembly.page import setup_words  # noqa: PLC0415
    from gateway.runtime.panel import Panel  # noqa: PLC0415

    def setup() -> None:
        if gateway.page is None:
            say("There is no setup mode without the page (page.enabled).")
        else:
            say(setup_words(gateway.page))

    return Panel(lambda: gateway.health.worst, setup, gateway.wiping.wipe, say, witness=gateway.witness)


def _count(text: str) -> int:
    if not (text.isdecimal() and int(text) <= MAX_PHONES):
        raise argparse.ArgumentTypeError(f"give a number of phones from 0 to {MAX_PHONES}")
    return int(text)


def _rate(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < (rate := float(text)) <= MAX_RATE:
            return rate
    raise argparse.ArgumentTypeError(f"give frames a second, above 0 and at most {MAX_RATE}")
