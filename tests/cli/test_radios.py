"""What a run has for a local mesh."""

from pathlib import Path

import pytest

from gateway.cli import radios
from gateway.cli.radios import NOT_INSTALLED, find_radios, phone_names
from gateway.config.radio import ClockTrust, RadioConfig
from gateway.testing.radio import VirtualRadio
from hw.clock import Source
from transports.replay import ReplayTransport


def found(simulate: int | None = None, config: RadioConfig | None = None, capture: Path | None = None):
    return find_radios(config or RadioConfig(), simulate, None, capture, 50.0)


def test_a_plain_run_uses_bluetooth_and_nothing_else() -> None:
    mesh = found()
    assert (mesh.radios, mesh.bluetooth, mesh.trouble) == ((), True, None)


def test_without_the_extra_there_is_none_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(radios, "is_installed", lambda: False)
    mesh = found()
    assert (mesh.bluetooth, mesh.trouble) == (False, NOT_INSTALLED)
    assert mesh.trusted()


def test_a_radio_that_is_not_wanted_is_not_used_and_no_trouble() -> None:
    mesh = found(config=RadioConfig(enabled=False))
    assert (mesh.bluetooth, mesh.trouble, mesh.trusted()) == (False, None, True)


@pytest.mark.parametrize("phones", [0, 3])
def test_a_simulation_never_touches_bluetooth_and_believes_the_clock(monkeypatch: pytest.MonkeyPatch, phones: int) -> None:
    monkeypatch.setattr(radios, "vouched_by", lambda: None)
    mesh = found(phones)
    assert (mesh.bluetooth, mesh.trouble, mesh.trusted()) == (False, None, True)
    assert [type(radio) for radio in mesh.radios] == ([VirtualRadio] if phones else [])


def test_a_capture_goes_beside_the_radio(tmp_path: Path) -> None:
    mesh = found(capture=tmp_path / "out.hex")
    assert [type(radio) for radio in mesh.radios] == [ReplayTransport]
    assert mesh.bluetooth


@pytest.mark.parametrize(("clock", "source", "trusted"), [("auto", None, False), ("auto", Source.RTC, True), ("trust", None, True)])
def test_the_clock_is_believed_as_the_operator_wants(
    monkeypatch: pytest.MonkeyPatch, clock: str, source: Source | None, trusted: bool
) -> None:
    monkeypatch.setattr(radios, "vouched_by", lambda: source)
    assert found(config=RadioConfig(clock=ClockTrust(clock))).trusted() is trusted


def test_phones_have_different_names() -> None:
    assert len(set(phone_names(25))) == 25
