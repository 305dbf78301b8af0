"""Whether the rest of the machine lets the radio do its work: time, and help when it is stuck."""

from gateway.doctor.facts import Recovery
from gateway.doctor.finding import Finding, fail, ok, warn
from hw.clock import Source

_VOUCHES = {
    Source.KERNEL: "A time service keeps the clock.",
    Source.TIMESYNC: "The clock was set from the network since this machine started.",
    Source.RTC: "A hardware clock vouches for the time.",
}


def check_clock(source: Source | None, *, is_set: bool, trusted: bool) -> Finding:
    """Phones will believe this machine's time."""
    check = "clock"
    if source is not None:
        return ok(check, _VOUCHES[source])
    if not is_set:
        return fail(
            check,
            "The clock was never set, so phones would ignore this gateway, and it stays silent.",
            "Connect it to a network with a time service (NTP), or set the clock: timedatectl set-time 'YYYY-MM-DD HH:MM:SS'.",
        )
    if trusted:
        return ok(check, "Nobody vouches for the time; it is believed because radio.clock is trust.")
    return fail(
        check,
        "Nobody vouches for the time of this machine, so the gateway stays silent: phones would ignore it.",
        "Connect it to a network with a time service (NTP), fit a hardware clock, or check the time and set radio.clock to trust.",
    )


def check_recovery(recovery: Recovery, socket: str) -> Finding:
    """Somebody with the right to it restarts Bluetooth when nothing gentler helps."""
    check = "recovery"
    if recovery is Recovery.READY:
        return ok(check, "The recovery service, which restarts Bluetooth when nothing gentler helps, lets this user in.")
    if recovery is Recovery.CLOSED:
        return warn(
            check,
            f"The recovery service at {socket} does not let this user in.",
            "Run the doctor as the gateway's own user; if it is that one, name it in SocketUser= and --allow-user of meshgate-recover.",
        )
    return warn(
        check,
        f"There is no recovery service at {socket}, so a stuck adapter is not reset and Bluetooth not restarted without you.",
        "Set up meshgate-recover (docs/operate.md), or set radio.recovery_socket to where it listens.",
    )
