"""What can go wrong with a Bluetooth adapter, what can be tried against it, and how that went."""

from dataclasses import dataclass
from enum import StrEnum


class Symptom(StrEnum):
    """What was noticed; the order is from gravest to mildest, and a graver one hides the milder."""

    BUS_LOST = "bus_lost"  # our own connection to D-Bus is gone
    BLUEZ_GONE = "bluez_gone"  # nobody owns org.bluez
    ADAPTER_GONE = "adapter_gone"  # BlueZ no longer lists the adapter
    POWERED_OFF = "powered_off"  # the adapter's Powered is false
    SCAN_FAILED = "scan_failed"  # scanning was refused, or stopped with an error
    ADVERTISING_FAILED = "advertising_failed"  # registration refused, or released by BlueZ
    CONNECT_STORM = "connect_storm"  # connection after connection is aborted
    SILENT = "silent"  # scanning runs, and nothing was heard for long


class Step(StrEnum):
    """What can be tried, from the gentlest to the one that hurts every program on the machine."""

    NEW_SCANNER = "new_scanner"
    FORGET_DEVICES = "forget_devices"  # drop BlueZ's memory of devices that are not connected
    POWER_CYCLE = "power_cycle"  # breaks the adapter's links
    RESET_ADAPTER = "reset_adapter"  # USB reset or driver rebind, through the root helper; breaks the adapter's links
    RESTART_BLUETOOTH = "restart_bluetooth"  # breaks the links of all adapters


class Outcome(StrEnum):
    """How a step went."""

    OK = "ok"  # it did what it says, and that was checked; whether it cured anything is seen later
    FAILED = "failed"
    NOT_POSSIBLE = "not_possible"  # nothing was changed: no helper, no such device, not allowed


class Sign(StrEnum):
    """A proof that something works; each proves different things (see `CURES`)."""

    HEARD = "heard"  # an advertisement came in
    LINK = "link"  # a connection of ours reached the far end
    FRAME = "frame"  # a frame came in over some link of this adapter
    REGISTERED = "registered"  # application and advertisement were accepted
    POWERED = "powered"  # the adapter is listed and its Powered is true


_THERE = frozenset({Symptom.BUS_LOST, Symptom.BLUEZ_GONE, Symptom.ADAPTER_GONE})
CURES: dict[Sign, frozenset[Symptom]] = {
    Sign.HEARD: _THERE | {Symptom.POWERED_OFF, Symptom.SCAN_FAILED, Symptom.SILENT},
    Sign.LINK: _THERE | {Symptom.POWERED_OFF, Symptom.CONNECT_STORM},
    Sign.FRAME: _THERE | {Symptom.POWERED_OFF},
    Sign.REGISTERED: _THERE | {Symptom.ADVERTISING_FAILED},
    Sign.POWERED: _THERE | {Symptom.POWERED_OFF},
}
"""Which symptoms a sign does away with.

Advertising may fail for ever while others are heard well, so hearing somebody cures no failed
advertising; a link says nothing about a scanner that has gone deaf.
"""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One step that was taken."""

    step: Step
    symptom: Symptom | None  # None: a person asked for it
    started: float  # monotonic seconds
    seconds: float  # how long the step itself took
    outcome: Outcome
    why: str = ""  # for people, where there is more to say than the outcome


@dataclass(frozen=True, slots=True)
class Recovery:
    """A symptom that is over."""

    symptom: Symptom
    steps: tuple[Step, ...]  # what was tried for it; empty: it went away by itself
    ended: float  # monotonic seconds
    seconds: float  # from the first note of the symptom to the sign that it is over
