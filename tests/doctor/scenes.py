"""A machine with which all is well, to spoil one thing at a time."""

from dataclasses import replace
from pathlib import Path

from gateway.doctor.facts import AdapterFacts, RadioFacts, RadioWants, Recovery
from gateway.doctor.finding import Finding, Verdict
from gateway.doctor.radio import examine_radio
from hw.attachment import Attachment
from hw.bluez.settings import BluezSettings, DaemonOptions
from hw.board import Board
from hw.clock import Source
from hw.rfkill import RadioSwitch

MAIN_CONF = {
    ("General", "ControllerMode"): "le",
    ("General", "ReverseServiceDiscovery"): "false",
    ("General", "TemporaryTimeout"): "0",
    ("General", "Experimental"): "true",
    ("GATT", "Cache"): "no",
    ("GATT", "Channels"): "1",
    ("LE", "MinAdvertisementInterval"): "160",
    ("LE", "MaxAdvertisementInterval"): "160",
    ("LE", "MinConnectionInterval"): "12",
    ("LE", "MaxConnectionInterval"): "24",
    ("LE", "ConnectionSupervisionTimeout"): "400",
}
SETTINGS = BluezSettings(options=DaemonOptions(without=("battery",)), running=True, path=Path("/etc/bluetooth/main.conf"), values=MAIN_CONF)
ADAPTER = AdapterFacts(
    "hci0",
    address="00:11:22:33:44:55",
    roles=frozenset({"central", "peripheral", "central-peripheral"}),
    advertisements_free=4,
    attachment=Attachment.UART,
    wifi=(),
)
WELL = RadioFacts(
    bluez=(5, 82),
    adapters=(ADAPTER,),
    switches=(RadioSwitch("hci0", soft=False, hard=False),),
    settings=SETTINGS,
    board=Board("Raspberry Pi 4 Model B Rev 1.4", long_packets=True, shares_wifi=True),
    clock=Source.KERNEL,
    recovery=Recovery.READY,
)


def findings(facts: RadioFacts = WELL, wants: RadioWants | None = None) -> list[Finding]:
    return examine_radio(facts, wants or RadioWants(), "/run/meshgate-recover.sock")


def amiss(facts: RadioFacts = WELL, wants: RadioWants | None = None) -> list[tuple[str, Verdict]]:
    """What is not well: check and verdict."""
    return [(one.check, one.verdict) for one in findings(facts, wants) if one.verdict is not Verdict.OK]


def with_adapter(**changes) -> RadioFacts:
    return replace(WELL, adapters=(replace(ADAPTER, **changes),))


def with_settings(**changes) -> RadioFacts:
    return replace(WELL, settings=replace(SETTINGS, **changes))


def with_value(group: str, key: str, value: str | None) -> RadioFacts:
    """Main.conf with one value changed, or left out."""
    values = {name: text for name, text in MAIN_CONF.items() if name != (group, key)}
    return with_settings(values=values if value is None else values | {(group, key): value})
