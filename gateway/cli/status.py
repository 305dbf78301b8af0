"""``meshgate status``: how the running gateway is doing."""

import argparse
import asyncio
from typing import TYPE_CHECKING

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.config import add_options, load_from
from gateway.cli.output import CommandError, Exit, print_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.status import GatewayStatus, PeerSummary

_EXAMPLES = ("meshgate status", "meshgate status --json")
_RELAYS = "nostr"  # where a site is named by its identity


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "status", "Say how the running gateway is doing.", _EXAMPLES)
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the gateway and print its answer; exit code 1 if something is wrong, which a notice is not."""
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
    return Exit.OK if status.is_well else Exit.FAILED


def _print(status: "GatewayStatus") -> None:
    print(status.sentence)
    for problem in status.problems:
        print(f"  {_MARKS[problem.severity.value]} {f'{problem.sentence} {problem.remedy}'.strip()} (for {lasting(problem.lasting_s)})")
    print()
    print_table(
        ("TRANSPORT", "STATE", "LINKS", ""),
        [(name, one.state.value, str(one.links), one.sentence) for name, one in status.transports.items()],
    )
    print()
    print(_bridge(status))
    if status.bridge.notice:
        print(status.bridge.notice)
    if line := _rules(status):
        print(line)
    if line := _air(status):
        print(line)
    for route in status.bridge.routes:
        spare = f", {' and '.join(map(_transport, route.spare))} in reserve" if route.spare else ""
        print(f"To {route.site} over {_transport(route.using) if route.using else 'nothing'}{spare}: {route.why}.")
    if status.shed_frames:
        classes = ", ".join(f"{count} {name}" for name, count in status.queues.shed.items())
        lost = f"{status.shed_frames} {'frames were' if status.shed_frames != 1 else 'frame was'}"
        print(f"{lost} given up because a link stayed busy{': ' if classes else ''}{classes}.")
    for one in status.queues.busy:
        carries = "what it carries is not known yet" if one.bytes_per_s is None else f"it carries {one.bytes_per_s / 1_000:.1f} kB/s"
        print(f"Link {one.link}: {one.waiting_bytes / 1_000:.1f} kB waiting, {carries}.")
    if status.store.waiting or status.store.dropped:
        print(f"Records waiting for the disk: {status.store.waiting}; given up because it could not be written: {status.store.dropped}.")
    for line in _mail(status):
        print(line)
    if status.mesh.peers:
        print()
        print_table(
            ("PEER", "NAME", "WHERE", "HEARD"),
            [(peer.peer_id, peer.nickname, _where(peer), f"{peer.last_heard_s:.0f} s ago") for peer in status.mesh.peers],
        )


def lasting(seconds: float) -> str:
    """How long something has lasted, in the largest unit that says enough."""
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"


_MARKS = {"error": "!", "warning": "?", "notice": "-"}
"""What stands before a condition, by its severity."""


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
        relays = f"; {done.get('published', 0)} published on relays, {done.get('relayed', 0)} from them" if consent.relays else ""
        return f"Bridge consent, cell {consent.cell}: {moved}{relays}; people on other islands: {consent.people}."
    return f"Bridge {bridge.mode.value}: {bridge.crossed_out} packets out, {bridge.crossed_in} in, {bridge.passed_on} passed on."


def _mail(status: "GatewayStatus") -> list[str]:
    """Say what there is of courier mail, nothing where there has been none."""
    mail = status.mail
    done, dead, refused = mail.counters, _reasons(mail.dead), _reasons(mail.refused)
    lines = []
    if mail.waiting or done.get("taken"):
        lines.append(
            f"Mail for people who are away: {mail.waiting} letters waiting, {done.get('delivered', 0)} delivered, "
            f"{done.get('copied', 0)} copies given to other couriers, {done.get('given_to_sites', 0)} to other sites."
        )
    if dead:
        lines.append(f"Letters that were not delivered: {dead}.")
    if refused:
        lines.append(f"Letters that were not taken: {refused}.")
    return lines


def _reasons(counts: "Mapping[str, int]") -> str:
    from gateway.admin.sentences import REASONS  # noqa: PLC0415 -- with the store and the engines behind it

    return ", ".join(f"{count} because {REASONS.get(reason, reason)}" for reason, count in counts.items())


def _rules(status: "GatewayStatus") -> str:
    policy, drops = status.bridge.policy, status.bridge.drops
    if not policy.rules and policy.default == "allow":
        return ""
    kept = drops.get("policy", 0) + drops.get("policy_limit", 0)
    return f"Rules: {policy.source}, {policy.rules} {'rule' if policy.rules == 1 else 'rules'}; they kept {kept:,} packets from crossing."


def _air(status: "GatewayStatus") -> str:
    """Who used how much air for what crossed; nothing while nobody did."""
    air = status.bridge.air
    if not air:
        return ""
    most = air[0]
    used = f"Air time: {sum(one.spent_ms for one in air) / 1000:.1f} s for what crossed, most of it for "
    used += "our own island" if not most.site else "the Nostr relays" if most.site == _RELAYS else f"site {most.site}"
    refused = sum(one.refused for one in air)
    return f"{used}; {f'{refused:,} packets' if refused else 'nothing'} refused for want of it."


def _transport(link: str) -> str:
    return link.partition(":")[0]


def _where(peer: "PeerSummary") -> str:
    if peer.local:
        return "near"
    return "other island" if peer.remote else "gone"
