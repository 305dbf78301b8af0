"""``meshgate doctor``: what is wrong with this machine, and what to do about it."""

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.config import add_options, load_from
from gateway.cli.output import Exit, bold, emit

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.doctor.finding import Finding

_EXAMPLES = ("meshgate doctor", "meshgate doctor --json | jq '.findings[] | select(.verdict != \"ok\")'")
_ORDER = ("fail", "warn", "unknown", "ok")
_WIDTH = 9  # columns of the verdict and the space after it


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "doctor", "Look at the radio of this machine and say what to do about it.", _EXAMPLES)
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Examine; exit code 1 if something does not work."""
    import msgspec  # noqa: PLC0415 -- slow to import

    findings = asyncio.run(_examine(load_from(args).config))
    counts = Counter(one.verdict.value for one in findings)
    worst = next(verdict for verdict in _ORDER if counts[verdict])
    if args.json:
        emit({"verdict": worst, "counts": {verdict: counts[verdict] for verdict in _ORDER}, "findings": msgspec.to_builtins(findings)})
    else:
        _print(findings, counts)
    return Exit.FAILED if counts["fail"] else Exit.OK


async def _examine(config: "Config") -> "list[Finding]":
    from gateway.admin.client import UnreachableError, get_status  # noqa: PLC0415 -- slow to import
    from gateway.config.schema import ClockTrust  # noqa: PLC0415
    from gateway.doctor.facts import RadioWants  # noqa: PLC0415
    from gateway.doctor.gather import gather_radio  # noqa: PLC0415
    from gateway.doctor.radio import examine_radio  # noqa: PLC0415

    radio = config.radio
    try:
        await get_status(config.control.socket)
        runs = True
    except UnreachableError:
        runs = False
    wants = RadioWants(radio.enabled, radio.announce_peer_id, radio.clock is ClockTrust.TRUST, radio.adapters)
    facts = await gather_radio(radio.recovery_socket, gateway_runs=runs)
    return examine_radio(facts, wants, str(radio.recovery_socket))


def _print(findings: "Sequence[Finding]", counts: Counter[str]) -> None:
    for one in findings:
        verdict = one.verdict.value.ljust(_WIDTH)
        print(f"{verdict if one.verdict == 'ok' else bold(verdict, sys.stdout)}{one.sentence}")
        if one.remedy:
            print(" " * _WIDTH + one.remedy)
    print()
    print(summary(counts))


def summary(counts: Counter[str]) -> str:
    """Say in one sentence how it is."""
    if not (counts["fail"] or counts["warn"]):
        return "All is well." if not counts["unknown"] else "Nothing is wrong that can be seen from here."
    parts = [f"{counts[verdict]} {word}" for verdict, word in (("fail", "not working"), ("warn", "could be better")) if counts[verdict]]
    return f"{' and '.join(parts)}; what to do stands below each."
