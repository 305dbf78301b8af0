"""The radio's keys: what is taken, and what is refused with a sentence."""

from pathlib import Path

import pytest

from gateway.config.checks import check_adapter
from gateway.config.radio import ClockTrust
from hw.bluez.adapters import parse_wish
from tests.config.support import read, refusal
from transports.ble.config import BleConfig
from transports.limits import BLE_MAX_ADAPTERS, BLE_MOST_LINKS

NAMES = [
    "hci0",
    "HCI12",
    "00:11:22:33:44:55",
    "aa:bb:CC:dd:ee:ff",
    "hci0=central",
    "hci1=peripheral",
    "hci0 = both",
    "00:11:22:33:44:55=BOTH",
]
NO_NAMES = ["", "eth0", "hci", "hci0=", "hci0=listener", "=central", "00:11:22:33:44", "00:11:22:33:44:5g", "hci0 central", "hci00000"]


def test_without_a_word_the_radio_is_used_and_careful(tmp_path: Path) -> None:
    radio = read(tmp_path).config.radio
    assert radio.enabled
    assert radio.announce_peer_id
    assert (radio.adapters, radio.clock) == ((), ClockTrust.AUTO)
    assert str(radio.recovery_socket) == "/run/meshgate-recover.sock"


@pytest.mark.parametrize("text", NAMES)
def test_an_adapter_is_named_as_the_radio_reads_it(text: str) -> None:
    check_adapter(text)
    parse_wish(text)


@pytest.mark.parametrize("text", NO_NAMES)
def test_what_names_no_adapter_is_refused_here_and_there(text: str) -> None:
    with pytest.raises(ValueError, match="names no Bluetooth adapter"):
        check_adapter(text)
    with pytest.raises(ValueError):
        parse_wish(text)


def test_adapters_and_their_roles_are_taken_as_they_stand(tmp_path: Path) -> None:
    radio = read(
        tmp_path, '[radio]\nadapters = ["hci1=central", "00:11:22:33:44:55=peripheral"]\nmax_dialled = 6\nclock = "trust"\n'
    ).config.radio
    assert radio.adapters == ("hci1=central", "00:11:22:33:44:55=peripheral")
    assert (radio.max_dialled, radio.clock) == (6, ClockTrust.TRUST)


@pytest.mark.parametrize(
    ("line", "label", "words"),
    [
        ('adapters = ["hci0", "wlan0"]', "radio.adapters[1]", "'wlan0' names no Bluetooth adapter"),
        ('adapters = ["hci0=central", "HCI0=peripheral"]', "radio.adapters[1]", "hci0 is listed twice"),
        (f"adapters = {[f'hci{n}' for n in range(BLE_MAX_ADAPTERS + 1)]}", "radio.adapters", f"{BLE_MAX_ADAPTERS + 1} elements"),
        ("max_dialled = 0", "radio.max_dialled", f"between 1 and {BLE_MOST_LINKS}"),
        (f"max_accepted = {BLE_MOST_LINKS + 1}", "radio.max_accepted", f"between 1 and {BLE_MOST_LINKS}"),
        ("max_dialled = true", "radio.max_dialled", "cannot be"),
        ("max_dialled = 4.5", "radio.max_dialled", "cannot be"),
        ('clock = "always"', "radio.clock", "cannot be"),
        (f'recovery_socket = "/{"x" * 120}"', "radio.recovery_socket", "121 bytes"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(tmp_path: Path, line: str, label: str, words: str) -> None:
    (problem,) = refusal(tmp_path, f"[radio]\n{line}\n").problems
    assert problem.key == label
    assert words in str(problem)


@pytest.mark.parametrize("links", [1, BLE_MOST_LINKS])
def test_whatever_number_of_links_is_taken_here_the_transport_takes_too(tmp_path: Path, links: int) -> None:
    radio = read(tmp_path, f"[radio]\nmax_dialled = {links}\nmax_accepted = {links}\n").config.radio
    assert BleConfig(max_central=radio.max_dialled, max_peripheral=radio.max_accepted).max_central == links


def test_a_number_can_come_from_the_environment(tmp_path: Path) -> None:
    assert read(tmp_path, env={"MESHGATE_RADIO__MAX_ACCEPTED": "2"}).config.radio.max_accepted == 2
