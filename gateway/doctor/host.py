"""Whether the box and its connections are well: power, heat, memory, card, files, ports, sites and broker."""

from collections.abc import Iterator

from gateway.doctor.finding import Finding, fail, ok, unknown, warn
from gateway.doctor.host_facts import Called, HostFacts, Login, Port, PortState, Rules
from gateway.doctor.page import check_page
from hw.vitals import Disk, Throttled, Vitals

HOT_C = 80.0  # degrees Celsius at which a Raspberry Pi begins to slow down
WARM_C = 70.0
MIN_MEMORY = 64 << 20  # bytes; a gateway with libp2p takes about 150 MB, so less than this left is near the end
MIN_DISK = 200 << 20  # bytes; below, updates fail before the gateway does
LAST_DISK = 32 << 20  # bytes; the store's log alone may take a part of it
SLOW_S = 1.0  # seconds to a site's port; a link that slow makes calls fail now and then


def examine_host(facts: HostFacts) -> list[Finding]:
    """Return what is to be said of the box and its connections, in the order a person would go through them."""
    return list(_findings(facts))


def _findings(facts: HostFacts) -> Iterator[Finding]:
    yield check_power(facts.vitals.throttled)
    yield check_temperature(facts.vitals)
    yield check_memory(facts.vitals)
    yield from check_disk(facts.vitals.disk)
    yield check_watchdog(facts.vitals)
    yield from check_files(facts)
    for port in facts.ports:
        yield check_port(port, gateway_runs=facts.gateway_runs)
    if facts.libp2p_wanted:
        yield check_libp2p(facts)
    for one in facts.called:
        yield check_called(one)
    for login in facts.brokers:
        yield check_broker(login)
    if facts.page is not None:
        yield from check_page(facts.page)
    if facts.metrics_trouble:
        yield fail("metrics.token", facts.metrics_trouble, "Without it the gateway does not start.")
    yield check_rules(facts.rules)


def check_power(state: Throttled | None) -> Finding:
    """The supply holds its voltage."""
    check = "board.power"
    remedy = "Use the maker's own power supply and a short cable, and give USB adapters a hub with its own supply."
    if state is None:
        return unknown(check, "This board does not tell whether its power supply is good enough.")
    if Throttled.UNDER_VOLTAGE in state:
        return fail(check, "The voltage is too low now: the radio fails and the card is damaged by that.", remedy)
    if Throttled.UNDER_VOLTAGE_SEEN in state:
        return warn(check, "The voltage was too low at some time since this board started.", remedy)
    return ok(check, "The power supply holds its voltage.")


def check_temperature(vitals: Vitals) -> Finding:
    """It is not too hot."""
    check, celsius = "board.temperature", vitals.celsius
    slow = vitals.throttled is not None and bool(vitals.throttled & (Throttled.THROTTLED | Throttled.SOFT_TEMPERATURE_LIMIT))
    remedy = "Give it a heat sink and air, and keep it out of the sun."
    if celsius is None:
        return unknown(check, "This machine does not tell its temperature.")
    if celsius >= HOT_C:
        return fail(check, f"The processor has {celsius:.0f} °C and is slowed down.", remedy)
    if celsius >= WARM_C or slow:
        return warn(check, f"The processor has {celsius:.0f} °C{' and is slowed down' if slow else ''}.", remedy)
    return ok(check, f"The processor has {celsius:.0f} °C.")


def check_memory(vitals: Vitals) -> Finding:
    """There is memory left."""
    check, left = "board.memory", vitals.memory_available
    if left is None:
        return unknown(check, "This machine does not tell how much memory is left.")
    if left < MIN_MEMORY:
        return warn(check, f"Only {_size(left)} of memory are left.", "Stop what else runs here, or use a board with more memory.")
    return ok(check, f"{_size(left)} of memory are left.")


def check_disk(disk: Disk | None) -> Iterator[Finding]:
    """The disk has room, takes writes, and is not worn out."""
    if disk is None:
        yield unknown("disk.space", "The disk of the state directory cannot be looked at.")
        return
    room = "Remove what is not needed: apt clean, journalctl --vacuum-size=32M."
    if disk.free_bytes < LAST_DISK:
        yield fail("disk.space", f"Only {_size(disk.free_bytes)} are free on the disk: nothing new can be kept.", room)
    elif disk.free_bytes < MIN_DISK:
        yield warn("disk.space", f"Only {_size(disk.free_bytes)} are free on the disk.", room)
    else:
        yield ok("disk.space", f"{_size(disk.free_bytes)} are free on the disk.")
    check, new = "disk.health", "Back up the keys, and put in a new card; one sold as 'endurance' lasts longer."
    if disk.read_only:
        yield fail(check, "The disk takes no writes any more. A card that was worn out, or lost its power, does that.", new)
    elif disk.errors:
        yield fail(check, f"The file system has met {disk.errors} errors.", f"Check it (fsck) at the next start. {new}")
    elif disk.worn_percent is not None and disk.worn_percent >= 90:
        yield warn(check, f"The memory chip has used up about {disk.worn_percent} % of its life.", new)
    elif disk.errors is None:
        yield unknown(check, "This disk does not tell whether it had errors.")
    else:
        yield ok(check, "The file system has met no error.")


def check_watchdog(vitals: Vitals) -> Finding:
    """A board that hangs is started again."""
    check = "board.watchdog"
    if not vitals.watchdog:
        return unknown(check, "This machine shows no hardware watchdog, so one that hangs stays so.")
    if vitals.watchdog_fed:
        return ok(check, "The hardware watchdog restarts this board if it hangs.")
    return warn(
        check,
        "This board has a hardware watchdog that nobody uses: one that hangs stays so.",
        "Let systemd use it: `sudo meshgate units --write /` brings RuntimeWatchdogSec, then restart.",
    )


def check_files(facts: HostFacts) -> Iterator[Finding]:
    """Nobody else can read what the gateway keeps, and it can keep something."""
    for name in facts.exposed:
        yield fail("state.files", f"{name} in the state directory can be read by others.", "`meshgate doctor --fix` closes it.", name)
    if not facts.exposed:
        yield ok("state.files", "Nobody else can read what the gateway keeps.")
    if not facts.can_write:
        yield fail(
            "state.write",
            "This user may not write to the gateway's state directory.",
            "Run the doctor as the gateway's own user (sudo -u meshgate), or set gateway.state_dir.",
        )


def check_port(port: Port, *, gateway_runs: bool) -> Finding:
    """A port is the gateway's, or could be."""
    check, subject = f"port.{port.transport}", str(port.number)
    name = "the page" if port.transport == "page" else port.transport
    key = f"{port.transport}.listen" if port.transport in {"metrics", "page"} else f"transports.{port.transport}.listen"
    match port.state, gateway_runs:
        case (PortState.FREE, False):
            return ok(check, f"Port {subject} is free for {name}.", subject)
        case (PortState.TAKEN, True):
            return ok(check, f"Somebody waits on port {subject} for {name}, as should be.", subject)
        case (PortState.FREE, True):
            return fail(check, f"The gateway runs, and nobody waits on port {subject}.", "See: meshgate status.", subject)
        case (PortState.TAKEN, False):
            return fail(check, f"Another program waits on port {subject}.", f"Find it with `ss -ltnp`, or change {key}.", subject)
        case (PortState.FORBIDDEN, _):
            return fail(check, f"This user may not wait on port {subject}.", f"Use one above 1023 in {key}.", subject)
    return fail(check, f"The address for port {subject} is none of this machine.", f"Change it in {key}; 0.0.0.0 is all.", subject)


def check_libp2p(facts: HostFacts) -> Finding:
    """Other sites can reach this one."""
    check, uplink = "libp2p.reach", facts.libp2p
    if uplink is None:
        return unknown(check, "Whether other sites reach this one is seen only while the gateway runs.", "Start it, and ask again.")
    if not uplink.up:
        return fail(check, uplink.sentence or "libp2p does not run.", uplink.remedy or "See: meshgate status.")
    if uplink.links:
        return ok(check, f"libp2p is linked to {uplink.links} {'site' if uplink.links == 1 else 'sites'}.")
    if uplink.is_public:
        return ok(check, "libp2p has an address of the public network; nobody is linked now.")
    return unknown(
        check,
        "libp2p has only addresses of this network, and nobody is linked: whether anybody outside reaches it cannot be seen from here.",
        "Forward the port in the router, or let this gateway call the other (transports.libp2p.peers).",
    )


def check_called(one: Called) -> Finding:
    """A site that is to be called answers."""
    check, subject = f"peer.{one.transport}", str(one.place)
    name = f"Number {one.place} of transports.{one.transport}.peers"
    if one.seconds is None:
        remedy = "Is it switched on, is the address right, does a firewall or router between let the port through?"
        return fail(check, f"{name} does not answer: {one.why}.", remedy, subject)
    if one.seconds > SLOW_S:
        return warn(check, f"{name} takes {one.seconds:.1f} s to answer.", "Look for a busy or weak connection on the way.", subject)
    return ok(check, f"{name} answers in {one.seconds * 1_000:.0f} ms.", subject)


def check_broker(login: Login) -> Finding:
    """An MQTT broker lets the gateway in."""
    check, subject = "mqtt.login", str(login.place) if login.place else ""
    if login.sentence:
        return fail(check, login.sentence, login.remedy, subject)
    return ok(check, f"Number {subject} of mqtt.brokers lets this gateway in.", subject)


def check_rules(rules: Rules) -> Finding:
    """The operator's rules can be used."""
    check = "policy.rules"
    if rules.trouble:
        return fail(check, f"{rules.trouble}.", f"See: meshgate policy show --rules {rules.file}")
    if rules.count is None:
        return ok(check, "There are no rules of your own about what may cross: the mode of the bridge decides.")
    return ok(check, f"Your {rules.count} {'rule' if rules.count == 1 else 'rules'} about what may cross can be used.")


def _size(count: int) -> str:
    return f"{count / (1 << 30):.1f} GiB" if count >= 1 << 30 else f"{count >> 20} MiB"
