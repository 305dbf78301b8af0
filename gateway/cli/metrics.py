"""``meshgate metrics``: what Prometheus would read, and what is shipped for Prometheus and Grafana."""

import argparse
import asyncio
from importlib.resources import files

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.config import add_options, load_from
from gateway.cli.output import CommandError, Exit, emit

_EXAMPLES = (
    "meshgate metrics show                         # as on /metrics",
    "meshgate metrics dashboard > meshgate.json    # Dashboards, New, Import",
    "meshgate metrics alerts > meshgate.yml        # into rule_files of Prometheus",
)
_SHIPPED = {"dashboard": "dashboard.json", "alerts": "alerts.yml"}


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "metrics", "Show the gateway's numbers, and what is shipped to watch them.", _EXAMPLES)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, title="verbs")
    add_options(add_command(verbs, "show", "Print every metric of the running gateway, as Prometheus reads it.", _EXAMPLES[:1]))
    add_command(verbs, "dashboard", "Print a dashboard for Grafana.", _EXAMPLES[1:2])
    add_command(verbs, "alerts", "Print alert rules for Prometheus.", _EXAMPLES[2:])


def run(args: argparse.Namespace) -> int:
    """Do what the verb says."""
    text = _shown(args) if args.verb == "show" else files("gateway.telemetry").joinpath("shipped", _SHIPPED[args.verb]).read_text()
    if args.json and args.verb != "dashboard":
        emit({args.verb: text})
    else:
        print(text, end="")
    return Exit.OK


def _shown(args: argparse.Namespace) -> str:
    from gateway.admin.client import UnreachableError, get_metrics  # noqa: PLC0415 -- slow to import

    try:
        return asyncio.run(get_metrics(load_from(args).config.control.socket))
    except UnreachableError as error:
        hint = "Start it with `meshgate run`, or name its configuration with --config."
        raise CommandError("unreachable", str(error), hint=hint, status=Exit.UNREACHABLE) from error
