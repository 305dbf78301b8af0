"""``meshgate doctor``: what is wrong with this machine, and what to do about it."""

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.config import add_options, load_from
from gateway.cli.output import CommandError, Exit, bold, emit, note

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.doctor.finding import Finding
    from gateway.doctor.repair import Repair
    from gateway.status import GatewayStatus

_EXAMPLES = ("meshgate doctor", "meshgate doctor --bundle support.tar.gz", "meshgate doctor --fix")
_ORDER = ("fail", "warn", "unknown", "ok")
_WIDTH = 9  # columns of the verdict and the space after it


class Examination(NamedTuple):
    """What was found, and what follows from it."""

    findings: "list[Finding]"
    status: "GatewayStatus | None" = None  # of the running gateway
    repairs: "Sequence[Repair]" = ()


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "doctor", "Look at this machine and say what to do about it.", _EXAMPLES)
    parser.add_argument("--fix", action="store_true", help="put right what is safe; asks before each")
    parser.add_argument("--yes", action="store_true", help="with --fix: do not ask")
    parser.add_argument("--bundle", type=Path, metavar="FILE", help="write a support archive without names, IDs and places")
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Examine; exit code 1 if something does not work."""
    import msgspec  # noqa: PLC0415 -- slow to import

    loaded = load_from(args)
    seen = asyncio.run(_examine(loaded.config))
    if args.bundle is not None:
        from gateway.cli.version import bluez  # noqa: PLC0415
        from gateway.doctor.bundle import documents, write_bundle  # noqa: PLC0415

        try:
            write_bundle(args.bundle, documents(loaded, seen.findings, seen.status, bluez()))
        except OSError as error:
            raise CommandError("not_written", f"{args.bundle} cannot be written: {error.strerror}.", hint="Name another file.") from error
    fixed = _fix(seen.repairs, ask=not args.yes) if args.fix else []
    counts = Counter(one.verdict.value for one in seen.findings)
    worst = next(verdict for verdict in _ORDER if counts[verdict])
    if args.json:
        document = {"verdict": worst, "counts": {verdict: counts[verdict] for verdict in _ORDER}}
        more: dict[str, object] = {"repairs": fixed} if args.fix else {}
        emit(document | {"findings": msgspec.to_builtins(seen.findings)} | more)
    else:
        _print(seen.findings, counts)
        for one in fixed:
            print(f"{'done' if one['done'] else 'not done':<{_WIDTH}}{one['what']}{' ' + str(one['why']) if one['why'] else ''}")
    if args.bundle is not None:
        note(f"{args.bundle} is for whoever helps you. Read it before you send it.")
    return Exit.FAILED if counts["fail"] else Exit.OK


async def _examine(config: "Config") -> Examination:
    from gateway.admin.client import UnreachableError, get_status  # noqa: PLC0415 -- slow to import
    from gateway.config.radio import ClockTrust  # noqa: PLC0415
    from gateway.doctor.appliance import check_appliance, look_at_appliance  # noqa: PLC0415
    from gateway.doctor.facts import RadioWants  # noqa: PLC0415
    from gateway.doctor.gather import gather_radio  # noqa: PLC0415
    from gateway.doctor.host import examine_host  # noqa: PLC0415
    from gateway.doctor.radio import examine_radio  # noqa: PLC0415
    from gateway.doctor.reach import gather_host  # noqa: PLC0415
    from gateway.doctor.repair import repairs  # noqa: PLC0415

    radio = config.radio
    status: GatewayStatus | None
    try:
        status = await get_status(config.control.socket)
    except UnreachableError:
        status = None
    wants = RadioWants(radio.enabled, radio.announce_peer_id, radio.clock is ClockTrust.TRUST, radio.adapters)
    facts = await gather_radio(radio.recovery_socket, gateway_runs=status is not None)
    host = await gather_host(config, status)
    findings = examine_radio(facts, wants, str(radio.recovery_socket)) + examine_host(host)
    box = look_at_appliance(config.gateway.state_dir)
    if box is not None:
        findings += check_appliance(box)
    return Examination(findings, status, repairs(config.gateway.state_dir, facts if radio.enabled else None, radio.recovery_socket))


def _fix(repairs: "Sequence[Repair]", *, ask: bool) -> list[dict[str, object]]:
    """Say what would be done, ask, do it; without anybody to ask, nothing is done."""
    done: list[dict[str, object]] = []
    for one in repairs:
        if ask and not _agreed(one.sentence):
            done.append({"what": one.sentence, "done": False, "why": "Give --yes to have it done." if not sys.stdin.isatty() else ""})
            continue
        why = asyncio.run(_do(one))
        done.append({"what": one.sentence, "done": not why, "why": why})
    if not repairs:
        note("There is nothing here that could be put right without you.")
    return done


async def _do(repair: "Repair") -> str:
    return await repair.do()


def _agreed(sentence: str) -> bool:
    if not sys.stdin.isatty():
        return False
    note(f"{sentence} Do it? [y/N]")
    return input().strip().lower() in {"y", "yes"}


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
