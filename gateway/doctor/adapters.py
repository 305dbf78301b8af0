"""Whether the adapters are there, on, free and able."""

from collections.abc import Iterator, Sequence

from gateway.doctor.facts import AdapterFacts, RadioFacts
from gateway.doctor.finding import Finding, fail, ok, unknown, warn
from gateway.doctor.settings import TESTED
from hw.attachment import Attachment
from hw.board import Board
from hw.coexistence import WifiNeighbour
from hw.rfkill import RadioSwitch

BLUETOOTH_42 = 8  # core version code; the data length extension came with it
_SLOW = "has no data length extension: a full packet takes 18 pieces on the air instead of 2, and the radio carries less than half"
_OTHER_ADAPTER = "For more than a few phones use a USB adapter with Bluetooth 5."


def check_service(facts: RadioFacts) -> Finding:
    """BlueZ runs, and lets this user ask it."""
    check = "radio.service"
    if not facts.installed:
        return fail(check, "Meshgate was installed without Bluetooth support.", "Install it with: pip install 'meshgate[ble]'")
    if facts.trouble is not None:
        return fail(check, *facts.trouble)
    if facts.bluez is not None and facts.bluez < TESTED:
        sentence = f"The Bluetooth service (BlueZ{_version(facts.bluez)}) runs, but is older than what Meshgate is tested with."
        return warn(check, sentence, "Use Debian 12, Raspberry Pi OS 12 or newer: they have 5.66 and later.")
    return ok(check, f"The Bluetooth service (BlueZ{_version(facts.bluez)}) runs.")


def check_rights(adapter: AdapterFacts) -> Finding:
    """A call to the adapter as this user was answered."""
    check = "radio.rights"
    if not adapter.refused:
        return ok(check, f"This user may use {adapter.name} over D-Bus.", adapter.name)
    return fail(
        check,
        f"A harmless call to {adapter.name} as this user was refused: {adapter.refused}.",
        "Let it: usermod -aG bluetooth USER, log in again. Debian's own D-Bus rules let everybody; look for changes in /etc/dbus-1.",
        adapter.name,
    )


def check_switches(switches: Sequence[RadioSwitch]) -> Iterator[Finding]:
    """No rfkill switch keeps a radio off."""
    check = "radio.rfkill"
    for switch in switches:
        if switch.hard:
            yield fail(check, f"{switch.name} is blocked by a hardware switch.", "Look for a switch or a firmware setting.", switch.name)
        elif switch.soft:
            yield fail(check, f"{switch.name} is blocked by software.", "rfkill unblock bluetooth", switch.name)
        else:
            yield ok(check, f"{switch.name} is not blocked.", switch.name)


def check_power(adapter: AdapterFacts) -> Finding:
    """The adapter is on."""
    if adapter.powered:
        return ok("radio.power", f"{adapter.name} is switched on.", adapter.name)
    remedy = "bluetoothctl power on. A gateway that runs does it by itself, unless an rfkill switch blocks the adapter."
    return fail("radio.power", f"{adapter.name} is switched off.", remedy, adapter.name)


def check_roles(adapter: AdapterFacts) -> Finding:
    """The adapter can call phones and be called."""
    check, name, roles = "radio.roles", adapter.name, adapter.roles
    if not adapter.powered or not roles:
        return unknown(check, f"{name} does not say what it can do{'' if adapter.powered else ' while it is off'}.", subject=name)
    if {"central", "peripheral"} <= roles:
        # BlueZ adds central-peripheral only with an experimental switch of the kernel, so without it nothing is said about both at once.
        return ok(check, f"{name} can call phones and be called by them{' at once' if 'central-peripheral' in roles else ''}.", name)
    if roles & {"central", "peripheral"}:
        can, cannot = ("call phones", "be called by them") if "central" in roles else ("be called by phones", "call them")
        return warn(check, f"{name} can {can}, but not {cannot}.", "A second adapter for the other role, or one that has both.", name)
    return fail(check, f"{name} has no Bluetooth LE, which phones use for BitChat.", "Use an adapter with Bluetooth 4.2 or newer.", name)


def check_advertising(adapter: AdapterFacts, *, gateway_runs: bool) -> Finding:
    """Phones can see the adapter."""
    check, name, free = "radio.advertising", adapter.name, adapter.advertisements_free
    if not adapter.powered:
        return unknown(check, f"{name} does not say how it can be seen while it is off.", subject=name)
    if free is None:
        remedy = "Use it only to call (radio.adapters, =central), and another adapter to be called."
        return warn(check, f"{name} cannot show itself to phones.", remedy, name)
    if free == 0 and not gateway_runs:
        remedy = "Stop the other program; bluetoothctl's is ended with: advertise off."
        return fail(check, f"Other programs use all places for showing {name} to phones.", remedy, name)
    return ok(check, f"{name} can show itself to phones.", name)


def check_packets(adapter: AdapterFacts, board: Board) -> Finding:
    """A packet of BitChat takes few packets of the radio."""
    check, name = "radio.packets", adapter.name
    if adapter.core_version is not None and adapter.core_version < BLUETOOTH_42:
        return warn(check, f"{name} is older than Bluetooth 4.2 and {_SLOW}.", _OTHER_ADAPTER, name)
    if adapter.attachment in {Attachment.UART, Attachment.SDIO} and board.long_packets is not None:
        if board.long_packets:
            return ok(check, f"{name}, built into the {board.model}, has the data length extension.", name)
        return warn(check, f"{name}, built into the {board.model}, {_SLOW}.", _OTHER_ADAPTER, name)
    return unknown(check, f"Whether {name} has the data length extension is not known for this controller.", subject=name)


def check_busy(adapter: AdapterFacts, *, gateway_runs: bool) -> Finding:
    """Nobody else searches with the adapter."""
    check, name = "radio.busy", adapter.name
    if gateway_runs or not adapter.discovering:
        return ok(check, f"{name} is not searching for another program.", name)
    remedy = (
        "Stop it: `bluetoothctl scan off`, close the desktop's Bluetooth settings, or stop Home Assistant's or another gateway's service."
    )
    return warn(check, f"Another program is searching with {name}; both hear less, and starting a search can fail.", remedy, name)


def check_wifi(adapter: AdapterFacts) -> Iterator[Finding]:
    """Wi-Fi leaves the antenna to Bluetooth."""
    check, name = "radio.wifi", adapter.name
    if adapter.wifi is None:
        yield unknown(check, f"What Wi-Fi near {name} does cannot be seen from here.", subject=name)
    elif not adapter.wifi:
        yield ok(check, "This machine has no Wi-Fi that could disturb.", name)
    else:
        for neighbour in adapter.wifi:
            yield _wifi(check, name, neighbour)


def _wifi(check: str, name: str, wifi: WifiNeighbour) -> Finding:
    shares, where = wifi.shares_chip, {True: f"on the chip of {name}", False: f"beside {name}", None: f"perhaps on the chip of {name}"}
    if wifi.is_24_ghz is None and not wifi.is_access_point:
        return ok(check, f"{wifi.name} is not connected.", name)
    if wifi.is_access_point and shares is not False:
        return warn(
            check,
            f"{wifi.name} is an access point {where[shares]}, which makes Bluetooth connections fail.",
            "Use a USB Bluetooth adapter on a short cable, or leave the access point to another box.",
            name,
        )
    if wifi.is_24_ghz is False:
        return ok(check, f"{wifi.name} is not on 2.4 GHz, so it leaves the air to {name}.", name)
    if shares is False:
        return ok(check, f"{wifi.name} is on 2.4 GHz, with an antenna of its own.", name)
    remedy = "Use a network cable or Wi-Fi at 5 GHz, or a USB Bluetooth adapter on a short cable."
    return warn(check, f"{wifi.name} is on 2.4 GHz {where[shares]}: they take turns.", remedy, name)


def _version(bluez: tuple[int, int] | None) -> str:
    return "" if bluez is None else f" {bluez[0]}.{bluez[1]}"
