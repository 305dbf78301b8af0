"""Whether the Bluetooth daemon is set up for a mesh of phones that come and go.

BlueZ's own settings are made for headsets: pair, remember, read everything a device offers. Each
rule here has its reason in what phones with BitChat, or a daemon that runs for months, need.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gateway.doctor.facts import RadioFacts
from gateway.doctor.finding import Finding, fail, ok, unknown, warn
from hw.bluez.settings import BluezSettings

TESTED = (5, 66)  # the oldest BlueZ the project is tested with
ONE_CHANNEL = (5, 82)  # has one ATT channel by default, 5.66 has three; the versions between have either
SCAN_RESPONSE = (5, 82)  # from here on the scan response can carry the peer ID
RESTART = "then: systemctl restart bluetooth"


@dataclass(frozen=True, slots=True)
class Rule:
    """One setting of main.conf.

    `holds` is given the value, or `default` where nothing is set; a value it cannot read (ValueError) does not hold.
    """

    group: str
    key: str
    default: str
    wanted: str
    holds: Callable[[str], bool]
    why: str  # what happens otherwise


RULES = (
    Rule(
        "General", "ControllerMode", "dual", "le", lambda value: value == "le", "Bluetooth Classic is on as well, and takes time on the air"
    ),
    Rule(
        "General",
        "ReverseServiceDiscovery",
        "true",
        "false",
        lambda value: value == "false",
        "BlueZ reads everything each phone offers that calls, which delays its first packet and can make an iPhone ask for pairing",
    ),
    Rule(
        "General",
        "JustWorksRepairing",
        "never",
        "never",
        lambda value: value == "never",
        "phones can be made to pair again, which BitChat never needs",
    ),
    Rule(
        "General",
        "TemporaryTimeout",
        "30",
        "0",
        lambda value: int(value, 0) == 0,
        "a phone that called this gateway loses its link soon after each change of its address, every quarter of an hour",
    ),
    Rule("GATT", "Cache", "always", "no", lambda value: value == "no", "a phone whose app was restarted can stay hidden from searches"),
    Rule(
        "GATT",
        "Channels",
        "3",
        "1",
        lambda value: int(value, 0) == 1,
        "packets between two gateways can overtake each other",
    ),
    Rule(
        "LE",
        "MinAdvertisementInterval",
        "2048",
        "160",
        lambda value: int(value, 0) <= 400,
        "phones find this gateway after seconds instead of at once",
    ),
    Rule(
        "LE",
        "MaxAdvertisementInterval",
        "2048",
        "160",
        lambda value: int(value, 0) <= 400,
        "phones find this gateway after seconds instead of at once",
    ),
    Rule(
        "LE",
        "MinConnectionInterval",
        "24",
        "12",
        lambda value: int(value, 0) <= 12,
        "the phones this gateway calls get fewer turns, and everything takes longer",
    ),
    Rule(
        "LE",
        "MaxConnectionInterval",
        "40",
        "24",
        lambda value: int(value, 0) <= 24,
        "the phones this gateway calls get fewer turns, and everything takes longer",
    ),
    Rule(
        "LE",
        "ConnectionSupervisionTimeout",
        "42",
        "400",
        lambda value: int(value, 0) >= 400,
        "a link breaks when nothing is heard for less than half a second",
    ),
)
"""In the order of main.conf; defaults are BlueZ's, and those of [LE] the kernel's (net/bluetooth/hci_core.c)."""


def check_all(facts: RadioFacts, *, announce_peer_id: bool) -> Iterator[Finding]:
    """Everything about the daemon."""
    yield check_version(facts.bluez)
    yield from check_file(facts.settings)
    yield from check_rules(facts.settings, facts.bluez)
    yield check_battery(facts.settings)
    yield check_scan_response(facts, announce_peer_id=announce_peer_id)


def check_version(bluez: tuple[int, int] | None) -> Finding:
    """BlueZ is one the project is tested with."""
    if bluez is None:
        return unknown(
            "bluez.version", "The version of BlueZ is not shown here: General.DeviceID in main.conf hides it, or no adapter is on."
        )
    version = f"{bluez[0]}.{bluez[1]}"
    if bluez < TESTED:
        remedy = "Use Debian 12, Raspberry Pi OS 12, or anything newer."
        return warn("bluez.version", f"BlueZ {version} is older than {TESTED[0]}.{TESTED[1]}, the oldest Meshgate is tested with.", remedy)
    return ok("bluez.version", f"BlueZ {version} is new enough.")


def check_file(settings: BluezSettings) -> Iterator[Finding]:
    """The settings can be read, make sense, and are in force."""
    check, path = "bluez.settings", settings.path
    if settings.values is None:
        yield unknown(check, f"{path} cannot be read by this user, so BlueZ's settings are unknown.", f"chmod a+r {path}")
    elif settings.broken_line:
        yield fail(
            check, f"Line {settings.broken_line} of {path} makes no sense, so BlueZ ignores the whole file.", f"Correct it, {RESTART}."
        )
    elif settings.newer:
        yield warn(check, f"{path} was changed after the Bluetooth service had read it.", "systemctl restart bluetooth")
    else:
        yield ok(check, f"{path} was read.")


def check_rules(settings: BluezSettings, bluez: tuple[int, int] | None) -> Iterator[Finding]:
    """Every value is as a mesh of phones needs it; nothing where the file cannot be read."""
    if settings.values is None:
        return
    for rule in RULES:
        name = f"{rule.group}.{rule.key}"
        set_to = settings.get(rule.group, rule.key)
        value = _default(rule, bluez) if set_to is None else set_to
        shown = value if set_to is not None else f"not set, and so {value}"
        if _holds(rule, value):
            yield ok(f"bluez.{rule.key}", f"{name} is {shown}.")
            continue
        what = f"{name} is {shown}: {rule.why}."
        remedy = f"In {settings.path} under [{rule.group}] write {rule.key} = {rule.wanted}, {RESTART}."
        yield warn(f"bluez.{rule.key}", what, remedy)


def check_battery(settings: BluezSettings) -> Finding:
    """BlueZ leaves the phones' batteries alone (python-bluezero issue 335, bluez issue 638)."""
    check, options = "bluez.battery", settings.options
    if options is None:
        return unknown(
            check, "How the Bluetooth service is started cannot be seen from here.", f"See that it gets the option -P battery, {RESTART}."
        )
    if not options.loads("battery"):
        return ok(check, "BlueZ leaves the phones' batteries alone.")
    return warn(
        check,
        "BlueZ reads the battery of every phone, and an iPhone asks its owner to pair for that.",
        f"Give bluetoothd the option -P battery: `systemctl edit bluetooth`, and write the three lines `[Service]`, `ExecStart=`, "
        f"`ExecStart=/usr/libexec/bluetooth/bluetoothd -P battery`; {RESTART}.",
    )


def check_scan_response(facts: RadioFacts, *, announce_peer_id: bool) -> Finding:
    """Phones with Android can see that they are linked already."""
    check, options = "bluez.Experimental", facts.settings.options
    if not announce_peer_id:
        return ok(check, "The peer ID is not shown to whoever scans (radio.announce_peer_id is false).")
    if facts.bluez is None:
        return unknown(check, "Whether this BlueZ can show the peer ID to whoever scans is not known.")
    if facts.bluez < SCAN_RESPONSE:
        return warn(
            check,
            f"BlueZ {facts.bluez[0]}.{facts.bluez[1]} cannot show the peer ID to whoever scans, so phones with Android may link twice.",
            "BlueZ 5.82 or newer can: Debian 13, Raspberry Pi OS 13.",
        )
    if (options is not None and options.experimental) or facts.settings.get("General", "Experimental") == "true":
        return ok(check, "The peer ID can be shown to whoever scans.")
    return warn(
        check,
        "BlueZ does not show the peer ID to whoever scans, so phones with Android may link twice.",
        f"In {facts.settings.path} under [General] write Experimental = true, {RESTART}.",
    )


def _default(rule: Rule, bluez: tuple[int, int] | None) -> str:
    if rule.key != "Channels" or (bluez is not None and bluez <= TESTED):
        return rule.default
    return "1" if bluez is not None and bluez >= ONE_CHANNEL else f"1 or {rule.default}"


def _holds(rule: Rule, value: str) -> bool:
    try:
        return rule.holds(value)
    except ValueError:
        return False
