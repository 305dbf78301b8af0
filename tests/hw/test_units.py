"""The units: what systemd itself says of them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hw.systemd.units import is_versioned, unit_files, write_units

CEILING = 2.0
FIRST_BOOT = tuple(f"meshgate-{step}.service" for step in ("clock", "grow", "card", "first-boot", "hotspot", "portal", "join"))
STEPS = ("clock", "grow", "card", "secrets", "hotspot", "portal", "join")
SERVICES = ("meshgate.service", "meshgate-recover.service", "meshgate-update.service", *FIRST_BOOT)
UNITS = (*SERVICES, "meshgate.socket", "meshgate-recover.socket", "meshgate-update.socket")
ETC = Path("etc/systemd/system")
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here, so no unit was checked: apt install systemd"
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_units([one for one in unit_files(sys.executable) if not one.panel], tmp_path)
    return tmp_path


def score(unit: Path) -> float:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)], capture_output=True, text=True, check=True
    )
    return float(re.search(r"exposure level for .*?: ([0-9.]+)", done.stdout)[1])


def settings(name: str) -> list[str]:
    (text,) = (one.text for one in unit_files("/usr/bin/python3") if one.name == name)
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@needs_systemd
def test_systemd_finds_nothing_wrong_with_any_unit(root: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *(str(root / ETC / name) for name in UNITS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
def test_systemd_would_have_found_a_setting_it_does_not_know(root: Path) -> None:
    unit = root / ETC / "meshgate.service"
    unit.write_text(unit.read_text().replace("[Service]", "[Service]\nProtectEverything=yes"))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False)
    assert "ProtectEverything" in done.stderr


@needs_systemd
@pytest.mark.parametrize("name", SERVICES)
def test_no_service_is_more_exposed_than_the_ceiling(root: Path, name: str) -> None:
    assert score(root / ETC / name) <= CEILING


@needs_systemd
def test_a_box_with_a_button_stays_below_the_ceiling(root: Path) -> None:
    before = score(root / ETC / "meshgate.service")
    write_units([one for one in unit_files(sys.executable) if one.panel], root)
    assert before < score(root / ETC / "meshgate.service") <= CEILING


def test_the_kernel_can_be_asked_whether_its_clock_is_synchronised() -> None:
    lines = settings("meshgate.service")
    assert "ProtectClock=yes" not in lines  # its filter forbids adjtimex(2), and the radio waits for the answer
    assert lines.index("SystemCallFilter=adjtimex clock_adjtime clock_adjtime64") > lines.index("SystemCallFilter=~@privileged @resources")


def test_the_gateway_is_nobody_and_comes_up_without_bluetooth() -> None:
    lines = settings("meshgate.service")
    assert {"User=meshgate", "CapabilityBoundingSet=", "Type=notify", "WatchdogSec=60", "TimeoutStopSec=10"} <= set(lines)
    assert not [line for line in lines if line.startswith("Requires=")]


def test_the_python_that_has_meshgate_is_the_one_that_runs_it() -> None:
    starts = [line for one in unit_files("/opt/meshgate/bin/python") for line in one.text.splitlines() if line.startswith("ExecStart=/opt")]
    assert starts == [
        "ExecStart=/opt/meshgate/bin/python -I -m gateway run",
        "ExecStart=/opt/meshgate/bin/python -I -m hw.recover --allow-user meshgate",
        "ExecStart=/opt/meshgate/bin/python -I -m gateway.update --allow-user meshgate",
        *(f"ExecStart=/opt/meshgate/bin/python -I -m hw.firstboot {step}" for step in STEPS),
    ]


@pytest.mark.parametrize("python", ["/opt/meshgate/current/bin/python", "/opt/meshgate/versions/1.2.3/bin/python"])
def test_whoever_takes_a_version_back_is_run_by_the_last_good_one(python: str) -> None:
    starts = {one.name: line for one in unit_files(python) for line in one.text.splitlines() if line.startswith("ExecStart=/opt")}
    assert starts["meshgate.service"] == "ExecStart=/opt/meshgate/current/bin/python -I -m gateway run"
    assert starts["meshgate-update.service"].startswith("ExecStart=/opt/meshgate/good/bin/python -I -m gateway.update")
    assert all(starts[name].startswith("ExecStart=/opt/meshgate/good/bin/python -I -m hw.firstboot ") for name in FIRST_BOOT)
    assert is_versioned(python)
    assert not is_versioned("/opt/meshgate/bin/python")


@pytest.mark.parametrize("python", ["python3", "/opt/my python", "/opt/%h/python", "/opt/$X/python", "/opt/a\nExecStart=/bin/sh", ""])
def test_a_path_that_systemd_reads_otherwise_is_refused(python: str) -> None:
    with pytest.raises(ValueError, match="cannot stand in a unit"):
        unit_files(python)


def test_files_of_an_image_stay_inside_it(root: Path) -> None:
    every = unit_files(sys.executable)
    assert all(not one.place.is_absolute() and ".." not in one.place.parts for one in every)
    assert {path.name for path in (root / ETC).iterdir()} == {*UNITS, "bluetooth.service.d"}
