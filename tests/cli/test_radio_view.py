"""How the radio is shown to a person."""

import pytest

from gateway.admin.radio import HeardDocument, ScanDocument, heard_document, radio_document
from gateway.cli.radio_view import LATEST, print_heard, print_radio
from hw.bluez.steps import Attempt, Outcome, Step, Symptom
from tests.admin.radios import ATTEMPT, LINK, MUTE, PLAIN, TAGGED, Radio, adapter
from transports.ble.status import AdapterStatus, RadioStatus
from transports.link import TransportState


def shown(capsys: pytest.CaptureFixture, *adapters: AdapterStatus, now: float = 100.0) -> list[str]:
    print_radio(radio_document(Radio(*adapters).radio(), now))
    return capsys.readouterr().out.splitlines()


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def squeezed(line: str) -> str:
    return " ".join(line.split())


def test_an_adapter_says_how_it_is_and_how_much_room_it_has(capsys) -> None:
    lines = shown(capsys, adapter("hci0", LINK, MUTE, refusals=2, dialling=1))
    assert lines[0] == "hci0  up  hci0 searches for phones and lets itself be found; 2 devices linked."
    assert lines[1] == "  2 of 8 links, 5 heard lately, calling 1, searching, visible, full 2 times"


def test_trouble_stands_below_with_what_to_do(capsys) -> None:
    broken = adapter(state=TransportState.DOWN, sentence="hci0 is gone.", remedy="Plug it in.", scanning=False, shown=False)
    assert shown(capsys, broken)[:3] == [
        "hci0  down  hci0 is gone.",
        "  ! Plug it in.",
        "  0 of 8 links, 5 heard lately, not searching now, not visible",
    ]


def test_a_role_an_adapter_does_not_have_is_not_spoken_of(capsys) -> None:
    assert shown(capsys, adapter(central=False))[1] == "  0 of 8 links, 5 heard lately, visible"
    assert shown(capsys, adapter(peripheral=False))[1] == "  0 of 8 links, 5 heard lately, searching"


def test_every_link_is_a_row_without_an_address(capsys) -> None:
    lines = shown(capsys, adapter("hci0", LINK, MUTE))
    assert cells(lines[-3]) == ["LINK", "ADAPTER", "CALLED BY", "FRAME", "SIGNAL", "SINCE", "HEARD", "IN", "OUT"]
    assert squeezed(lines[-2]) == "ble:3 hci0 us 509 bytes -61 dBm 2 min 4 s ago 12 7"
    assert squeezed(lines[-1]) == "ble:4 hci0 them 182 bytes 3 s 3 s ago 0 1"


def test_what_was_tried_is_listed_latest_first_and_not_for_ever(capsys) -> None:
    asked = Attempt(Step.POWER_CYCLE, None, 99.0, 2.0, Outcome.NOT_POSSIBLE, "rfkill blocks it")
    lines = shown(capsys, adapter(history=(ATTEMPT, asked)))
    assert cells(lines[-2]) == ["power cycle", "hci0", "somebody asked", "1 s ago", "2.0 s", "not possible: rfkill blocks it"]
    assert "scan failed" in lines[-1]
    many = tuple(Attempt(Step.NEW_SCANNER, Symptom.SILENT, float(at), 0.1, Outcome.OK) for at in range(50))
    lines = shown(capsys, adapter(history=many))
    assert sum(line.startswith("new scanner") for line in lines) == LATEST
    assert "51 s ago" in "\n".join(lines)


def test_adapters_that_are_missing_or_not_used_at_all_are_told(capsys) -> None:
    print_radio(radio_document(RadioStatus((), ("hci3",), (), ()), 0.0))
    assert capsys.readouterr().out == "hci3  is in the configuration and not there\n"
    assert shown(capsys) == ["No Bluetooth adapter is in use."]


def test_who_is_on_the_air_is_told_without_saying_who_it_is(capsys) -> None:
    heard = tuple(heard_document(row, peer_ids=False) for row in (TAGGED, PLAIN))
    print_heard(ScanDocument(5.0, heard))
    lines = capsys.readouterr().out.splitlines()
    assert [squeezed(line) for line in lines[1:]] == ["-50 dBm 9 times changing shown hci0 linked", "-70 dBm once fixed not shown hci0"]
    print_heard(ScanDocument(5.0, (heard_document(TAGGED, peer_ids=True),)))
    assert TAGGED.tag in capsys.readouterr().out


def test_an_empty_air_is_said_so(capsys) -> None:
    print_heard(ScanDocument(12.0, ()))
    assert capsys.readouterr().out == "Nobody who offers BitChat was heard in 12 s.\n"


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (172_800, "2 d")])
def test_ages_are_round(capsys, seconds: float, words: str) -> None:
    history = (Attempt(Step.NEW_SCANNER, None, 0.0, 0.1, Outcome.OK),)
    assert f" {words} ago" in shown(capsys, adapter(history=history), now=seconds)[-1]


def test_a_device_that_hides_is_a_document_too() -> None:
    assert heard_document(PLAIN, peer_ids=True) == HeardDocument("hci0", False, -70, 1, linked=False, shows_peer_id=False)
