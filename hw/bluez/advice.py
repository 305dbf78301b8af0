"""What is wrong with the radio, and what a person can do about it, in plain words."""

from collections.abc import Mapping
from dataclasses import dataclass

from hw.bluez.steps import Step, Symptom


@dataclass(frozen=True, slots=True)
class Situation:
    """Where a recovery ladder stands."""

    adapter: str  # hci0, or empty for Bluetooth as a whole
    symptom: Symptom | None
    running: Step | None
    upcoming: Step | None
    watching: bool  # a step was taken, and whether it helped is not known yet
    rounds: int  # how often everything was tried already
    impossible: Mapping[Step, str]  # steps that cannot be taken here, and why


_WRONG: dict[Symptom, str] = {
    Symptom.BUS_LOST: "The connection to the system's D-Bus is lost",
    Symptom.BLUEZ_GONE: "The Bluetooth service (BlueZ) is not running",
    Symptom.ADAPTER_GONE: "{adapter} is gone",
    Symptom.POWERED_OFF: "{adapter} is switched off",
    Symptom.SCAN_FAILED: "{adapter} does not search for phones",
    Symptom.ADVERTISING_FAILED: "{adapter} cannot show itself to phones",
    Symptom.CONNECT_STORM: "{adapter} does not manage to connect to the phones it hears",
    Symptom.SILENT: "{adapter} has heard nobody for a while, which is natural where no phone is near",
}
_DOING: dict[Step, str] = {
    Step.NEW_SCANNER: "start searching anew",
    Step.FORGET_DEVICES: "make the Bluetooth service forget old devices",
    Step.POWER_CYCLE: "switch it off and on",
    Step.RESET_ADAPTER: "reset the adapter's hardware",
    Step.RESTART_BLUETOOTH: "restart the Bluetooth service",
}
_UNPLUG = "Unplug the adapter and plug it in again; if it is built in, switch the box off and on."
_REMEDY: dict[Symptom, str] = {
    Symptom.BUS_LOST: "Nothing to do if it comes back within a minute; otherwise restart the box.",
    Symptom.BLUEZ_GONE: "systemctl restart bluetooth; its last words are in: journalctl -u bluetooth.",
    Symptom.ADAPTER_GONE: f"{_UNPLUG} Without any adapter the rest of Meshgate goes on working.",
    Symptom.POWERED_OFF: (
        "Check that it is not blocked (rfkill list, rfkill unblock bluetooth) and that no other program switches it off; "
        "then: bluetoothctl power on."
    ),
    Symptom.SCAN_FAILED: f"Check that no other program is using the adapter, then: meshgate radio reset. {_UNPLUG}",
    Symptom.ADVERTISING_FAILED: f"Check that no other program is advertising on the adapter, then: meshgate radio reset. {_UNPLUG}",
    Symptom.CONNECT_STORM: (
        "Move the adapter away from Wi-Fi and USB 3 devices (a short extension cable is enough), "
        f"check that no other program is using it, then: meshgate radio reset. {_UNPLUG}"
    ),
    Symptom.SILENT: "If phones with BitChat are near and open, try: meshgate radio reset.",
}
_AT_ONCE = frozenset({Symptom.BUS_LOST, Symptom.ADAPTER_GONE, Symptom.SILENT})


def sentence(situation: Situation) -> str:
    """What a person should read; empty while all is well."""
    if situation.symptom is None:
        return ""
    name = f"Bluetooth adapter {situation.adapter}" if situation.adapter else "Bluetooth"
    wrong = _WRONG[situation.symptom].format(adapter=name)
    if situation.symptom is Symptom.SILENT:
        return f"{wrong}."
    if situation.running:
        return f"{wrong}; trying to {_DOING[situation.running]}."
    parts = [f"{wrong}."]
    if situation.rounds:
        parts.append("Everything that can be done from here was tried, and is tried again from time to time.")
    elif situation.watching:
        parts.append("Something was done about it just now; whether it helped will show.")
    elif situation.upcoming:
        parts.append(f"Next: {_DOING[situation.upcoming]}.")
    return " ".join([*parts, *_left_out(situation)])


def remedy(situation: Situation) -> str:
    """What a person can do; empty while there is nothing to do but wait for the steps that are left."""
    if situation.symptom is None:
        return ""
    waiting = situation.running or situation.watching or situation.upcoming
    if not waiting or situation.rounds or situation.impossible or situation.symptom in _AT_ONCE:
        return _REMEDY[situation.symptom]
    return ""


def _left_out(situation: Situation) -> list[str]:
    return [f"Not possible here: to {_DOING[step]}" + (f" ({why})." if why else ".") for step, why in situation.impossible.items()]
