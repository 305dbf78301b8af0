"""``meshgate status``: how the running gateway is doing."""

import argparse
import asyncio
from typing import TYPE_CHECKING

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.config import add_options, load_from
from gateway.cli.output import CommandError, Exit, print_table

if TYPE_CHECKING:
    from gateway.status import GatewayStatus, PeerSummary

_EXAMPLES = ("meshgate status", "meshgate status --json")


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "status", "Say how the running gateway is doing.", _EXAMPLES)
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the gateway and print its answer; exit code 1 if it has problems."""
    import msgspec  # noqa: PLC0415 -- slow to import

    from gateway.admin.client import UnreachableError, get_status  # noqa: PLC0415

    socket = load_from(args).config.control.socket
    try:
        status = asyncio.run(get_status(socket))
    except UnreachableError as error:
        hint = "Start it with `meshgate run`, or name its configuration with --config."
        raise CommandError("unreachable", str(error), hint=hint, status=Exit.UNREACHABLE) from error
    if args.json:
        print(msgspec.json.encode(status).decode())
    else:
        _print(status)
    return Exit.FAILED if status.problems else Exit.OK


def _print(status: "GatewayStatus") -> None:
    print(status.sentence)
    for problem in status.problems:
        print(f"  ! {problem.sentence} {problem.remedy}")
    print()
    print_table(
        ("TRANSPORT", "STATE", "LINKS", ""),
        [(name, one.state.value, str(one.links), one.sentence) for name, one in status.transports.items()],
    )
    print()
    print(_bridge(status))
    for route in status.bridge.routes:
        spare = f", {' and '.join(map(_transport, route.spare))} in reserve" if route.spare else ""
        print(f"To {route.site} over {_transport(route.using) if route.using else 'nothing'}{spare}: {route.why}.")
    if status.shed_frames:
        print(f"{status.shed_frames} {'frames were' if status.shed_frames != 1 else 'frame was'} given up because a link stayed busy.")
    if status.store.waiting or status.store.dropped:
        print(f"Records waiting for the disk: {status.store.waiting}; given up because it could not be written: {status.store.dropped}.")
    if status.mesh.peers:
        print()
        print_table(
            ("PEER", "NAME", "WHERE", "HEARD"),
            [(peer.peer_id, peer.nickname, _where(peer), f"{peer.last_heard_s:.0f} s ago") for peer in status.mesh.peers],
        )


def _bridge(status: "GatewayStatus") -> str:
    bridge = status.bridge
    if bridge.is_switched_off:
        return "The bridge was switched off by a command, and stays so until it is switched on again: nothing crosses to other sites."
    if bridge.mode.value == "off":
        return "The bridge is off: nothing crosses to other sites."
    if bridge.is_closed:
        return "The bridge is closed: bridge.cell does not say where it stands."
    if bridge.mode.value == "consent":
        done, consent = bridge.consent.counters, bridge.consent
        moved = f"{done.get('deposited', 0)} messages out, {done.get('arrived', 0)} in, {done.get('put_down', 0)} on the radio"
        return f"Bridge consent, cell {consent.cell}: {moved}; people on other islands: {consent.people}."
    return f"Bridge {bridge.mode.value}: {bridge.crossed_out} packets out, {bridge.crossed_in} in, {bridge.passed_on} passed on."


def _transport(link: str) -> str:
    return link.partition(":")[0]


def _where(peer: "PeerSummary") -> str:
    if peer.local:
        return "near"
    return "other island" if peer.remote else "gone"
