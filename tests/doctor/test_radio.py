"""The examination of the radio: each thing that can be wrong is found, alone, with what to do."""

from dataclasses import replace

import pytest

from gateway.doctor.facts import RadioFacts, RadioWants, Recovery
from gateway.doctor.finding import Verdict
from hw.attachment import Attachment
from hw.bluez.settings import BluezSettings, DaemonOptions
from hw.board import Board
from hw.clock import Source
from hw.coexistence import WifiNeighbour
from hw.rfkill import RadioSwitch
from tests.doctor.scenes import ADAPTER, WELL, amiss, findings, with_adapter, with_settings, with_value

OK, WARN, FAIL, UNKNOWN = Verdict
CENTRAL, PERIPHERAL = frozenset({"central"}), frozenset({"peripheral"})
ZERO_2 = Board("Raspberry Pi Zero 2 W Rev 1.0", long_packets=False, shares_wifi=True)


def wifi(*, access_point: bool = False, low: bool | None = True, shares: bool | None = True) -> tuple[WifiNeighbour, ...]:
    return (WifiNeighbour("wlan0", is_access_point=access_point, is_24_ghz=low, shares_chip=shares),)


def test_a_machine_with_which_all_is_well_has_nothing_amiss() -> None:
    assert amiss() == []
    assert len(findings()) > 20


@pytest.mark.parametrize(
    ("facts", "check", "verdict"),
    [
        (with_adapter(refused="org.freedesktop.DBus.Error.AccessDenied"), "radio.rights", FAIL),
        (with_adapter(roles=CENTRAL), "radio.roles", WARN),
        (with_adapter(roles=PERIPHERAL), "radio.roles", WARN),
        (with_adapter(roles=frozenset({"bredr"})), "radio.roles", FAIL),
        (with_adapter(roles=frozenset()), "radio.roles", UNKNOWN),
        (with_adapter(advertisements_free=None), "radio.advertising", WARN),
        (with_adapter(advertisements_free=0), "radio.advertising", FAIL),
        (with_adapter(core_version=6), "radio.packets", WARN),
        (with_adapter(attachment=Attachment.USB), "radio.packets", UNKNOWN),
        (replace(WELL, board=ZERO_2), "radio.packets", WARN),
        (replace(WELL, board=Board()), "radio.packets", UNKNOWN),
        (with_adapter(discovering=True), "radio.busy", WARN),
        (with_adapter(wifi=None), "radio.wifi", UNKNOWN),
        (with_adapter(wifi=wifi()), "radio.wifi", WARN),
        (with_adapter(wifi=wifi(shares=None)), "radio.wifi", WARN),
        (with_adapter(wifi=wifi(access_point=True, low=False)), "radio.wifi", WARN),
        (with_adapter(wifi=wifi(access_point=True, low=None)), "radio.wifi", WARN),
        (replace(WELL, switches=(RadioSwitch("hci0", soft=True, hard=False),)), "radio.rfkill", FAIL),
        (replace(WELL, switches=(RadioSwitch("hci0", soft=True, hard=True),)), "radio.rfkill", FAIL),
        (replace(WELL, clock=None), "clock", FAIL),
        (replace(WELL, clock=None, clock_set=False), "clock", FAIL),
        (replace(WELL, recovery=Recovery.ABSENT), "recovery", WARN),
        (replace(WELL, recovery=Recovery.CLOSED), "recovery", WARN),
    ],
)
def test_one_thing_amiss_is_one_finding_with_a_remedy(facts: RadioFacts, check: str, verdict: Verdict) -> None:
    assert amiss(facts) == [(check, verdict)]
    (found,) = (one for one in findings(facts) if one.verdict is not OK)
    assert found.sentence[-1] == "."
    assert bool(found.remedy) is (verdict is not UNKNOWN)


@pytest.mark.parametrize(
    "facts",
    [
        with_adapter(core_version=9),
        with_adapter(roles=CENTRAL | PERIPHERAL),
        replace(with_adapter(discovering=True, advertisements_free=0), gateway_runs=True),
        with_adapter(wifi=wifi(low=False)),
        with_adapter(wifi=wifi(low=None)),
        with_adapter(wifi=wifi(shares=False)),
        with_adapter(wifi=wifi(access_point=True, shares=False)),
        replace(WELL, switches=()),
        replace(WELL, clock=Source.RTC),
        replace(WELL, clock=Source.TIMESYNC),
    ],
)
def test_what_is_no_trouble_is_not_called_one(facts: RadioFacts) -> None:
    assert amiss(facts) == []


def test_what_is_known_of_a_board_does_not_hold_for_a_stick_in_it() -> None:
    stick = replace(ADAPTER, name="hci1", attachment=Attachment.USB, core_version=9)
    found = {one.subject: one for one in findings(replace(WELL, board=ZERO_2, adapters=(ADAPTER, stick))) if one.check == "radio.packets"}
    assert (found["hci0"].verdict, found["hci1"].verdict) == (WARN, UNKNOWN)


def test_an_adapter_that_is_off_says_nothing_about_what_it_can_do() -> None:
    facts = with_adapter(powered=False, roles=frozenset(), advertisements_free=None)
    assert amiss(facts) == [("radio.power", FAIL), ("radio.roles", UNKNOWN), ("radio.advertising", UNKNOWN)]


def test_an_operator_who_vouches_for_the_time_is_believed_unless_it_cannot_be() -> None:
    assert amiss(replace(WELL, clock=None), RadioWants(trust_clock=True)) == []
    assert amiss(replace(WELL, clock=None, clock_set=False), RadioWants(trust_clock=True)) == [("clock", FAIL)]


def test_adapters_of_the_configuration_are_looked_for_by_name_and_by_address() -> None:
    there = ("HCI0=central", "00:11:22:33:44:55 = both", "00:11:22:33:44:55")
    assert amiss(WELL, RadioWants(adapters=there)) == []
    (found,) = (one for one in findings(WELL, RadioWants(adapters=("hci7=peripheral",))) if one.verdict is not OK)
    assert (found.check, found.subject, found.verdict) == ("radio.adapters", "hci7", FAIL)


def test_an_address_is_shown_by_no_finding() -> None:
    missing = "AA:BB:CC:DD:EE:FF"
    said = [one.sentence + one.remedy + one.subject for one in findings(WELL, RadioWants(adapters=(missing,)))]
    assert not [text for text in said if ADAPTER.address in text or missing in text]
    assert any("…EE:FF" in text for text in said)


def test_a_radio_that_is_not_wanted_is_not_examined() -> None:
    (found,) = findings(replace(WELL, trouble=("No bus.", "Get one.")), RadioWants(enabled=False))
    assert (found.check, found.verdict) == ("radio.enabled", OK)


def test_without_the_extra_that_is_what_is_wrong() -> None:
    facts = RadioFacts(installed=False, clock=Source.KERNEL, recovery=Recovery.READY, settings=WELL.settings)
    (first, *_) = findings(facts)
    assert (first.check, first.verdict) == ("radio.service", FAIL)
    assert "meshgate[ble]" in first.remedy


def test_without_bluez_its_settings_are_not_complained_about() -> None:
    facts = RadioFacts(trouble=("There is no bus.", "Get one."), clock=Source.KERNEL, recovery=Recovery.READY)
    assert amiss(facts) == [("radio.service", FAIL)]
    assert not [one for one in findings(facts) if one.check.startswith("bluez.")]


def test_a_bluez_that_is_installed_and_does_not_run_is_still_examined() -> None:
    facts = RadioFacts(trouble=("It does not run.", "Start it."), settings=BluezSettings(options=DaemonOptions()))
    assert ("bluez.battery", WARN) in amiss(facts)


@pytest.mark.parametrize(
    ("group", "key", "value"),
    [
        ("General", "ControllerMode", "dual"),
        ("General", "ControllerMode", None),
        ("General", "ReverseServiceDiscovery", None),
        ("General", "JustWorksRepairing", "always"),
        ("General", "TemporaryTimeout", "30"),
        ("General", "TemporaryTimeout", "60"),
        ("General", "TemporaryTimeout", "86400"),
        ("General", "TemporaryTimeout", "soon"),
        ("General", "Experimental", None),
        ("GATT", "Cache", "yes"),
        ("GATT", "Cache", None),
        ("GATT", "Channels", "3"),
        ("LE", "MinAdvertisementInterval", None),
        ("LE", "MaxAdvertisementInterval", "0x800"),
        ("LE", "MinConnectionInterval", None),
        ("LE", "MaxConnectionInterval", "40"),
        ("LE", "ConnectionSupervisionTimeout", "42"),
    ],
)
def test_a_setting_that_hurts_is_named_with_the_line_to_write(group: str, key: str, value: str | None) -> None:
    facts = with_value(group, key, value)
    assert amiss(facts) == [(f"bluez.{key}", WARN)]
    (found,) = (one for one in findings(facts) if one.verdict is not OK)
    assert f"[{group}] write {key} = " in found.remedy
    assert "systemctl restart bluetooth" in found.remedy


@pytest.mark.parametrize(
    ("group", "key", "value"),
    [
        ("General", "JustWorksRepairing", "never"),
        ("General", "TemporaryTimeout", "0"),
        ("GATT", "Channels", None),
        ("LE", "MinAdvertisementInterval", "0xA0"),
        ("LE", "ConnectionSupervisionTimeout", "600"),
    ],
)
def test_a_setting_that_does_not_hurt_is_fine(group: str, key: str, value: str | None) -> None:
    assert amiss(with_value(group, key, value)) == []


@pytest.mark.parametrize(("bluez", "shown"), [((5, 66), "so 3:"), ((5, 71), "so 1 or 3:"), (None, "so 1 or 3:")])
def test_an_older_bluez_has_three_channels_unless_told_otherwise(bluez: tuple[int, int] | None, shown: str) -> None:
    (found,) = (one for one in findings(replace(with_value("GATT", "Channels", None), bluez=bluez)) if one.check == "bluez.Channels")
    assert found.verdict is WARN
    assert shown in found.sentence


@pytest.mark.parametrize(
    ("facts", "check", "verdict"),
    [
        (with_settings(newer=True), "bluez.settings", WARN),
        (with_settings(values=None, options=DaemonOptions(("battery",), experimental=True)), "bluez.settings", UNKNOWN),
        (with_settings(options=DaemonOptions()), "bluez.battery", WARN),
        (with_settings(options=None), "bluez.battery", UNKNOWN),
        (replace(WELL, bluez=(5, 81)), "bluez.Experimental", WARN),
    ],
)
def test_the_daemon_and_its_file(facts: RadioFacts, check: str, verdict: Verdict) -> None:
    assert amiss(facts) == [(check, verdict)]


def test_a_broken_file_fails_and_everything_it_should_have_set_is_missed() -> None:
    checks = dict(amiss(with_settings(values={}, broken_line=7)))
    assert checks["bluez.settings"] is FAIL
    assert checks["bluez.ControllerMode"] is WARN
    assert any("Line 7 of /etc/bluetooth/main.conf" in one.sentence for one in findings(with_settings(values={}, broken_line=7)))


def test_an_old_bluez_is_told_of_and_one_without_a_version_is_unknown() -> None:
    assert dict(amiss(replace(WELL, bluez=(5, 55))))["bluez.version"] is WARN
    assert dict(amiss(replace(WELL, bluez=None)))["bluez.version"] is UNKNOWN


def test_who_does_not_show_the_peer_id_needs_nothing_experimental() -> None:
    assert amiss(with_value("General", "Experimental", None), RadioWants(announce_peer_id=False)) == []
    assert amiss(with_settings(options=DaemonOptions(("battery",), experimental=True))) == []
